/*
 * How much of what a job prints is logged: a token bucket of LIMIT_OUTPUT_LOGGED_BYTES. What is above it is
 * counted, and told when it begins, then once a minute while it grows, and at the end. Pure: the time is
 * passed in.
 */
#ifndef RUNNERD_WORK_OUTPUT_BUDGET_H
#define RUNNERD_WORK_OUTPUT_BUDGET_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum { OUTPUT_BUDGET_TELL_MS = 60 * 1000 };

struct output_budget {
    int64_t tokens; /* thousandths of a byte */
    int64_t at_ms;
    int64_t next_tell_ms;
    uint64_t lost_lines; /* all in all; a piece of a line that is too long counts as one */
    uint64_t lost_bytes;
    uint64_t told_lines;
};

void output_budget_init(struct output_budget *budget, int64_t now_ms);

/* Whether a line is logged; else it counts as lost. */
bool output_budget_pass(struct output_budget *budget, size_t length, int64_t now_ms);

/* The same for a piece of a line, counted as of line_function: once one is lost, so are those behind it, and
 * what is logged has no gap. `cut` is the line's, and survives it. */
bool output_budget_pass_piece(struct output_budget *budget, bool *cut, size_t piece, size_t length,
                              int64_t now_ms);

/* Whether it is time to tell of `lost_lines`, and they are more than were told of; they count as told then.
 */
bool output_budget_tell(struct output_budget *budget, bool at_end, int64_t now_ms);

#endif
