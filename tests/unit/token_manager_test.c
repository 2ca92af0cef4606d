#include "services/authd/login/token_manager.h"

#include "libcommon/base/limits.h"
#include "services/authd/login/token_answer.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

enum { START_MS = 1000000, HOUR_MS = 3600 * 1000, FIRST_NUMBER = 5000 };

struct fixture {
    struct random random;
    struct token_manager manager;
    int64_t now_ms;
};

static void start(struct fixture *fixture, const struct token_policy *policy)
{
    fixture->random = random_seeded(11);
    fixture->now_ms = START_MS;
    token_manager_init(&fixture->manager, policy, FIRST_NUMBER, &fixture->random);
}

static const struct token_policy wallet_policy = {
    .wallet_flow = true, .safety_ratio = 0.75, .jitter_ms = 500, .max_retries = 3};

static void start_registered(struct fixture *fixture)
{
    start(fixture, &wallet_policy);
    token_manager_on_registered(&fixture->manager, fixture->now_ms);
}

static struct token_step next(struct fixture *fixture)
{
    return token_manager_next(&fixture->manager, fixture->now_ms);
}

static void begin(struct fixture *fixture)
{
    assert_int_equal(next(fixture).action, TOKEN_LOGIN);
    token_manager_on_login(&fixture->manager, fixture->now_ms);
}

static void succeed(struct fixture *fixture, const char *text, int64_t life_ms)
{
    struct secret token = SECRET_EMPTY;
    secret_assign(&token, text, strlen(text));
    token_manager_on_success(&fixture->manager, &token, fixture->now_ms + life_ms, fixture->now_ms);
    secret_wipe(&token);
}

static void log_in(struct fixture *fixture, const char *text, int64_t life_ms)
{
    begin(fixture);
    succeed(fixture, text, life_ms);
}

static void assert_token(const struct fixture *fixture, const char *text)
{
    const struct secret *token = token_manager_get(&fixture->manager, fixture->now_ms);
    if (!text) {
        assert_null(token);
        return;
    }
    assert_non_null(token);
    assert_string_equal(token->bytes, text);
}

static void no_login_before_the_registration(void **state)
{
    (void)state;
    struct fixture fixture;
    start(&fixture, &wallet_policy);
    fixture.now_ms += HOUR_MS;
    assert_int_equal(next(&fixture).action, TOKEN_IDLE);
    token_manager_on_registered(&fixture.manager, fixture.now_ms);
    assert_int_equal(next(&fixture).action, TOKEN_LOGIN);
    token_manager_clear(&fixture.manager);
}

static void the_callback_flow_logs_in_when_the_callback_is_stored(void **state)
{
    (void)state;
    struct fixture fixture;
    struct token_policy policy = wallet_policy;
    policy.wallet_flow = false;
    start(&fixture, &policy);
    token_manager_on_registered(&fixture.manager, fixture.now_ms);
    assert_int_equal(next(&fixture).action, TOKEN_WAIT);
    fixture.now_ms += 10;
    token_manager_on_callback_stored(&fixture.manager, fixture.now_ms);
    assert_int_equal(next(&fixture).action, TOKEN_LOGIN);
    assert_false(token_manager_take_callback_warning(&fixture.manager, fixture.now_ms + HOUR_MS));
}

static void without_a_callback_it_warns_once_and_logs_in_after_thirty_seconds(void **state)
{
    (void)state;
    struct fixture fixture;
    struct token_policy policy = wallet_policy;
    policy.wallet_flow = false;
    start(&fixture, &policy);
    token_manager_on_registered(&fixture.manager, START_MS);
    /* A registration that is repeated meanwhile does not put the login off. */
    token_manager_on_registered(&fixture.manager, START_MS + 20000);
    fixture.now_ms = START_MS + 29999;
    assert_int_equal(next(&fixture).at_ms, START_MS + 30000);
    fixture.now_ms = START_MS + 30000;
    assert_int_equal(next(&fixture).action, TOKEN_LOGIN);
    assert_true(token_manager_take_callback_warning(&fixture.manager, fixture.now_ms));
    assert_false(token_manager_take_callback_warning(&fixture.manager, fixture.now_ms));
}

