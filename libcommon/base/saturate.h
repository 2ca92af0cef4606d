/*
 * Sums of times and durations of which one came from outside (an answer, a file's time stamp): what does not
 * fit into 64 bits becomes the end that it would lie beyond. "For ever" stays for ever, and nothing wraps.
 */
#ifndef LIBCOMMON_BASE_SATURATE_H
#define LIBCOMMON_BASE_SATURATE_H

#include <stdint.h>

static inline int64_t saturate_add(int64_t left, int64_t right)
{
    int64_t sum;
    if (!__builtin_add_overflow(left, right, &sum))
        return sum;
    return right < 0 ? INT64_MIN : INT64_MAX;
}

static inline int64_t saturate_subtract(int64_t left, int64_t right)
{
    int64_t difference;
    if (!__builtin_sub_overflow(left, right, &difference))
        return difference;
    return right < 0 ? INT64_MAX : INT64_MIN;
}

static inline int64_t saturate_multiply(int64_t left, int64_t right)
{
    int64_t product;
    if (!__builtin_mul_overflow(left, right, &product))
        return product;
    return (left < 0) != (right < 0) ? INT64_MIN : INT64_MAX;
}

#endif
