/* Keeps the node registered at DDS (docs/network.md 1): drives registration.h with timers and requests. */
#ifndef AUTHD_REGISTRATION_REGISTRAR_H
#define AUTHD_REGISTRATION_REGISTRAR_H

#include "libcommon/loop/loop.h"
#include "libcommon/message/message.h"
#include "services/authd/dds/dds_flow.h"
#include "services/authd/registration/registration.h"

struct registrar;

/* What a registrar works with; the pointers are borrowed for its life. */
struct registrar_options {
    struct loop *loop;
    struct random *random;
    const struct dds_client *dds;
    const struct dds_flow *flow;
    struct registration_policy policy;
    /* DDS accepted a registration with `answer`, which may bring a token; `called_back`: its callback came
     * before its answer. */
    void (*on_registered)(void *context, bool called_back, const struct dds_answer *answer);
    /* DDS refused one, which it will call back about no more; for a flow that calls back alone. */
    void (*on_refused)(void *context);
    void *context;
};

struct registrar *registrar_create(const struct registrar_options *options);

/* Cancels what is in flight. */
void registrar_free(struct registrar *registrar);

void registrar_on_capabilities(struct registrar *registrar, const struct text_list *capabilities);

/* `event` of registration.h has happened just now: registration_on_health_check and the like. */
void registrar_on_event(struct registrar *registrar, registration_event_function *event);

/* As registration_on_callback_stored() and registration_on_login_rejected(). */
bool registrar_on_callback_stored(struct registrar *registrar);
bool registrar_on_login_rejected(struct registrar *registrar, int64_t sent_boot_ms);
void registrar_on_login_succeeded(struct registrar *registrar);

bool registrar_is_registered(const struct registrar *registrar);

/* The last attempt has failed. */
bool registrar_has_failed(const struct registrar *registrar);

/* "registered", or why not yet; for people. Returns `out`. */
const char *registrar_describe(struct registrar *registrar, char *out, size_t capacity);

#endif
