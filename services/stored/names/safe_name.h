/* Names made of A-Z a-z 0-9 - _ alone (docs/network.md 4.1 and 4.2). */
#ifndef STORED_NAMES_SAFE_NAME_H
#define STORED_NAMES_SAFE_NAME_H

#include <stddef.h>

/* Turns every other code point, and every byte that is not valid UTF-8, into one "_". free() it. */
char *safe_name(const char *text, size_t length);

#endif
