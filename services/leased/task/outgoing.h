/*
 * What a task has to tell DMS: its latest progress and the events that no 2xx has acknowledged yet
 * (docs/network.md 3.3). Pure; bounded by LIMIT_EVENTS_HELD, LIMIT_EVENTS_HELD_BYTES and
 * LIMIT_HEARTBEAT_EVENTS_BYTES.
 */
#ifndef LEASED_TASK_OUTGOING_H
#define LEASED_TASK_OUTGOING_H

#include "libcommon/base/error.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct outgoing {
    char *progress; /* JSON text; NULL: none yet */
    bool progress_told;
    bool progress_in_flight;
    char **events; /* JSON texts, oldest first */
    size_t event_count;
    size_t event_bytes;
    size_t events_in_flight;
    int64_t last_sequence; /* of the runner's progress and events */
};

void outgoing_clear(struct outgoing *outgoing);

/* Takes progress or an event with the runner's sequence number; a number seen before changes nothing. */
bool outgoing_set_progress(struct outgoing *outgoing, int64_t sequence, const char *progress,
                           struct error *error);

/* ERROR_UNAVAILABLE when too many are held: the runner is to try again later. */
bool outgoing_add_event(struct outgoing *outgoing, int64_t sequence, const char *event, struct error *error);

/* The body of a heartbeat, and what is in it is in flight from now on. free() it. */
char *outgoing_compose_heartbeat(struct outgoing *outgoing);

/* The heartbeat in flight was answered 2xx: what it carried is told. */
void outgoing_acknowledge(struct outgoing *outgoing);

/* It failed: what it carried is to be sent again. */
void outgoing_restore(struct outgoing *outgoing);

/* Whether a message of that number was taken before: its repeat needs no place. */
bool outgoing_knows(const struct outgoing *outgoing, int64_t sequence);

/* Whether there is something that no heartbeat in flight carries. */
bool outgoing_has_news(const struct outgoing *outgoing);

#endif
