/* What the journal keeps of multipart uploads, by the artifact's logical path: how far each is. */
#ifndef STORED_JOURNAL_JOURNAL_UPLOAD_H
#define STORED_JOURNAL_JOURNAL_UPLOAD_H

#include "services/stored/workspace/file_fingerprint.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct journal;

/* Names the upload in every call; texts are borrowed. */
struct journal_upload_key {
    struct journal *journal;
    const char *task_id;
    const char *logical_path;
};

struct journal_part {
    size_t number; /* 1-based */
    char *etag;
};

struct journal_upload {
    char *name; /* that the server was told */
    char *data_type;
    char *existing_id; /* NULL: it creates data */
    char *upload_id;
    int64_t part_bytes;
    struct file_fingerprint file;
    bool completing;            /* the server may have been asked to complete it */
    struct journal_part *parts; /* that the server has */
    size_t part_count;
};

/* `upload` without its parts; one of the same key before it is forgotten. */
void journal_upload_began(const struct journal_upload_key *key, const struct journal_upload *upload);
void journal_part_stored(const struct journal_upload_key *key, size_t number, const char *etag);
void journal_upload_completing(const struct journal_upload_key *key);

/* Given up; one that succeeded ends with journal_artifact_stored(). Ends its stream, too. */
void journal_upload_ended(const struct journal_upload_key *key);

/* Forgets all uploads of a task; `visit` gets their ids. */
typedef void journal_upload_id_function(void *context, const char *upload_id);
void journal_uploads_end(struct journal *journal, const char *task_id, journal_upload_id_function *visit,
                         void *context);

/* False when there is none. journal_upload_clear() it. */
bool journal_upload_find(const struct journal_upload_key *key, struct journal_upload *upload);
void journal_upload_clear(struct journal_upload *upload);

#endif
