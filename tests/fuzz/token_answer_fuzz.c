/*
 * Feeds an answer to SIWE verify, or a robot's; the first byte picks the moment by DDS's clock.
 *
 * A token that was taken is fit for a header and has a life ahead of it; of one that was refused nothing is
 * left. A robot's answer is one to SIWE verify, too.
 */
#include "services/authd/dds/token_answer.h"

#include "libcommon/base/limits.h"
#include "services/authd/dds/robot_answer.h"
#include "tests/fuzz/fuzz.h"

/* Whether it is a robot's. */
static bool try_robot(const struct fuzz_input *input, int64_t server_unix_ms)
{
    struct error error = fuzz_no_error();
    struct token_answer answer;
    bool ok = robot_answer_parse((const char *)input->bytes, input->length, server_unix_ms, &answer, &error);
    if (!ok)
        fuzz_expect_error(&error);
    fuzz_expect(ok == (answer.token.length > 0), "a token that was taken is kept, and no other");
    token_answer_clear(&answer);
    return ok;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static const int64_t moments[] = {INT64_C(1700000000000), 0, INT64_C(-62135596800000),
                                      INT64_C(253402300799000)};
    static const int64_t ten_years_ms = INT64_C(10) * 366 * 24 * 3600 * 1000;
    struct fuzz_input input = {data, size};
    int64_t server_unix_ms = moments[fuzz_take_byte(&input) % (sizeof moments / sizeof moments[0])];
    struct error error = fuzz_no_error();
    struct token_answer answer;
    bool is_robots = try_robot(&input, server_unix_ms);
    if (!token_answer_parse((const char *)input.bytes, input.length, server_unix_ms, &answer, &error)) {
        fuzz_expect_error(&error);
        fuzz_expect(!is_robots, "a robot's answer brings a token");
        fuzz_expect(!answer.token.bytes && answer.token.length == 0, "a refused token is not kept");
        return 0;
    }
    fuzz_expect(answer.token.length > 0 && answer.token.length <= LIMIT_TOKEN_BYTES, "a token has a length");
    for (size_t i = 0; i < answer.token.length; i++)
        fuzz_expect(answer.token.bytes[i] > ' ' && answer.token.bytes[i] <= '~', "a token is visible ASCII");
    fuzz_expect(answer.life_ms > 0 && answer.life_ms <= ten_years_ms,
                "a token has a life of ten years at most");
    token_answer_clear(&answer);
    return 0;
}
