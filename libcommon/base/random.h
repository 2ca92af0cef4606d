/* Randomness as a value that logic takes as an argument: the system's in a service, a seeded one in tests. */
#ifndef LIBCOMMON_BASE_RANDOM_H
#define LIBCOMMON_BASE_RANDOM_H

#include <stddef.h>
#include <stdint.h>

struct random {
    uint64_t (*next)(struct random *random);
    uint64_t state; /* of the seeded kind */
};

/* OpenSSL's generator. */
struct random random_system(void);

/* Repeatable (splitmix64); for tests. */
struct random random_seeded(uint64_t seed);

/* Uniform in [0, 1). */
double random_fraction(struct random *random);

/* Uniform in [low, high]; low when high < low. */
int64_t random_between(struct random *random, int64_t low, int64_t high);
double random_between_ratios(struct random *random, double low, double high);

void random_bytes(struct random *random, void *out, size_t length);

#endif
