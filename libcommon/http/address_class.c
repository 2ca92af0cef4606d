#include "libcommon/http/address_class.h"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdio.h>
#include <string.h>

enum { V4_BYTES = 4, V6_BYTES = 16 };

/* Of two rows that match, the first counts. */
struct row {
    uint8_t network[V6_BYTES];
    size_t bits;
    enum address_class class;
    size_t v4_offset; /* above 0: where the IPv4 address begins that the address stands for */
};

static const struct row v4_rows[] = {
    {{0, 0, 0, 0}, 32, ADDRESS_LOOPBACK, 0}, {{0}, 8, ADDRESS_PRIVATE, 0},
    {{10}, 8, ADDRESS_PRIVATE, 0},           {{100, 64}, 10, ADDRESS_PRIVATE, 0},
    {{127}, 8, ADDRESS_LOOPBACK, 0},         {{169, 254}, 16, ADDRESS_LINK_LOCAL, 0},
    {{172, 16}, 12, ADDRESS_PRIVATE, 0},     {{192, 168}, 16, ADDRESS_PRIVATE, 0},
};

static const struct row v6_rows[] = {
    {{0}, 128, ADDRESS_LOOPBACK, 0},
    {{[15] = 1}, 128, ADDRESS_LOOPBACK, 0},
    {{0}, 96, ADDRESS_PUBLIC, 12},
    {{[10] = 0xff, [11] = 0xff}, 96, ADDRESS_PUBLIC, 12},
    {{[8] = 0xff, [9] = 0xff}, 96, ADDRESS_PUBLIC, 12},
    {{0x00, 0x64, 0xff, 0x9b}, 96, ADDRESS_PUBLIC, 12},
    {{0x00, 0x64, 0xff, 0x9b, 0x00, 0x01}, 48, ADDRESS_PRIVATE, 0},
    {{0x20, 0x02}, 16, ADDRESS_PUBLIC, 2},
    {{0xfc}, 7, ADDRESS_PRIVATE, 0},
    {{0xfe, 0x80}, 10, ADDRESS_LINK_LOCAL, 0},
    {{0xfe, 0xc0}, 10, ADDRESS_PRIVATE, 0},
};

static bool matches(const struct row *row, const uint8_t *bytes)
{
    size_t whole = row->bits / 8;
    unsigned rest_mask = 0xff00U >> row->bits % 8 & 0xff;
    return memcmp(row->network, bytes, whole) == 0 &&
           (rest_mask == 0 || ((row->network[whole] ^ bytes[whole]) & rest_mask) == 0);
}

static enum address_class classify_v4(const uint8_t *bytes)
{
    for (size_t i = 0; i < sizeof v4_rows / sizeof v4_rows[0]; i++)
        if (matches(&v4_rows[i], bytes))
            return v4_rows[i].class;
    return ADDRESS_PUBLIC;
}

static enum address_class classify_v6(const uint8_t *bytes)
{
    for (size_t i = 0; i < sizeof v6_rows / sizeof v6_rows[0]; i++)
        if (matches(&v6_rows[i], bytes))
            return v6_rows[i].v4_offset ? classify_v4(bytes + v6_rows[i].v4_offset) : v6_rows[i].class;
    return ADDRESS_PUBLIC;
}

/* Where the address's own bytes are; NULL for other families. */
static const void *bytes_of(const struct sockaddr *address)
{
    const void *untyped = address;
    const struct sockaddr_in *v4 = untyped;
    const struct sockaddr_in6 *v6 = untyped;
    if (address->sa_family == AF_INET)
        return &v4->sin_addr;
    return address->sa_family == AF_INET6 ? &v6->sin6_addr : NULL;
}

enum address_class address_classify(const struct sockaddr *address)
{
    const uint8_t *bytes = bytes_of(address);
    if (!bytes)
        return ADDRESS_LINK_LOCAL;
    return address->sa_family == AF_INET ? classify_v4(bytes) : classify_v6(bytes);
}

const char *address_format(const struct sockaddr *address, char out[ADDRESS_TEXT_BYTES])
{
    const void *bytes = bytes_of(address);
    if (!bytes || !inet_ntop(address->sa_family, bytes, out, ADDRESS_TEXT_BYTES))
        snprintf(out, ADDRESS_TEXT_BYTES, "an address of family %d", address->sa_family);
    return out;
}

uint16_t address_port(const struct sockaddr *address)
{
    const void *untyped = address;
    const struct sockaddr_in *v4 = untyped;
    const struct sockaddr_in6 *v6 = untyped;
    if (address->sa_family == AF_INET)
        return ntohs(v4->sin_port);
    return address->sa_family == AF_INET6 ? ntohs(v6->sin6_port) : 0;
}
