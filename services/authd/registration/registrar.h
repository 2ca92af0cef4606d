/* Keeps the node registered at DDS (docs/network.md 1): drives registration.h with timers and requests. */
#ifndef AUTHD_REGISTRATION_REGISTRAR_H
#define AUTHD_REGISTRATION_REGISTRAR_H

#include "services/authd/authd.h"

/* Borrows `authd` for its life. */
struct registrar *registrar_create(struct authd *authd);

/* Cancels what is in flight. */
void registrar_free(struct registrar *registrar);

void registrar_on_capabilities(struct registrar *registrar, const struct text_list *capabilities);
void registrar_on_inbound_listening(struct registrar *registrar);
void registrar_on_health_check(struct registrar *registrar);
void registrar_on_callback_stored(struct registrar *registrar);
void registrar_on_login_rejected(struct registrar *registrar);
void registrar_on_login_succeeded(struct registrar *registrar);

bool registrar_is_registered(const struct registrar *registrar);

/* "registered", or why not yet; for people. Returns `out`. */
const char *registrar_describe(struct registrar *registrar, char *out, size_t capacity);

#endif
