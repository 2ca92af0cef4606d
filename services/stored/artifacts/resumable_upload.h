/* The multipart upload of an artifact that was under way when an earlier run of stored ended. */
#ifndef STORED_ARTIFACTS_RESUMABLE_UPLOAD_H
#define STORED_ARTIFACTS_RESUMABLE_UPLOAD_H

#include "services/stored/artifacts/artifact_file.h"
#include "services/stored/artifacts/artifact_name.h"
#include "services/stored/journal/journal.h"

#include <stdbool.h>
#include <stdint.h>

enum resumable_upload_use {
    RESUMABLE_UPLOAD_NONE,
    RESUMABLE_UPLOAD_RESUME,
    RESUMABLE_UPLOAD_RENAMED, /* the runner wants the artifact under another name or type now */
    RESUMABLE_UPLOAD_CHANGED  /* the file is another one, or was written to: parts of both must not become one
                               */
};

/* `found` is filled unless the result is NONE; journal_upload_clear() it. Of a stream the file may have
 * grown. */
enum resumable_upload_use resumable_upload_find(const struct journal_upload_key *key,
                                                const struct artifact_name *name,
                                                const struct artifact_file *file, bool streamed,
                                                struct journal_upload *found);

/* How much of a stream's file was announced before, as far as the parts tell; 0 when `found` is empty. */
int64_t resumable_upload_announced_bytes(const struct journal_upload *found,
                                         const struct artifact_file *file);

#endif
