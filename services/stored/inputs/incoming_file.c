#include "services/stored/inputs/incoming_file.h"

#include "libcommon/base/memory.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/uio.h>
#include <unistd.h>

enum {
    WRITE_BYTES = 16 * 1024, /* as much as curl hands out at once */
    RESERVE_FROM_BYTES = 1024 * 1024,
    RESERVE_STEP_BYTES = 64 * 1024 * 1024
};

void incoming_file_init(struct incoming_file *file)
{
    *file = (struct incoming_file){.fd = -1, .expected_bytes = -1, .held = memory_allocate(WRITE_BYTES)};
}

void incoming_file_clear(struct incoming_file *file)
{
    incoming_file_drop(file);
    free(file->held);
    file->held = NULL;
}

void incoming_file_begin(struct incoming_file *file, int fd, int64_t expected_bytes)
{
    incoming_file_drop(file);
    file->fd = fd;
    file->expected_bytes = expected_bytes;
    file->bytes = 0;
    file->reserved_bytes = 0;
}

void incoming_file_drop(struct incoming_file *file)
{
    if (file->fd >= 0)
        close(file->fd);
    file->fd = -1;
    file->expected_bytes = -1;
    file->held_bytes = 0;
}

/*
 * Blocks reserved ahead spare the file system an allocation for each write. In steps, so that a size that is
 * a lie cannot fill the disk; a file system that cannot do it loses nothing.
 */
static void reserve_ahead(struct incoming_file *file, size_t length)
{
    if (file->expected_bytes < RESERVE_FROM_BYTES || file->bytes + (int64_t)length <= file->reserved_bytes)
        return;
    int64_t step = file->expected_bytes - file->reserved_bytes;
    if (step > RESERVE_STEP_BYTES)
        step = RESERVE_STEP_BYTES;
    if (step <= 0)
        return;
    (void)fallocate(file->fd, FALLOC_FL_KEEP_SIZE, file->reserved_bytes, step);
    file->reserved_bytes += step;
}

static bool write_all(int fd, const char *bytes, size_t length, struct error *error)
{
    while (length > 0) {
        ssize_t written = write(fd, bytes, length);
        if (written < 0 && errno == EINTR)
            continue;
        if (written < 0)
            return error_set_errno(error, errno, "cannot write an input");
        bytes += written;
        length -= (size_t)written;
    }
    return true;
}

/* What is held and then these bytes, by one call where the file system takes them all. */
static bool write_held_and(struct incoming_file *file, const char *bytes, size_t length, struct error *error)
{
    const struct iovec pieces[] = {{file->held, file->held_bytes}, {(void *)(uintptr_t)bytes, length}};
    size_t held = file->held_bytes;
    ssize_t written = -1;
    do
        written = writev(file->fd, pieces, 2);
    while (written < 0 && errno == EINTR);
    if (written < 0)
        return error_set_errno(error, errno, "cannot write an input");
    file->held_bytes = 0;
    size_t done = (size_t)written;
    size_t done_held = done < held ? done : held;
    return write_all(file->fd, file->held + done_held, held - done_held, error) &&
           write_all(file->fd, bytes + (done - done_held), length - (done - done_held), error);
}

/*
 * Only whole blocks are written, at multiples of their size; the rest is held until more comes. Pieces come
 * from curl as they please, and writes that begin and end inside pages, or inside what the page cache keeps
 * as one piece, make it work twice: a fifth of a download's CPU time. Larger blocks would cost more in
 * copying than they save.
 */
bool incoming_file_write(struct incoming_file *file, const void *bytes, size_t length, struct error *error)
{
    const char *at = bytes;
    size_t rest = (file->held_bytes + length) % WRITE_BYTES;
    bool fills_block = file->held_bytes + length >= WRITE_BYTES;
    reserve_ahead(file, length);
    file->bytes += (int64_t)length;
    if (fills_block) {
        if (!write_held_and(file, at, length - rest, error))
            return false;
        at += length - rest;
        length = rest;
    }
    memcpy(file->held + file->held_bytes, at, length);
    file->held_bytes += length;
    return true;
}

/* Some file systems tell of a full disk only when the file is closed. */
bool incoming_file_end(struct incoming_file *file, struct error *error)
{
    int fd = file->fd;
    bool written = write_all(fd, file->held, file->held_bytes, error);
    file->held_bytes = 0;
    file->fd = -1;
    if (close(fd) == 0 || !written)
        return written;
    return error_set_errno(error, errno, "cannot write an input");
}
