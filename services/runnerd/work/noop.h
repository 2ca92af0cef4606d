/* The work of a noop job, without a program: it sleeps and leaves the files of docs/network.md 5. */
#ifndef RUNNERD_WORK_NOOP_H
#define RUNNERD_WORK_NOOP_H

#include "services/runnerd/work/work.h"

#include <stdbool.h>
#include <stddef.h>

extern const struct work_kind work_noop;

/* The event and the progress that it tells. free() them. */
char *noop_input_event(const struct message_input *input);
char *noop_progress(size_t input_count);

/* A PLY file (format ascii 1.0) with zero vertices. */
extern const char noop_point_cloud[];

/* The six files, as path below outputs and text. */
typedef bool noop_file_function(void *context, const char *rel_path, const char *text, size_t length);

/* Calls `write` for each until it returns false, and returns what it returned. */
bool noop_write_files(const struct message_host_command *command, const struct message_input *inputs,
                      noop_file_function *write, void *context);

#endif
