/* Whether a URL and a version stand in the form the contract asks for (docs/network.md 1.1, 1.4). */
#ifndef DEVNET_URL_FORM_H
#define DEVNET_URL_FORM_H

#include <stdbool.h>

/* An http(s) URL exactly as the WHATWG URL standard serialises it. `*why` says what is off. */
bool url_is_normal(const char *url, const char **why);

bool version_is_semver(const char *version);

#endif
