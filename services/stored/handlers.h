/* The message tables of the roles stored/session (leased asks) and stored/runner (runner hosts and jobs ask).
 */
#ifndef STORED_HANDLERS_H
#define STORED_HANDLERS_H

#include "libcommon/ipc/ipc.h"

#include <stddef.h>

extern const struct ipc_handler session_handlers[];
extern const size_t session_handler_count;
extern const struct ipc_handler runner_handlers[];
extern const size_t runner_handler_count;

#endif
