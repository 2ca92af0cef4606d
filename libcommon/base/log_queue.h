/*
 * Lines on their way to stderr: a ring of bytes with a bound. What does not fit is dropped and counted. Pure,
 * and without a lock of its own.
 *
 * A log that is read slowly would have a gap at every other line. So after the first line that does not fit
 * none is taken until three quarters of the room are free again, and the gaps are few and told of.
 */
#ifndef LIBCOMMON_BASE_LOG_QUEUE_H
#define LIBCOMMON_BASE_LOG_QUEUE_H

#include "libcommon/base/limits.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* Jobs have three quarters of the room: what they print never pushes out what the node says of them. */
enum log_origin { LOG_ORIGIN_NODE, LOG_ORIGIN_JOB };
enum { LOG_ORIGIN_COUNT = LOG_ORIGIN_JOB + 1 };

/* All zero is an empty one. */
struct log_queue {
    char bytes[LIMIT_LOG_QUEUE_BYTES];
    size_t first; /* of the oldest byte */
    size_t length;
    bool closed[LOG_ORIGIN_COUNT];
    uint64_t dropped; /* lines, not told of yet */
};

/* Takes a line with its line feed, or drops and counts it. */
void log_queue_put(struct log_queue *queue, enum log_origin origin, const char *line, size_t length);

/* Moves as many whole lines, the oldest first, as fit into `capacity` (LIMIT_LOG_LINE_BYTES at least).
 * Returns their bytes; 0: none is there. */
size_t log_queue_take(struct log_queue *queue, char *out, size_t capacity);

/* Counts the lines of `bytes`, which were taken and could not be written; the room is free again. */
void log_queue_lose(struct log_queue *queue, const char *bytes, size_t length);

/* How many lines were dropped: once, when there is room for new ones; else 0. The place of the gap is then
 * behind all that is in the queue. */
uint64_t log_queue_gap(struct log_queue *queue);

#endif
