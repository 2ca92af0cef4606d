#include "services/authd/registration/registrar.h"

#include "libcommon/base/clock.h"
#include "libcommon/base/log.h"
#include "libcommon/base/memory.h"
#include "libcommon/base/text.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { REASON_SHOWN_BYTES = 300 };

struct registrar {
    struct registrar_options options;
    struct registration registration;
    struct loop_timer timer;
    struct dds_call *call;
    struct text_list capabilities;  /* the last that were not empty: sorted, none twice */
    char failure[DDS_REASON_BYTES]; /* of the last attempt; "" when it was accepted */
};

/* --- an attempt --- */

static void advance(void *context);

static void on_accepted(struct registrar *registrar, const struct dds_answer *answer)
{
    registration_on_outcome(&registrar->registration, REGISTRATION_ACCEPTED, -1, clock_boot_ms());
    registrar->failure[0] = '\0';
    log_info("registered at DDS with %zu %s", registrar->capabilities.count,
             text_plural(registrar->capabilities.count, "capability", "capabilities"));
    registrar->options.on_registered(registrar->options.context,
                                     registrar->registration.called_back_in_flight, answer);
}

/* The same as before is told by leased, once a minute. */
static void log_failure(struct registrar *registrar, enum registration_outcome outcome, const char *reason,
                        int64_t now_ms)
{
    bool again = strcmp(reason, registrar->failure) == 0;
    struct registration *registration = &registrar->registration;
    double wait_secs = (double)(registration->not_before_ms - now_ms) / 1000;
    /* Another node's hold lasts: every attempt's line would say the same. */
    if (registration->state == REGISTRATION_REGISTERED)
        log_warn("called back, yet the registration failed, next try in %.1f s: %s", wait_secs, reason);
    else if (outcome != REGISTRATION_CONFLICT)
        log_write(again ? LOG_LEVEL_DEBUG : LOG_LEVEL_WARN, NULL,
                  "registration failed, next try in %.1f s: %s", wait_secs, reason);
    else if (registration_take_conflict_warning(registration, now_ms))
        log_warn("another online node holds the registration, next try in %.1f s: %s", wait_secs, reason);
}

static void on_failed(struct registrar *registrar, int status, int64_t retry_after_ms, const char *reason)
{
    int64_t now_ms = clock_boot_ms();
    enum registration_outcome outcome = registration_outcome_of_status(&registrar->registration, status);
    registration_on_outcome(&registrar->registration, outcome, retry_after_ms, now_ms);
    log_failure(registrar, outcome, reason, now_ms);
    text_format(registrar->failure, sizeof registrar->failure, "%s", reason);
    if (registrar->options.policy.called_back && outcome != REGISTRATION_TRANSIENT)
        registrar->options.on_refused(registrar->options.context);
    advance(registrar);
}

static void on_register_done(void *context, const struct dds_answer *answer)
{
    struct registrar *registrar = context;
    registrar->call = NULL;
    if (!answer->accepted) {
        on_failed(registrar, answer->status, answer->retry_after_ms, answer->reason);
        return;
    }
    on_accepted(registrar, answer);
    advance(registrar);
}

static void attempt(struct registrar *registrar)
{
    const struct registrar_options *options = &registrar->options;
    struct error error;
    registration_on_attempt(&registrar->registration);
    log_info("registering at DDS");
    registrar->call = options->flow->register_node(options->dds, &registrar->capabilities, on_register_done,
                                                   registrar, &error);
    if (!registrar->call)
        on_failed(registrar, 0, -1, error.text);
}

/* Does what is due, and sets the timer for what comes next. */
static void advance(void *context)
{
    struct registrar *registrar = context;
    int64_t now_ms = clock_boot_ms();
    struct registration_step step = registration_next(&registrar->registration, now_ms);
    loop_timer_stop(&registrar->timer);
    if (step.action == REGISTRATION_ATTEMPT)
        attempt(registrar);
    else if (step.action == REGISTRATION_WAIT)
        loop_timer_start(&registrar->timer, step.at_ms - now_ms);
}

