/*
 * A task's life as a state machine (docs/network.md 3.2), as one table in task_life.c. Pure: task.c acts on
 * the states.
 */
#ifndef LEASED_TASK_TASK_LIFE_H
#define LEASED_TASK_TASK_LIFE_H

#include <stdbool.h>

enum task_state {
    TASK_FIRST_HEARTBEAT, /* before anything else runs */
    TASK_OPENING,         /* stored makes the workspace */
    TASK_WAITING,         /* for a runner host with a free slot, heartbeated */
    TASK_RUNNING,         /* a host has the job: inputs, run, artifacts */
    TASK_STOPPING,        /* the host was told to cancel */
    TASK_COLLECTING,      /* stored is asked for the artifacts */
    TASK_FLUSHING,        /* the last heartbeat carries the last progress and events */
    TASK_REPORTING,       /* complete or fail, until DMS takes it or refuses for good */
    TASK_CLOSING,         /* stored removes the workspace */
    TASK_ENDED,
    TASK_STATE_COUNT
};

enum task_event {
    TASK_EVENT_HEARTBEAT_ACCEPTED,
    TASK_EVENT_HEARTBEAT_GIVEN_UP, /* the first one only */
    TASK_EVENT_STORAGE_MISSING,    /* no domain_id or server: cannot open */
    TASK_EVENT_OPENED,
    TASK_EVENT_OPEN_FAILED,
    TASK_EVENT_STARTED,
    TASK_EVENT_SUCCEEDED, /* the host says so */
    TASK_EVENT_FAILED,    /* the host says so, or is gone */
    TASK_EVENT_CANCELLED, /* by DMS */
    TASK_EVENT_LOST,      /* the lease */
    TASK_EVENT_DRAINED,   /* the node drains; for a running job: its grace is over */
    TASK_EVENT_OVERRAN,   /* its workspace holds more than it may: stored has cancelled the session */
    TASK_EVENT_COLLECTED,
    TASK_EVENT_COLLECT_FAILED,
    TASK_EVENT_FLUSHED, /* or given up */
    TASK_EVENT_REPORTED,
    TASK_EVENT_CLOSED,
    TASK_EVENT_GIVEN_UP, /* the drain's bound is reached: nothing is waited for any more */
    TASK_EVENT_COUNT
};

/* What DMS will be told at the end. */
enum task_verdict {
    TASK_VERDICT_OPEN, /* not decided yet */
    TASK_VERDICT_NONE, /* nothing: cancelled or lost */
    TASK_VERDICT_COMPLETE,
    TASK_VERDICT_FAIL,
    TASK_VERDICT_SETUP_FAIL /* node_setup_failed */
};

struct task_life {
    enum task_state state;
    enum task_verdict verdict;
};

/* Takes an event; returns whether the state changed. An event that a state has no row for changes nothing. */
bool task_life_on(struct task_life *life, enum task_event event);

/* Whether heartbeats keep the lease alive in this state: until the report is answered. */
bool task_life_needs_lease(const struct task_life *life);

const char *task_state_name(enum task_state state);

#endif
