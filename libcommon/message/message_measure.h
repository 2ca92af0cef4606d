/* Looks through msgpack before anything is allocated for it. */
#ifndef LIBCOMMON_MESSAGE_MESSAGE_MEASURE_H
#define LIBCOMMON_MESSAGE_MESSAGE_MEASURE_H

#include <stdbool.h>
#include <stddef.h>

enum {
    MESSAGE_DEPTH_MAX = 8,           /* ours have three: message, list, record */
    MESSAGE_OBJECTS_MAX = 256 * 1024 /* LIMIT_ARTIFACTS records, with room for fields of later versions */
};

/*
 * Whether `bytes` begin with one whole msgpack object (bytes may follow) that has at most MESSAGE_DEPTH_MAX
 * levels and MESSAGE_OBJECTS_MAX objects, keys included, and declares no more items than it has.
 */
bool message_measure(const void *bytes, size_t length);

#endif
