/* A runner: what makes a program, or a noop, a capability. */
#ifndef RUNNERD_HOST_RUNNER_H
#define RUNNERD_HOST_RUNNER_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct runner {
    char *capability;
    bool noop;          /* built in: no command */
    char **command;     /* NULL-terminated */
    char **files;       /* those of the command behind the program that must be there; its own pointers */
    char **environment; /* "NAME=value", NULL-terminated; NULL when there is none */
    int64_t timeout_secs;
    int64_t max_concurrency;
    size_t holders; /* as of runner_share() */
};

/* Frees what it owns; for one that is not shared. */
void runner_clear(struct runner *runner);

/* Takes what `runner` owns into a runner that lives until the last who holds it drops it; the caller is the
 * first. Jobs hold theirs, whatever becomes of the file. */
struct runner *runner_share(struct runner *runner);
struct runner *runner_hold(struct runner *runner);
void runner_drop(struct runner *runner); /* NULL is harmless */

/* Whether both are the same in all that a job would notice. */
bool runner_equal(const struct runner *one, const struct runner *other);

#endif
