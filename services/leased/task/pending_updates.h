/*
 * What a task has to tell DMS: its latest progress and the events that no 2xx has acknowledged yet
 * (docs/network.md 3.3). Pure; bounded by LIMIT_EVENTS_HELD, LIMIT_EVENTS_HELD_BYTES and
 * LIMIT_HEARTBEAT_EVENTS_BYTES.
 */
#ifndef LEASED_TASK_PENDING_UPDATES_H
#define LEASED_TASK_PENDING_UPDATES_H

#include "libcommon/base/error.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct pending_updates {
    char *progress; /* JSON text; NULL: none yet */
    bool progress_told;
    bool progress_in_flight;
    char **events; /* JSON texts, oldest first */
    size_t event_count;
    size_t event_bytes;
    size_t events_in_flight;
    int64_t last_sequence; /* of the runner's progress and events */
};

void pending_updates_clear(struct pending_updates *updates);

/* Takes progress or an event with the runner's sequence number; a number seen before changes nothing. */
typedef bool pending_updates_function(struct pending_updates *updates, int64_t sequence, const char *text,
                                      struct error *error);
pending_updates_function pending_updates_set_progress;

/* ERROR_UNAVAILABLE when too many are held: the runner is to try again later. */
pending_updates_function pending_updates_add_event;

/* The body of a heartbeat, and what is in it is in flight from now on. free() it. */
char *pending_updates_compose_heartbeat(struct pending_updates *updates);

/* The heartbeat in flight was answered 2xx: what it carried is told. */
void pending_updates_acknowledge(struct pending_updates *updates);

/* It failed: what it carried is to be sent again. */
void pending_updates_restore(struct pending_updates *updates);

/* Whether a message of that number was taken before: its repeat needs no place. */
bool pending_updates_know(const struct pending_updates *updates, int64_t sequence);

/* Whether there is something that no heartbeat in flight carries. */
bool pending_updates_any(const struct pending_updates *updates);

#endif
