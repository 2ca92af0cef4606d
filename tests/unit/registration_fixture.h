/* A registration with a clock of its own, for the tests of when a node registers. */
#ifndef TESTS_UNIT_REGISTRATION_FIXTURE_H
#define TESTS_UNIT_REGISTRATION_FIXTURE_H

#include "services/authd/registration/registration.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

enum { INTERVAL_MS = 120000, START_MS = 1000000 };

struct fixture {
    struct random random;
    struct registration registration;
    int64_t now_ms;
};

static void start(struct fixture *fixture, bool wallet_flow, int64_t max_retry)
{
    const struct registration_policy policy = {
        .called_back = !wallet_flow, .interval_ms = INTERVAL_MS, .max_retry = max_retry};
    fixture->random = random_seeded(7);
    fixture->now_ms = START_MS;
    registration_init(&fixture->registration, &policy, &fixture->random);
}

/* With capabilities, and an inbound endpoint that is heard whenever it matters. */
static void start_ready(struct fixture *fixture, bool wallet_flow, int64_t max_retry)
{
    start(fixture, wallet_flow, max_retry);
    registration_on_capabilities(&fixture->registration, true, true);
    registration_on_inbound_listening(&fixture->registration, fixture->now_ms);
}

static struct registration_step next(struct fixture *fixture)
{
    if (fixture->registration.inbound_heard_ms >= 0)
        registration_on_inbound_listening(&fixture->registration, fixture->now_ms);
    return registration_next(&fixture->registration, fixture->now_ms);
}

static void attempt(struct fixture *fixture)
{
    assert_int_equal(next(fixture).action, REGISTRATION_ATTEMPT);
    registration_on_attempt(&fixture->registration);
}

static void finish(struct fixture *fixture, enum registration_outcome outcome)
{
    registration_on_outcome(&fixture->registration, outcome, -1, fixture->now_ms);
}

/* Fails one attempt; returns how long to wait, and moves the clock there. */
static int64_t fail_once(struct fixture *fixture, enum registration_outcome outcome)
{
    attempt(fixture);
    finish(fixture, outcome);
    struct registration_step step = next(fixture);
    assert_int_equal(step.action, REGISTRATION_WAIT);
    int64_t wait_ms = step.at_ms - fixture->now_ms;
    fixture->now_ms = step.at_ms;
    return wait_ms;
}

static inline bool call_back(struct fixture *fixture)
{
    return registration_on_callback_stored(&fixture->registration, fixture->now_ms);
}

/* DDS refuses a login that was sent just now. */
static inline void reject_login(struct fixture *fixture)
{
    assert_true(registration_on_login_rejected(&fixture->registration, fixture->now_ms, fixture->now_ms));
}

static void succeed(struct fixture *fixture)
{
    attempt(fixture);
    finish(fixture, REGISTRATION_ACCEPTED);
    assert_int_equal(fixture->registration.state, REGISTRATION_REGISTERED);
}

#endif
