/* Asks authd, while there is no access token, what it waits for: leased tells that in its place. */
#ifndef LEASED_LOGIN_WATCH_H
#define LEASED_LOGIN_WATCH_H

#include "libcommon/ipc/ipc_client.h"

#include <stdbool.h>

struct login_watch {
    struct ipc_client *authd; /* borrowed */
    struct ipc_call *call;
    char reason[ERROR_TEXT_BYTES]; /* one line, as of waiting_line.h; "": not known */
};

void login_watch_init(struct login_watch *watch, struct ipc_client *authd);
void login_watch_clear(struct login_watch *watch);

/* Call every second or so; `waits`: for a token. */
void login_watch_look(struct login_watch *watch, bool waits);

#endif
