/*
 * Which capabilities rest because their jobs fail as soon as they start: one that cannot work would take
 * task after task from nodes where it can. Pure: the caller has the clock and the log.
 *
 * Three failures in a row, each within 10 s of its job's start, whichever tasks they were of: no lease for
 * 10 s, then one at a time, and each further failure doubles the rest, up to 10 minutes. A success, or a job
 * that ran longer, ends all that.
 */
#ifndef LEASED_CAPABILITY_REST_H
#define LEASED_CAPABILITY_REST_H

#include "libcommon/message/message.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum {
    CAPABILITY_REST_FAILURES = 3,
    CAPABILITY_REST_QUICK_MS = 10000,
    CAPABILITY_REST_MIN_MS = 10000,
    CAPABILITY_REST_MAX_MS = 600000
};

struct capability_rest {
    char *capability;
    int64_t failures; /* in a row; those that were under way when a rest began count as none */
    int64_t began_ms; /* the last rest, if there was one */
    int64_t until_ms;
};

struct capability_rests {
    struct capability_rest *items; /* of capabilities that failed last */
    size_t count;
};

void capability_rests_clear(struct capability_rests *rests);

/* A job ended by itself: who cancelled it, or lost its lease, says nothing. Returns how long the capability
 * rests from now on, 0: not at all. */
int64_t capability_rests_on_failure(struct capability_rests *rests, const char *capability,
                                    int64_t started_ms, int64_t now_ms);
/* Returns whether it had rested before. */
bool capability_rests_on_success(struct capability_rests *rests, const char *capability);

/* A runner host came or read its runner files anew: who rests may be mended, and is tried at once. What is
 * not among `offered` is forgotten. */
void capability_rests_on_hosts(struct capability_rests *rests, const struct text_list *offered);

/* How many more tasks of the capability are to be leased when `free` could run and `held` are leased. */
int64_t capability_rests_room(const struct capability_rests *rests, const char *capability, int64_t free,
                              int64_t held, int64_t now_ms);

/* The one whose rest ends first; NULL: none rests. */
const struct capability_rest *capability_rests_next(const struct capability_rests *rests, int64_t now_ms);

/* How many rest. */
size_t capability_rests_count(const struct capability_rests *rests, int64_t now_ms);

#endif
