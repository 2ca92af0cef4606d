/*
 * An hour of tokens that live 20 s, against a DDS that is slow and fails one login in five: what callers may
 * rely on (docs/network.md 2.5). The driver's part (login.c) is played by struct hour, with a clock of its
 * own.
 */
#include "services/authd/login/token_manager.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

enum {
    START_MS = 1000000,
    HOUR_MS = 3600 * 1000,
    LIFE_MS = 20000,
    LOGIN_MIN_MS = 50,
    LOGIN_MAX_MS = 2000,
    WAIT_MAX_MS = 50000, /* as long as login.c lets a caller wait */
    WAITERS_MAX = 4096,
    SEEDS = 24,
};

static const struct token_policy policy = {.safety_ratio = 0.75, .jitter_ms = 500, .max_retries = 3};

struct hour {
    struct random random;
    struct token_manager manager;
    int64_t now_ms;
    /* DDS */
    int64_t login_ends_ms; /* INT64_MAX: no login is in flight */
    int64_t login_began_ms;
    int64_t before_began_ms; /* of the login before that; INT64_MIN: there was none */
    bool first_login_of_round;
    /* callers */
    int64_t next_call_ms;
    int64_t waiting_since_ms[WAITERS_MAX];
    size_t waiting;
    int64_t highest_refused;
    bool may_wait; /* no token yet, the last login failed, or the token was refused since it came */
    /* counts */
    int64_t calls, answers, errors, waits, logins, successes, failures, refusals;
};

static void start(struct hour *hour, uint64_t seed)
{
    *hour = (struct hour){.random = random_seeded(seed),
                          .now_ms = START_MS,
                          .login_ends_ms = INT64_MAX,
                          .before_began_ms = INT64_MIN,
                          .first_login_of_round = true,
                          .next_call_ms = START_MS,
                          .may_wait = true};
    token_manager_init(&hour->manager, &policy, 0, &hour->random);
    token_manager_on_registered(&hour->manager, hour->now_ms);
}

/* --- callers --- */

/* DDS writes the moment of the expiry into the token: the token itself tells whether it was too late. */
static void take_token(struct hour *hour)
{
    const struct secret *token = token_manager_get(&hour->manager, hour->now_ms);
    assert_non_null(token);
    assert_true(strtoll(token->bytes, NULL, 10) - hour->now_ms >= TOKEN_HANDOVER_MS);
    assert_true(hour->manager.number > hour->highest_refused);
}

static void refuse(struct hour *hour)
{
    int64_t number = hour->manager.number;
    bool given = token_manager_get(&hour->manager, hour->now_ms) != NULL;
    bool dropped = token_manager_refuse(&hour->manager, number);
    assert_true(dropped || !given);
    assert_null(token_manager_get(&hour->manager, hour->now_ms));
    hour->highest_refused = number;
    hour->may_wait = true;
    hour->refusals++;
}

/* A caller in sixty brings a 401 for the newest token, one in thirty for the one before. */
static void call(struct hour *hour)
{
    int64_t dice = random_between(&hour->random, 1, 60);
    hour->calls++;
    if (dice == 1 && hour->successes > 0 && hour->manager.number > hour->highest_refused)
        refuse(hour);
    else if (dice <= 3)
        assert_false(token_manager_refuse(&hour->manager, hour->manager.number - 1));
    if (token_manager_get(&hour->manager, hour->now_ms)) {
        take_token(hour);
        hour->answers++;
        return;
    }
    assert_true(hour->may_wait);
    assert_true(hour->waiting < WAITERS_MAX);
    hour->waiting_since_ms[hour->waiting++] = hour->now_ms;
    hour->waits++;
}

static void end_waits(struct hour *hour, int64_t *count)
{
    for (size_t i = 0; i < hour->waiting; i++)
        assert_true(hour->now_ms - hour->waiting_since_ms[i] < WAIT_MAX_MS);
    *count += (int64_t)hour->waiting;
    hour->waiting = 0;
}

/* --- DDS --- */

