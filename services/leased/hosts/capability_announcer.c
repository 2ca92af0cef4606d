#include "services/leased/hosts/capability_announcer.h"

#include "libcommon/base/log.h"
#include "libcommon/base/memory.h"

#include <stdlib.h>

enum { REPEAT_MS = 2000, RETRY_MS = 1000 };

struct capability_announcer {
    struct ipc_client *authd;
    struct text_list capabilities;
    struct ipc_call *call;
    struct loop_timer again;
    bool warned; /* authd's silence was logged */
};

static void on_told(void *context, const void *answer, const struct error *failure)
{
    struct capability_announcer *announcer = context;
    (void)answer;
    announcer->call = NULL;
    /* Tried again every second: one line for each silence of authd. */
    if (failure && !announcer->warned)
        log_warn("authd does not know the capabilities yet: %s", failure->text);
    announcer->warned = failure != NULL;
    loop_timer_start(&announcer->again, failure ? RETRY_MS : REPEAT_MS);
}

static void tell(void *context)
{
    struct capability_announcer *announcer = context;
    const struct message_capabilities_set request = {.capabilities = announcer->capabilities};
    announcer->call = call_capabilities_set(announcer->authd, &request, on_told, announcer);
}

static void stop(struct capability_announcer *announcer)
{
    loop_timer_stop(&announcer->again);
    ipc_cancel(announcer->call);
    announcer->call = NULL;
}

void capability_announcer_set(struct capability_announcer *announcer, const struct text_list *capabilities)
{
    stop(announcer);
    text_list_clear(&announcer->capabilities);
    for (size_t i = 0; i < capabilities->count; i++)
        text_list_add(&announcer->capabilities, capabilities->items[i]);
    tell(announcer);
}

struct capability_announcer *capability_announcer_create(struct loop *loop, struct ipc_client *authd)
{
    struct capability_announcer *announcer = memory_allocate(sizeof *announcer);
    announcer->authd = authd;
    loop_timer_init(&announcer->again, loop, tell, announcer);
    return announcer;
}

void capability_announcer_free(struct capability_announcer *announcer)
{
    if (!announcer)
        return;
    stop(announcer);
    text_list_clear(&announcer->capabilities);
    free(announcer);
}
