/* services/authd/login/token_manager.h: a token that comes with a registration, as a robot's does
 * (docs/network.md 1.4). */
#include "services/authd/login/token_manager.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

enum { START_MS = 1000000, LIFE_MS = 100000 };

struct fixture {
    struct random random;
    struct token_manager manager;
    int64_t now_ms;
};

static void start(struct fixture *fixture)
{
    static const struct token_policy policy = {.safety_ratio = 0.75, .jitter_ms = 0, .max_retries = 3};
    fixture->random = random_seeded(11);
    fixture->now_ms = START_MS;
    token_manager_init(&fixture->manager, &policy, 0, &fixture->random);
}

static void give(struct fixture *fixture, const char *text)
{
    struct secret token = SECRET_EMPTY;
    secret_assign(&token, text, strlen(text));
    token_manager_on_given(&fixture->manager, &token, fixture->now_ms + LIFE_MS, fixture->now_ms);
    token_manager_on_registered(&fixture->manager, fixture->now_ms);
    secret_wipe(&token);
}

static struct token_step next(struct fixture *fixture)
{
    return token_manager_next(&fixture->manager, fixture->now_ms);
}

static void assert_token(const struct fixture *fixture, const char *text)
{
    const struct secret *token = token_manager_get(&fixture->manager, fixture->now_ms);
    assert_non_null(token);
    assert_string_equal(token->bytes, text);
}

static void it_is_given_at_once_and_renewed_by_a_login(void **state)
{
    (void)state;
    struct fixture fixture;
    start(&fixture);
    give(&fixture, "first");
    assert_token(&fixture, "first");
    assert_int_equal(next(&fixture).action, TOKEN_WAIT);
    assert_int_equal(next(&fixture).at_ms, START_MS + LIFE_MS * 3 / 4);
    fixture.now_ms = next(&fixture).at_ms;
    assert_int_equal(next(&fixture).action, TOKEN_LOGIN);
    token_manager_clear(&fixture.manager);
}

static void it_takes_the_place_of_an_older_one(void **state)
{
    (void)state;
    struct fixture fixture;
    start(&fixture);
    give(&fixture, "first");
    int64_t number = fixture.manager.number;
    fixture.now_ms += 5000;
    give(&fixture, "second");
    assert_token(&fixture, "second");
    assert_int_equal(fixture.manager.number, number + 1);
    assert_int_equal(next(&fixture).at_ms, fixture.now_ms + LIFE_MS * 3 / 4);
    token_manager_clear(&fixture.manager);
}

static void it_ends_a_login_in_flight_and_the_wait_of_one_that_failed(void **state)
{
    (void)state;
    for (int failed = 0; failed < 2; failed++) {
        struct fixture fixture;
        start(&fixture);
        token_manager_on_registered(&fixture.manager, fixture.now_ms);
        for (int i = 0; i < 1 + 4 * failed; i++) {
            assert_int_equal(next(&fixture).action, TOKEN_LOGIN);
            token_manager_on_login(&fixture.manager, fixture.now_ms);
            if (!failed)
                break;
            bool round_over = token_manager_on_failure(&fixture.manager, -1, fixture.now_ms);
            if (round_over)
                break;
        }
        give(&fixture, "given");
        assert_token(&fixture, "given");
        assert_int_equal(next(&fixture).action, TOKEN_WAIT);
        assert_int_equal(next(&fixture).at_ms, fixture.now_ms + LIFE_MS * 3 / 4);
        assert_int_equal(fixture.manager.failed_rounds, 0);
        token_manager_clear(&fixture.manager);
    }
}

static void one_that_is_refused_at_once_costs_no_login_within_a_second(void **state)
{
    (void)state;
    struct fixture fixture;
    start(&fixture);
    give(&fixture, "refused");
    assert_true(token_manager_refuse(&fixture.manager, fixture.manager.number));
    assert_int_equal(next(&fixture).action, TOKEN_WAIT);
    assert_int_equal(next(&fixture).at_ms, START_MS + TOKEN_RENEWAL_GAP_MS);
    token_manager_clear(&fixture.manager);
}

static void one_outlives_a_login_that_sends_the_node_to_register_again(void **state)
{
    (void)state;
    struct fixture fixture;
    start(&fixture);
    give(&fixture, "first");
    fixture.now_ms = next(&fixture).at_ms;
    token_manager_on_login(&fixture.manager, fixture.now_ms);
    token_manager_on_rejection(&fixture.manager);
    assert_int_equal(next(&fixture).action, TOKEN_IDLE);
    assert_token(&fixture, "first");
    give(&fixture, "second");
    assert_token(&fixture, "second");
    assert_int_equal(next(&fixture).action, TOKEN_WAIT);
    token_manager_clear(&fixture.manager);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(it_is_given_at_once_and_renewed_by_a_login),
        cmocka_unit_test(it_takes_the_place_of_an_older_one),
        cmocka_unit_test(it_ends_a_login_in_flight_and_the_wait_of_one_that_failed),
        cmocka_unit_test(one_that_is_refused_at_once_costs_no_login_within_a_second),
        cmocka_unit_test(one_outlives_a_login_that_sends_the_node_to_register_again),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
