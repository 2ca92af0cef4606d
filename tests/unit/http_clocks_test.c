/* libcommon/http/http_clocks.h: what is said when what failed is about the time. */
#include "libcommon/http/http_clocks.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <string.h>

static const int64_t noon = INT64_C(1704196800000); /* 2024-01-02T12:00:00Z */

static char text[HTTP_CLOCKS_BYTES];

static const char *describe(const char *reason, int64_t date_unix_ms, int64_t local_unix_ms)
{
    return http_clocks_describe(reason, date_unix_ms, local_unix_ms, text);
}

static void clocks_that_disagree_are_shown_whatever_failed(void **state)
{
    (void)state;
    static const char both[] = "this machine's clock says 2024-01-02T12:00:00.000Z, the server's "
                               "2024-01-02T12:37:10.000Z: 37 minutes behind, one of them has to be set";
    static const struct {
        int64_t ahead_ms;
        const char *said;
    } spans[] = {{60000, "60 seconds ahead"},
                 {-119999, "119 seconds behind"},
                 {120000, "2 minutes ahead"},
                 {-7199999, "119 minutes behind"},
                 {7200000, "2 hours ahead"},
                 {172800000, "2 days ahead"},
                 {-INT64_C(86400000000), "1000 days behind"}};
    assert_string_equal(describe("no", noon + INT64_C(2230000), noon), both);
    for (size_t i = 0; i < sizeof spans / sizeof spans[0]; i++)
        assert_non_null(strstr(describe("", noon, noon + spans[i].ahead_ms), spans[i].said));
}

static void clocks_that_agree_are_shown_when_time_is_to_blame(void **state)
{
    (void)state;
    static const char *const reasons[] = {"nonce 4711 has expired",
                                          "Expired",
                                          "timestamp out of range",
                                          "invalid expiration time",
                                          "certificate is not yet valid",
                                          "access_expires_at is not in the future",
                                          "message was issued at a later time"};
    for (size_t i = 0; i < sizeof reasons / sizeof reasons[0]; i++) {
        assert_string_equal(describe(reasons[i], noon, noon + 59999),
                            "this machine's clock says 2024-01-02T12:00:59.999Z, the server's "
                            "2024-01-02T12:00:00.000Z");
        assert_string_equal(describe(reasons[i], -1, noon),
                            "this machine's clock says 2024-01-02T12:00:00.000Z; is it right?");
    }
}

static void otherwise_nothing_is_said(void **state)
{
    (void)state;
    assert_string_equal(describe("no such node", noon, noon), "");
    assert_string_equal(describe("", noon, noon - 59999), "");
    assert_string_equal(describe("no such node", -1, noon), "");
}

static void any_date_is_taken(void **state)
{
    (void)state;
    assert_non_null(strstr(describe("", INT64_MAX, noon), "behind"));
    assert_non_null(strstr(describe("", 0, INT64_MAX), "ahead"));
    assert_non_null(strstr(describe("", 0, INT64_MIN), "behind"));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(clocks_that_disagree_are_shown_whatever_failed),
        cmocka_unit_test(clocks_that_agree_are_shown_when_time_is_to_blame),
        cmocka_unit_test(otherwise_nothing_is_said),
        cmocka_unit_test(any_date_is_taken),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
