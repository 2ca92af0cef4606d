/* What a runner says of an output that it wants stored, in whichever message. */
#ifndef STORED_ARTIFACTS_ARTIFACT_SPEC_H
#define STORED_ARTIFACTS_ARTIFACT_SPEC_H

#include "libcommon/node/messages.h"
#include "services/stored/artifacts/artifact_name.h"

/* Borrowed; texts may be NULL but for rel_path. */
struct artifact_spec {
    const char *path;                /* of the file, below the workspace */
    const struct byte_string *bytes; /* instead of a file */
    const char *rel_path;
    const char *name;
    const char *data_type;
    const char *id;
};

/*
 * The name that is derived for a task (artifact_name_build()), and what the spec says instead;
 * artifact_name_clear() it. ERROR_TOO_LARGE above the limits of the messages that carry the result.
 */
bool artifact_spec_name(const struct artifact_spec *spec, const char *outputs_prefix, const char *task_id,
                        struct artifact_name *name, struct error *error);

#endif