static void renews_at_the_ratio_within_the_jitter(void **state)
{
    (void)state;
    for (uint64_t seed = 0; seed < 100; seed++) {
        struct fixture fixture;
        start_registered(&fixture);
        fixture.random = random_seeded(seed);
        log_in(&fixture, "one", HOUR_MS);
        struct token_step step = next(&fixture);
        assert_int_equal(step.action, TOKEN_WAIT);
        assert_in_range(step.at_ms, START_MS + HOUR_MS * 3 / 4 - 500, START_MS + HOUR_MS * 3 / 4 + 500);
        token_manager_clear(&fixture.manager);
    }
}

static void never_renews_after_the_expiry_nor_before_the_next_millisecond(void **state)
{
    (void)state;
    const double ratios[] = {0, 1};
    for (uint64_t seed = 0; seed < 100; seed++) {
        struct token_policy policy = wallet_policy;
        struct fixture fixture;
        policy.safety_ratio = ratios[seed % 2];
        policy.jitter_ms = HOUR_MS;
        start(&fixture, &policy);
        fixture.random = random_seeded(seed);
        token_manager_on_registered(&fixture.manager, fixture.now_ms);
        log_in(&fixture, "one", HOUR_MS);
        assert_in_range(next(&fixture).at_ms, START_MS + 1, START_MS + HOUR_MS);
        token_manager_clear(&fixture.manager);
    }
}

static void a_renewal_leaves_the_old_token_in_use(void **state)
{
    (void)state;
    struct fixture fixture;
    start_registered(&fixture);
    log_in(&fixture, "one", HOUR_MS);
    fixture.now_ms = next(&fixture).at_ms;
    begin(&fixture);
    assert_token(&fixture, "one");
    succeed(&fixture, "two", HOUR_MS);
    assert_token(&fixture, "two");
    assert_int_equal(fixture.manager.number, FIRST_NUMBER + 2);
    token_manager_clear(&fixture.manager);
}

static void background_renewals_are_a_second_apart(void **state)
{
    (void)state;
    struct fixture fixture;
    start_registered(&fixture);
    for (int i = 0; i < 5; i++) {
        int64_t began_ms = fixture.now_ms;
        log_in(&fixture, "brief", 40);
        struct token_step step = next(&fixture);
        assert_int_equal(step.action, TOKEN_WAIT);
        assert_true(step.at_ms >= began_ms + 1000);
        fixture.now_ms = step.at_ms;
    }
    token_manager_clear(&fixture.manager);
}

static void gives_nobody_an_expired_token(void **state)
{
    (void)state;
    struct fixture fixture;
    start_registered(&fixture);
    log_in(&fixture, "one", HOUR_MS);
    /* Nor one that would expire on its way. */
    fixture.now_ms += HOUR_MS - TOKEN_HANDOVER_MS - 1;
    assert_token(&fixture, "one");
    fixture.now_ms++;
    assert_token(&fixture, NULL);
    assert_int_equal(next(&fixture).action, TOKEN_LOGIN);
    assert_int_equal(fixture.manager.token.length, 0);
}

static void a_token_of_the_shortest_life_is_given_for_most_of_it(void **state)
{
    (void)state;
    const int64_t lives_ms[] = {1, 2, 40, 1000};
    for (size_t i = 0; i < sizeof lives_ms / sizeof lives_ms[0]; i++) {
        struct fixture fixture;
        start_registered(&fixture);
        log_in(&fixture, "brief", lives_ms[i]);
        assert_token(&fixture, "brief");
        fixture.now_ms += (lives_ms[i] - 1) * 9 / 10;
        assert_token(&fixture, "brief");
        fixture.now_ms = START_MS + lives_ms[i];
        assert_token(&fixture, NULL);
        token_manager_clear(&fixture.manager);
    }
}

static void one_login_at_a_time(void **state)
{
    (void)state;
    struct fixture fixture;
    start_registered(&fixture);
    begin(&fixture);
    fixture.now_ms += HOUR_MS;
    assert_int_equal(next(&fixture).action, TOKEN_IDLE);
}

