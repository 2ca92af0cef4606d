/*
 * Takes what a server quotes of a secret out of a text that people or other processes are to see
 * (docs/network.md, "Retries"): as it is, as JSON or a URL escapes it (also one in the other), in base64 (of
 * either alphabet, wherever it lies in what was encoded), whole or cut at either end. Pure.
 */
#ifndef LIBCOMMON_HTTP_SECRET_MASK_H
#define LIBCOMMON_HTTP_SECRET_MASK_H

#include "libcommon/base/secret.h"

/*
 * So many characters in a row, in any case, that a form of the secret has too are overwritten with asterisks;
 * of a shorter secret, all that it has. A long one has so many runs of four that ordinary words would be
 * among them.
 */
enum { SECRET_MASK_RUN_BYTES = 4, SECRET_MASK_LONG_RUN_BYTES = 6, SECRET_MASK_LONG_BYTES = 64 };

void secret_mask(const struct secret *secret, char *text, size_t length);

#endif
