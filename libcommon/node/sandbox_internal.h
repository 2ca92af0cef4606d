/* Shared by the sandbox*.c files only. */
#ifndef LIBCOMMON_NODE_SANDBOX_INTERNAL_H
#define LIBCOMMON_NODE_SANDBOX_INTERNAL_H

#include "libcommon/node/sandbox.h"

struct sandbox_files_report {
    int landlock_version; /* of the kernel; below LANDLOCK_VERSION_MIN nothing is limited */
    int landlock_reason;  /* of version 0: struct landlock */
    bool ports;           /* TCP ports are limited, too */
};

/* Landlock's part. */
bool sandbox_limit_files(enum service_id service, const struct sandbox_places *places,
                         struct sandbox_files_report *report, struct error *error);

/* seccomp's part; the last step, since it forbids what the other needs. */
bool sandbox_limit_calls(enum service_id service, struct error *error);

#endif