static void tries_a_failed_login_again_then_backs_off(void **state)
{
    (void)state;
    struct fixture fixture;
    int64_t backoff_max_ms = 2000;
    start_registered(&fixture);
    for (int round = 0; round < 8; round++) {
        for (int try = 0; try <= 3; try++) {
            begin(&fixture);
            bool round_over = token_manager_on_failure(&fixture.manager, -1, fixture.now_ms);
            assert_int_equal(round_over, try == 3);
            if (!round_over) {
                assert_in_range(fixture.manager.not_before_ms - fixture.now_ms, 0, 500);
                fixture.now_ms = fixture.manager.not_before_ms;
            }
        }
        int64_t wait_ms = fixture.manager.not_before_ms - fixture.now_ms;
        assert_in_range(wait_ms, backoff_max_ms / 2, backoff_max_ms);
        assert_int_equal(next(&fixture).action, TOKEN_WAIT);
        fixture.now_ms = fixture.manager.not_before_ms;
        backoff_max_ms = backoff_max_ms * 2 < 60000 ? backoff_max_ms * 2 : 60000;
    }
}

static void a_success_ends_the_backoff(void **state)
{
    (void)state;
    struct fixture fixture;
    struct token_policy policy = wallet_policy;
    policy.max_retries = 0;
    start(&fixture, &policy);
    token_manager_on_registered(&fixture.manager, fixture.now_ms);
    for (int i = 0; i < 5; i++) {
        begin(&fixture);
        assert_true(token_manager_on_failure(&fixture.manager, -1, fixture.now_ms));
        fixture.now_ms = fixture.manager.not_before_ms;
    }
    log_in(&fixture, "one", HOUR_MS);
    fixture.now_ms += HOUR_MS;
    begin(&fixture);
    token_manager_on_failure(&fixture.manager, -1, fixture.now_ms);
    assert_in_range(fixture.manager.not_before_ms - fixture.now_ms, 1000, 2000);
}

static void a_refused_token_is_dropped_by_its_number_alone(void **state)
{
    (void)state;
    struct fixture fixture;
    start_registered(&fixture);
    assert_false(token_manager_refuse(&fixture.manager, FIRST_NUMBER));
    log_in(&fixture, "one", HOUR_MS);
    int64_t first = fixture.manager.number;
    fixture.now_ms += 2000;
    assert_true(token_manager_refuse(&fixture.manager, first));
    assert_token(&fixture, NULL);
    log_in(&fixture, "two", HOUR_MS);
    assert_false(token_manager_refuse(&fixture.manager, first));
    assert_false(token_manager_refuse(&fixture.manager, 0));
    assert_token(&fixture, "two");
    token_manager_clear(&fixture.manager);
}

static void a_rejected_login_waits_for_the_next_registration(void **state)
{
    (void)state;
    struct fixture fixture;
    start_registered(&fixture);
    log_in(&fixture, "one", HOUR_MS);
    fixture.now_ms = next(&fixture).at_ms;
    begin(&fixture);
    token_manager_on_rejection(&fixture.manager);
    assert_int_equal(next(&fixture).action, TOKEN_IDLE);
    assert_token(&fixture, "one");
    token_manager_on_registered(&fixture.manager, fixture.now_ms);
    assert_int_equal(next(&fixture).action, TOKEN_LOGIN);
    token_manager_clear(&fixture.manager);
}

/* --- the answer that brings a token; the server's clock says 2024-01-02T03:04:05Z --- */

static const int64_t server_unix_ms = INT64_C(1704164645000);

static bool parse(const char *json, struct token_answer *answer, struct error *error)
{
    return token_answer_parse(json, strlen(json), server_unix_ms, answer, error);
}

static void reads_a_token_and_its_life(void **state)
{
    (void)state;
    struct error error;
    struct token_answer answer;
    assert_true(parse("{\"access_token\":\"abc\",\"access_expires_at\":\"2024-01-02T04:04:05+01:00\","
                      "\"expires_at\":\"nonsense\",\"more\":[1]}",
                      &answer, &error) == false);
    assert_true(parse("{\"access_token\":\"abc\",\"access_expires_at\":\"2024-01-02T04:04:06.5+01:00\","
                      "\"expires_at\":\"nonsense\",\"more\":[1]}",
                      &answer, &error));
    assert_string_equal(answer.token.bytes, "abc");
    assert_int_equal(answer.life_ms, 1500);
    token_answer_clear(&answer);
    assert_true(parse("{\"access_token\":\"abc\",\"access_expires_at\":null,"
                      "\"expires_at\":\"2024-01-02T03:05:05Z\"}",
                      &answer, &error));
    assert_int_equal(answer.life_ms, 60000);
    token_answer_clear(&answer);
}

