/*
 * The artifacts of a session, by logical path, in the order of their first put. The table bounds how many
 * there are and how long their names are together: the answer with all of them must fit a message.
 */
#ifndef STORED_ARTIFACTS_ARTIFACT_TABLE_H
#define STORED_ARTIFACTS_ARTIFACT_TABLE_H

#include "libcommon/node/messages.h"
#include "services/stored/artifacts/artifact_name.h"
#include "services/stored/transfers/request_list.h"
#include "services/stored/workspace/file_fingerprint.h"

#include <stdbool.h>
#include <stddef.h>
#include <sys/queue.h>

struct artifacts;
struct artifact_upload;

struct artifact {
    struct artifact_name name;
    char *id;                     /* of the data at the server; NULL: not known yet */
    bool stored;                  /* an upload succeeded */
    struct file_fingerprint file; /* that was stored; all zero: it has to be sent again to be sure */
    struct error failure;         /* of a stream, for its writer's next call */

    struct artifact_upload *upload; /* under way, the caller's; NULL: none */
    struct artifacts *artifacts;    /* of the upload */
    struct request_list waiting;    /* for its end */
    TAILQ_ENTRY(artifact) link;
};

struct artifact_table {
    TAILQ_HEAD(artifact_list, artifact) list;
    size_t count;
    size_t text_bytes;
};

void artifact_table_init(struct artifact_table *table);

/* NULL when there is none of that logical path. */
struct artifact *artifact_table_find(const struct artifact_table *table, const char *logical_path);

/* ERROR_CONFLICT: the server could not tell it from another one. */
bool artifact_table_check_collisions(const struct artifact_table *table, const struct artifact_name *name,
                                     struct error *error);

/* ERROR_TOO_LARGE: one more of that name would be too much. */
bool artifact_table_check_room(const struct artifact_table *table, const struct artifact_name *name,
                               struct error *error);

/* The entry of the name's logical path, a new one at the end if there is none. Takes `name` (left empty). */
struct artifact *artifact_table_enter(struct artifact_table *table, struct artifact_name *name);

/* A new entry at the end, of a logical path that is known to have none. Takes `name` (left empty). */
struct artifact *artifact_table_append(struct artifact_table *table, struct artifact_name *name);

/* Frees it, without answers; its upload has ended. */
void artifact_table_remove(struct artifact_table *table, struct artifact *artifact);

/* Those that are stored, in order; message_clear() it. */
void artifact_table_list(const struct artifact_table *table, struct message_artifacts *list);

bool artifact_is_named(const struct artifact *artifact, const char *name, const char *data_type);

/* message_clear() it. */
void artifact_describe(const struct artifact *artifact, struct message_artifact *message);

#endif
