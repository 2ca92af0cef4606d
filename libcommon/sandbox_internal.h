/* Shared by the sandbox*.c files only. */
#ifndef LIBCOMMON_SANDBOX_INTERNAL_H
#define LIBCOMMON_SANDBOX_INTERNAL_H

#include "libcommon/sandbox.h"

enum sandbox_files_outcome {
    SANDBOX_FILES_REFUSED_BY_KERNEL, /* no Landlock, or one too old */
    SANDBOX_FILES_ONLY,              /* no ports: the kernel cannot, or a proxy of unknown port is set */
    SANDBOX_FILES_AND_PORTS,
};

/* Landlock's part. `version` gets the kernel's. */
bool sandbox_limit_files(enum service_id service, const struct sandbox_places *places,
                         enum sandbox_files_outcome *outcome, int *version, struct error *error);

/* seccomp's part; the last step, since it forbids what the other needs. */
bool sandbox_limit_calls(enum service_id service, struct error *error);

#endif
