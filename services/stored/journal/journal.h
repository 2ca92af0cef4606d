/*
 * What stored must know again after it was killed: its sessions, the inputs that are there, the artifacts
 * that are stored, and how far each multipart upload is. In <POSEMESH_STATE_DIR>/stored/journal.sqlite, which
 * only stored can read: it holds the keys of running tasks, but no domain token (leased is asked for those
 * again).
 *
 * It is written without waiting for the disk: it has to outlive this process, not the machine, whose end is
 * the end of every lease as well. So a journal of another boot is emptied. For the same reason a write that
 * fails (a full disk) fails no transfer: it is logged, and a restart may then do more than it had to.
 */
#ifndef STORED_JOURNAL_JOURNAL_H
#define STORED_JOURNAL_JOURNAL_H

#include "libcommon/node/messages.h"
#include "services/stored/workspace/file_fingerprint.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct journal;

/*
 * `boot_id` names this boot of the machine. ERROR_CONFLICT: another process has the journal, or a newer
 * version wrote it. ERROR_SYSTEM: it cannot be opened. One that is damaged is replaced by an empty one, and
 * on a full disk by one in memory, which is gone with the process.
 */
struct journal *journal_open(const char *state_dir, const char *boot_id, struct error *error);

/* NULL is harmless. */
void journal_close(struct journal *journal);

/* What was kept in this boot under the same call before, else `fresh`, which is kept then. free() it. */
char *journal_keep_client_id(struct journal *journal, const char *fresh);

/* --- sessions, by task id --- */

/* Why a session was cancelled is not kept: it says `cancelled` after a restart. */
void journal_session_cancelled(struct journal *journal, const char *task_id);

/* Without the token in `opened`; only whether there was one is kept. Replaces what is known of the task. */
void journal_session_opened(struct journal *journal, const struct message_session_open *opened);
void journal_session_got_token(struct journal *journal, const char *task_id);

/* Its lease, which had no end when it was opened, has one now: as `opened` says. */
void journal_session_got_end(struct journal *journal, const struct message_session_open *opened);
void journal_session_closed(struct journal *journal, const char *task_id);

/* --- inputs: what was asked for, until it is there or has failed, in this order --- */

void journal_input_asked(struct journal *journal, const char *task_id, const char *cid);
void journal_input_failed(struct journal *journal, const char *task_id, const char *cid);
void journal_inputs_asked(struct journal *journal, const char *task_id, struct text_list *cids);

void journal_input_placed(struct journal *journal, const char *task_id, const struct message_input *input);

/* --- artifacts --- */

/* `file` is what it was made of. Ends its upload and its stream. */
void journal_artifact_stored(struct journal *journal, const char *task_id,
                             const struct message_artifact *artifact, const struct file_fingerprint *file);

/* Another file goes up in its place: until that is stored, nobody can say which of them the server has. */
void journal_artifact_replaced(struct journal *journal, const char *task_id, const char *logical_path);

/* A streamed artifact was opened; its upload is recorded as any other. */
void journal_stream_opened(struct journal *journal, const char *task_id, const char *logical_path,
                           const struct message_artifact_open *opened);

/* --- multipart uploads: how far each is --- */

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

/* Forgets all uploads of a task, and adds their ids to the list. */
void journal_uploads_end(struct journal *journal, const char *task_id, struct text_list *ids);

/* False when there is none. journal_upload_clear() it. */
bool journal_upload_find(const struct journal_upload_key *key, struct journal_upload *upload);
void journal_upload_clear(struct journal_upload *upload);

/* --- requests of runners, from before they are acted upon until they are answered --- */

/* Texts are borrowed. */
struct journal_request {
    const char *task_id;
    const char *operation;
    const char *name; /* the CID or the relative path */
};

/* At the start: what the run before had in hand is counted when that run `crashed`, and is in hand no more.
 */
void journal_deaths_count(struct journal *journal, bool crashed);

/* How often stored has crashed with such a request in hand since one was answered. */
int journal_deaths(struct journal *journal, const struct journal_request *request);

/* False, with a sentence in `error`, when that was so often that it is not tried again. */
bool journal_check_deaths(struct journal *journal, const struct journal_request *request,
                          struct error *error);

/* Its number for journal_request_answered(); 0: it could not be written, which is harmless there. */
int64_t journal_request_taken(struct journal *journal, const struct journal_request *request);
void journal_request_answered(struct journal *journal, int64_t number);

/* --- reading it again --- */

enum journal_table {
    JOURNAL_SESSIONS,  /* message_session_open, without its token */
    JOURNAL_INPUTS,    /* message_input */
    JOURNAL_ARTIFACTS, /* message_artifact, in the order of their storing */
    JOURNAL_STREAMS    /* message_artifact_open */
};

/* One row; borrowed. */
struct journal_record {
    const void *message;          /* of the table's type */
    bool had_token;               /* of a session */
    bool cancelled;               /* of a session */
    struct file_fingerprint file; /* of an artifact */
};

typedef void journal_record_function(void *context, const struct journal_record *record);

/* Calls `visit` for each record of a task; of all tasks for JOURNAL_SESSIONS, `task_id` is then NULL. */
void journal_visit_records(struct journal *journal, enum journal_table table, const char *task_id,
                           journal_record_function *visit, void *context);

#endif
