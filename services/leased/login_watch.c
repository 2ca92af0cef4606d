#include "services/leased/login_watch.h"

#include "libcommon/base/text.h"

#include <string.h>

void login_watch_init(struct login_watch *watch, struct ipc_client *authd)
{
    *watch = (struct login_watch){.authd = authd};
}

void login_watch_clear(struct login_watch *watch)
{
    ipc_cancel(watch->call);
    watch->call = NULL;
    watch->reason[0] = '\0';
}

static void on_answer(void *context, const void *answer, const struct error *failure)
{
    struct login_watch *watch = context;
    char text[ERROR_TEXT_BYTES];
    (void)answer;
    watch->call = NULL;
    watch->reason[0] = '\0';
    if (!failure)
        return;
    /* Only a conflict is what authd says itself. */
    text_format(text, sizeof text, "%s%s",
                failure->code == ERROR_CONFLICT ? "" : "cannot log in: ", failure->text);
    text_one_line(text, strlen(text), watch->reason, sizeof watch->reason);
}

void login_watch_look(struct login_watch *watch, bool waits)
{
    const struct message_token_get request = {.at_once = true};
    if (!waits)
        login_watch_clear(watch);
    else if (!watch->call)
        watch->call = call_token_get(watch->authd, &request, on_answer, watch);
}
