/*
 * What this host offers: the runners of its files, and which of them are withdrawn since they cannot be
 * started. Without I/O: runner_folder.c reads the files and looks at the programs.
 */
#ifndef RUNNERD_HOST_RUNNER_OFFERS_H
#define RUNNERD_HOST_RUNNER_OFFERS_H

#include "services/runnerd/host/runner.h"

enum { RUNNER_REASON_BYTES = 1024 };

/* What a look at the files of a runner finds. */
struct runner_look {
    bool works;
    char reason[RUNNER_REASON_BYTES]; /* why not: "cannot start /x/main: it is a folder" */
    uint64_t identity; /* another number: what a start would take is another, or changed; 0: not known */
};

struct runner_offer {
    char *file;            /* where the runner comes from: its file's name, or ENABLE_NOOP */
    struct runner *runner; /* held */
    char *withdrawn;       /* why; NULL: it is offered */
    bool looks_broken;     /* the last look said why, and not a start alone */
    uint64_t identity;     /* of the last look */
};

struct runner_offers {
    struct runner_offer *items;
    size_t count;
    /* What was offered, and is not or is another now: for a start that was on its way. One for a capability;
     * held, the newest last. */
    struct runner **earlier;
    size_t earlier_count;
};

/* A file as it was just read. */
struct runner_reading {
    char *file;
    struct runner *runner; /* NULL: the file is faulty */
};

struct runner_offers_taken {
    bool changed;       /* what is offered, or how many at once */
    size_t fault_count; /* readings that clash with an earlier one, or are too many */
};

/*
 * Goes over to `readings`, the files in the order of their names, and says in the log what that changes. What
 * is as before stays as it is, withdrawn or not; a faulty file leaves the version of it that was read before
 * in force. Takes what the readings own.
 */
struct runner_offers_taken runner_offers_take(struct runner_offers *offers, struct runner_reading *readings,
                                              size_t count);

enum runner_offer_change { RUNNER_OFFER_SAME, RUNNER_OFFER_WITHDRAWN, RUNNER_OFFER_BACK };

/*
 * What a look at the runner's files means. One that looks broken is withdrawn until a look finds it whole;
 * one whose start failed, though it looks whole, until its files are others.
 */
enum runner_offer_change runner_offer_on_look(struct runner_offer *offer, const struct runner_look *look);

/*
 * A start failed in a way that lasts. NULL when that withdraws nothing: the runner is no longer what its
 * capability is run by, or is withdrawn already, or has no identity, so that no look could bring it back (it
 * may be the one task's fault: its program is in the workspace).
 */
struct runner_offer *runner_offers_on_start_fault(struct runner_offers *offers, const struct runner *runner,
                                                  const char *reason);

/* NULL: none of them has the capability. */
struct runner_offer *runner_offers_find(const struct runner_offers *offers, const char *capability);

/* How many are not withdrawn; the first one that is, or NULL. */
size_t runner_offers_count(const struct runner_offers *offers);
const struct runner_offer *runner_offers_first_withdrawn(const struct runner_offers *offers);

/* What ran the capability before; NULL: nothing, or it was forgotten. */
struct runner *runner_offers_find_earlier(const struct runner_offers *offers, const char *capability);
void runner_offers_forget_earlier(struct runner_offers *offers);

void runner_offers_clear(struct runner_offers *offers);

#endif
