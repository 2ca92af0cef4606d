/* NODE_VERSION as it is reported to DDS (docs/network.md 1.5). */
#ifndef AUTHD_DDS_NODE_VERSION_H
#define AUTHD_DDS_NODE_VERSION_H

#include <stdbool.h>

/* A version by semver.org 2.0.0, with nothing around it. */
bool node_version_is_semver(const char *text);

/*
 * `given` trimmed when it is semver, without a leading v or V when that makes it semver, else `fallback`.
 * *warn tells whether it was changed or replaced. `given` may be NULL. free() the result.
 */
char *node_version_resolve(const char *given, const char *fallback, bool *warn);

#endif
