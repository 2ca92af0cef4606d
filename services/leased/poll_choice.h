/* What the poller asks DMS for (docs/network.md 3.1): anything, or one capability, in turn. Pure. */
#ifndef LEASED_POLL_CHOICE_H
#define LEASED_POLL_CHOICE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* A capability that is offered here, and how many more tasks of it could run now; perhaps below zero. */
struct poll_room {
    const char *capability;
    int64_t free;
};

/*
 * `rooms` are sorted by capability; `last` is what was asked for last time, NULL: nothing by name. False: no
 * task could run. Else `*capability` is NULL when every capability has room, or the next behind `last` that
 * has.
 */
bool poll_choice_make(const struct poll_room *rooms, size_t count, const char *last, const char **capability);

#endif
