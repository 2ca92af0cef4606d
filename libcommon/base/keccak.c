#include "libcommon/base/keccak.h"

#include <string.h>

enum { RATE_BYTES = 136, LANES = 25, ROUNDS = 24 };

static const uint64_t round_constants[ROUNDS] = {
    0x0000000000000001, 0x0000000000008082, 0x800000000000808a, 0x8000000080008000, 0x000000000000808b,
    0x0000000080000001, 0x8000000080008081, 0x8000000000008009, 0x000000000000008a, 0x0000000000000088,
    0x0000000080008009, 0x000000008000000a, 0x000000008000808b, 0x800000000000008b, 0x8000000000008089,
    0x8000000000008003, 0x8000000000008002, 0x8000000000000080, 0x000000000000800a, 0x800000008000000a,
    0x8000000080008081, 0x8000000000008080, 0x0000000080000001, 0x8000000080008008};

/* Rho and pi walk the 24 lanes other than the first in this order, each rotated by the count beside it. */
static const uint8_t lane_order[24] = {10, 7,  11, 17, 18, 3, 5,  16, 8,  21, 24, 4,
                                       15, 23, 19, 13, 12, 2, 20, 14, 22, 9,  6,  1};
static const uint8_t rotations[24] = {1,  3,  6,  10, 15, 21, 28, 36, 45, 55, 2,  14,
                                      27, 41, 56, 8,  25, 43, 62, 18, 39, 61, 20, 44};

static uint64_t rotate_left(uint64_t lane, unsigned count)
{
    return lane << count | lane >> (64 - count);
}

static void mix_columns(uint64_t state[LANES])
{
    uint64_t parity[5];
    for (size_t x = 0; x < 5; x++)
        parity[x] = state[x] ^ state[x + 5] ^ state[x + 10] ^ state[x + 15] ^ state[x + 20];
    for (size_t x = 0; x < 5; x++) {
        uint64_t mask = parity[(x + 4) % 5] ^ rotate_left(parity[(x + 1) % 5], 1);
        for (size_t y = 0; y < LANES; y += 5)
            state[x + y] ^= mask;
    }
}

/* Keccak-f[1600]: theta, rho and pi, chi, iota (FIPS 202, section 3.2). */
static void permute(uint64_t state[LANES])
{
    for (size_t round = 0; round < ROUNDS; round++) {
        mix_columns(state);
        uint64_t moving = state[1];
        for (size_t i = 0; i < 24; i++) {
            uint64_t next = state[lane_order[i]];
            state[lane_order[i]] = rotate_left(moving, rotations[i]);
            moving = next;
        }
        for (size_t y = 0; y < LANES; y += 5) {
            uint64_t row[5];
            memcpy(row, state + y, sizeof row);
            for (size_t x = 0; x < 5; x++)
                state[x + y] = row[x] ^ (~row[(x + 1) % 5] & row[(x + 2) % 5]);
        }
        state[0] ^= round_constants[round];
    }
}

/* Lanes are little-endian whatever the machine is. */
static void absorb_block(uint64_t state[LANES], const uint8_t block[RATE_BYTES])
{
    for (size_t i = 0; i < RATE_BYTES; i++)
        state[i / 8] ^= (uint64_t)block[i] << (8 * (i % 8));
    permute(state);
}

void keccak256(const void *bytes, size_t length, uint8_t digest[KECCAK256_BYTES])
{
    uint64_t state[LANES] = {0};
    uint8_t last[RATE_BYTES] = {0};
    const uint8_t *in = bytes;
    for (; length >= RATE_BYTES; in += RATE_BYTES, length -= RATE_BYTES)
        absorb_block(state, in);
    if (length > 0)
        memcpy(last, in, length);
    last[length] = 0x01;
    last[RATE_BYTES - 1] |= 0x80;
    absorb_block(state, last);
    for (size_t i = 0; i < KECCAK256_BYTES; i++)
        digest[i] = (uint8_t)(state[i / 8] >> (8 * (i % 8)));
}
