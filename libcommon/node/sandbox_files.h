/* Which files and TCP ports a service may use (Landlock). */
#ifndef LIBCOMMON_NODE_SANDBOX_FILES_H
#define LIBCOMMON_NODE_SANDBOX_FILES_H

#include "libcommon/base/error.h"
#include "libcommon/confine/landlock.h"
#include "libcommon/node/service_id.h"

#include <stdbool.h>
#include <stdint.h>

/* The places that a service works with. All are borrowed; NULL where it has none. */
struct sandbox_places {
    const char *runtime_dir;
    const char *work_dir;
    const char *state_dir; /* holds a folder for each service that keeps something */
    uint16_t peer_port;    /* of the one service that it calls outside: the only one to connect to; 0: any */
};

/* `landlock` tells what the kernel can; it is over already. */
bool sandbox_limit_files(enum service_id service, const struct sandbox_places *places,
                         struct landlock *landlock, struct error *error);

#endif
