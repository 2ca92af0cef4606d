#include "services/authd/token_manager.h"

#include "services/authd/token_answer.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
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
    fixture.now_ms += HOUR_MS - 1;
    assert_token(&fixture, "one");
    fixture.now_ms++;
    assert_token(&fixture, NULL);
    assert_int_equal(next(&fixture).action, TOKEN_LOGIN);
    assert_int_equal(fixture.manager.token.length, 0);
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
        cmocka_unit_test(one_login_at_a_time),
        cmocka_unit_test(tries_a_failed_login_again_then_backs_off),
        cmocka_unit_test(a_success_ends_the_backoff),
        cmocka_unit_test(a_refused_token_is_dropped_by_its_number_alone),
        cmocka_unit_test(a_rejected_login_waits_for_the_next_registration),
        cmocka_unit_test(reads_a_token_and_its_life),
        cmocka_unit_test(a_token_for_ever_is_believed_for_ten_years),
        cmocka_unit_test(refuses_bad_answers_and_names_the_field),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
