/* Why a program could not be started: what the kernel's number hides, as far as the file itself tells. */
#ifndef RUNNERD_SHIM_START_FAULT_H
#define RUNNERD_SHIM_START_FAULT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/*
 * A sentence part about `program`, which spawn_start() could not start with `code`, that fits behind "cannot
 * start <program>: ": "it is a folder". A name without a slash is looked for in `search_path` (as PATH; may
 * be NULL), a relative path and a relative interpreter in the current folder.
 */
void start_fault_describe(const char *program, const char *search_path, int code, char *out, size_t capacity);

/*
 * Whether a start that failed with `code` would fail again until somebody changes the program. All else
 * passes and leaves no trace in a file when it does: a want of memory or processes, a program that is still
 * being written, a network's disk that is away.
 */
bool start_fault_lasts(int code);

enum { START_FAULT_BYTES = 320 };

/* What can be told of a program without starting it. */
struct start_look {
    bool fault;                   /* it could not be started, since ... */
    char text[START_FAULT_BYTES]; /* ... as of start_fault_describe() */
    /* Another number: the files that a start would take are others, or changed. 0: nothing is there, or only
     * the start itself can tell. */
    uint64_t identity;
};

/* As the user that this process is. A path or search path that is not absolute is left to the start, which
 * has another current folder. */
void start_fault_look(const char *program, const char *search_path, struct start_look *look);

/* Goes on from `before`, that of the files before it (0: none): another number when this file is another,
 * changed, came or went. */
uint64_t start_fault_identity(uint64_t before, const char *path);

#endif
