/*
 * What a task has to tell DMS: its latest progress and the events that no 2xx has acknowledged yet
 * (docs/network.md 3.3). Pure; bounded by LIMIT_EVENTS_HELD, LIMIT_EVENTS_HELD_BYTES and
 * LIMIT_HEARTBEAT_EVENTS_BYTES.
 *
 * What DMS refuses (docs/network.md, "Retries") is found by halves: the lease is renewed by a heartbeat that
 * carries nothing, then progress and events go apart, and the events by ever smaller shares, until what is
 * refused alone is dropped.
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
    bool progress_carried; /* by the heartbeat in flight, though it may be replaced by now */
    char **events;         /* JSON texts, oldest first */
    size_t event_count;
    size_t event_bytes;
    size_t events_in_flight;
    bool renew;            /* the next heartbeat carries nothing: the last one was refused */
    bool apart;            /* progress and events go in heartbeats of their own: there are suspects */
    size_t suspects;       /* events at the front that a refused heartbeat carried */
    size_t events_at_once; /* while there are suspects */
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

/*
 * DMS refused what the heartbeat in flight carried, not the heartbeat as such. Sets what the next ones carry,
 * and names what was refused alone and is dropped ("the progress", "an event"); NULL: nothing yet.
 */
const char *pending_updates_refuse(struct pending_updates *updates);

/* Gives up the events that are not told yet: DMS does not take them, or there is no time left. */
void pending_updates_forget_events(struct pending_updates *updates);

/* Whether the heartbeat in flight carries anything. */
bool pending_updates_are_in_flight(const struct pending_updates *updates);

/* Whether a message of that number was taken before: its repeat needs no place. */
bool pending_updates_know(const struct pending_updates *updates, int64_t sequence);

/* Whether there is something that no heartbeat in flight carries. */
bool pending_updates_any(const struct pending_updates *updates);

#endif
