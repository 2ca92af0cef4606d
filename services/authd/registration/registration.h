/*
 * When to register at DDS (docs/network.md 1.1 to 1.4). Pure: the driver (registrar.c) asks
 * registration_next() after every event and does what it says.
 *
 * Anyone can send callbacks and health checks, so they prove little: a callback marks the node registered
 * only while DDS may owe it one, and does not end the loop; a health check only puts off the next look at a
 * registration that DDS accepted. What DDS itself answers to the node's own requests decides all else.
 */
#ifndef AUTHD_REGISTRATION_REGISTRATION_H
#define AUTHD_REGISTRATION_REGISTRATION_H

#include "libcommon/base/random.h"

#include <stdbool.h>
#include <stdint.h>

enum {
    REGISTRATION_INBOUND_FRESH_MS = 30000, /* how long "the inbound endpoint listens" is believed */
    REGISTRATION_CHANGE_GAP_MS = 1000,     /* least time between attempts that no failure spaces */
    REGISTRATION_CALLBACK_MS = 120000,     /* how long after an attempt DDS may call back (1.1) */
    REGISTRATION_CONFLICT_WARNING_MS = 180000,
};

enum registration_state { REGISTRATION_DISCONNECTED, REGISTRATION_REGISTERING, REGISTRATION_REGISTERED };

struct registration_policy {
    bool called_back;    /* DDS calls the node back and asks for its health (1.1, 1.2) */
    int64_t interval_ms; /* REGISTER_INTERVAL_SECS */
    int64_t max_retry;   /* REGISTER_MAX_RETRY; -1: no pause */
};

/* Members are for reading; only the functions below write. */
struct registration {
    struct registration_policy policy;
    struct random *random;
    enum registration_state state;
    bool accepted; /* registered by a 2xx, which ends the loop; else by a callback alone, which does not */
    bool in_flight;
    bool called_back_in_flight; /* a callback came during the attempt in flight, or the last one */
    int64_t accepted_ms;        /* the last 2xx */
    int64_t callback_until_ms;  /* until then a callback counts, besides during an attempt */
    int64_t failures;           /* in a row */
    int64_t rejections;         /* logins in a row that DDS answered 403 or 404 */
    int64_t not_before_ms;      /* no attempt sooner */
    int64_t health_check_ms;    /* the last one, or what counts as one */
    int64_t inbound_heard_ms;   /* -1: never */
    bool has_capabilities;
    int64_t capabilities_version;            /* counts changes of the list */
    int64_t attempted_capabilities_version;  /* what the attempt in flight carries */
    int64_t registered_capabilities_version; /* what DDS knows */
    int64_t conflict_warned_ms;              /* -1: never */
};

enum registration_action {
    REGISTRATION_ATTEMPT, /* register now */
    REGISTRATION_WAIT,    /* ask again at `at_ms`, or after the next event */
    REGISTRATION_IDLE,    /* registered (and not called back), or an attempt is in flight: an event goes on */
    REGISTRATION_NEEDS_RUNNERS, /* there is no capability to register */
    REGISTRATION_NEEDS_INBOUND, /* the inbound endpoint was not heard lately (when called back) */
};

struct registration_step {
    enum registration_action action;
    int64_t at_ms; /* of REGISTRATION_WAIT */
};

enum registration_outcome {
    REGISTRATION_ACCEPTED,
    REGISTRATION_TRANSIENT, /* no answer or 5xx, which DDS may yet follow with a callback; in 1.3 408, 429 */
    REGISTRATION_CONFLICT,  /* 409, another online node holds the registration (1.3) */
    REGISTRATION_REFUSED,   /* 3xx and other 4xx; backs off as a transient one where DDS calls back (1.2) */
};

/* `random` is borrowed for the life of `registration`. */
void registration_init(struct registration *registration, const struct registration_policy *policy,
                       struct random *random);

/* What to do now. Also notices that health checks stayed away for too long. */
struct registration_step registration_next(struct registration *registration, int64_t now_ms);

/* The attempt that REGISTRATION_ATTEMPT asked for has begun. */
void registration_on_attempt(struct registration *registration);

/* How the attempt ended. `retry_after_ms` is DDS's wish, -1 when it has none. */
void registration_on_outcome(struct registration *registration, enum registration_outcome outcome,
                             int64_t retry_after_ms, int64_t now_ms);

/* Of an HTTP status other than 2xx (1.2, 1.3); 0: no answer, or one that cannot be decoded. */
enum registration_outcome registration_outcome_of_status(const struct registration *registration, int status);

/* Returns whether the callback counts: only then may it begin a login (1.1). */
bool registration_on_callback_stored(struct registration *registration, int64_t now_ms);

/* What happened, at `now_ms`. */
typedef void registration_event_function(struct registration *registration, int64_t now_ms);
registration_event_function registration_on_health_check;
registration_event_function registration_on_inbound_listening;

/* `changed`: the list differs from the last one that was not empty. */
void registration_on_capabilities(struct registration *registration, bool any, bool changed);

/*
 * A login sent at `sent_ms` was answered 403 or 404: DDS does not know this node any more, whatever it called
 * back. False when DDS has accepted a registration since: then this says nothing about that one.
 */
bool registration_on_login_rejected(struct registration *registration, int64_t sent_ms, int64_t now_ms);
void registration_on_login_succeeded(struct registration *registration);

/* Whether a conflict is worth a line now; remembers that it was written. */
bool registration_take_conflict_warning(struct registration *registration, int64_t now_ms);

#endif
