#include "services/authd/registration/registration.h"

#include "libcommon/base/retry.h"

/* min(60, 2^failures) seconds (1.2) */
static const struct retry_policy backoff_policy = {.base_ms = 2000, .cap_ms = 60000};

void registration_init(struct registration *registration, const struct registration_policy *policy,
                       struct random *random)
{
    *registration = (struct registration){.policy = *policy,
                                          .random = random,
                                          .state = REGISTRATION_DISCONNECTED,
                                          .not_before_ms = INT64_MIN,
                                          .callback_until_ms = INT64_MIN,
                                          .inbound_heard_ms = -1,
                                          .conflict_warned_ms = -1};
}

/* Times a random factor, so that nodes do not come back all at once (1.2). */
static int64_t backoff_ms(const struct registration *registration, int64_t failures)
{
    double ceiling_ms = (double)retry_ceiling_ms(&backoff_policy, failures);
    return (int64_t)(ceiling_ms * random_between_ratios(registration->random, 0.8, 1.2));
}

/* --- what to do --- */

/* Where nobody calls the node, a registration does not age. */
static bool has_aged(const struct registration *registration, int64_t now_ms)
{
    return registration->policy.called_back &&
           now_ms - registration->health_check_ms > registration->policy.interval_ms;
}

static struct registration_step next_when_accepted(struct registration *registration, int64_t now_ms)
{
    bool outdated = registration->has_capabilities &&
                    registration->registered_capabilities_version != registration->capabilities_version;
    if (outdated || has_aged(registration, now_ms)) {
        registration->state = REGISTRATION_REGISTERING;
        return registration_next(registration, now_ms);
    }
    if (!registration->policy.called_back)
        return (struct registration_step){.action = REGISTRATION_IDLE};
    return (struct registration_step){.action = REGISTRATION_WAIT,
                                      .at_ms = registration->health_check_ms +
                                               registration->policy.interval_ms + 1};
}

struct registration_step registration_next(struct registration *registration, int64_t now_ms)
{
    if (registration->in_flight)
        return (struct registration_step){.action = REGISTRATION_IDLE};
    if (registration->state == REGISTRATION_REGISTERED && registration->accepted)
        return next_when_accepted(registration, now_ms);
    if (!registration->has_capabilities)
        return (struct registration_step){.action = REGISTRATION_NEEDS_RUNNERS};
    /* A registration without a listening endpoint would lose the callback. */
    if (registration->policy.called_back &&
        (registration->inbound_heard_ms < 0 ||
         now_ms - registration->inbound_heard_ms > REGISTRATION_INBOUND_FRESH_MS))
        return (struct registration_step){.action = REGISTRATION_NEEDS_INBOUND};
    if (now_ms < registration->not_before_ms)
        return (struct registration_step){.action = REGISTRATION_WAIT, .at_ms = registration->not_before_ms};
    return (struct registration_step){.action = REGISTRATION_ATTEMPT};
}

/* --- attempts --- */

void registration_on_attempt(struct registration *registration)
{
    registration->state = REGISTRATION_REGISTERING;
    registration->accepted = false;
    registration->in_flight = true;
    registration->called_back_in_flight = false;
    registration->attempted_capabilities_version = registration->capabilities_version;
}

static void on_accepted(struct registration *registration, int64_t now_ms)
{
    registration->state = REGISTRATION_REGISTERED;
    registration->accepted = true;
    registration->accepted_ms = now_ms;
    registration->registered_capabilities_version = registration->attempted_capabilities_version;
    registration->failures = 0;
    registration->health_check_ms = now_ms;
    registration->not_before_ms = now_ms + REGISTRATION_CHANGE_GAP_MS;
}

static int64_t failure_wait_ms(struct registration *registration, enum registration_outcome outcome)
{
    if (outcome != REGISTRATION_TRANSIENT && !registration->policy.called_back)
        return registration->policy.interval_ms;
    registration->failures++;
    if (registration->policy.max_retry < 0 || registration->failures < registration->policy.max_retry)
        return backoff_ms(registration, registration->failures);
    registration->failures = 0;
    return registration->policy.interval_ms;
}

