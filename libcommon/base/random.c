#include "libcommon/base/random.h"

#include "libcommon/base/fatal.h"

#include <openssl/rand.h>
#include <string.h>

static uint64_t next_system(struct random *random)
{
    (void)random;
    uint64_t value = 0;
    /* Without randomness there is no nonce, no key and no jitter: nothing sensible can go on. */
    if (RAND_bytes((unsigned char *)&value, sizeof value) != 1)
        fatal_stop("OpenSSL has no randomness");
    return value;
}

static uint64_t next_seeded(struct random *random)
{
    uint64_t z = random->state += 0x9e3779b97f4a7c15ULL;
    z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9ULL;
    z = (z ^ (z >> 27)) * 0x94d049bb133111ebULL;
    return z ^ (z >> 31);
}

struct random random_system(void)
{
    return (struct random){.next = next_system, .state = 0};
}

struct random random_seeded(uint64_t seed)
{
    return (struct random){.next = next_seeded, .state = seed};
}

double random_fraction(struct random *random)
{
    return (double)(random->next(random) >> 11) * 0x1.0p-53;
}

int64_t random_between(struct random *random, int64_t low, int64_t high)
{
    if (high <= low)
        return low;
    uint64_t span = (uint64_t)high - (uint64_t)low + 1;
    return low + (int64_t)(random_fraction(random) * (double)span);
}

double random_between_ratios(struct random *random, double low, double high)
{
    return low + random_fraction(random) * (high - low);
}

void random_bytes(struct random *random, void *out, size_t length)
{
    unsigned char *bytes = out;
    while (length) {
        uint64_t value = random->next(random);
        size_t step = length < sizeof value ? length : sizeof value;
        memcpy(bytes, &value, step);
        bytes += step;
        length -= step;
    }
}
