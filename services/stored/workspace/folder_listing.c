/*
 * A folder comes in no order, so each answer has to look at all of it. What is kept is twice the number that
 * is asked for: when there is no room left, the entries are sorted and the later half is forgotten.
 */
#include "services/stored/workspace/folder_listing.h"

#include "libcommon/base/limits.h"
#include "libcommon/base/memory.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

struct folder_listing {
    DIR *stream;
    char *after; /* NULL: from the first name on */
    size_t wanted;
    size_t entries_read;
    struct message_workspace_entry *entries; /* room for 2 * wanted */
    size_t count;
    bool more; /* the first `wanted` entries are the first names so far, and others were forgotten */
};

struct folder_listing *folder_listing_create(int fd, const char *after, size_t entries_max,
                                             struct error *error)
{
    DIR *stream = fdopendir(fd);
    if (!stream) {
        error_set_errno(error, errno, "cannot read the folder");
        close(fd);
        return NULL;
    }
    struct folder_listing *listing = memory_allocate(sizeof *listing);
    *listing = (struct folder_listing){
        .stream = stream,
        .after = memory_copy_text(after),
        .wanted = entries_max,
        .entries = memory_allocate_array(2 * entries_max, sizeof(struct message_workspace_entry))};
    return listing;
}

static void forget_behind(struct folder_listing *listing, size_t count)
{
    while (listing->count > count)
        message_clear(&message_workspace_entry_type, &listing->entries[--listing->count]);
}

void folder_listing_free(struct folder_listing *listing)
{
    if (!listing)
        return;
    forget_behind(listing, 0);
    free(listing->entries);
    free(listing->after);
    closedir(listing->stream);
    free(listing);
}

static int compare_names(const void *left, const void *right)
{
    const struct message_workspace_entry *left_entry = left;
    const struct message_workspace_entry *right_entry = right;
    return strcmp(left_entry->name, right_entry->name);
}

static void sort_and_cut(struct folder_listing *listing)
{
    qsort(listing->entries, listing->count, sizeof *listing->entries, compare_names);
    listing->more = listing->more || listing->count > listing->wanted;
    forget_behind(listing, listing->wanted);
}

static bool is_within_bounds(const struct folder_listing *listing, const char *name)
{
    if (strcmp(name, ".") == 0 || strcmp(name, "..") == 0)
        return false;
    if (listing->after && strcmp(name, listing->after) <= 0)
        return false;
    return !listing->more || strcmp(name, listing->entries[listing->wanted - 1].name) < 0;
}

/* The type beside the name spares a look at most of what is not listed; not every file system tells it. */
static bool may_be_listed(unsigned char type)
{
    return type == DT_REG || type == DT_DIR || type == DT_UNKNOWN;
}

static void consider(struct folder_listing *listing, const struct dirent *entry)
{
    struct stat status;
    if (!may_be_listed(entry->d_type) || !is_within_bounds(listing, entry->d_name))
        return;
    /* It may be gone, or something else by now. */
    if (fstatat(dirfd(listing->stream), entry->d_name, &status, AT_SYMLINK_NOFOLLOW) != 0 ||
        !(S_ISREG(status.st_mode) || S_ISDIR(status.st_mode)))
        return;
    bool is_file = S_ISREG(status.st_mode);
    listing->entries[listing->count++] =
        (struct message_workspace_entry){.name = memory_copy_text(entry->d_name),
                                         .kind = memory_copy_text(is_file ? "file" : "folder"),
                                         .size_bytes = is_file ? status.st_size : 0};
    if (listing->count == 2 * listing->wanted)
        sort_and_cut(listing);
}

enum folder_listing_state folder_listing_step(struct folder_listing *listing, int entries_max,
                                              struct error *error)
{
    for (int i = 0; i < entries_max; i++) {
        errno = 0;
        const struct dirent *entry = readdir(listing->stream);
        if (!entry && errno == 0)
            return FOLDER_LISTING_DONE;
        if (!entry) {
            error_set_errno(error, errno, "cannot read the folder");
            return FOLDER_LISTING_FAILED;
        }
        /* Also a job that makes files faster than they are read must come to an end. */
        if (++listing->entries_read > LIMIT_ENTRIES_READ) {
            error_set(error, ERROR_TOO_LARGE, "the folder has more than %d entries", LIMIT_ENTRIES_READ);
            return FOLDER_LISTING_FAILED;
        }
        consider(listing, entry);
    }
    return FOLDER_LISTING_MORE;
}

void folder_listing_take(struct folder_listing *listing, struct message_workspace_entries *found)
{
    sort_and_cut(listing);
    *found = (struct message_workspace_entries){.entries = {listing->entries, listing->count},
                                                .more = listing->more};
    listing->entries = NULL;
    listing->count = 0;
}
