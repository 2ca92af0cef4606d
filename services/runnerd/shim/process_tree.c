#include "services/runnerd/shim/process_tree.h"

#include "libcommon/base/memory.h"
#include "libcommon/base/text.h"

#include <dirent.h>
#include <fcntl.h>
#include <signal.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

struct process {
    pid_t pid;
    pid_t parent;
    bool below; /* the root */
};

struct process_list {
    struct process *items;
    size_t count;
    size_t capacity;
};

/* "pid (name) state ppid ...": the name may hold anything, so the last ')' ends it. */
static bool read_parent(const char *pid, pid_t *parent)
{
    char path[64];
    char line[512];
    snprintf(path, sizeof path, "/proc/%.20s/stat", pid);
    int fd = open(path, O_RDONLY | O_CLOEXEC);
    if (fd < 0)
        return false;
    ssize_t got = read(fd, line, sizeof line - 1);
    close(fd);
    if (got <= 0)
        return false;
    line[got] = '\0';
    const char *after = strrchr(line, ')');
    if (!after || strlen(after) < 5)
        return false;
    *parent = (pid_t)strtol(after + 4, NULL, 10);
    return true;
}

static void list_add(struct process_list *list, pid_t pid, pid_t parent)
{
    if (list->count == list->capacity) {
        list->capacity = list->capacity ? 2 * list->capacity : 256;
        list->items = memory_resize_array(list->items, list->capacity, sizeof *list->items);
    }
    list->items[list->count++] = (struct process){.pid = pid, .parent = parent};
}

static void read_processes(struct process_list *list)
{
    DIR *folder = opendir("/proc");
    if (!folder)
        return;
    const struct dirent *entry;
    pid_t parent;
    while ((entry = readdir(folder)) != NULL)
        if (text_is_digit(entry->d_name[0]) && read_parent(entry->d_name, &parent))
            list_add(list, (pid_t)strtol(entry->d_name, NULL, 10), parent);
    closedir(folder);
}

static bool contains(const pid_t *pids, size_t count, pid_t pid)
{
    for (size_t i = 0; i < count; i++)
        if (pids[i] == pid)
            return true;
    return false;
}

static int compare_processes(const void *left, const void *right)
{
    pid_t a = ((const struct process *)left)->pid;
    pid_t b = ((const struct process *)right)->pid;
    return (a > b) - (a < b);
}

static bool parent_is_below(const struct process_list *list, pid_t parent)
{
    const struct process key = {.pid = parent};
    const struct process *found =
        bsearch(&key, list->items, list->count, sizeof *list->items, compare_processes);
    return found && found->below;
}

/* A round for each generation; a parent may have a higher pid than its child. */
static void mark_descendants(struct process_list *list, pid_t root, const pid_t *spared, size_t spared_count)
{
    bool more = true;
    while (more) {
        more = false;
        for (size_t i = 0; i < list->count; i++) {
            struct process *process = &list->items[i];
            if (process->below || contains(spared, spared_count, process->pid))
                continue;
            process->below = process->parent == root || parent_is_below(list, process->parent);
            more = more || process->below;
        }
    }
}

size_t process_tree_signal(pid_t root, const pid_t *spared, size_t spared_count, int signal)
{
    struct process_list list = {NULL, 0, 0};
    size_t found = 0;
    read_processes(&list);
    if (list.count)
        qsort(list.items, list.count, sizeof *list.items, compare_processes);
    mark_descendants(&list, root, spared, spared_count);
    for (size_t i = 0; i < list.count; i++) {
        if (!list.items[i].below)
            continue;
        found++;
        kill(list.items[i].pid, signal);
        if (list.items[i].parent == getpid())
            waitpid(list.items[i].pid, NULL, WNOHANG);
    }
    free(list.items);
    return found;
}
