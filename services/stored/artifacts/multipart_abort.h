/*
 * Ends uploads at the server that were given up (docs/network.md 4.2, step 4). Best effort, and on its own:
 * the session that gave the upload up may be gone before the server has answered.
 */
#ifndef STORED_ARTIFACTS_MULTIPART_ABORT_H
#define STORED_ARTIFACTS_MULTIPART_ABORT_H

#include "services/stored/domain/domain_request.h"

#include <stdbool.h>

struct multipart_aborts;

/* Called (may be NULL) when one has ended, well or not; `task_id` is that of its upload, borrowed. */
typedef void multipart_abort_ended(void *context, const char *task_id);

struct multipart_aborts *multipart_aborts_create(multipart_abort_ended *on_ended, void *context);

/* Drops what is in flight. */
void multipart_aborts_free(struct multipart_aborts *aborts);
bool multipart_aborts_idle(const struct multipart_aborts *aborts);

/* Whether one of the task's uploads is still being ended. */
bool multipart_aborts_has(const struct multipart_aborts *aborts, const char *task_id);

/* DELETEs the upload with a copy of `access` as it is now. */
void multipart_aborts_add(struct multipart_aborts *aborts, const struct domain_access *access,
                          const char *data_path, const char *upload_id);

#endif
