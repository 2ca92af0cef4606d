/*
 * Parts are files "<input>-<part>" in the incoming folder: names that come from the server are used only when
 * a part is placed, and only after input_path.h has made them safe.
 */
#include "services/stored/inputs/incoming.h"

#include "libcommon/base/limits.h"
#include "libcommon/base/memory.h"
#include "libcommon/files/file.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/uio.h>
#include <unistd.h>

enum {
    FILE_NAME_BYTES = 40,
    WRITE_BYTES = 16 * 1024, /* as much as curl hands out at once */
    RESERVE_FROM_BYTES = 1024 * 1024,
    RESERVE_STEP_BYTES = 64 * 1024 * 1024
};

/* The file of the part that arrives. */
struct incoming_file {
    int fd;                 /* -1: none is open */
    int64_t expected_bytes; /* as the server says it; -1: it does not */
    int64_t bytes;          /* received so far */
    int64_t reserved_bytes; /* blocks reserved up to here */
    char *held;             /* the last bytes, less than a block, not written yet */
    size_t held_bytes;
};

struct incoming {
    const struct workspace *workspace;
    unsigned number;
    struct message_input *parts; /* each as if it were alone; its path is NULL until it is placed */
    size_t count;
    struct incoming_file file; /* of the part that arrives */
    int64_t bytes;             /* of all parts */
    size_t path_bytes;         /* of all paths, at most */
};

/* --- the file of one part --- */

/* Closes it unfinished. */
static void incoming_file_drop(struct incoming_file *file)
{
    if (file->fd >= 0)
        close(file->fd);
    file->fd = -1;
    file->expected_bytes = -1;
    file->held_bytes = 0;
}

