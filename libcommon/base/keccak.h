/* Keccak-256 as Ethereum has it: the first padding 0x01, not SHA3-256's 0x06 (docs/network.md 1.1, 2.3). */
#ifndef LIBCOMMON_BASE_KECCAK_H
#define LIBCOMMON_BASE_KECCAK_H

#include <stddef.h>
#include <stdint.h>

enum { KECCAK256_BYTES = 32 };

/* `bytes` may be NULL when there are none. */
void keccak256(const void *bytes, size_t length, uint8_t digest[KECCAK256_BYTES]);

#endif
