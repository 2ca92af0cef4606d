/*
 * Ends uploads at the server that were given up (docs/network.md 4.2, step 4). Best effort, and on its own:
 * the session that gave the upload up may be gone before the server has answered.
 */
#ifndef STORED_ARTIFACTS_MULTIPART_ABORT_H
#define STORED_ARTIFACTS_MULTIPART_ABORT_H

#include "services/stored/domain/domain_request.h"

#include <stdbool.h>

struct multipart_aborts;

/* `on_idle` (may be NULL) is called when the last one has ended. */
struct multipart_aborts *multipart_aborts_create(void (*on_idle)(void *context), void *context);

/* Drops what is in flight. */
void multipart_aborts_free(struct multipart_aborts *aborts);
bool multipart_aborts_idle(const struct multipart_aborts *aborts);

/* DELETEs the upload with a copy of `access` as it is now. */
void multipart_aborts_add(struct multipart_aborts *aborts, const struct domain_access *access,
                          const char *data_path, const char *upload_id);

#endif
