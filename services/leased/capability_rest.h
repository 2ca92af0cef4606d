/*
 * Which capabilities rest because their jobs fail as soon as they start: one that cannot work would take
 * task after task from nodes where it can. Pure: the caller has the clock and the log.
 *
 * Three failures in a row, each within 10 s of its program's start, whichever tasks they were of: no lease
 * for 10 s, then one at a time, and each further failure doubles the rest, up to 10 minutes. A success, or a
 * job that ran longer, ends all that.
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
    bool was_cut; /* a rest of it, by a host's hello at cut_ms */
    int64_t cut_ms;
};

struct capability_rests {
    struct capability_rest *items; /* of capabilities that failed last */
    size_t count;
};

void capability_rests_clear(struct capability_rests *rests);

/*
 * A job ended by itself: who cancelled it, or lost its lease, says nothing. Its host was told at `started_ms`
 * to start it, and says that it ran for `ran_ms`; where that cannot be, as 0 cannot, it counts from
 * `started_ms`. Returns how long the capability rests from now on, 0: not at all.
 */
int64_t capability_rests_on_failure(struct capability_rests *rests, const char *capability,
                                    int64_t started_ms, int64_t ran_ms, int64_t now_ms);
/* Returns whether it had rested before. */
bool capability_rests_on_success(struct capability_rests *rests, const char *capability);

/* A runner host came or read its runner files anew: of what may be `mended` a rest ends, but not twice in ten
 * minutes. What is not among `known` (offered, or withdrawn lately) is forgotten. */
void capability_rests_on_hosts(struct capability_rests *rests, const struct text_list *mended,
                               const struct text_list *known, int64_t now_ms);

/* How many more tasks of the capability are to be leased when `free` could run and `held` are leased. */
int64_t capability_rests_room(const struct capability_rests *rests, const char *capability, int64_t free,
                              int64_t held, int64_t now_ms);

struct capability_rests_seen {
    const struct capability_rest *next; /* the one whose rest ends first; NULL: none rests */
    bool all;                           /* there are some, and all of them rest */
};

/* Of what is `offered`: what is withdrawn keeps nobody waiting. */
struct capability_rests_seen capability_rests_look(const struct capability_rests *rests,
                                                   const struct text_list *offered, int64_t now_ms);

#endif
