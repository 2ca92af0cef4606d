/*
 * Whether the disk of the work folder has room for another task (DISK_RESERVE_BYTES): a task that is leased
 * to fail for want of it has lost one of its attempts.
 */
#ifndef LIBCOMMON_FILES_DISK_ROOM_H
#define LIBCOMMON_FILES_DISK_ROOM_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum { DISK_ROOM_INODES = 10000 };

/* What is free for ordinary users; -1: not known, or without a limit. */
struct disk_room {
    int64_t bytes;
    int64_t inodes;
};

/* Asks the file system. One that cannot be asked (the folder is not there, or not to be seen from here) is
 * not known. */
struct disk_room disk_room_look(const char *folder);

/* `reserve_bytes` 0: nothing is ever low. What is not known is not low either. */
bool disk_room_is_low(const struct disk_room *room, int64_t reserve_bytes);

/* "disk: 11.4 MiB free at /work, no task below 1.0 GiB (DISK_RESERVE_BYTES)", or the same of inodes. */
void disk_room_describe(const struct disk_room *room, int64_t reserve_bytes, const char *folder, char *out,
                        size_t capacity);

#endif
