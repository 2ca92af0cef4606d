#include "services/leased/task/task_life.h"

#include <stddef.h>

struct transition {
    enum task_state from;
    enum task_event event;
    enum task_state to;
    enum task_verdict verdict; /* TASK_VERDICT_OPEN: as it was */
};

#define KEEP TASK_VERDICT_OPEN

/* clang-format off */
static const struct transition transitions[] = {
    {TASK_FIRST_HEARTBEAT, TASK_EVENT_HEARTBEAT_ACCEPTED, TASK_OPENING,    KEEP},
    {TASK_FIRST_HEARTBEAT, TASK_EVENT_HEARTBEAT_GIVEN_UP, TASK_REPORTING,  TASK_VERDICT_SETUP_FAIL},
    {TASK_FIRST_HEARTBEAT, TASK_EVENT_CANCELLED,          TASK_ENDED,      TASK_VERDICT_NONE},
    {TASK_FIRST_HEARTBEAT, TASK_EVENT_LOST,               TASK_ENDED,      TASK_VERDICT_NONE},
    {TASK_FIRST_HEARTBEAT, TASK_EVENT_DRAINED,            TASK_REPORTING,  TASK_VERDICT_SETUP_FAIL},

    {TASK_OPENING,    TASK_EVENT_OPENED,          TASK_WAITING,    KEEP},
    {TASK_OPENING,    TASK_EVENT_STORAGE_MISSING, TASK_REPORTING,  TASK_VERDICT_SETUP_FAIL},
    {TASK_OPENING,    TASK_EVENT_OPEN_FAILED,     TASK_REPORTING,  TASK_VERDICT_SETUP_FAIL},
    {TASK_OPENING,    TASK_EVENT_CANCELLED,       TASK_CLOSING,    TASK_VERDICT_NONE},
    {TASK_OPENING,    TASK_EVENT_LOST,            TASK_CLOSING,    TASK_VERDICT_NONE},
    {TASK_OPENING,    TASK_EVENT_DRAINED,         TASK_FLUSHING,   TASK_VERDICT_FAIL},

    {TASK_WAITING,    TASK_EVENT_STARTED,         TASK_RUNNING,    KEEP},
    {TASK_WAITING,    TASK_EVENT_FAILED,          TASK_FLUSHING,   TASK_VERDICT_FAIL},
    {TASK_WAITING,    TASK_EVENT_DRAINED,         TASK_FLUSHING,   TASK_VERDICT_FAIL},
    {TASK_WAITING,    TASK_EVENT_OVERRAN,         TASK_FLUSHING,   TASK_VERDICT_FAIL},
    {TASK_WAITING,    TASK_EVENT_CANCELLED,       TASK_CLOSING,    TASK_VERDICT_NONE},
    {TASK_WAITING,    TASK_EVENT_LOST,            TASK_CLOSING,    TASK_VERDICT_NONE},

    {TASK_RUNNING,    TASK_EVENT_SUCCEEDED,       TASK_COLLECTING, TASK_VERDICT_COMPLETE},
    {TASK_RUNNING,    TASK_EVENT_FAILED,          TASK_COLLECTING, TASK_VERDICT_FAIL},
    {TASK_RUNNING,    TASK_EVENT_DRAINED,         TASK_STOPPING,   TASK_VERDICT_FAIL},
    {TASK_RUNNING,    TASK_EVENT_OVERRAN,         TASK_STOPPING,   TASK_VERDICT_FAIL},
    {TASK_RUNNING,    TASK_EVENT_CANCELLED,       TASK_STOPPING,   TASK_VERDICT_NONE},
    {TASK_RUNNING,    TASK_EVENT_LOST,            TASK_STOPPING,   TASK_VERDICT_NONE},

    /* The job is over, one way or the other. A success that crossed a drain's cancel, or an overrun, is finished work and counts;
     * one that crossed the end of its lease does not: see task_life_on(). */
    {TASK_STOPPING,   TASK_EVENT_SUCCEEDED,       TASK_COLLECTING, TASK_VERDICT_COMPLETE},
    {TASK_STOPPING,   TASK_EVENT_FAILED,          TASK_COLLECTING, KEEP},
    {TASK_STOPPING,   TASK_EVENT_CANCELLED,       TASK_STOPPING,   TASK_VERDICT_NONE},
    {TASK_STOPPING,   TASK_EVENT_LOST,            TASK_STOPPING,   TASK_VERDICT_NONE},

    /* All artifacts are stored: a lease lost from here on is for DMS to judge (docs/network.md 3.2, 7). */
    {TASK_COLLECTING, TASK_EVENT_COLLECTED,       TASK_FLUSHING,   KEEP},
    {TASK_COLLECTING, TASK_EVENT_COLLECT_FAILED,  TASK_FLUSHING,   TASK_VERDICT_FAIL},
    {TASK_COLLECTING, TASK_EVENT_CANCELLED,       TASK_CLOSING,    TASK_VERDICT_NONE},

    {TASK_FLUSHING,   TASK_EVENT_FLUSHED,         TASK_REPORTING,  KEEP},
    {TASK_FLUSHING,   TASK_EVENT_LOST,            TASK_REPORTING,  KEEP},
    {TASK_FLUSHING,   TASK_EVENT_CANCELLED,       TASK_CLOSING,    TASK_VERDICT_NONE},

    {TASK_REPORTING,  TASK_EVENT_REPORTED,        TASK_CLOSING,    KEEP},
    {TASK_CLOSING,    TASK_EVENT_CLOSED,          TASK_ENDED,      KEEP},

    /* A drain lasts no longer than its bound, DMS, stored and runner hosts reachable or not. */
    {TASK_FIRST_HEARTBEAT, TASK_EVENT_GIVEN_UP, TASK_ENDED,   TASK_VERDICT_NONE},
    {TASK_OPENING,         TASK_EVENT_GIVEN_UP, TASK_CLOSING, TASK_VERDICT_NONE},
    {TASK_WAITING,         TASK_EVENT_GIVEN_UP, TASK_CLOSING, TASK_VERDICT_NONE},
    {TASK_RUNNING,         TASK_EVENT_GIVEN_UP, TASK_CLOSING, TASK_VERDICT_NONE},
    {TASK_STOPPING,        TASK_EVENT_GIVEN_UP, TASK_CLOSING, TASK_VERDICT_NONE},
    {TASK_COLLECTING,      TASK_EVENT_GIVEN_UP, TASK_CLOSING, TASK_VERDICT_NONE},
    {TASK_FLUSHING,        TASK_EVENT_GIVEN_UP, TASK_CLOSING, TASK_VERDICT_NONE},
    {TASK_REPORTING,       TASK_EVENT_GIVEN_UP, TASK_CLOSING, TASK_VERDICT_NONE},
    {TASK_CLOSING,         TASK_EVENT_GIVEN_UP, TASK_ENDED,   TASK_VERDICT_NONE},
};
/* clang-format on */

