/*
 * Takes what a server quotes of a secret out of a text that is to be logged (docs/network.md, "Retries"): as
 * it is, as JSON or a URL escapes it, in base64 (of either alphabet, wherever it lies in what was encoded),
 * whole or cut at either end. Pure.
 */
#ifndef AUTHD_DDS_SECRET_MASK_H
#define AUTHD_DDS_SECRET_MASK_H

#include "libcommon/base/secret.h"

/* So many characters in a row, in any case, that a form of the secret has too are overwritten with asterisks;
 * of a shorter secret, all that it has. */
enum { SECRET_MASK_RUN_BYTES = 4 };

void secret_mask(const struct secret *secret, char *text, size_t length);

#endif
