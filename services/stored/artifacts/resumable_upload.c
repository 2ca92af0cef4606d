#include "services/stored/artifacts/resumable_upload.h"

#include <string.h>

enum resumable_upload_use resumable_upload_find(const struct journal_upload_key *key,
                                                const struct artifact_name *name,
                                                const struct artifact_file *file, bool streamed,
                                                struct journal_upload *found)
{
    if (!journal_upload_find(key, found))
        return RESUMABLE_UPLOAD_NONE;
    if (streamed ? !file_fingerprint_is_same_file(&found->file, &file->fingerprint)
                 : !file_fingerprint_equals(&found->file, &file->fingerprint))
        return RESUMABLE_UPLOAD_CHANGED;
    bool same_name = strcmp(found->name, name->name) == 0 && strcmp(found->data_type, name->data_type) == 0;
    return same_name ? RESUMABLE_UPLOAD_RESUME : RESUMABLE_UPLOAD_RENAMED;
}

int64_t resumable_upload_announced_bytes(const struct journal_upload *found, const struct artifact_file *file)
{
    int64_t bytes = 0;
    for (size_t i = 0; i < found->part_count; i++) {
        int64_t end = (int64_t)found->parts[i].number * found->part_bytes;
        if (end > bytes)
            bytes = end;
    }
    return bytes < file->fingerprint.bytes ? bytes : file->fingerprint.bytes;
}
