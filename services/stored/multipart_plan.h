/* Which parts a large upload has, which goes next, and what came back (docs/network.md 4.2). Pure. */
#ifndef STORED_MULTIPART_PLAN_H
#define STORED_MULTIPART_PLAN_H

#include "libcommon/error.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum { MULTIPART_PLAN_PARTS_MAX = 100000 };

struct multipart_plan {
    int64_t total_bytes;
    int64_t part_bytes;
    size_t part_count;
    size_t started; /* parts given out */
    size_t done;
    char **etags; /* part_count of them, in order; NULL until done */
};

struct multipart_range {
    size_t number; /* 1-based */
    int64_t offset;
    int64_t bytes;
};

/* False for nothing to send, a part size not above 0, and too many parts. */
bool multipart_plan_init(struct multipart_plan *plan, int64_t total_bytes, int64_t part_bytes,
                         struct error *error);
void multipart_plan_clear(struct multipart_plan *plan);

/* Gives out the next part; false when all are given out. */
bool multipart_plan_next(struct multipart_plan *plan, struct multipart_range *range);

/* Takes `etag`, the server's for part `number`. */
void multipart_plan_finish(struct multipart_plan *plan, size_t number, char *etag);
bool multipart_plan_is_done(const struct multipart_plan *plan);

/* {"parts":[{"part_number":1,"etag":"..."}, ...]} of a plan that is done. free() it. */
char *multipart_plan_completion(const struct multipart_plan *plan);

#endif
