/* Keeps an access token at hand (docs/network.md 2): drives token_manager.h with timers and requests. */
#ifndef AUTHD_LOGIN_LOGIN_H
#define AUTHD_LOGIN_LOGIN_H

#include "services/authd/authd.h"

/* Borrows `authd` for its life. */
struct login *login_create(struct authd *authd);

/* Cancels a login in flight. Requests that wait are dropped with their socket. */
void login_free(struct login *login);

/* Answers now, or when the login that is due has ended. `refused_token` 0: none. */
void login_take_request(struct login *login, struct ipc_request *request, int64_t refused_token);

void login_on_registered(struct login *login);
void login_on_callback_stored(struct login *login);

/* "token valid for 14 min" and the like, for people. Returns `out`. */
const char *login_describe(const struct login *login, char *out, size_t capacity);

#endif
