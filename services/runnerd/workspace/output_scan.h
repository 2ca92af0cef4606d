/*
 * What a job left to be uploaded: the regular files under its outputs folder, sorted by path, with what
 * outputs.json says of them: {"<path below outputs>": {"name": "...", "data_type": "...", "id": "..."}}.
 */
#ifndef RUNNERD_WORKSPACE_OUTPUT_SCAN_H
#define RUNNERD_WORKSPACE_OUTPUT_SCAN_H

#include "libcommon/base/error.h"
#include "libcommon/base/log.h"

#include <stdbool.h>
#include <stddef.h>

struct output_file {
    char *rel_path; /* below the outputs folder */
    char *name;     /* NULL unless outputs.json gives it; so the next two */
    char *data_type;
    char *id;
};

struct output_list {
    struct output_file *files;
    size_t count;
};

/* Opens what the job's uid has closed for the group, as which stored reads it. Links and special files, which
 * are skipped, and entries of outputs.json without a file are logged. */
bool output_scan(int workspace_fd, struct output_list *list, const struct log_task *log, struct error *error);

void output_list_clear(struct output_list *list);

#endif
