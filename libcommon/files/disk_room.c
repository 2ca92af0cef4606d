#include "libcommon/files/disk_room.h"

#include "libcommon/base/text.h"

#include <sys/statvfs.h>

enum { SIZE_TEXT_BYTES = 32 };

static int64_t capped(uint64_t blocks, uint64_t block_bytes)
{
    uint64_t bytes;
    return __builtin_mul_overflow(blocks, block_bytes, &bytes) || bytes > INT64_MAX ? INT64_MAX
                                                                                    : (int64_t)bytes;
}

struct disk_room disk_room_look(const char *folder)
{
    struct statvfs status;
    if (statvfs(folder, &status) != 0)
        return (struct disk_room){.bytes = -1, .inodes = -1};
    /* Where a file system makes inodes as they are needed (btrfs), it says that it has none. */
    return (struct disk_room){.bytes = capped(status.f_bavail, status.f_frsize),
                              .inodes = status.f_files ? capped(status.f_favail, 1) : -1};
}

static bool lacks_bytes(const struct disk_room *room, int64_t reserve_bytes)
{
    return room->bytes >= 0 && room->bytes < reserve_bytes;
}

bool disk_room_is_low(const struct disk_room *room, int64_t reserve_bytes)
{
    return reserve_bytes > 0 &&
           (lacks_bytes(room, reserve_bytes) || (room->inodes >= 0 && room->inodes < DISK_ROOM_INODES));
}

/* "1.0 GiB": what such limits are made of. */
static const char *size_text(int64_t bytes, char out[SIZE_TEXT_BYTES])
{
    static const char *const units[] = {"bytes", "KiB", "MiB", "GiB", "TiB"};
    enum { UNITS = sizeof units / sizeof units[0], STEP = 1024 };
    double size = (double)bytes;
    size_t unit = 0;
    for (; size >= STEP && unit < UNITS - 1; unit++)
        size /= STEP;
    text_format(out, SIZE_TEXT_BYTES, "%.*f %s", unit ? 1 : 0, size, units[unit]);
    return out;
}

void disk_room_describe(const struct disk_room *room, int64_t reserve_bytes, const char *folder, char *out,
                        size_t capacity)
{
    if (lacks_bytes(room, reserve_bytes)) {
        char free_text[SIZE_TEXT_BYTES];
        char reserve_text[SIZE_TEXT_BYTES];
        text_format(out, capacity, "disk: %s free at %s, no task below %s (DISK_RESERVE_BYTES)",
                    size_text(room->bytes, free_text), folder, size_text(reserve_bytes, reserve_text));
    } else
        text_format(out, capacity, "disk: %lld files more fit at %s, no task below %d (inodes, df -i)",
                    (long long)room->inodes, folder, DISK_ROOM_INODES);
}
