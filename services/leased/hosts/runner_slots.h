/*
 * What one runner host offers, how much of it is in use, and what it has withdrawn lately. Pure: the clock is
 * the caller's.
 */
#ifndef LEASED_HOSTS_RUNNER_SLOTS_H
#define LEASED_HOSTS_RUNNER_SLOTS_H

#include "libcommon/node/messages.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct runner_slot {
    char *capability;
    int64_t max; /* 0: the host has withdrawn it */
    int64_t used;
    int64_t withdrawn_ms; /* when */
};

/* All zero is an empty one; end with runner_slots_clear(). */
struct runner_slots {
    struct runner_slot *items;
    size_t count;
};

/*
 * What the host offers from now on, `struct message_capability` each. Jobs that run are kept, those of what
 * it does not offer any more, too; that counts as withdrawn. Of what is withdrawn and has no job, the latest
 * LIMIT_RUNNER_CAPABILITIES are remembered.
 */
void runner_slots_set(struct runner_slots *slots, const struct record_list *capabilities, int64_t now_ms);

/* Takes over what the start of the host before had, whose jobs are gone; `former` is empty then. What is not
 * set again counts as withdrawn: DMS may still know it. */
void runner_slots_inherit(struct runner_slots *slots, struct runner_slots *former);

/* Drops what was withdrawn a minute ago and has no job: DDS is told at once, and DMS has heard of it by then.
 */
void runner_slots_forget_withdrawn(struct runner_slots *slots, int64_t now_ms);

/* The slot of a capability, withdrawn or not; NULL: there is none. */
struct runner_slot *runner_slots_find(const struct runner_slots *slots, const char *capability);

/* How many more jobs of the capability could run. */
int64_t runner_slots_count_free(const struct runner_slots *slots, const char *capability);

/* How many capabilities are offered. */
size_t runner_slots_count_offered(const struct runner_slots *slots);

/*
 * Before runner_slots_set(): what may be mended with it. That is what was not offered, or, when no capability
 * comes or goes, all: the host read its runner files anew, and something in them is another.
 * text_list_clear() it.
 */
struct text_list runner_slots_list_mended(const struct runner_slots *slots,
                                          const struct record_list *capabilities);

void runner_slots_clear(struct runner_slots *slots);

#endif
