/*
 * A service has its places alone, whether posemesh-node started it or anybody else: two of one kind would
 * answer at one socket. For service.c alone.
 */
#ifndef LIBCOMMON_SERVICE_SERVICE_LOCK_H
#define LIBCOMMON_SERVICE_SERVICE_LOCK_H

#include "libcommon/base/error.h"
#include "libcommon/node/settings.h"

#include <stdbool.h>

/*
 * Locks <POSEMESH_RUNTIME_DIR>/<service>/status and what the service keeps, making what is missing, until the
 * process ends. One that is `alone` has no posemesh-node, which would have the work folder. The error is a
 * sentence with variable and remedy; ERROR_CONFLICT: another one has it.
 */
bool service_lock_take(enum service_id service, const struct settings *settings, bool alone,
                       struct error *error);

#endif