void registration_on_outcome(struct registration *registration, enum registration_outcome outcome,
                             int64_t retry_after_ms, int64_t now_ms)
{
    registration->in_flight = false;
    if (outcome == REGISTRATION_ACCEPTED || outcome == REGISTRATION_TRANSIENT)
        registration->callback_until_ms = now_ms + REGISTRATION_CALLBACK_MS;
    if (outcome == REGISTRATION_ACCEPTED) {
        on_accepted(registration, now_ms);
        return;
    }
    /* Whoever called back meanwhile: DDS says that it has not registered the node. */
    if (outcome != REGISTRATION_TRANSIENT)
        registration->state = REGISTRATION_REGISTERING;
    int64_t wait_ms = failure_wait_ms(registration, outcome);
    /* A server's wish is honoured as far as an ordinary pause goes. */
    if (retry_after_ms > registration->policy.interval_ms)
        retry_after_ms = registration->policy.interval_ms;
    registration->not_before_ms = now_ms + (wait_ms > retry_after_ms ? wait_ms : retry_after_ms);
}

enum registration_outcome registration_outcome_of_status(const struct registration *registration, int status)
{
    if (registration->policy.called_back)
        return status == 0 || status >= 500 ? REGISTRATION_TRANSIENT : REGISTRATION_REFUSED;
    if (status == 409)
        return REGISTRATION_CONFLICT;
    bool refused = status >= 300 && status <= 499 && status != 408 && status != 429;
    return refused ? REGISTRATION_REFUSED : REGISTRATION_TRANSIENT;
}

/* --- other events --- */

bool registration_on_callback_stored(struct registration *registration, int64_t now_ms)
{
    if (!registration->in_flight && now_ms > registration->callback_until_ms)
        return false;
    registration->state = REGISTRATION_REGISTERED;
    if (registration->in_flight)
        registration->called_back_in_flight = true;
    return true;
}

void registration_on_health_check(struct registration *registration, int64_t now_ms)
{
    if (registration->state == REGISTRATION_REGISTERED)
        registration->health_check_ms = now_ms;
}

void registration_on_inbound_listening(struct registration *registration, int64_t now_ms)
{
    registration->inbound_heard_ms = now_ms;
}

void registration_on_capabilities(struct registration *registration, bool any, bool changed)
{
    registration->has_capabilities = any;
    if (any && changed)
        registration->capabilities_version++;
}

/* Once is an expired registration; again and again needs the pauses of a failure, or it would spin. */
static void count_rejection(struct registration *registration, int64_t now_ms)
{
    int64_t rejections = registration->rejections++;
    if (rejections > 0)
        registration->not_before_ms = now_ms + backoff_ms(registration, rejections);
}

bool registration_on_login_rejected(struct registration *registration, int64_t sent_ms, int64_t now_ms)
{
    if (registration->accepted && sent_ms < registration->accepted_ms)
        return false;
    /* Only of a registration that DDS accepted: else whoever sends callbacks, which begin logins, could have
     * the pauses grow. */
    if (registration->accepted)
        count_rejection(registration, now_ms);
    registration->accepted = false;
    /* The answer to the attempt in flight decides; a callback that came during it does so no more. */
    registration->state = registration->policy.called_back || registration->in_flight
                              ? REGISTRATION_REGISTERING
                              : REGISTRATION_DISCONNECTED;
    return true;
}

void registration_on_login_succeeded(struct registration *registration)
{
    registration->rejections = 0;
}

bool registration_take_conflict_warning(struct registration *registration, int64_t now_ms)
{
    if (registration->conflict_warned_ms >= 0 &&
        now_ms - registration->conflict_warned_ms < REGISTRATION_CONFLICT_WARNING_MS)
        return false;
    registration->conflict_warned_ms = now_ms;
    return true;
}
