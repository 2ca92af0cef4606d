/*
 * Sessions: one for each lease, opened and closed by leased. A session owns its workspace, its way to the
 * domain server, and every transfer made for it.
 */
#ifndef STORED_SESSION_H
#define STORED_SESSION_H

#include "libcommon/messages.h"
#include "services/stored/domain_request.h"
#include "services/stored/input_path.h"
#include "services/stored/workspace.h"

#include <stdbool.h>
#include <stddef.h>

struct artifact;
struct input;
struct stored;

struct session {
    struct stored *stored;
    struct secret task_key;
    char *task_id;
    char *job_id;
    char *capability;
    char *domain_id;
    char *outputs_prefix;
    struct log_task log;
    struct domain_access access;
    struct workspace workspace;
    struct input_path_set *input_paths;
    struct input *inputs; /* fetched or being fetched */
    void *inputs_by_cid;  /* the same, for tsearch(): tasks have thousands */
    size_t input_count;
    size_t input_files;
    unsigned input_number;      /* of the latest download */
    struct artifact *artifacts; /* in the order of their first put */
    size_t artifact_count;
    size_t artifact_text_bytes; /* of all their names: the answer with all of them must fit a message */
    bool cancelled;
    struct session *next;
};

/* NULL when there is none; `error` then says so. */
struct session *session_find(const struct stored *stored, const struct secret *task_key, struct error *error);

/*
 * Gives the session of the key in `message`, a new one with a fresh workspace when there is none. What an
 * earlier attempt at the same task left is moved aside and removed. NULL with ERROR_INVALID for fields that
 * cannot be used.
 */
struct session *session_open(struct stored *stored, const struct message_session_open *message,
                             struct error *error);

/* Ends transfers, whose callers get `reason`; new ones are refused. */
void session_cancel(struct session *session, const struct error *reason);

/* Ends transfers as session_cancel, and frees. The workspace stays; *task_id (may be NULL) receives its name.
 */
void session_free(struct session *session, const struct error *reason, char **task_id);

/* Without answers to anybody: the sockets are closing. */
void session_drop(struct session *session);

/* Whether new transfers may begin. */
bool session_check_active(const struct session *session, struct error *error);

#endif
