/* Times and durations that came from outside, as far away as their types hold: under
 * UndefinedBehaviorSanitizer (the debug build) a sum that does not fit ends the program. */
#include "libcommon/base/clock.h"
#include "libcommon/base/rfc3339.h"
#include "libcommon/base/saturate.h"
#include "services/authd/dds/token_answer.h"
#include "services/leased/dms/lease_clock.h"
#include "services/leased/task/heartbeat.h"
#include "services/stored/session/lease_expiry.h"
#include "services/stored/workspace/file_fingerprint.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

static const int64_t ten_years_ms = INT64_C(10) * 366 * 24 * 3600 * 1000;

static const int64_t extremes[] = {INT64_MIN, INT64_MIN + 1,    INT64_MIN / 2, -1,       0, 1,
                                   1000,      INT64_MAX / 1000, INT64_MAX - 1, INT64_MAX};
enum { EXTREMES = sizeof extremes / sizeof extremes[0] };

static void sums_end_where_the_type_does(void **state)
{
    (void)state;
    for (size_t i = 0; i < EXTREMES; i++) {
        for (size_t j = 0; j < EXTREMES; j++) {
            int64_t a = extremes[i];
            int64_t b = extremes[j];
            const __int128 exact[] = {(__int128)a + b, (__int128)a - b, (__int128)a * b};
            const int64_t found[] = {saturate_add(a, b), saturate_subtract(a, b), saturate_multiply(a, b)};
            for (size_t k = 0; k < 3; k++)
                assert_true(found[k] == (exact[k] < INT64_MIN   ? INT64_MIN
                                         : exact[k] > INT64_MAX ? INT64_MAX
                                                                : (int64_t)exact[k]));
        }
    }
}

static void a_servers_clock_may_show_anything(void **state)
{
    (void)state;
    for (size_t i = 0; i < EXTREMES; i++)
        for (size_t j = 0; j < EXTREMES; j++)
            (void)clock_server_unix_ms(extremes[i], extremes[j]);
    assert_true(clock_server_unix_ms(INT64_MAX, 5) == INT64_MAX);
    assert_true(clock_server_unix_ms(INT64_MIN, 5) == 5);
}

/* The first and the last moment of RFC 3339, as far from UTC as it goes. */
static const char *const moments[] = {"0000-01-01T00:00:00+23:59", "0000-01-01T00:00:00.000000000Z",
                                      "1677-09-21T00:12:43Z",      "1970-01-01T00:00:00Z",
                                      "2262-04-11T23:47:17Z",      "9999-12-31T23:59:59.999999999-23:59"};
enum { MOMENTS = sizeof moments / sizeof moments[0] };

static void a_tokens_expiry_may_be_any_moment(void **state)
{
    (void)state;
    for (size_t i = 0; i < MOMENTS; i++) {
        for (size_t j = 0; j < EXTREMES; j++) {
            char json[128];
            struct error error;
            struct token_answer answer;
            snprintf(json, sizeof json, "{\"access_token\":\"t\",\"access_expires_at\":\"%s\"}", moments[i]);
            if (token_answer_parse(json, strlen(json), extremes[j], &answer, &error))
                assert_in_range(answer.life_ms, 1, ten_years_ms);
            token_answer_clear(&answer);
        }
    }
}

static void beat(const struct lease_clock *clock, int64_t now_ms)
{
    const struct heartbeat_rules rules = {
        .jitter_ms = 250, .min_ratio = 1, .max_ratio = 1, .request_timeout_ms = 30000};
    struct random random = random_seeded(3);
    struct heartbeat heartbeat;
    heartbeat_init(&heartbeat, &rules);
    heartbeat_on_answered(&heartbeat, clock, true, now_ms, &random);
    (void)heartbeat_on_sent(&heartbeat, clock, now_ms);
    heartbeat_on_failed(&heartbeat, clock, ten_years_ms / 10, now_ms, &random);
    assert_true(heartbeat_due_ms(&heartbeat) >= now_ms);
}

static void a_leases_end_may_be_any_moment(void **state)
{
    (void)state;
    const int64_t now_ms = 86400000;
    for (size_t i = 0; i < EXTREMES; i++) {
        for (size_t j = 0; j < EXTREMES; j++) {
            struct lease_clock clock = {0};
            lease_clock_set(&clock, extremes[i], extremes[j], now_ms);
            assert_in_range(lease_clock_left_ms(&clock, now_ms), 0, ten_years_ms);
            assert_in_range(lease_clock_grace_ms(&clock, now_ms), 1, 5000);
            assert_false(lease_clock_ran_out(&clock, now_ms));
            beat(&clock, now_ms);
        }
    }
}

static void a_sessions_end_may_be_any_number(void **state)
{
    (void)state;
    for (size_t i = 0; i < EXTREMES; i++) {
        struct lease_expiry expiry = {0};
        lease_expiry_told(&expiry, extremes[i]);
        assert_true(lease_expiry_due_ms(&expiry) >= extremes[i]);
    }
}

/* A job sets its files' times; tmpfs keeps what others cut. */
static void a_file_may_be_of_any_time(void **state)
{
    (void)state;
    char path[] = "/dev/shm/posemesh-times-XXXXXX";
    int fd = mkstemp(path);
    if (fd < 0)
        skip();
    unlink(path);
    static const time_t seconds[] = {INT64_MIN, -1, 0, INT64_MAX / 1000000000, INT64_MAX / 1000000000 + 1,
                                     INT64_MAX};
    for (size_t i = 0; i < sizeof seconds / sizeof seconds[0]; i++) {
        const struct timespec times[2] = {{.tv_sec = seconds[i], .tv_nsec = 999999999},
                                          {.tv_sec = seconds[i], .tv_nsec = 999999999}};
        struct file_fingerprint fingerprint;
        struct error error;
        assert_int_equal(futimens(fd, times), 0);
        assert_true(file_fingerprint_take(fd, &fingerprint, &error));
        /* Of the future it might still be written in this tick. */
        assert_int_equal(file_fingerprint_is_settled(&fingerprint), seconds[i] <= 0);
    }
    close(fd);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(sums_end_where_the_type_does),
        cmocka_unit_test(a_servers_clock_may_show_anything),
        cmocka_unit_test(a_tokens_expiry_may_be_any_moment),
        cmocka_unit_test(a_leases_end_may_be_any_moment),
        cmocka_unit_test(a_sessions_end_may_be_any_number),
        cmocka_unit_test(a_file_may_be_of_any_time),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
