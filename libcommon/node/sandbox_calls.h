/* Which system calls a service may make (seccomp). */
#ifndef LIBCOMMON_NODE_SANDBOX_CALLS_H
#define LIBCOMMON_NODE_SANDBOX_CALLS_H

#include "libcommon/base/error.h"
#include "libcommon/node/service_id.h"

#include <stdbool.h>

/* The last step of a sandbox, since it forbids what the others need. */
bool sandbox_limit_calls(enum service_id service, struct error *error);

#endif