/* --- events --- */

static bool same_texts(const struct text_list *left, const struct text_list *right)
{
    if (left->count != right->count)
        return false;
    for (size_t i = 0; i < left->count; i++)
        if (strcmp(left->items[i], right->items[i]) != 0)
            return false;
    return true;
}

void registrar_on_capabilities(struct registrar *registrar, const struct text_list *capabilities)
{
    struct text_list sorted = {0};
    for (size_t i = 0; i < capabilities->count; i++)
        if (*capabilities->items[i])
            text_list_add(&sorted, capabilities->items[i]);
    text_list_sort_unique(&sorted);
    bool any = sorted.count > 0;
    bool changed = any && !same_texts(&sorted, &registrar->capabilities);
    registration_on_capabilities(&registrar->registration, any, changed);
    if (changed) {
        text_list_clear(&registrar->capabilities);
        registrar->capabilities = sorted;
        log_info("%zu %s to register", sorted.count, text_plural(sorted.count, "capability", "capabilities"));
    } else {
        text_list_clear(&sorted);
    }
    advance(registrar);
}

void registrar_on_event(struct registrar *registrar, registration_event_function *event)
{
    event(&registrar->registration, clock_boot_ms());
    advance(registrar);
}

bool registrar_on_callback_stored(struct registrar *registrar)
{
    bool counts = registration_on_callback_stored(&registrar->registration, clock_boot_ms());
    advance(registrar);
    return counts;
}

bool registrar_on_login_rejected(struct registrar *registrar, int64_t sent_boot_ms)
{
    bool counts = registration_on_login_rejected(&registrar->registration, sent_boot_ms, clock_boot_ms());
    advance(registrar);
    return counts;
}

void registrar_on_login_succeeded(struct registrar *registrar)
{
    registration_on_login_succeeded(&registrar->registration);
}

/* --- for people --- */

bool registrar_is_registered(const struct registrar *registrar)
{
    return registrar->registration.state == REGISTRATION_REGISTERED;
}

bool registrar_has_failed(const struct registrar *registrar)
{
    return *registrar->failure != '\0';
}

const char *registrar_describe(struct registrar *registrar, char *out, size_t capacity)
{
    int64_t now_ms = clock_boot_ms();
    const char *failure = *registrar->failure ? registrar->failure : "registering at DDS";
    if (registrar_is_registered(registrar)) {
        snprintf(out, capacity, "registered");
        return out;
    }
    struct registration_step step = registration_next(&registrar->registration, now_ms);
    switch (step.action) {
    case REGISTRATION_NEEDS_RUNNERS:
        snprintf(out, capacity, "not registered: no runner has a capability to register");
        break;
    case REGISTRATION_NEEDS_INBOUND:
        snprintf(out, capacity, "not registered: the inbound endpoint (posemesh-httpd) does not listen");
        break;
    case REGISTRATION_WAIT:
        snprintf(out, capacity, "not registered: %.*s; next try in %lld s",
                 TEXT_CUT(failure, REASON_SHOWN_BYTES), (long long)(step.at_ms - now_ms + 999) / 1000);
        break;
    default:
        snprintf(out, capacity, "not registered: %.*s", TEXT_CUT(failure, REASON_SHOWN_BYTES));
        break;
    }
    return out;
}

/* --- life --- */

struct registrar *registrar_create(const struct registrar_options *options)
{
    struct registrar *registrar = memory_allocate(sizeof *registrar);
    registrar->options = *options;
    registration_init(&registrar->registration, &options->policy, options->random);
    loop_timer_init(&registrar->timer, options->loop, advance, registrar);
    return registrar;
}

void registrar_free(struct registrar *registrar)
{
    if (!registrar)
        return;
    dds_cancel(registrar->call);
    loop_timer_stop(&registrar->timer);
    text_list_clear(&registrar->capabilities);
    free(registrar);
}
