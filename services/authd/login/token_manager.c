#include "services/authd/login/token_manager.h"

#include "libcommon/base/retry.h"

#include <assert.h>

static const struct retry_policy round_policy = {.base_ms = 2000, .cap_ms = 60000};
static const int64_t retry_after_max_ms = 60000;

void token_manager_init(struct token_manager *manager, const struct token_policy *policy,
                        int64_t first_number, struct random *random)
{
    *manager = (struct token_manager){.policy = *policy,
                                      .random = random,
                                      .token = SECRET_EMPTY,
                                      .number = first_number,
                                      .allowed_ms = INT64_MAX,
                                      .not_before_ms = INT64_MIN};
}

void token_manager_clear(struct token_manager *manager)
{
    secret_wipe(&manager->token);
}

static bool may_be_given(const struct token_manager *manager, int64_t now_ms)
{
    return manager->token.length > 0 && now_ms < manager->given_until_ms;
}

const struct secret *token_manager_get(const struct token_manager *manager, int64_t now_ms)
{
    return may_be_given(manager, now_ms) ? &manager->token : NULL;
}

static int64_t later(int64_t left, int64_t right)
{
    return left > right ? left : right;
}

static int64_t sooner(int64_t left, int64_t right)
{
    return left < right ? left : right;
}

struct token_step token_manager_next(struct token_manager *manager, int64_t now_ms)
{
    if (manager->token.length && !may_be_given(manager, now_ms))
        secret_wipe(&manager->token);
    if (manager->in_flight || manager->allowed_ms == INT64_MAX)
        return (struct token_step){.action = TOKEN_IDLE};
    int64_t due_ms = later(manager->allowed_ms, manager->not_before_ms);
    if (manager->token.length)
        due_ms = later(due_ms, manager->renew_ms);
    if (now_ms >= due_ms)
        return (struct token_step){.action = TOKEN_LOGIN};
    return (struct token_step){.action = TOKEN_WAIT, .at_ms = due_ms};
}

/* --- registration --- */

/* DDS answers again. Logins that failed before, which a stranger's callback may have begun, are not waited
 * out. */
static void forget_failures(struct token_manager *manager, int64_t now_ms)
{
    if (manager->failed_rounds == 0 || manager->asked_to_wait)
        return;
    manager->tries = 0;
    manager->failed_rounds = 0;
    manager->not_before_ms = sooner(manager->not_before_ms, now_ms);
}

void token_manager_on_registered(struct token_manager *manager, int64_t now_ms)
{
    forget_failures(manager, now_ms);
    if (manager->allowed_ms != INT64_MAX) {
        /* The callback came before the answer. */
        if (!manager->callback_awaited)
            manager->allowed_ms = sooner(manager->allowed_ms, now_ms);
        return;
    }
    manager->callback_awaited = manager->policy.called_back;
    manager->allowed_ms = now_ms + (manager->policy.called_back ? TOKEN_CALLBACK_PATIENCE_MS : 0);
}

void token_manager_on_callback_stored(struct token_manager *manager, int64_t now_ms)
{
    int64_t soonest_ms = now_ms;
    /* Anyone may send many: with DDS refusing each login, they must not have the node log in without a
     * pause. */
    if (!manager->callback_awaited)
        soonest_ms = later(now_ms, manager->login_began_ms + TOKEN_RENEWAL_GAP_MS);
    manager->callback_awaited = false;
    manager->allowed_ms = sooner(manager->allowed_ms, soonest_ms);
}

void token_manager_on_refused(struct token_manager *manager, int64_t now_ms)
{
    (void)now_ms;
    if (manager->token.length)
        return;
    manager->callback_awaited = false;
    manager->allowed_ms = INT64_MAX;
}

bool token_manager_take_callback_warning(struct token_manager *manager, int64_t now_ms)
{
    bool due = manager->callback_awaited && now_ms >= manager->allowed_ms;
    if (due)
        manager->callback_awaited = false;
    return due;
}

/* --- logins --- */

void token_manager_on_login(struct token_manager *manager, int64_t now_ms)
{
    assert(!manager->in_flight);
    manager->in_flight = true;
    manager->login_began_ms = now_ms;
}

/* At the ratio of the time to live, shifted so that nodes started together do not renew together. */
static int64_t renewal_ms(const struct token_manager *manager, int64_t now_ms)
{
    double life_ms = (double)(manager->expires_ms - now_ms);
    int64_t at_ms = now_ms + (int64_t)(life_ms * manager->policy.safety_ratio);
    at_ms += random_between(manager->random, -manager->policy.jitter_ms, manager->policy.jitter_ms);
    return sooner(later(at_ms, now_ms + 1), manager->given_until_ms);
}

void token_manager_on_success(struct token_manager *manager, const struct secret *token, int64_t expires_ms,
                              int64_t now_ms)
{
    assert(expires_ms > now_ms);
    secret_assign_locked(&manager->token, token->bytes, token->length);
    manager->number++;
    manager->expires_ms = expires_ms;
    manager->given_until_ms = expires_ms - sooner(TOKEN_HANDOVER_MS, (expires_ms - now_ms) / 10);
    manager->renew_ms = renewal_ms(manager, now_ms);
    manager->in_flight = false;
    manager->tries = 0;
    manager->failed_rounds = 0;
    /* Tokens that live shorter than the gap, or that DMS refuses one after the other, must not make the node
     * log in without a pause. */
    manager->not_before_ms = manager->login_began_ms + TOKEN_RENEWAL_GAP_MS;
}

void token_manager_on_given(struct token_manager *manager, const struct secret *token, int64_t expires_ms,
                            int64_t now_ms)
{
    manager->login_began_ms = now_ms;
    token_manager_on_success(manager, token, expires_ms, now_ms);
}

/* Exponential with jitter: DDS should not see all nodes at once after an outage. */
static int64_t backoff_ms(const struct token_manager *manager)
{
    int64_t ceiling_ms = retry_ceiling_ms(&round_policy, manager->failed_rounds);
    return random_between(manager->random, ceiling_ms / 2, ceiling_ms);
}

bool token_manager_on_failure(struct token_manager *manager, int64_t retry_after_ms, int64_t now_ms)
{
    bool round_over = manager->tries >= manager->policy.max_retries;
    int64_t wait_ms;
    manager->in_flight = false;
    manager->asked_to_wait = retry_after_ms > 0;
    if (round_over) {
        manager->tries = 0;
        manager->failed_rounds++;
        wait_ms = later(backoff_ms(manager), sooner(retry_after_ms, retry_after_max_ms));
    } else {
        manager->tries++;
        wait_ms = random_between(manager->random, 0, manager->policy.jitter_ms);
    }
    manager->not_before_ms = now_ms + wait_ms;
    return round_over;
}

void token_manager_on_rejection(struct token_manager *manager)
{
    manager->in_flight = false;
    manager->tries = 0;
    manager->callback_awaited = false;
    manager->allowed_ms = INT64_MAX;
}

bool token_manager_refuse(struct token_manager *manager, int64_t number)
{
    if (!manager->token.length || number != manager->number)
        return false;
    secret_wipe(&manager->token);
    return true;
}
