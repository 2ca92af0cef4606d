/*
 * Feeds a domain server's JSON answer to all that reads one.
 *
 * Ids and etags that come out are bounded and not blank; after a failure there is none, but for the upload's,
 * which the caller needs to end the upload.
 */
#include "services/stored/domain/domain_answer.h"

#include "libcommon/base/limits.h"
#include "libcommon/base/memory.h"
#include "libcommon/base/text.h"
#include "tests/fuzz/fuzz.h"

#include <stdlib.h>
#include <string.h>

static void check_text(bool read, char *text, bool required, const struct error *error)
{
    if (!read)
        fuzz_expect_error(error);
    fuzz_expect(read || !text, "a failure leaves nothing");
    fuzz_expect(!read || !required || text, "a required text is there");
    fuzz_expect(!text || (!text_is_blank(text) && strlen(text) <= DOMAIN_ANSWER_ID_BYTES),
                "a text is bounded and not blank");
    free(text);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    char *body = memory_copy_bytes(data, size);
    struct http_response response = {.status = 200, .body = body, .body_bytes = size, .content_type = ""};
    struct error error = fuzz_no_error();
    char *text = NULL;
    int64_t part_size = 0;
    bool read = domain_answer_find(&response, "scan", "json", &text, &error);
    check_text(read, text, false, &error);
    error = fuzz_no_error();
    read = domain_answer_id(&response, &text, &error);
    check_text(read, text, false, &error);
    error = fuzz_no_error();
    read = domain_answer_etag(&response, &text, &error);
    check_text(read, text, true, &error);
    error = fuzz_no_error();
    if (domain_answer_upload(&response, &text, &part_size, &error))
        fuzz_expect(!text_is_blank(text) && strlen(text) <= LIMIT_NAME_BYTES, "an upload has an id");
    else
        fuzz_expect_error(&error);
    free(text);
    free(body);
    return 0;
}