static void begin_login(struct hour *hour)
{
    assert_int_equal(hour->login_ends_ms, INT64_MAX);
    /* The retries of a round have a spacing of their own. */
    if (hour->first_login_of_round && hour->before_began_ms != INT64_MIN)
        assert_true(hour->now_ms - hour->before_began_ms >= 1000);
    token_manager_on_login(&hour->manager, hour->now_ms);
    hour->login_began_ms = hour->before_began_ms = hour->now_ms;
    hour->login_ends_ms = hour->now_ms + random_between(&hour->random, LOGIN_MIN_MS, LOGIN_MAX_MS);
    hour->logins++;
}

static void give_token(struct hour *hour)
{
    char text[32];
    struct secret token = SECRET_EMPTY;
    int64_t expires_ms = hour->login_began_ms + LIFE_MS;
    int64_t life_ms = expires_ms - hour->now_ms;
    snprintf(text, sizeof text, "%lld", (long long)expires_ms);
    secret_assign(&token, text, strlen(text));
    token_manager_on_success(&hour->manager, &token, expires_ms, hour->now_ms);
    secret_wipe(&token);
    assert_in_range(hour->manager.renew_ms, hour->now_ms + 1, expires_ms);
    assert_in_range(hour->manager.renew_ms, hour->now_ms + life_ms * 3 / 4 - 501,
                    hour->now_ms + life_ms * 3 / 4 + 501);
    hour->successes++;
    hour->may_wait = false;
    hour->first_login_of_round = true;
    for (size_t i = 0; i < hour->waiting; i++)
        take_token(hour);
    end_waits(hour, &hour->answers);
}

static void fail_login(struct hour *hour)
{
    bool round_over = token_manager_on_failure(&hour->manager, -1, hour->now_ms);
    hour->failures++;
    hour->may_wait = true;
    hour->first_login_of_round = round_over;
    if (round_over)
        end_waits(hour, &hour->errors);
}

static void end_login(struct hour *hour)
{
    hour->login_ends_ms = INT64_MAX;
    if (random_between(&hour->random, 1, 5) == 1)
        fail_login(hour);
    else
        give_token(hour);
}

/* --- time --- */

static int64_t sooner(int64_t left, int64_t right)
{
    return left < right ? left : right;
}

/* Goes to the next moment at which something happens: a call, the end of a login, what the manager asked for.
 */
static void turn(struct hour *hour)
{
    struct token_step step = token_manager_next(&hour->manager, hour->now_ms);
    int64_t wake_ms = sooner(hour->next_call_ms, hour->login_ends_ms);
    if (step.action == TOKEN_LOGIN) {
        begin_login(hour);
        assert_int_equal(token_manager_next(&hour->manager, hour->now_ms).action, TOKEN_IDLE);
        return;
    }
    if (step.action == TOKEN_WAIT) {
        assert_true(step.at_ms > hour->now_ms);
        wake_ms = sooner(wake_ms, step.at_ms);
    }
    hour->now_ms = wake_ms;
    if (hour->login_ends_ms <= hour->now_ms)
        end_login(hour);
    while (hour->next_call_ms <= hour->now_ms) {
        call(hour);
        /* Every third call comes together with the one before. */
        if (random_between(&hour->random, 1, 3) > 1)
            hour->next_call_ms += random_between(&hour->random, 1, 2000);
    }
}

static void an_hour_of_short_tokens_and_failing_logins(void **state)
{
    (void)state;
    for (uint64_t seed = 1; seed <= SEEDS; seed++) {
        struct hour hour;
        start(&hour, seed);
        while (hour.now_ms < START_MS + HOUR_MS)
            turn(&hour);
        printf(
            "  seed %llu: %lld calls, %lld answered, %lld errors, %lld waited, %lld refusals, %lld logins\n",
            (unsigned long long)seed, (long long)hour.calls, (long long)hour.answers, (long long)hour.errors,
            (long long)hour.waits, (long long)hour.refusals, (long long)hour.logins);
        assert_int_equal(hour.calls, hour.answers + hour.errors + (int64_t)hour.waiting);
        assert_int_equal(hour.logins,
                         hour.successes + hour.failures + (hour.login_ends_ms != INT64_MAX ? 1 : 0));
        /* A token is replaced because its time has come, or because it was refused; nothing else costs a
         * login. */
        assert_true(hour.successes <= 1 + HOUR_MS / (LIFE_MS * 3 / 4 - LOGIN_MAX_MS - 500) + hour.refusals);
        assert_true(hour.successes >= HOUR_MS / LIFE_MS);
        assert_true(hour.calls > 3000 && hour.waits > 0 && hour.refusals > 20);
        token_manager_clear(&hour.manager);
    }
}

