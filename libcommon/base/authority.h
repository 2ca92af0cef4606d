/* The authority of a URL (RFC 3986 3.2): host and port, in ASCII and without user information. */
#ifndef LIBCOMMON_BASE_AUTHORITY_H
#define LIBCOMMON_BASE_AUTHORITY_H

#include <stdbool.h>
#include <stddef.h>

/* Points into the text that was parsed. */
struct authority {
    const char *host;  /* a name, an IPv4 address, or an IPv6 address in brackets */
    size_t host_bytes; /* above 0; without the dot that a name may end in */
    const char *port;  /* digits; "" when none is given */
};

/* False when `text` is none. */
bool authority_parse(const char *text, struct authority *authority);

/* The same host and port. Names are compared in any case, IPv6 addresses by their value. */
bool authority_equal(const struct authority *left, const struct authority *right);

/* localhost, 127.0.0.0/8, ::1, and these as IPv4-mapped addresses. */
bool authority_is_loopback(const struct authority *authority);

/* Whether the hosts share their last two labels (a name of one label: all of it), or are the same IP address;
 * an IP address and a name share nothing. */
bool authority_same_site(const struct authority *left, const struct authority *right);

#endif
