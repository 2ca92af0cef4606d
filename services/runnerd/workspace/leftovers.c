#include "services/runnerd/workspace/leftovers.h"

#include "libcommon/base/clock.h"
#include "libcommon/base/memory.h"
#include "libcommon/files/tree_removal.h"
#include "libcommon/message/message.h"

#include <dirent.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#define SET_ASIDE_PREFIX ".removed-" /* as stored names them */

enum { LOOK_AGAIN_MS = 5000, TURN_MS = 5, ENTRIES_AT_ONCE = 10 };

/* The inputs are stored's own. */
static const char *const made_by_stored[] = {"datasets", NULL};

struct leftovers {
    struct loop_timer timer;
    char *work_dir;
    struct text_list folders; /* set aside, found by the last look */
    size_t next;
    int folder_fd; /* that is being looked through; -1: none */
    struct text_list trees;
    size_t next_tree;
    struct tree_removal *removal; /* of one of its trees */
};

static DIR *read_folder(int folder_fd)
{
    int fd = openat(folder_fd, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    DIR *stream = fd < 0 ? NULL : fdopendir(fd);
    if (!stream && fd >= 0)
        close(fd);
    return stream;
}

/* Those whose names begin so; `prefix` NULL: those that begin with no dot. */
static void list_names(int folder_fd, const char *prefix, struct text_list *names)
{
    DIR *stream = read_folder(folder_fd);
    if (!stream)
        return;
    for (const struct dirent *entry = readdir(stream); entry; entry = readdir(stream))
        if (prefix ? strncmp(entry->d_name, prefix, strlen(prefix)) == 0 : entry->d_name[0] != '.')
            text_list_add(names, entry->d_name);
    closedir(stream);
}

static int open_folder(int folder_fd, const char *path)
{
    return openat(folder_fd, path, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
}

static void leave_folder(struct leftovers *leftovers)
{
    tree_removal_free(leftovers->removal);
    leftovers->removal = NULL;
    if (leftovers->folder_fd >= 0)
        close(leftovers->folder_fd);
    leftovers->folder_fd = -1;
    text_list_clear(&leftovers->trees);
    leftovers->next_tree = 0;
}

/* One of our own uid is stored's under that uid, which can do it all by itself. */
static void enter_folder(struct leftovers *leftovers, const char *name)
{
    struct stat status;
    int work_fd = open_folder(AT_FDCWD, leftovers->work_dir);
    int fd = work_fd < 0 ? -1 : open_folder(work_fd, name);
    if (work_fd >= 0)
        close(work_fd);
    leftovers->folder_fd = fd;
    if (fd >= 0 && fstat(fd, &status) == 0 && status.st_uid != geteuid())
        list_names(fd, NULL, &leftovers->trees);
}

static void look(struct leftovers *leftovers)
{
    int fd = open_folder(AT_FDCWD, leftovers->work_dir);
    text_list_clear(&leftovers->folders);
    leftovers->next = 0;
    if (fd < 0)
        return;
    list_names(fd, SET_ASIDE_PREFIX, &leftovers->folders);
    close(fd);
}

/* False when all that was found is done. */
static bool find_tree(struct leftovers *leftovers)
{
    while (leftovers->next_tree == leftovers->trees.count) {
        leave_folder(leftovers);
        if (leftovers->next == leftovers->folders.count)
            return false;
        enter_folder(leftovers, leftovers->folders.items[leftovers->next++]);
    }
    const char *name = leftovers->trees.items[leftovers->next_tree++];
    leftovers->removal = tree_removal_create(leftovers->folder_fd, name, made_by_stored);
    return true;
}

/* What cannot be removed is stored's to report. */
static void remove_some(struct leftovers *leftovers)
{
    struct error ignored;
    int64_t until_ms = clock_boot_ms() + TURN_MS;
    enum tree_removal_state state = TREE_REMOVAL_MORE;
    while (state == TREE_REMOVAL_MORE && clock_boot_ms() < until_ms)
        state = tree_removal_step(leftovers->removal, ENTRIES_AT_ONCE, &ignored);
    if (state == TREE_REMOVAL_MORE)
        return;
    tree_removal_free(leftovers->removal);
    leftovers->removal = NULL;
}

static void on_turn(void *context)
{
    struct leftovers *leftovers = context;
    if (leftovers->next == leftovers->folders.count && leftovers->folder_fd < 0)
        look(leftovers);
    bool found = leftovers->removal || find_tree(leftovers);
    if (found)
        remove_some(leftovers);
    loop_timer_start(&leftovers->timer, found ? 0 : LOOK_AGAIN_MS);
}

struct leftovers *leftovers_create(struct loop *loop, const char *work_dir)
{
    struct leftovers *leftovers = memory_allocate(sizeof *leftovers);
    leftovers->work_dir = memory_copy_text(work_dir);
    leftovers->folder_fd = -1;
    loop_timer_init(&leftovers->timer, loop, on_turn, leftovers);
    loop_timer_start(&leftovers->timer, 0);
    return leftovers;
}

void leftovers_free(struct leftovers *leftovers)
{
    if (!leftovers)
        return;
    loop_timer_stop(&leftovers->timer);
    leave_folder(leftovers);
    text_list_clear(&leftovers->folders);
    free(leftovers->work_dir);
    free(leftovers);
}
