#include "services/httpd/connection_table.h"

#include "libcommon/base/limits.h"
#include "libcommon/base/memory.h"

#include <netinet/in.h>
#include <stdlib.h>
#include <string.h>

enum { CONNECTIONS_FOR_EACH_PLACE = 2, NETWORK_BYTES = 8 };

struct connection_address connection_address_of(const struct sockaddr *address)
{
    struct connection_address result = {{0}};
    if (address && address->sa_family == AF_INET) {
        const struct sockaddr_in *v4 = (const struct sockaddr_in *)(const void *)address;
        memset(result.bytes + 10, 0xff, 2);
        memcpy(result.bytes + 12, &v4->sin_addr, 4);
    } else if (address && address->sa_family == AF_INET6) {
        const struct sockaddr_in6 *v6 = (const struct sockaddr_in6 *)(const void *)address;
        size_t counted = IN6_IS_ADDR_V4MAPPED(&v6->sin6_addr) ? sizeof result.bytes : NETWORK_BYTES;
        memcpy(result.bytes, &v6->sin6_addr, counted);
    }
    return result;
}

void connection_table_init(struct connection_table *table, size_t places)
{
    table->places = places;
    LIST_INIT(&table->connections);
}

size_t connection_table_limit(const struct connection_table *table)
{
    return table->places * CONNECTIONS_FOR_EACH_PLACE;
}

static bool is_idle(const struct connection *connection)
{
    return !connection->waits && !connection->leaves;
}

static bool is_full(const struct connection_table *table)
{
    size_t taken = 0;
    for (const struct connection *connection = LIST_FIRST(&table->connections); connection;
         connection = LIST_NEXT(connection, among_connections))
        taken += !connection->leaves;
    return taken >= table->places;
}

bool connection_table_has_place(const struct connection_table *table)
{
    size_t all = 0;
    bool one_is_idle = false;
    for (const struct connection *connection = LIST_FIRST(&table->connections); connection;
         connection = LIST_NEXT(connection, among_connections)) {
        all++;
        one_is_idle = one_is_idle || is_idle(connection);
    }
    return all < connection_table_limit(table) && (one_is_idle || !is_full(table));
}

static bool is_same(const struct connection_address *left, const struct connection_address *right)
{
    return memcmp(left, right, sizeof *left) == 0;
}

static size_t count_of(const struct connection_table *table, const struct connection_address *address)
{
    size_t count = 0;
    for (const struct connection *connection = LIST_FIRST(&table->connections); connection;
         connection = LIST_NEXT(connection, among_connections))
        count += !connection->leaves && is_same(&connection->address, address);
    return count;
}

struct connection *connection_table_choose_victim(const struct connection_table *table,
                                                  const struct connection_address *address)
{
    struct connection *victim = NULL;
    size_t most = 0;
    if (!is_full(table))
        return NULL;
    for (struct connection *connection = LIST_FIRST(&table->connections); connection;
         connection = LIST_NEXT(connection, among_connections)) {
        if (!is_idle(connection))
            continue;
        size_t count = count_of(table, &connection->address) + is_same(&connection->address, address);
        if (!victim || count > most || (count == most && connection->began_ms < victim->began_ms)) {
            most = count;
            victim = connection;
        }
    }
    return victim;
}

struct connection *connection_table_add(struct connection_table *table, int fd,
                                        const struct sockaddr *address, int64_t now_ms)
{
    struct connection *connection = memory_allocate(sizeof *connection);
    *connection =
        (struct connection){.fd = fd, .address = connection_address_of(address), .began_ms = now_ms};
    LIST_INSERT_HEAD(&table->connections, connection, among_connections);
    return connection;
}

void connection_table_remove(struct connection *connection)
{
    LIST_REMOVE(connection, among_connections);
    free(connection);
}

bool connection_is_overdue(const struct connection *connection, int64_t now_ms)
{
    int64_t seconds = connection->head_came ? LIMIT_INBOUND_SECONDS : LIMIT_INBOUND_HEAD_SECONDS;
    return now_ms - connection->began_ms > seconds * 1000;
}

void connection_request_ended(struct connection *connection, int64_t now_ms)
{
    connection->began_ms = now_ms;
    connection->waits = false;
}
