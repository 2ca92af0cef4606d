/* The token requests that wait for a login, each for a bounded time. */
#ifndef AUTHD_LOGIN_LOGIN_WAITERS_H
#define AUTHD_LOGIN_LOGIN_WAITERS_H

#include "libcommon/base/limits.h"
#include "libcommon/ipc/ipc.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* In the order of arrival, so that the first one's time is up first. */
struct login_waiters {
    struct login_waiter {
        struct ipc_request *request;
        int64_t until_ms;
    } items[LIMIT_PENDING_REQUESTS];
    size_t count;
};

/* False when too many wait already. */
bool login_waiters_add(struct login_waiters *waiters, struct ipc_request *request, int64_t until_ms);

/* When the first one's time is up; INT64_MAX when nobody waits. */
int64_t login_waiters_due_ms(const struct login_waiters *waiters);

void login_waiters_answer_all(struct login_waiters *waiters, const struct message_token *token);
void login_waiters_fail_due(struct login_waiters *waiters, int64_t now_ms, const struct error *error);

#endif