static void incoming_file_begin(struct incoming_file *file, int fd, int64_t expected_bytes)
{
    incoming_file_drop(file);
    file->fd = fd;
    file->expected_bytes = expected_bytes;
    file->bytes = 0;
    file->reserved_bytes = 0;
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
    return file_write(fd, bytes, length) || error_set_errno(error, errno, "cannot write an input");
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
static bool incoming_file_write(struct incoming_file *file, const void *bytes, size_t length,
                                struct error *error)
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
static bool incoming_file_end(struct incoming_file *file, struct error *error)
{
    int fd = file->fd;
    bool written = write_all(fd, file->held, file->held_bytes, error);
    file->held_bytes = 0;
    file->fd = -1;
    if (close(fd) == 0 || !written)
        return written;
    return error_set_errno(error, errno, "cannot write an input");
}

/* --- the parts --- */

struct incoming *incoming_create(const struct workspace *workspace, unsigned number)
{
    struct incoming *incoming = memory_allocate(sizeof *incoming);
    *incoming =
        (struct incoming){.workspace = workspace,
                          .number = number,
                          .file = {.fd = -1, .expected_bytes = -1, .held = memory_allocate(WRITE_BYTES)}};
    return incoming;
}

static const char *file_name(const struct incoming *incoming, size_t index, char out[FILE_NAME_BYTES])
{
    snprintf(out, FILE_NAME_BYTES, "%u-%zu", incoming->number, index);
    return out;
}

void incoming_reset(struct incoming *incoming)
{
    char name[FILE_NAME_BYTES];
    incoming_file_drop(&incoming->file);
    for (size_t i = 0; i < incoming->count; i++) {
        if (!incoming->parts[i].path)
            workspace_remove_incoming(incoming->workspace, file_name(incoming, i, name));
        message_clear(&message_input_type, &incoming->parts[i]);
    }
    free(incoming->parts);
    incoming->parts = NULL;
    incoming->count = 0;
    incoming->bytes = 0;
    incoming->path_bytes = 0;
}

void incoming_free(struct incoming *incoming)
{
    if (!incoming)
        return;
    incoming_reset(incoming);
    free(incoming->file.held);
    free(incoming);
}

size_t incoming_file_count(const struct incoming *incoming)
{
    return incoming->count;
}

int64_t incoming_bytes(const struct incoming *incoming)
{
    return incoming->bytes;
}

int64_t incoming_announced_bytes(const struct incoming *incoming)
{
    if (incoming->count == 0 || incoming->file.expected_bytes < 0)
        return -1;
    int64_t left = incoming->file.expected_bytes - incoming->file.bytes;
    if (left < 0)
        left = 0;
    /* A size may be anything that a number can be. */
    return left > INT64_MAX - incoming->bytes ? -1 : incoming->bytes + left;
}

/* --- what the parser delivers --- */

/* The workspace's limit is watched (workspace_watch.h); what is known to exceed it need not be waited for. */
static bool check_room(const struct incoming *incoming, int64_t bytes, struct error *error)
{
    int64_t limit = incoming->workspace->max_bytes;
    if (limit == 0 || bytes <= limit - incoming->bytes)
        return true;
    return error_set(error, ERROR_DISK_FULL,
                     "the input has %lld bytes and another %lld come; the workspace's limit is %lld",
                     (long long)incoming->bytes, (long long)bytes, (long long)limit);
}

/* The texts go into messages, whose limits they must keep. */
static bool check_text(const char *field, const char *text, struct error *error)
{
    if (!text || strlen(text) <= LIMIT_NAME_BYTES)
        return true;
    return error_set(error, ERROR_TOO_LARGE, "a part's %s has more than %d bytes", field, LIMIT_NAME_BYTES);
}

/* All paths go into one answer of LIMIT_MESSAGE_BYTES; each has the name twice. */
static bool check_paths(struct incoming *incoming, const struct multipart_part *part, struct error *error)
{
    enum { PATHS_BYTES_MAX = 6 * 1024 * 1024, PATH_FRAMING_BYTES = 64 };
    incoming->path_bytes += PATH_FRAMING_BYTES + (part->name ? 2 * strlen(part->name) : 0) +
                            (part->data_type ? strlen(part->data_type) : 0);
    return incoming->path_bytes <= PATHS_BYTES_MAX ||
           error_set(error, ERROR_TOO_LARGE, "the names of the input's %zu parts are too long together",
                     incoming->count + 1);
}

static bool begin_part(void *context, const struct multipart_part *part, struct error *error)
{
    struct incoming *incoming = context;
    char name[FILE_NAME_BYTES];
    if (!check_text("name", part->name, error) || !check_text("data-type", part->data_type, error) ||
        !check_text("id", part->id, error) || !check_text("domain-id", part->domain_id, error) ||
        !check_paths(incoming, part, error) || (part->size > 0 && !check_room(incoming, part->size, error)))
        return false;
    int fd =
        workspace_create_incoming(incoming->workspace, file_name(incoming, incoming->count, name), error);
    if (fd < 0)
        return false;
    incoming_file_begin(&incoming->file, fd, part->size);
    /* Doubling: thousands of parts do not copy the table each time. */
    if ((incoming->count & (incoming->count - 1)) == 0)
        incoming->parts = memory_resize_array(incoming->parts, incoming->count ? incoming->count * 2 : 1,
                                              sizeof *incoming->parts);
    incoming->parts[incoming->count++] =
        (struct message_input){.name = memory_copy_text(part->name),
                               .data_type = memory_copy_text(part->data_type),
                               .data_id = memory_copy_text(part->id),
                               .domain_id = memory_copy_text(part->domain_id)};
    return true;
}

static bool take_data(void *context, const void *bytes, size_t length, struct error *error)
{
    struct incoming *incoming = context;
    if (!check_room(incoming, (int64_t)length, error))
        return false;
    incoming->bytes += (int64_t)length;
    return incoming_file_write(&incoming->file, bytes, length, error);
}

static bool end_part(void *context, struct error *error)
{
    struct incoming *incoming = context;
    return incoming_file_end(&incoming->file, error);
}

struct multipart_handler incoming_handler(struct incoming *incoming)
{
    return (struct multipart_handler){
        .begin = begin_part, .data = take_data, .end = end_part, .context = incoming};
}

/* --- whole --- */

/* An input is there as a whole or not at all. */
static void remove_placed(struct incoming *incoming)
{
    for (size_t i = 0; i < incoming->count; i++)
        if (incoming->parts[i].path)
            workspace_remove_placed(incoming->workspace, incoming->parts[i].path);
}

static void describe(const struct incoming *incoming, const char *cid, struct message_input *input)
{
    message_copy(&message_input_type, input, &incoming->parts[0]);
    input->cid = memory_copy_text(cid);
    for (size_t i = 1; i < incoming->count; i++)
        text_list_add(&input->related_files, incoming->parts[i].path);
}

/* A path that is free in the set may be taken by what an earlier run placed and could not record. */
static char *place_part(const struct incoming *incoming, size_t index, struct input_path_set *paths,
                        struct error *error)
{
    enum { TRIES_MAX = 100 };
    char name[FILE_NAME_BYTES];
    const struct message_input *part = &incoming->parts[index];
    for (int i = 0; i < TRIES_MAX; i++) {
        char *path = input_path_assign(paths, part->name, part->data_type);
        if (workspace_place_incoming(incoming->workspace, file_name(incoming, index, name), path, error))
            return path;
        free(path);
        if (error->code != ERROR_CONFLICT)
            return NULL;
    }
    return NULL;
}

bool incoming_place(struct incoming *incoming, struct input_path_set *paths, const char *cid,
                    struct message_input *input, struct error *error)
{
    for (size_t i = 0; i < incoming->count; i++) {
        incoming->parts[i].path = place_part(incoming, i, paths, error);
        if (!incoming->parts[i].path) {
            remove_placed(incoming);
            return false;
        }
    }
    describe(incoming, cid, input);
    return true;
}
