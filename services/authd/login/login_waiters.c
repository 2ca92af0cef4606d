#include "services/authd/login/login_waiters.h"

#include <string.h>

bool login_waiters_add(struct login_waiters *waiters, struct ipc_request *request, int64_t until_ms)
{
    if (waiters->count == LIMIT_PENDING_REQUESTS)
        return false;
    waiters->items[waiters->count++] = (struct login_waiter){request, until_ms};
    return true;
}

int64_t login_waiters_due_ms(const struct login_waiters *waiters)
{
    return waiters->count > 0 ? waiters->items[0].until_ms : INT64_MAX;
}

void login_waiters_answer_all(struct login_waiters *waiters, const struct message_token *token)
{
    for (size_t i = 0; i < waiters->count; i++)
        ipc_answer(waiters->items[i].request, token);
    waiters->count = 0;
}

void login_waiters_fail_due(struct login_waiters *waiters, int64_t now_ms, const struct error *error)
{
    size_t count = 0;
    while (count < waiters->count && waiters->items[count].until_ms <= now_ms)
        ipc_fail(waiters->items[count++].request, error);
    waiters->count -= count;
    memmove(waiters->items, waiters->items + count, waiters->count * sizeof waiters->items[0]);
}
