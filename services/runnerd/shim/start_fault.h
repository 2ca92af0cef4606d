/* Why a program could not be started: what the kernel's number hides, as far as the file itself tells. */
#ifndef RUNNERD_SHIM_START_FAULT_H
#define RUNNERD_SHIM_START_FAULT_H

#include <stddef.h>

/*
 * A sentence part about `program`, which spawn_start() could not start with `code`, that fits behind "cannot
 * start <program>: ": "it is a folder". A name without a slash is looked for in `search_path` (as PATH; may
 * be NULL), a relative path and a relative interpreter in the current folder.
 */
void start_fault_describe(const char *program, const char *search_path, int code, char *out, size_t capacity);

#endif
