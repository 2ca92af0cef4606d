#include "services/httpd/acceptor.h"

#include "libcommon/base/clock.h"
#include "libcommon/base/limits.h"
#include "libcommon/base/log.h"
#include "libcommon/base/memory.h"
#include "libcommon/node/listening_socket.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <unistd.h>

enum { OVERDUE_CHECK_MS = 1000, ACCEPTS_IN_A_TURN = 16 };

struct acceptor {
    int listener;
    struct connection_table table;
    struct MHD_Daemon *daemon;
    void (*run)(void *context);
    void *context;
    struct loop_watch *watch;
    struct loop_timer overdue;
    bool exhausted; /* the machine has no descriptor for us: until the next look at what is overdue */
};

/* --- connections, as libmicrohttpd tells of them --- */

void acceptor_on_connection(void *context, struct MHD_Connection *connection, void **slot,
                            enum MHD_ConnectionNotificationCode code)
{
    struct acceptor *acceptor = context;
    if (code == MHD_CONNECTION_NOTIFY_STARTED) {
        int fd = MHD_get_connection_info(connection, MHD_CONNECTION_INFO_CONNECTION_FD)->connect_fd;
        const struct sockaddr *address =
            MHD_get_connection_info(connection, MHD_CONNECTION_INFO_CLIENT_ADDRESS)->client_addr;
        *slot = connection_table_add(&acceptor->table, fd, address, clock_boot_ms());
    } else if (*slot) {
        connection_table_remove(*slot);
        *slot = NULL;
    }
}

struct connection *acceptor_connection_of(struct MHD_Connection *connection)
{
    return MHD_get_connection_info(connection, MHD_CONNECTION_INFO_SOCKET_CONTEXT)->socket_context;
}

/* A descriptor that is shut down reads as closed by the client, and libmicrohttpd ends the connection. One
 * that waits for authd ends soon by itself. */
static void dismiss(struct connection *connection)
{
    connection->leaves = true;
    shutdown(connection->fd, SHUT_RDWR);
}

/* --- new ones --- */

void acceptor_look_for_places(struct acceptor *acceptor)
{
    bool listens = !acceptor->exhausted && connection_table_has_place(&acceptor->table);
    loop_watch_change(acceptor->watch, listens ? EPOLLIN : 0);
}

/* False when there is none to be had now. */
static bool accept_one(struct acceptor *acceptor)
{
    struct sockaddr_storage address = {0};
    socklen_t length = sizeof address;
    int fd = accept4(acceptor->listener, (struct sockaddr *)&address, &length, SOCK_NONBLOCK | SOCK_CLOEXEC);
    if (fd < 0) {
        acceptor->exhausted = errno == EMFILE || errno == ENFILE || errno == ENOBUFS || errno == ENOMEM;
        if (acceptor->exhausted)
            log_warn("cannot take a connection: %s", strerror(errno));
        return false;
    }
    const struct connection_address from = connection_address_of((const struct sockaddr *)&address);
    struct connection *victim = connection_table_choose_victim(&acceptor->table, &from);
    if (victim)
        dismiss(victim);
    /* When it fails, it closes the descriptor, too. */
    MHD_add_connection(acceptor->daemon, fd, (const struct sockaddr *)&address, length);
    return true;
}

static void on_listener(void *context, uint32_t events)
{
    struct acceptor *acceptor = context;
    (void)events;
    for (int i = 0; i < ACCEPTS_IN_A_TURN && connection_table_has_place(&acceptor->table); i++)
        if (!accept_one(acceptor))
            break;
    acceptor->run(acceptor->context);
}

/* libmicrohttpd's timeout begins anew with each byte, so a client that sends one now and then could keep its
 * place for ever. */
static void dismiss_overdue(void *context)
{
    struct acceptor *acceptor = context;
    int64_t now_ms = clock_boot_ms();
    for (struct connection *connection = LIST_FIRST(&acceptor->table.connections); connection;
         connection = LIST_NEXT(connection, among_connections))
        if (!connection->leaves && connection_is_overdue(connection, now_ms))
            dismiss(connection);
    acceptor->exhausted = false;
    acceptor->run(acceptor->context);
    loop_timer_start(&acceptor->overdue, OVERDUE_CHECK_MS);
}

/* --- life --- */

struct acceptor *acceptor_create(int listener)
{
    struct acceptor *acceptor = memory_allocate(sizeof *acceptor);
    acceptor->listener = listener;
    connection_table_init(&acceptor->table, LIMIT_INBOUND_CONNECTIONS);
    return acceptor;
}

unsigned acceptor_limit(const struct acceptor *acceptor)
{
    return (unsigned)connection_table_limit(&acceptor->table);
}

uint16_t acceptor_port(const struct acceptor *acceptor)
{
    return listening_socket_port(acceptor->listener);
}

void acceptor_serve(struct acceptor *acceptor, struct loop *loop, struct MHD_Daemon *daemon,
                    void (*run)(void *context), void *context)
{
    acceptor->daemon = daemon;
    acceptor->run = run;
    acceptor->context = context;
    acceptor->watch = loop_watch_add(loop, acceptor->listener, EPOLLIN, on_listener, acceptor);
    loop_timer_init(&acceptor->overdue, loop, dismiss_overdue, acceptor);
    loop_timer_start(&acceptor->overdue, OVERDUE_CHECK_MS);
}

void acceptor_stop(struct acceptor *acceptor)
{
    loop_timer_stop(&acceptor->overdue);
    loop_watch_remove(acceptor->watch);
    acceptor->watch = NULL;
}

void acceptor_free(struct acceptor *acceptor)
{
    if (!acceptor)
        return;
    close(acceptor->listener);
    free(acceptor);
}
