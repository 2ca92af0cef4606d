/* The runners of this host: the files of POSEMESH_RUNNERS_DIR and, with ENABLE_NOOP, the built-in three. */
#ifndef RUNNERD_HOST_RUNNER_FOLDER_H
#define RUNNERD_HOST_RUNNER_FOLDER_H

#include "services/runnerd/host/runner_file.h"

struct runner_folder {
    struct runner *runners;
    size_t count;
};

/* Reads *.json in the order of their names. Faults are logged with file and field; that file is skipped. */
void runner_folder_load(struct runner_folder *folder, const char *path, bool with_noop);

const struct runner *runner_folder_find(const struct runner_folder *folder, const char *capability);

void runner_folder_clear(struct runner_folder *folder);

#endif
