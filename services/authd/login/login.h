/* Keeps an access token at hand (docs/network.md 2): drives token_manager.h with timers and requests. */
#ifndef AUTHD_LOGIN_LOGIN_H
#define AUTHD_LOGIN_LOGIN_H

#include "libcommon/ipc/ipc.h"
#include "libcommon/loop/loop.h"
#include "services/authd/dds/dds_flow.h"
#include "services/authd/login/token_manager.h"

struct login;

/* What a login works with; the pointers are borrowed for its life. */
struct login_options {
    struct loop *loop;
    struct random *random;
    const struct dds_client *dds;
    const struct dds_flow *flow;
    struct token_policy policy;
    void (*on_succeeded)(void *context);
    /* DDS does not know this node any more: no login is tried before it is registered again. False when it
     * has been since the login was sent, which then is a failed one like any other. */
    bool (*on_rejected)(void *context, int64_t sent_boot_ms);
    /* Why there is no token, which may be the registration's matter. Returns `out`. */
    const char *(*describe)(void *context, char *out, size_t capacity);
    const char *called_at; /* NODE_URL as people may see it; NULL where DDS does not call back */
    void *context;
};

struct login *login_create(const struct login_options *options);

/* Cancels a login in flight. Requests that wait are dropped with their socket. */
void login_free(struct login *login);

/* Answers now, or when the login that is due has ended. `refused_token` 0: none. */
void login_take_request(struct login *login, struct ipc_request *request, int64_t refused_token);

/* Answers now in any case: without a token with ERROR_CONFLICT and the reason. */
void login_take_question(struct login *login, struct ipc_request *request);

/* A token that a registration brought, which was sent at `sent_boot_ms`: as good as a login's. */
void login_take_token(struct login *login, const struct token_answer *token, int64_t sent_boot_ms);

/* `event` of token_manager.h has happened just now. */
void login_on_event(struct login *login, token_event_function *event);

/* DDS accepted a registration, and its callback has not come since. */
bool login_misses_callback(const struct login *login);

/* Whether there is one that may be given now. */
bool login_has_token(const struct login *login);

/* "token valid for 14 min", or why there is none, as of waiting_line.h; for people. Returns `out`. */
const char *login_describe(const struct login *login, char *out, size_t capacity);

#endif
