/*
 * Keeps what this host offers true: reads the runner files anew when it is told to, looks at what is
 * withdrawn until it can be started again, and for new files while one is faulty or nothing is offered, which
 * it says.
 */
#ifndef RUNNERD_OFFERING_OFFERING_H
#define RUNNERD_OFFERING_OFFERING_H

#include "libcommon/loop/loop.h"
#include "services/runnerd/offering/runner_folder.h"

struct offering;

struct offering_options {
    struct loop *loop;
    const char *path; /* of the runner files; borrowed */
    bool with_noop;
    /* What is offered, or why nothing is; not from offering_create(). */
    void (*on_changed)(void *context);
    /* Whether somebody else says while nothing is offered. */
    bool (*is_told)(void *context);
    void *context;
};

/* Reads the files. */
struct offering *offering_create(const struct offering_options *options);
void offering_free(struct offering *offering);

/* Reads the files anew. */
void offering_reload(struct offering *offering);

/* The runner of a capability, which can be started as far as its files tell; NULL with the reason why not.
 * `earlier`: or what was offered before offering_forget_earlier(), for a start that was on its way. */
struct runner *offering_find(struct offering *offering, const char *capability, bool earlier,
                             char reason[RUNNER_REASON_BYTES]);
void offering_forget_earlier(struct offering *offering);

/* A start of the runner failed, `code` as of errno. */
void offering_on_start_fault(struct offering *offering, const struct runner *runner, int code,
                             const char *reason);

/* For those who only read. */
const struct runner_offers *offering_list(const struct offering *offering);

/* Why nothing is offered; NULL when something is. */
const char *offering_why_nothing(const struct offering *offering, char reason[RUNNER_REASON_BYTES]);

#endif