static void a_token_for_ever_is_believed_for_ten_years(void **state)
{
    (void)state;
    struct error error;
    struct token_answer answer;
    assert_true(parse("{\"access_token\":\"abc\",\"expires_at\":\"9999-12-31T23:59:59Z\"}", &answer, &error));
    assert_in_range(answer.life_ms, INT64_C(10) * 365 * 24 * HOUR_MS, INT64_C(11) * 365 * 24 * HOUR_MS);
    token_answer_clear(&answer);
}

static void refuses_bad_answers_and_names_the_field(void **state)
{
    (void)state;
    const struct {
        const char *json;
        const char *named;
    } cases[] = {
        {"", ""},
        {"token", ""},
        {"[]", "object"},
        {"{\"expires_at\":\"2025-01-01T00:00:00Z\"}", "access_token"},
        {"{\"access_token\":\" \",\"expires_at\":\"2025-01-01T00:00:00Z\"}", "access_token"},
        {"{\"access_token\":17,\"expires_at\":\"2025-01-01T00:00:00Z\"}", "access_token"},
        {"{\"access_token\":\"a\\r\\nX: y\",\"expires_at\":\"2025-01-01T00:00:00Z\"}", "access_token"},
        {"{\"access_token\":\"a\"}", "expires_at"},
        {"{\"access_token\":\"a\",\"expires_at\":1735689600}", "expires_at"},
        {"{\"access_token\":\"a\",\"expires_at\":\"tomorrow\"}", "expires_at"},
        {"{\"access_token\":\"a\",\"expires_at\":\"2024-01-02T03:04:05Z\"}", "expires_at"},
        {"{\"access_token\":\"a\",\"access_expires_at\":\"1600-01-01T00:00:00Z\","
         "\"expires_at\":\"2025-01-01T00:00:00Z\"}",
         "access_expires_at"},
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        struct error error;
        struct token_answer answer;
        printf("  case: %s\n", cases[i].json);
        assert_false(parse(cases[i].json, &answer, &error));
        assert_non_null(strstr(error.text, cases[i].named));
        assert_null(answer.token.bytes);
    }
}

static void refuses_every_expiry_that_is_not_in_the_future(void **state)
{
    (void)state;
    static const char *const expiries[] = {
        "2024-01-02T03:04:05Z",        "2024-01-02T03:04:05.000999Z",
        "2024-01-02T04:04:05+01:00",   "0000-01-01T00:00:00Z",
        "1970-01-01T00:00:00Z",        "10000-01-01T00:00:00Z",
        "99999-12-31T23:59:59Z",       "+12024-01-02T03:04:05Z",
        "2024-13-02T03:04:06Z",        "2024-01-02 03:05:05Z",
        "2024-01-02T03:05:05",         "2024-01-02T03:05:60Z",
        "2024-01-02T03:05:05Z\\u0000", "",
        "2024-01-02T03:05:05Z\\n",     "9999-12-31T23:59:59.999999999",
    };
    static const char *const names[] = {"access_expires_at", "expires_at"};
    for (size_t i = 0; i < sizeof expiries / sizeof expiries[0]; i++) {
        for (size_t name = 0; name < 2; name++) {
            char json[200];
            struct error error;
            struct token_answer answer;
            snprintf(json, sizeof json, "{\"access_token\":\"a\",\"%s\":\"%s\"}", names[name], expiries[i]);
            printf("  case: %s\n", json);
            assert_false(parse(json, &answer, &error));
            assert_int_equal(error.code, ERROR_INVALID);
            assert_int_equal(strncmp(error.text, names[name], strlen(names[name])), 0);
            assert_null(answer.token.bytes);
        }
    }
}

static void an_expiry_beyond_64_bits_of_nanoseconds_is_far_but_bounded(void **state)
{
    (void)state;
    static const char *const expiries[] = {"2262-04-11T23:47:16.854775807Z", "2262-04-12T00:00:00Z",
                                           "9999-12-31T23:59:59.999999999-23:59"};
    for (size_t i = 0; i < sizeof expiries / sizeof expiries[0]; i++) {
        char json[200];
        struct error error;
        struct token_answer answer;
        snprintf(json, sizeof json, "{\"access_token\":\"a\",\"expires_at\":\"%s\"}", expiries[i]);
        assert_true(parse(json, &answer, &error));
        assert_in_range(answer.life_ms, INT64_C(10) * 365 * 24 * HOUR_MS, INT64_C(11) * 365 * 24 * HOUR_MS);
        /* The manager's sums hold with it. */
        struct fixture fixture;
        start_registered(&fixture);
        log_in(&fixture, "far", answer.life_ms);
        assert_in_range(next(&fixture).at_ms, START_MS + 1, START_MS + answer.life_ms);
        token_manager_clear(&fixture.manager);
        token_answer_clear(&answer);
    }
}

