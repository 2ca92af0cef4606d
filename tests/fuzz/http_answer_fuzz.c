/*
 * Feeds the header lines of an answer (the first byte is half of its status) and, behind an empty line, a
 * body in pieces as long as their first byte says.
 *
 * A success keeps exactly the body that came, within its limit; a date is one that has a place in 64 bits,
 * and nobody is told to wait longer than a year.
 */
#include "libcommon/http/http_response.h"

#include "tests/fuzz/fuzz.h"

#include <stdlib.h>
#include <string.h>

enum { BODY_LIMIT_BYTES = 512 };

static const int64_t now_unix_ms = INT64_C(1700000000000);
static const int64_t longest_wait_ms = INT64_C(366) * 24 * 3600 * 1000;

/* In memory of just its size, as libcurl's are not. */
static bool take_line(struct http_answer *answer, const uint8_t *line, size_t length, int status)
{
    struct error error = fuzz_no_error();
    char *copy = malloc(length);
    if (!copy)
        abort();
    memcpy(copy, line, length);
    bool taken = http_answer_take_line(answer, copy, length, status, &error);
    if (!taken)
        fuzz_expect_error(&error);
    free(copy);
    return taken;
}

/* Whether the headers are over. */
static bool feed_headers(struct http_answer *answer, struct fuzz_input *input, int status)
{
    while (input->length > 0 && !answer->status) {
        const uint8_t *line = input->bytes;
        struct fuzz_input text = fuzz_take_bytes(input, '\n');
        size_t length = (size_t)(input->bytes - line);
        if (!take_line(answer, text.bytes, length, status))
            return false;
    }
    return answer->status != 0;
}

static void feed_body(struct http_answer *answer, struct fuzz_input *input)
{
    char expected[BODY_LIMIT_BYTES];
    size_t kept = 0;
    bool fits = true;
    while (input->length > 0 && fits) {
        struct error error = fuzz_no_error();
        size_t length = fuzz_take_byte(input);
        length = length < input->length ? length : input->length;
        fits = http_answer_add_body(answer, input->bytes, length, BODY_LIMIT_BYTES, &error);
        size_t room = BODY_LIMIT_BYTES - kept;
        size_t taken = length <= room ? length : http_answer_is_success(answer) ? 0 : room;
        fuzz_expect(fits == (length <= room), "a body is kept within its limit");
        memcpy(expected + kept, input->bytes, taken);
        kept += taken;
        input->bytes += length;
        input->length -= length;
    }
    fuzz_expect(answer->body_bytes == kept && (kept == 0 || memcmp(answer->body, expected, kept) == 0),
                "the body that is kept is the one that came");
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct fuzz_input input = {data, size};
    struct http_answer answer = {0};
    struct http_response response;
    int status = 2 * fuzz_take_byte(&input) + 90;
    if (feed_headers(&answer, &input, status)) {
        feed_body(&answer, &input);
        http_answer_view(&answer, now_unix_ms, &response);
        fuzz_expect(response.status == status && response.body && response.content_type,
                    "an answer is whole");
        fuzz_expect(strnlen(response.body, response.body_bytes + 1) <= response.body_bytes,
                    "a body has an end");
        fuzz_expect(response.retry_after_ms >= -1 && response.retry_after_ms <= longest_wait_ms,
                    "nobody waits for more than a year");
        fuzz_expect(response.date_unix_ms >= -1, "a date is one");
        (void)http_answer_is_redirect(&answer);
    }
    http_answer_clear(&answer);
    return 0;
}
