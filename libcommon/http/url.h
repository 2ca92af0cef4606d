/* The URLs of the contract: http or https with a host. Parsing is libcurl's, so that what is checked is what
 * is called. */
#ifndef LIBCOMMON_HTTP_URL_H
#define LIBCOMMON_HTTP_URL_H

#include "libcommon/base/error.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/*
 * The URL as the WHATWG standard serialises it (docs/network.md 1.1): scheme and host in lower case, default
 * port dropped, an empty path becomes "/". NULL when it is not an http or https URL with a host. free() it.
 */
char *url_normalise(const char *text, struct error *error);

/* Whether `text` is an http or https URL with a host (docs/network.md 6). A host in another script or in
 * percent-encoding is none: readers of it differ. */
bool url_is_http(const char *text);

/*
 * `base` and the segments with exactly one slash between each two; a path of `base` is kept. Segments are not
 * encoded and may hold slashes and, the last one, a query. free() it.
 */
char *url_join(const char *base, const char *const *segments, size_t count);

/* Whether two URLs have the same scheme, host and port; false when either is not an http or https URL with a
 * host. */
bool url_same_origin(const char *left, const char *right);

/* "scheme://host:port" in lower case, the port always given. NULL as url_normalise. free() it. */
char *url_origin(const char *text, struct error *error);

/* The URL as errors show it, without a user, a query and a fragment: signed URLs have their secret there.
 * NULL as url_normalise. free() it. */
char *url_shown(const char *text, struct error *error);

/* The port that the URL names, or its scheme's. False as url_is_http(). */
bool url_port(const char *text, uint16_t *port);

/* `text` with everything but A-Z a-z 0-9 - . _ ~ percent-encoded: fits a path component and a query value.
 * free() it. */
char *url_encode_component(const char *text);

/* Percent-decodes a path component; a % without two digits stays. NULL when that gives a NUL. free() it. */
char *url_decode_component(const char *text, size_t length);

/* As url_decode_component, and + becomes a space (application/x-www-form-urlencoded). */
char *url_decode_form(const char *text, size_t length);

#endif
