/*
 * Feeds DDS's registration callback, as anybody on the internet may send it: the content type (none when
 * empty) up to the first line end, and the body.
 *
 * The answer is one of the contract's, a secret is kept exactly with 200, and what is logged is one line.
 */
#include "services/authd/registration/callback.h"

#include "libcommon/base/limits.h"
#include "libcommon/base/text.h"
#include "tests/fuzz/fuzz.h"

#include <stdlib.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct fuzz_input input = {data, size};
    struct callback callback;
    char *content_type = fuzz_take_text(&input, '\n');
    callback_parse(&callback, *content_type ? content_type : NULL, (const char *)input.bytes, input.length);
    int status = callback.status;
    fuzz_expect(status == 200 || status == 400 || status == 403 || status == 415 || status == 422,
                "the status is one of the contract's");
    fuzz_expect(callback.answer && *callback.answer, "there is an answer");
    fuzz_expect((status == 200) == (callback.secret.length > 0), "a secret is kept exactly with 200");
    if (status == 200) {
        fuzz_expect(callback.secret.length <= LIMIT_CALLBACK_SECRET_BYTES, "a secret is bounded");
        fuzz_expect(!text_is_blank(callback.secret.bytes), "a secret is not blank");
    }
    fuzz_expect(strlen(callback.id) <= CALLBACK_ID_LOGGED_BYTES && fuzz_is_one_line(callback.id),
                "the id is fit for a log");
    callback_clear(&callback);
    free(content_type);
    return 0;
}
