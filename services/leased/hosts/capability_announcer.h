/* Tells authd what the runner hosts can do, at once and from time to time: authd may have been restarted. */
#ifndef LEASED_HOSTS_CAPABILITY_ANNOUNCER_H
#define LEASED_HOSTS_CAPABILITY_ANNOUNCER_H

#include "libcommon/ipc/ipc_client.h"

struct capability_announcer;

/* Borrows both for its life. Says nothing before capability_announcer_set(). */
struct capability_announcer *capability_announcer_create(struct loop *loop, struct ipc_client *authd);
void capability_announcer_free(struct capability_announcer *announcer);

/* What was being told is out of date: the copy of this list is told instead. */
void capability_announcer_set(struct capability_announcer *announcer, const struct text_list *capabilities);

#endif
