/*
 * The talk of a runner host with leased: it introduces itself, then waits for one command after the other.
 * When leased does not know it (any more), it introduces itself again.
 */
#ifndef RUNNERD_HOST_HOST_LINK_H
#define RUNNERD_HOST_HOST_LINK_H

#include "libcommon/base/random.h"
#include "libcommon/ipc/ipc.h"
#include "services/runnerd/host/runner_offers.h"

struct host_link;

/* Handles a command, which comes once and names a task. */
typedef void host_command_function(void *context, const struct message_host_command *command);

struct host_link_options {
    char *name; /* of this host; borrowed */
    struct loop *loop;
    struct ipc_client *leased;
    const struct runner_offers *offers; /* those that are not withdrawn are announced */
    struct random *random;
    /* Why nothing is offered; NULL when something is. */
    const char *(*why_nothing)(void *context, char reason[RUNNER_REASON_BYTES]);
    void (*list_running)(void *context, struct text_list *keys);      /* adds the keys of what runs */
    void (*on_expected)(void *context, const struct text_list *keys); /* all else is to be stopped */
    host_command_function *const *handlers;                           /* one for each of COMMANDS; borrowed */
    void *context;
};

/* Introduces itself in a later turn. */
struct host_link *host_link_create(const struct host_link_options *options);
void host_link_free(struct host_link *link);

/* What is offered has changed: introduces itself again, in a later turn. */
void host_link_renew(struct host_link *link);

/* Takes no more commands. */
void host_link_stop(struct host_link *link);

/* Whether leased knows this host and answers, as far as this host can tell. */
bool host_link_is_welcome(const struct host_link *link);

#endif
