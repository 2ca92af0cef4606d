/*
 * What kind of network an address is in (docs/network.md 6, ALLOW_PRIVATE_DOMAIN_SERVERS). An IPv6 address
 * that stands for an IPv4 one is in that one's: mapped (also ::ffff:0:a.b.c.d), compatible, NAT64's
 * 64:ff9b::/96 and 6to4, which a gateway near by turns into just that. Pure.
 */
#ifndef LIBCOMMON_HTTP_ADDRESS_CLASS_H
#define LIBCOMMON_HTTP_ADDRESS_CLASS_H

#include <stdint.h>
#include <sys/socket.h>

enum {
    ADDRESS_TEXT_BYTES = 48 /* INET6_ADDRSTRLEN and some */
};

enum address_class {
    ADDRESS_PUBLIC,
    ADDRESS_LOOPBACK, /* 127/8, ::1, and the unspecified addresses, by which Linux reaches them */
    ADDRESS_PRIVATE,  /* 0/8, RFC 1918, CGNAT, ULA, site-local (RFC 3879), a network's own NAT64 (RFC 8215) */
    ADDRESS_LINK_LOCAL /* 169.254/16 and fe80::/10; what is neither IPv4 nor IPv6 counts as that, too */
};

enum address_class address_classify(const struct sockaddr *address);

/* As text, without its port. Returns `out`. */
const char *address_format(const struct sockaddr *address, char out[ADDRESS_TEXT_BYTES]);

/* 0 for what is neither IPv4 nor IPv6. */
uint16_t address_port(const struct sockaddr *address);

#endif
