/* What keeps a node from leasing tasks, as a sentence for people. Pure. */
#ifndef LEASED_WAIT_REASON_H
#define LEASED_WAIT_REASON_H

#include "libcommon/files/disk_room.h"
#include "services/leased/poller.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum { WAIT_REASON_BYTES = 768 };

struct wait_facts {
    bool draining;
    size_t leases;
    size_t hosts;            /* runner hosts that are connected */
    bool hosts_can_work;     /* one of them has a capability */
    const char *why_nothing; /* else what a host says of that; NULL: none says a word */
    bool disk_is_low;        /* then the three behind it say how */
    struct disk_room disk;
    int64_t disk_reserve_bytes;
    const char *work_dir;
    bool all_rest; /* every capability rests; then the three behind it tell of the first to go on */
    const char *rests;
    int64_t rest_failures;
    int64_t rest_ms;
    enum poller_state poll;
    const struct dms_reach *dms;
    const char *login; /* why there is no token, a sentence by authd; "": not known */
};

/* Whether it is a token that is missing. */
bool wait_reason_is_login(const struct wait_facts *facts);

/* The first reason, in the order in which they hinder; false: none, and `out` is empty. Behind its first
 * ": " stand details, as waiting_line.h has it. */
bool wait_reason_find(const struct wait_facts *facts, char out[WAIT_REASON_BYTES]);

#endif
