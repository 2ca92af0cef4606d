#include "services/stored/artifacts/known_upload.h"

#include <string.h>

static bool is_same_file(const struct file_fingerprint *before, const struct file_fingerprint *now,
                         bool streamed)
{
    return streamed ? file_fingerprint_is_same_file(before, now) : file_fingerprint_equals(before, now);
}

enum known_upload_use known_upload_find(const struct journal_upload_key *key,
                                        const struct artifact_name *name, const struct artifact_file *file,
                                        bool streamed, struct journal_upload *known)
{
    if (!journal_upload_find(key, known))
        return KNOWN_UPLOAD_NONE;
    if (!is_same_file(&known->file, &file->fingerprint, streamed))
        return KNOWN_UPLOAD_CHANGED;
    bool same_name = strcmp(known->name, name->name) == 0 && strcmp(known->data_type, name->data_type) == 0;
    return same_name ? KNOWN_UPLOAD_GO_ON : KNOWN_UPLOAD_RENAMED;
}

int64_t known_upload_announced_bytes(const struct journal_upload *known, const struct artifact_file *file)
{
    int64_t bytes = 0;
    for (size_t i = 0; i < known->part_count; i++) {
        int64_t end = (int64_t)known->parts[i].number * known->part_bytes;
        if (end > bytes)
            bytes = end;
    }
    return bytes < file->fingerprint.bytes ? bytes : file->fingerprint.bytes;
}
