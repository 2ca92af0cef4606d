/* The domain server (docs/network.md 4): reads, look-ups, small uploads, multipart uploads. */
#ifndef DEVNET_DOMAIN_H
#define DEVNET_DOMAIN_H

#include <stdbool.h>
#include <stdint.h>

#include <jansson.h>

#include "libcommon/base/uuid.h"
#include "tests/devnet/devnet.h"

struct exchange;

void domain_info(struct exchange *exchange);
void domain_read(struct exchange *exchange);
void domain_read_one(struct exchange *exchange);
void domain_create(struct exchange *exchange);
void domain_update(struct exchange *exchange);
void domain_delete(struct exchange *exchange);
void domain_multipart_start(struct exchange *exchange);
void domain_multipart_part(struct exchange *exchange);
void domain_multipart_complete(struct exchange *exchange);
void domain_multipart_abort(struct exchange *exchange);

/* --- between the domain's files --- */

/* A form is the one request that other clients make without a client id. */
enum domain_use { DOMAIN_READ, DOMAIN_WRITE, DOMAIN_WRITE_FORM, DOMAIN_ABORT };

/* Who asks: a task's lease, or the app (both NULL). */
struct domain_caller {
    json_t *token;
    json_t *task;
};

/* Judges token, client id, domain, first heartbeat and lease. False: refused. Clear the caller in both cases.
 */
bool domain_open(struct exchange *exchange, enum domain_use use, struct domain_caller *caller);
void domain_caller_clear(struct domain_caller *caller);

/* What is about to be stored. */
struct domain_item {
    const char *id; /* of what is replaced; NULL or "": something new */
    const char *name;
    const char *data_type;
    int64_t size;
    const char *sha256;
    const char *stored_by; /* small or multipart */
    int64_t parts;
};

/* Judges name and data type of what a node is about to create or replace (docs/network.md 4.2). */
bool domain_check_item(struct exchange *exchange, const struct domain_caller *caller,
                       const struct domain_item *item);

/* Stores the item, whose bytes are in `path` (moved from there), and fills the id it has now; false: it was
 * declined. */
bool domain_keep_item(struct exchange *exchange, const struct domain_caller *caller,
                      const struct domain_item *item, const char *path, char id[UUID_TEXT_BYTES]);

/* Answers {"data": [metadata, ...]} of rows that have an `id`. */
void domain_answer_list(struct exchange *exchange, const json_t *rows);

/* {id, name, data_type, ...} of stored data as JSON text; free() it. NULL when there is none. */
char *domain_metadata(struct devnet *devnet, const char *id);

#endif
