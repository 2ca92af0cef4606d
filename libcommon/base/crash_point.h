/*
 * Places where the chaos build (preset `chaos`) dies as if by power loss: POSEMESH_CRASH_AT names one. In
 * every other build they are nothing.
 */
#ifndef LIBCOMMON_BASE_CRASH_POINT_H
#define LIBCOMMON_BASE_CRASH_POINT_H

#ifdef POSEMESH_CHAOS
#include <signal.h>
#include <stdlib.h>
#include <string.h>

static inline void crash_point(const char *name)
{
    const char *wanted = getenv("POSEMESH_CRASH_AT");
    if (wanted && strcmp(wanted, name) == 0)
        raise(SIGKILL);
}
#else
static inline void crash_point(const char *name)
{
    (void)name;
}
#endif

#endif
