/* Which files and TCP ports a service may use (Landlock). */
#ifndef LIBCOMMON_NODE_SANDBOX_FILES_H
#define LIBCOMMON_NODE_SANDBOX_FILES_H

#include "libcommon/base/error.h"
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

struct sandbox_files_outcome {
    int landlock_version; /* of the kernel; below LANDLOCK_VERSION_MIN nothing is limited */
    int landlock_reason;  /* of version 0: struct landlock */
    bool ports;           /* TCP ports are limited, too */
};

bool sandbox_limit_files(enum service_id service, const struct sandbox_places *places,
                         struct sandbox_files_outcome *outcome, struct error *error);

#endif