/* --- many at once --- */

static void log_in(struct hour *hour)
{
    assert_int_equal(token_manager_next(&hour->manager, hour->now_ms).action, TOKEN_LOGIN);
    begin_login(hour);
    hour->now_ms = hour->login_ends_ms;
    hour->login_ends_ms = INT64_MAX;
    give_token(hour);
}

static void sixteen_callers_that_refuse_the_same_token_cause_one_login(void **state)
{
    (void)state;
    struct hour hour;
    start(&hour, 1);
    log_in(&hour);
    hour.now_ms += 1000;
    int64_t number = hour.manager.number;
    int dropped = 0, logins = 0;
    for (int i = 0; i < 16; i++) {
        dropped += token_manager_refuse(&hour.manager, number);
        assert_null(token_manager_get(&hour.manager, hour.now_ms));
        if (token_manager_next(&hour.manager, hour.now_ms).action == TOKEN_LOGIN) {
            token_manager_on_login(&hour.manager, hour.now_ms);
            logins++;
        }
    }
    assert_int_equal(dropped, 1);
    assert_int_equal(logins, 1);
    hour.now_ms += 100;
    hour.login_began_ms = hour.now_ms;
    give_token(&hour);
    /* Those whose 401 comes late get the new token, and cost nothing. */
    for (int i = 0; i < 16; i++) {
        assert_false(token_manager_refuse(&hour.manager, number));
        take_token(&hour);
        assert_int_equal(token_manager_next(&hour.manager, hour.now_ms).action, TOKEN_WAIT);
    }
    token_manager_clear(&hour.manager);
}

static void refusing_an_older_token_does_not_cost_the_newer_one(void **state)
{
    (void)state;
    struct hour hour;
    start(&hour, 2);
    for (int i = 0; i < 4; i++) {
        log_in(&hour);
        hour.now_ms = hour.manager.renew_ms;
    }
    int64_t newest = hour.manager.number;
    for (int64_t older = newest - 3; older < newest; older++)
        assert_false(token_manager_refuse(&hour.manager, older));
    /* Nor does a number that was never given. */
    assert_false(token_manager_refuse(&hour.manager, newest + 1));
    assert_non_null(token_manager_get(&hour.manager, hour.now_ms));
    assert_int_equal(hour.manager.number, newest);
    token_manager_clear(&hour.manager);
}

static void a_token_refused_while_its_renewal_is_under_way_costs_no_second_login(void **state)
{
    (void)state;
    struct hour hour;
    start(&hour, 3);
    log_in(&hour);
    hour.now_ms = hour.manager.renew_ms;
    begin_login(&hour);
    assert_true(token_manager_refuse(&hour.manager, hour.manager.number));
    assert_null(token_manager_get(&hour.manager, hour.now_ms));
    assert_int_equal(token_manager_next(&hour.manager, hour.now_ms).action, TOKEN_IDLE);
    hour.now_ms = hour.login_ends_ms;
    hour.login_ends_ms = INT64_MAX;
    give_token(&hour);
    take_token(&hour);
    assert_int_equal(token_manager_next(&hour.manager, hour.now_ms).action, TOKEN_WAIT);
    token_manager_clear(&hour.manager);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(an_hour_of_short_tokens_and_failing_logins),
        cmocka_unit_test(sixteen_callers_that_refuse_the_same_token_cause_one_login),
        cmocka_unit_test(refusing_an_older_token_does_not_cost_the_newer_one),
        cmocka_unit_test(a_token_refused_while_its_renewal_is_under_way_costs_no_second_login),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