static const char *const state_names[TASK_STATE_COUNT] = {
    [TASK_FIRST_HEARTBEAT] = "first heartbeat",
    [TASK_OPENING] = "opening its workspace",
    [TASK_WAITING] = "waiting for a runner",
    [TASK_RUNNING] = "running",
    [TASK_STOPPING] = "stopping",
    [TASK_COLLECTING] = "collecting its artifacts",
    [TASK_FLUSHING] = "last heartbeat",
    [TASK_REPORTING] = "reporting",
    [TASK_CLOSING] = "closing its workspace",
    [TASK_ENDED] = "ended",
};

bool task_life_on(struct task_life *life, enum task_event event)
{
    for (size_t i = 0; i < sizeof transitions / sizeof transitions[0]; i++) {
        const struct transition *row = &transitions[i];
        if (row->from != life->state || row->event != event)
            continue;
        /* A lease that is gone does not come back: what follows is only the clearing away. */
        if (row->verdict != KEEP && life->verdict != TASK_VERDICT_NONE)
            life->verdict = row->verdict;
        enum task_state next = row->to;
        /* Nothing will be reported: no artifacts to ask for, nothing to flush. */
        if (life->verdict == TASK_VERDICT_NONE && next == TASK_COLLECTING)
            next = TASK_CLOSING;
        bool changed = next != life->state;
        life->state = next;
        return changed;
    }
    return false;
}

bool task_life_needs_lease(const struct task_life *life)
{
    return life->state <= TASK_REPORTING && life->verdict != TASK_VERDICT_NONE;
}

const char *task_state_name(enum task_state state)
{
    return state_names[state];
}
