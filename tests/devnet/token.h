/* Access tokens (DDS issues, DMS takes) and domain tokens (DMS issues, the domain server takes). */
#ifndef DEVNET_TOKEN_H
#define DEVNET_TOKEN_H

#include <stdint.h>

#include "tests/devnet/exchange.h"
#include "tests/devnet/signature.h"

/* A new token; the time at which it expires comes back. */
int64_t token_issue_access(struct devnet *devnet, const char *address, char token[TOKEN_TEXT_BYTES]);

/* A new token for a task's lease; the lease's earlier ones count as replaced. */
int64_t token_issue_domain(struct exchange *exchange, const json_t *task, char token[TOKEN_TEXT_BYTES]);

/* The node (its row) behind a DMS request's access token; NULL when the request was refused. json_decref()
 * it. */
json_t *token_check_access(struct exchange *exchange);

/* The token's row behind a storage request; NULL when the request was refused. json_decref() it. A client id
 * that comes is judged, optional or not. */
json_t *token_check_domain(struct exchange *exchange, bool client_id_is_optional);

#endif
