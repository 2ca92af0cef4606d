/*
 * What a service may not do once it runs, as a table of reasons in sandbox.c. Applied in the start sequence
 * before the first thread starts, so that it covers all of them; programs that runnerd starts inherit it.
 */
#ifndef LIBCOMMON_SANDBOX_H
#define LIBCOMMON_SANDBOX_H

#include "libcommon/error.h"

#include <stdbool.h>

struct sandbox_profile {
    bool may_start_programs; /* runnerd alone */
};

/* Loads the seccomp filter. A forbidden call fails with EPERM. */
bool sandbox_apply(const struct sandbox_profile *profile, struct error *error);

#endif
