/* What an output file is called at the domain server (docs/network.md 4.2). */
#ifndef STORED_ARTIFACTS_ARTIFACT_NAME_H
#define STORED_ARTIFACTS_ARTIFACT_NAME_H

#include "libcommon/base/error.h"

#include <stdbool.h>

struct artifact_name {
    char *logical_path;
    char *name;
    char *data_type;
};

/*
 * Names the output at `rel_path` of a task. `prefix` is the task's outputs_prefix and may be NULL. Refused: a
 * "." or ".." component, and a path without a file name; `artifact` is then empty.
 */
bool artifact_name_build(const char *prefix, const char *rel_path, const char *task_id,
                         struct artifact_name *artifact, struct error *error);
void artifact_name_clear(struct artifact_name *artifact);

/* The data type that a file name's extension stands for. free() it. */
char *artifact_name_data_type(const char *rel_path);

/* Whether two outputs of one task would be one object at the server although their logical paths differ. */
bool artifact_name_collides(const struct artifact_name *left, const struct artifact_name *right);

#endif
