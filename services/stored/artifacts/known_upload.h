/* The multipart upload of an artifact that was under way when an earlier run of stored ended. */
#ifndef STORED_ARTIFACTS_KNOWN_UPLOAD_H
#define STORED_ARTIFACTS_KNOWN_UPLOAD_H

#include "services/stored/artifacts/artifact_file.h"
#include "services/stored/artifacts/artifact_name.h"
#include "services/stored/journal/journal.h"

#include <stdbool.h>
#include <stdint.h>

enum known_upload_use {
    KNOWN_UPLOAD_NONE,
    KNOWN_UPLOAD_GO_ON,
    KNOWN_UPLOAD_RENAMED, /* the runner wants the artifact under another name or type now */
    KNOWN_UPLOAD_CHANGED  /* the file is another one, or was written to: parts of both must not become one */
};

/* `known` is filled unless the result is NONE; journal_upload_clear() it. Of a stream the file may have
 * grown. */
enum known_upload_use known_upload_find(const struct journal_upload_key *key,
                                        const struct artifact_name *name, const struct artifact_file *file,
                                        bool streamed, struct journal_upload *known);

/* How much of a stream's file was announced before, as far as the parts tell; 0 when `known` is empty. */
int64_t known_upload_announced_bytes(const struct journal_upload *known, const struct artifact_file *file);

#endif
