/*
 * Starting another program: no signal is blocked or ignored in it, and it has no descriptor but those that it
 * is given. Nothing of the loop is needed for it, so that a program without one can start another, too.
 */
#ifndef LIBCOMMON_LOOP_SPAWN_H
#define LIBCOMMON_LOOP_SPAWN_H

#include "libcommon/base/error.h"

#include <limits.h>
#include <stdbool.h>
#include <stddef.h>
#include <sys/types.h>

enum { SPAWN_DESCRIPTORS_MAX = 8, SPAWN_NO_INPUT = -1 };

/* All is borrowed, for the call alone. */
struct spawn {
    const char *path;
    bool search_path;       /* a name without a slash is looked for in PATH */
    char *const *arguments; /* NULL-terminated, as the next */
    char *const *variables;
    const int *descriptors; /* become 0, 1, 2 and so on; SPAWN_NO_INPUT: /dev/null */
    size_t descriptor_count;
    int folder_fd;    /* becomes the current folder; -1: as here */
    bool new_session; /* else a new process group, which Ctrl-C does not reach either */
};

/* 0, or an errno: then there is no process, and *pid is 0. */
int spawn_start(const struct spawn *spawn, pid_t *pid);

/* The path of the program `name` in the folder of this one, whether it is there or not. */
bool spawn_find_beside(const char *name, char path[PATH_MAX], struct error *error);

#endif
