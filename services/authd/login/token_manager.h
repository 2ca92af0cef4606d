/*
 * When to log in, and the access token (docs/network.md 2, 2.5). Pure: the driver (login.c) asks
 * token_manager_next() after every event and does what it says.
 *
 * Times are CLOCK_BOOTTIME, expiries too: a wall clock that is set changes nothing.
 */
#ifndef AUTHD_LOGIN_TOKEN_MANAGER_H
#define AUTHD_LOGIN_TOKEN_MANAGER_H

#include "libcommon/base/random.h"
#include "libcommon/base/secret.h"

#include <stdbool.h>
#include <stdint.h>

enum {
    TOKEN_CALLBACK_PATIENCE_MS = 30000, /* after that without a callback the node logs in all the same */
    TOKEN_RENEWAL_GAP_MS = 1000, /* least time between background renewals, and before a callback's login */
    TOKEN_HANDOVER_MS = 250,     /* a token with less left would expire on its way to the caller */
};

struct token_policy {
    bool called_back;    /* DDS calls the node back: until then, or until patience ends, there is no login */
    double safety_ratio; /* TOKEN_SAFETY_RATIO */
    int64_t jitter_ms;   /* TOKEN_REAUTH_JITTER_MS */
    int64_t max_retries; /* TOKEN_REAUTH_MAX_RETRIES */
};

/* Members are for reading; only the functions below write. */
struct token_manager {
    struct token_policy policy;
    struct random *random;
    struct secret token; /* empty: none */
    int64_t number;      /* of `token`, or of the last one */
    int64_t expires_ms;
    int64_t given_until_ms; /* before the expiry, by TOKEN_HANDOVER_MS or a tenth of the life */
    int64_t renew_ms;
    int64_t allowed_ms;    /* no login sooner; INT64_MAX: not registered */
    bool callback_awaited; /* the registration was accepted and its callback has not come */
    int64_t not_before_ms; /* what the last failure or renewal asks to wait for */
    bool asked_to_wait;    /* the last failure had a Retry-After */
    int64_t login_began_ms;
    bool in_flight;
    int64_t tries;         /* failed ones of this round */
    int64_t failed_rounds; /* in a row */
};

/* `random` is borrowed. Token numbers start above `first_number`: those of a former process must not be
 * mistaken for this one's. */
void token_manager_init(struct token_manager *manager, const struct token_policy *policy,
                        int64_t first_number, struct random *random);
void token_manager_clear(struct token_manager *manager);

enum token_action {
    TOKEN_LOGIN, /* log in now */
    TOKEN_WAIT,  /* ask again at `at_ms`, or after the next event */
    TOKEN_IDLE,  /* a login is in flight, or none may begin: an event goes on */
};

struct token_step {
    enum token_action action;
    int64_t at_ms;
};

/* What to do now. Also drops a token that is too old to be given. */
struct token_step token_manager_next(struct token_manager *manager, int64_t now_ms);

/* The token when it may still be given at `now_ms`, else NULL. Borrowed until the next call that changes
 * something. */
const struct secret *token_manager_get(const struct token_manager *manager, int64_t now_ms);

/* --- registration: before it there is no login (docs/network.md 2) --- */

typedef void token_event_function(struct token_manager *manager, int64_t now_ms);
token_event_function token_manager_on_registered;
token_event_function token_manager_on_callback_stored;
/* DDS refused the registration: who has no token waits for one that it accepts, whatever a callback allowed
 * meanwhile (1.1). One that is there is renewed. */
token_event_function token_manager_on_refused;

/* Whether the login that begins now does so because no callback came; true once for each registration. */
bool token_manager_take_callback_warning(struct token_manager *manager, int64_t now_ms);

/* --- logins --- */

void token_manager_on_login(struct token_manager *manager, int64_t now_ms);

/* Copies `token`. `expires_ms` must be after `now_ms`. */
void token_manager_on_success(struct token_manager *manager, const struct secret *token, int64_t expires_ms,
                              int64_t now_ms);

/* As token_manager_on_success(), of a token that came with a registration (1.4). Ends a login in flight, if
 * any: the driver cancels it. */
void token_manager_on_given(struct token_manager *manager, const struct secret *token, int64_t expires_ms,
                            int64_t now_ms);

/* Returns whether that was the last try of the round: the callers that wait get the error. */
bool token_manager_on_failure(struct token_manager *manager, int64_t retry_after_ms, int64_t now_ms);

/* Verify was answered 403 or 404: no login before the node is registered again. */
void token_manager_on_rejection(struct token_manager *manager);

/* DMS answered 401 to the token of that number. Returns whether it was the one held, which is dropped. */
bool token_manager_refuse(struct token_manager *manager, int64_t number);

#endif
