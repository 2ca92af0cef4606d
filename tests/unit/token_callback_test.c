/* services/authd/login/token_manager.h: callbacks, which anyone may send (docs/network.md 1.1). */
#include "services/authd/login/token_manager.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <string.h>

enum { START_MS = 1000000 };

struct fixture {
    struct random random;
    struct token_manager manager;
    int64_t now_ms;
};

static const struct token_policy policy = {.called_back = true, .safety_ratio = 0.75};

static void start(struct fixture *fixture)
{
    fixture->random = random_seeded(11);
    fixture->now_ms = START_MS;
    token_manager_init(&fixture->manager, &policy, 0, &fixture->random);
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

/* With DDS refusing each login, callbacks of anyone begin one a second at most. */
static void callbacks_begin_a_login_a_second_at_most(void **state)
{
    (void)state;
    struct fixture fixture;
    start(&fixture);
    int logins = 0;
    for (int i = 0; i < 100; i++, fixture.now_ms += 100) {
        token_manager_on_callback_stored(&fixture.manager, fixture.now_ms);
        if (next(&fixture).action != TOKEN_LOGIN)
            continue;
        token_manager_on_login(&fixture.manager, fixture.now_ms);
        token_manager_on_rejection(&fixture.manager);
        logins++;
    }
    assert_int_equal(logins, 10);
    token_manager_clear(&fixture.manager);
}

static void a_callback_during_an_attempt_that_is_refused_allows_no_login(void **state)
{
    (void)state;
    struct fixture fixture;
    start(&fixture);
    token_manager_on_callback_stored(&fixture.manager, fixture.now_ms);
    begin(&fixture);
    token_manager_on_refused(&fixture.manager, fixture.now_ms);
    token_manager_on_failure(&fixture.manager, -1, fixture.now_ms);
    fixture.now_ms += 3600000;
    assert_int_equal(next(&fixture).action, TOKEN_IDLE);
    token_manager_on_registered(&fixture.manager, fixture.now_ms);
    assert_int_equal(next(&fixture).action, TOKEN_WAIT);
    token_manager_clear(&fixture.manager);
}

static void a_token_is_renewed_though_another_registration_is_refused(void **state)
{
    (void)state;
    struct fixture fixture;
    struct secret token = SECRET_EMPTY;
    secret_assign(&token, "token", strlen("token"));
    start(&fixture);
    token_manager_on_callback_stored(&fixture.manager, fixture.now_ms);
    begin(&fixture);
    token_manager_on_success(&fixture.manager, &token, fixture.now_ms + 100000, fixture.now_ms);
    token_manager_on_refused(&fixture.manager, fixture.now_ms);
    fixture.now_ms += 80000;
    assert_int_equal(next(&fixture).action, TOKEN_LOGIN);
    secret_wipe(&token);
    token_manager_clear(&fixture.manager);
}

/* DDS itself calls back then: there is nothing to wait for. */
static void a_callback_of_an_accepted_registration_begins_the_login_at_once(void **state)
{
    (void)state;
    for (int before = 0; before < 2; before++) {
        struct fixture fixture;
        start(&fixture);
        token_manager_on_callback_stored(&fixture.manager, fixture.now_ms);
        begin(&fixture);
        token_manager_on_rejection(&fixture.manager);
        if (before)
            token_manager_on_callback_stored(&fixture.manager, fixture.now_ms);
        assert_int_equal(next(&fixture).action, before ? TOKEN_WAIT : TOKEN_IDLE);
        token_manager_on_registered(&fixture.manager, fixture.now_ms);
        if (!before)
            token_manager_on_callback_stored(&fixture.manager, fixture.now_ms);
        assert_int_equal(next(&fixture).action, TOKEN_LOGIN);
        token_manager_clear(&fixture.manager);
    }
}

/* A registration shows that DDS answers again; what it asked to wait is waited all the same. */
static void a_registration_ends_the_backoff_of_failed_logins(void **state)
{
    (void)state;
    static const int64_t retry_after_ms[] = {-1, 0, 1, 50000};
    for (size_t i = 0; i < sizeof retry_after_ms / sizeof retry_after_ms[0]; i++) {
        struct fixture fixture;
        start(&fixture);
        token_manager_on_callback_stored(&fixture.manager, fixture.now_ms);
        for (int round = 0; round < 6; round++) {
            fixture.now_ms += 60000;
            begin(&fixture);
            assert_true(token_manager_on_failure(&fixture.manager, retry_after_ms[i], fixture.now_ms));
        }
        int64_t at_ms = next(&fixture).at_ms;
        token_manager_on_registered(&fixture.manager, fixture.now_ms);
        if (retry_after_ms[i] > 0)
            assert_int_equal(next(&fixture).at_ms, at_ms);
        else
            assert_int_equal(next(&fixture).action, TOKEN_LOGIN);
        token_manager_clear(&fixture.manager);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(callbacks_begin_a_login_a_second_at_most),
        cmocka_unit_test(a_callback_during_an_attempt_that_is_refused_allows_no_login),
        cmocka_unit_test(a_token_is_renewed_though_another_registration_is_refused),
        cmocka_unit_test(a_callback_of_an_accepted_registration_begins_the_login_at_once),
        cmocka_unit_test(a_registration_ends_the_backoff_of_failed_logins),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
