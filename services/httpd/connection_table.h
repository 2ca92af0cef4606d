/*
 * Who is connected, how long each may go on, and who has to go when there is no place left. Pure.
 *
 * A connection is idle unless its request waits for authd's answer: one that sends a byte now and then holds
 * its place for nothing. Only when all places are taken, the address that has most connections, the newcomer
 * counted, loses the one that has been idle for longest. Behind a proxy all come from one address, and the
 * same holds. IPv6 addresses count by their first 64 bits, since one customer has as many as that leaves.
 */
#ifndef HTTPD_CONNECTION_TABLE_H
#define HTTPD_CONNECTION_TABLE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/queue.h>
#include <sys/socket.h>

struct connection_address {
    unsigned char bytes[16]; /* IPv4 as ::ffff:a.b.c.d */
};

/* NULL, or a family that is neither, is an address of its own. */
struct connection_address connection_address_of(const struct sockaddr *address);

struct connection {
    int fd;
    struct connection_address address;
    int64_t began_ms; /* of the connection, or the end of its last request */
    bool head_came;   /* of its first request */
    bool waits;       /* for authd */
    bool leaves;      /* was told to go, and has not gone yet */
    LIST_ENTRY(connection) among_connections;
};

struct connection_table {
    size_t places;
    LIST_HEAD(connection_list, connection) connections;
};

void connection_table_init(struct connection_table *table, size_t places);

/* The most that there are: as long as those who were told to go have not gone, more than places. */
size_t connection_table_limit(const struct connection_table *table);

/* Whether a newcomer can have a place, though another one may have to go for it. */
bool connection_table_has_place(const struct connection_table *table);

/* Who goes for a newcomer from `address`: NULL while there are free places, or when nobody is idle. */
struct connection *connection_table_choose_victim(const struct connection_table *table,
                                                  const struct connection_address *address);

/* Freed by connection_table_remove(). */
struct connection *connection_table_add(struct connection_table *table, int fd,
                                        const struct sockaddr *address, int64_t now_ms);
void connection_table_remove(struct connection *connection);

/* A connection's first head has LIMIT_INBOUND_HEAD_SECONDS, a request LIMIT_INBOUND_SECONDS in all. */
bool connection_is_overdue(const struct connection *connection, int64_t now_ms);

void connection_request_ended(struct connection *connection, int64_t now_ms);

#endif