static void a_token_longer_than_the_limit_is_refused(void **state)
{
    (void)state;
    for (size_t more = 0; more < 2; more++) {
        static char json[LIMIT_TOKEN_BYTES + 200];
        struct error error;
        struct token_answer answer;
        int length =
            snprintf(json, sizeof json, "{\"expires_at\":\"2025-01-01T00:00:00Z\",\"access_token\":\"");
        memset(json + length, 'x', LIMIT_TOKEN_BYTES + more);
        snprintf(json + length + LIMIT_TOKEN_BYTES + more, 3, "\"}");
        assert_int_equal(parse(json, &answer, &error), more == 0);
        if (more) {
            assert_int_equal(error.code, ERROR_TOO_LARGE);
            assert_int_equal(strncmp(error.text, "access_token", 12), 0);
        }
        token_answer_clear(&answer);
    }
}

static void a_token_that_no_header_can_carry_is_refused(void **state)
{
    (void)state;
    static const char *const tokens[] = {"a b",     "\\u0000", "a\\u0000", "\\u007f",
                                         "\\u00e4", "a\\tb",   "\\u2028"};
    for (size_t i = 0; i < sizeof tokens / sizeof tokens[0]; i++) {
        char json[200];
        struct error error;
        struct token_answer answer;
        snprintf(json, sizeof json, "{\"access_token\":\"%s\",\"expires_at\":\"2025-01-01T00:00:00Z\"}",
                 tokens[i]);
        printf("  case: %s\n", json);
        assert_false(parse(json, &answer, &error));
        assert_int_equal(error.code, ERROR_INVALID);
        assert_int_equal(strncmp(error.text, "access_token", 12), 0);
    }
}

static void refuses_a_truncated_answer(void **state)
{
    (void)state;
    const char json[] = "{\"access_token\":\"abc\",\"access_expires_at\":\"2025-01-01T00:00:00Z\"}";
    for (size_t length = 0; length < strlen(json); length++) {
        struct error error;
        struct token_answer answer;
        char *cut = strndup(json, length); /* of its own, so that reading on is noticed */
        assert_false(token_answer_parse(cut, length, server_unix_ms, &answer, &error));
        assert_int_equal(error.code, ERROR_INVALID);
        assert_null(answer.token.bytes);
        free(cut);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(no_login_before_the_registration),
        cmocka_unit_test(the_callback_flow_logs_in_when_the_callback_is_stored),
        cmocka_unit_test(without_a_callback_it_warns_once_and_logs_in_after_thirty_seconds),
        cmocka_unit_test(renews_at_the_ratio_within_the_jitter),
        cmocka_unit_test(never_renews_after_the_expiry_nor_before_the_next_millisecond),
        cmocka_unit_test(a_renewal_leaves_the_old_token_in_use),
        cmocka_unit_test(background_renewals_are_a_second_apart),
        cmocka_unit_test(gives_nobody_an_expired_token),
        cmocka_unit_test(a_token_of_the_shortest_life_is_given_for_most_of_it),
        cmocka_unit_test(one_login_at_a_time),
        cmocka_unit_test(tries_a_failed_login_again_then_backs_off),
        cmocka_unit_test(a_success_ends_the_backoff),
        cmocka_unit_test(a_refused_token_is_dropped_by_its_number_alone),
        cmocka_unit_test(a_rejected_login_waits_for_the_next_registration),
        cmocka_unit_test(reads_a_token_and_its_life),
        cmocka_unit_test(a_token_for_ever_is_believed_for_ten_years),
        cmocka_unit_test(refuses_bad_answers_and_names_the_field),
        cmocka_unit_test(refuses_every_expiry_that_is_not_in_the_future),
        cmocka_unit_test(an_expiry_beyond_64_bits_of_nanoseconds_is_far_but_bounded),
        cmocka_unit_test(a_token_longer_than_the_limit_is_refused),
        cmocka_unit_test(a_token_that_no_header_can_carry_is_refused),
        cmocka_unit_test(refuses_a_truncated_answer),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
