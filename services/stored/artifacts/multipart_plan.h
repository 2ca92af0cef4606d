/*
 * Which parts a large upload has, which goes next, and what came back (docs/network.md 4.2). The artifact may
 * still grow, and some parts may be at the server from before. Pure.
 */
#ifndef STORED_ARTIFACTS_MULTIPART_PLAN_H
#define STORED_ARTIFACTS_MULTIPART_PLAN_H

#include "libcommon/base/error.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum { MULTIPART_PLAN_PARTS_MAX = 100000 };

struct multipart_plan {
    int64_t total_bytes; /* so far */
    int64_t part_bytes;
    bool whole;        /* total_bytes is final */
    size_t part_count; /* that can be sent so far: all of them when it is whole */
    size_t cursor;     /* parts below it were given out, or are done */
    size_t done;
    size_t capacity;
    char **etags; /* `capacity` of them, in order; NULL until done */
};

struct multipart_range {
    size_t number; /* 1-based */
    int64_t offset;
    int64_t bytes;
};

/* A plan of nothing yet. False for a part size not above 0. */
bool multipart_plan_init(struct multipart_plan *plan, int64_t part_bytes, struct error *error);
void multipart_plan_clear(struct multipart_plan *plan);

/*
 * The artifact has `total_bytes` by now; `whole`: it gets no more. Only full parts of one that still grows
 * can be sent. False when it would have too many parts, nothing when it is whole, or fewer bytes than before.
 */
bool multipart_plan_extend(struct multipart_plan *plan, int64_t total_bytes, bool whole, struct error *error);

/* Gives out the next part; false when all that can be sent are given out. */
bool multipart_plan_next(struct multipart_plan *plan, struct multipart_range *range);

/* Takes `etag`, the server's for part `number`: one that was given out, or that is there from before. A
 * number that the plan does not have, or has already, is ignored (the etag is freed). */
void multipart_plan_finish(struct multipart_plan *plan, size_t number, char *etag);
int64_t multipart_plan_done_bytes(const struct multipart_plan *plan);
bool multipart_plan_is_done(const struct multipart_plan *plan);

/* {"parts":[{"part_number":1,"etag":"..."}, ...]} of a plan that is done. free() it. */
char *multipart_plan_completion(const struct multipart_plan *plan);

#endif
