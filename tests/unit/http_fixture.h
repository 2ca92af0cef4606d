/*
 * For the HTTP client's tests: a server thread that answers from a script, and a fixture that runs the loop
 * until calls are done. Included by one file of each test program.
 */
#ifndef TESTS_UNIT_HTTP_FIXTURE_H
#define TESTS_UNIT_HTTP_FIXTURE_H

#include "libcommon/base/clock.h"
#include "libcommon/base/memory.h"
#include "libcommon/http/http.h"

#include <arpa/inet.h>
#include <curl/curl.h>
#include <dirent.h>
#include <netinet/in.h>
#include <poll.h>
#include <pthread.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <sys/eventfd.h>
#include <sys/socket.h>
#include <unistd.h>

#include <cmocka.h>

enum { SERVER_STEPS = 40, SERVER_CONNECTIONS = 16, SERVER_WAIT_MS = 10000 };

enum server_after {
    AFTER_KEEP,  /* the connection serves the next request */
    AFTER_CLOSE, /* after the answer */
    AFTER_HOLD,  /* stays open, and nothing more comes; each server_release() sends one "x" */
    AFTER_DEAF   /* answers nothing and reads nothing once the headers are there */
};

struct server_step {
    char *answer; /* the server's own copy: its thread may still read it when the client has all of it */
    enum server_after after;
    size_t filler_bytes; /* sent behind `answer` */
};

struct server {
    int listener;
    int port;
    int stop;
    int release;
    pthread_t thread;
    pthread_mutex_t lock; /* of all below */
    struct server_step steps[SERVER_STEPS];
    size_t step_count;
    size_t requests;
    size_t connections;
    size_t hung_up; /* connections that the client closed */
    char *texts[SERVER_STEPS];
    size_t text_bytes[SERVER_STEPS];
};

struct server_peer {
    int fd;
    bool held;
    bool deaf;
    char *text;
    size_t bytes;
};

static inline void send_all(int fd, const char *bytes, size_t length)
{
    while (length) {
        ssize_t sent = send(fd, bytes, length, MSG_NOSIGNAL);
        if (sent <= 0)
            return;
        bytes += sent;
        length -= (size_t)sent;
    }
}

/* The length of the request at the start of the peer's text; 0 while it is not whole. */
static inline size_t whole_request(const struct server_peer *peer, bool headers_only)
{
    const char *end = peer->text ? strstr(peer->text, "\r\n\r\n") : NULL;
    if (!end)
        return 0;
    size_t length = (size_t)(end - peer->text) + 4;
    const char *field = strcasestr(peer->text, "\r\nContent-Length:");
    if (field && field < end && !headers_only)
        length += strtoul(field + 17, NULL, 10);
    return peer->bytes >= length ? length : 0;
}

static inline bool peer_close(struct server_peer *peer)
{
    close(peer->fd);
    free(peer->text);
    *peer = (struct server_peer){.fd = -1};
    return false;
}

/* Answers what has come whole. Returns false when the connection is closed. */
static inline bool peer_answer(struct server *server, struct server_peer *peer)
{
    pthread_mutex_lock(&server->lock);
    static char unscripted[] = "HTTP/1.1 500 Unscripted\r\nContent-Length: 0\r\n\r\n";
    struct server_step step = {.answer = unscripted};
    if (server->requests < server->step_count)
        step = server->steps[server->requests];
    size_t length = whole_request(peer, step.after == AFTER_DEAF);
    if (length && server->requests < SERVER_STEPS) {
        server->texts[server->requests] = memory_copy_bytes(peer->text, length);
        server->text_bytes[server->requests] = length;
        server->requests++;
    }
    pthread_mutex_unlock(&server->lock);
    if (!length)
        return true;
    peer->deaf = step.after == AFTER_DEAF;
    peer->held = step.after == AFTER_HOLD;
    free(peer->text);
    peer->text = NULL;
    peer->bytes = 0;
    if (step.answer)
        send_all(peer->fd, step.answer, strlen(step.answer));
    char *filler = memory_allocate(step.filler_bytes);
    memset(filler, 'f', step.filler_bytes);
    send_all(peer->fd, filler, step.filler_bytes);
    free(filler);
    return step.after == AFTER_CLOSE ? peer_close(peer) : true;
}

static inline void peer_read(struct server *server, struct server_peer *peer)
{
    enum { PIECE_BYTES = 65536 };
    peer->text = memory_resize_array(peer->text, peer->bytes + PIECE_BYTES + 1, 1);
    ssize_t got = recv(peer->fd, peer->text + peer->bytes, PIECE_BYTES, 0);
    if (got <= 0) {
        pthread_mutex_lock(&server->lock);
        server->hung_up++;
        pthread_mutex_unlock(&server->lock);
        peer_close(peer);
        return;
    }
    peer->bytes += (size_t)got;
    peer->text[peer->bytes] = '\0';
    peer_answer(server, peer);
}

static inline void peer_accept(struct server *server, struct server_peer *peers)
{
    int fd = accept(server->listener, NULL, NULL);
    for (int i = 0; i < SERVER_CONNECTIONS; i++)
        if (peers[i].fd < 0) {
            peers[i] = (struct server_peer){.fd = fd};
            pthread_mutex_lock(&server->lock);
            server->connections++;
            pthread_mutex_unlock(&server->lock);
            return;
        }
    close(fd);
}

static inline void release_held(struct server *server, struct server_peer *peers)
{
    uint64_t count = 0;
    if (read(server->release, &count, sizeof(count)) != sizeof(count))
        return;
    for (int i = 0; i < SERVER_CONNECTIONS; i++)
        if (peers[i].fd >= 0 && peers[i].held)
            send_all(peers[i].fd, "x", 1);
}

static inline void *server_run(void *context)
{
    struct server *server = context;
    struct server_peer peers[SERVER_CONNECTIONS];
    for (int i = 0; i < SERVER_CONNECTIONS; i++)
        peers[i] = (struct server_peer){.fd = -1};
    for (;;) {
        struct pollfd polls[SERVER_CONNECTIONS + 3] = {{.fd = server->stop, .events = POLLIN},
                                                       {.fd = server->release, .events = POLLIN},
                                                       {.fd = server->listener, .events = POLLIN}};
        for (int i = 0; i < SERVER_CONNECTIONS; i++)
            polls[3 + i] = (struct pollfd){.fd = peers[i].deaf ? -1 : peers[i].fd, .events = POLLIN};
        poll(polls, SERVER_CONNECTIONS + 3, -1);
        if (polls[0].revents)
            break;
        for (int i = 0; i < SERVER_CONNECTIONS; i++)
            if (polls[3 + i].revents)
                peer_read(server, &peers[i]);
        if (polls[1].revents)
            release_held(server, peers);
        if (polls[2].revents)
            peer_accept(server, peers);
    }
    for (int i = 0; i < SERVER_CONNECTIONS; i++)
        if (peers[i].fd >= 0)
            peer_close(&peers[i]);
    return NULL;
}

static inline void server_start(struct server *server)
{
    struct sockaddr_in address = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    socklen_t length = sizeof(address);
    *server = (struct server){.stop = eventfd(0, EFD_CLOEXEC), .release = eventfd(0, EFD_CLOEXEC)};
    pthread_mutex_init(&server->lock, NULL);
    server->listener = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    assert_int_equal(bind(server->listener, (struct sockaddr *)&address, sizeof(address)), 0);
    assert_int_equal(listen(server->listener, 16), 0);
    getsockname(server->listener, (struct sockaddr *)&address, &length);
    server->port = ntohs(address.sin_port);
    assert_int_equal(pthread_create(&server->thread, NULL, server_run, server), 0);
}

static inline void server_signal(int event)
{
    uint64_t one = 1;
    assert_int_equal(write(event, &one, sizeof(one)), sizeof(one));
}

static inline void server_stop(struct server *server)
{
    server_signal(server->stop);
    pthread_join(server->thread, NULL);
    close(server->listener);
    close(server->stop);
    close(server->release);
    for (size_t i = 0; i < SERVER_STEPS; i++) {
        free(server->texts[i]);
        free(server->steps[i].answer);
    }
    pthread_mutex_destroy(&server->lock);
}

static inline void script(struct server *server, const char *answer, enum server_after after,
                          size_t filler_bytes)
{
    pthread_mutex_lock(&server->lock);
    assert_true(server->step_count < SERVER_STEPS);
    free(server->steps[server->step_count].answer); /* of a test that took steps back */
    server->steps[server->step_count++] = (struct server_step){
        .answer = answer ? memory_copy_text(answer) : NULL, .after = after, .filler_bytes = filler_bytes};
    pthread_mutex_unlock(&server->lock);
}

static inline size_t server_count(struct server *server, const size_t *counter)
{
    pthread_mutex_lock(&server->lock);
    size_t count = *counter;
    pthread_mutex_unlock(&server->lock);
    return count;
}

/* --- the client's side --- */

#define PLAIN_OK "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok"

struct fixture {
    struct server server;
    struct loop *loop;
    struct http_client *client;
    size_t descriptors;
};

/* What came of one call. */
struct outcome {
    struct fixture *fixture;
    struct http_call *call;
    int done;
    bool sent;
    int status;
    char *body;
    size_t body_bytes;
    bool body_cut;
    bool from_private;
    char content_type[64];
    int64_t retry_after_ms;
    int64_t date_unix_ms;
    struct error failure; /* ERROR_NONE after an answer */
    int headers_calls;
    int data_calls;
    size_t data_bytes;
    uint64_t data_sum;
    void (*act)(struct outcome *outcome); /* run by callbacks that a test picks */
};

static inline size_t count_descriptors(void)
{
    size_t count = 0;
    DIR *folder = opendir("/proc/self/fd");
    while (readdir(folder))
        count++;
    closedir(folder);
    return count;
}

static inline int set_up(void **state)
{
    struct error error;
    struct fixture *fixture = memory_allocate(sizeof(*fixture));
    fixture->descriptors = count_descriptors();
    assert_int_equal(curl_global_init(CURL_GLOBAL_DEFAULT), CURLE_OK);
    server_start(&fixture->server);
    fixture->loop = loop_create(&error);
    fixture->client = http_client_create(fixture->loop);
    assert_non_null(fixture->client);
    *state = fixture;
    return 0;
}

static inline int tear_down(void **state)
{
    struct fixture *fixture = *state;
    http_client_free(fixture->client);
    curl_global_cleanup();
    loop_free(fixture->loop);
    server_stop(&fixture->server);
    assert_int_equal(count_descriptors(), fixture->descriptors);
    free(fixture);
    return 0;
}

static inline void record_done(void *context, const struct http_response *response,
                               const struct error *failure)
{
    struct outcome *outcome = context;
    outcome->done++;
    outcome->sent = outcome->call && http_call_is_sent(outcome->call);
    assert_true(!response != !failure);
    if (failure)
        outcome->failure = *failure;
    if (response) {
        outcome->status = response->status;
        outcome->body = memory_copy_bytes(response->body, response->body_bytes + 1);
        outcome->body_bytes = response->body_bytes;
        outcome->body_cut = response->body_cut;
        outcome->from_private = response->from_private;
        outcome->retry_after_ms = response->retry_after_ms;
        outcome->date_unix_ms = response->date_unix_ms;
        snprintf(outcome->content_type, sizeof(outcome->content_type), "%s", response->content_type);
    }
}

static inline void turn(struct fixture *fixture)
{
    struct error error;
    assert_true(loop_turn(fixture->loop, 20, &error));
}

static inline void run_until_done(struct fixture *fixture, struct outcome *outcome)
{
    int64_t deadline_ms = clock_boot_ms() + SERVER_WAIT_MS;
    while (!outcome->done) {
        assert_true(clock_boot_ms() < deadline_ms);
        turn(fixture);
    }
    assert_int_equal(outcome->done, 1);
}

static inline void run_until_count(struct fixture *fixture, const size_t *counter, size_t count)
{
    int64_t deadline_ms = clock_boot_ms() + SERVER_WAIT_MS;
    while (server_count(&fixture->server, counter) < count) {
        assert_true(clock_boot_ms() < deadline_ms);
        turn(fixture);
    }
}

/* Starts a call to `path`, or to a whole URL. */
static inline void start(struct fixture *fixture, struct outcome *outcome, const char *path,
                         struct http_request request)
{
    char url[512];
    *outcome = (struct outcome){.fixture = fixture, .act = outcome->act};
    if (path[0] == '/')
        snprintf(url, sizeof(url), "http://127.0.0.1:%d%s", fixture->server.port, path);
    else
        snprintf(url, sizeof(url), "%s", path);
    request.method = request.method ? request.method : "GET";
    request.url = url;
    request.on_done = request.on_done ? request.on_done : record_done;
    request.context = outcome;
    outcome->call = http_send(fixture->client, &request);
    assert_int_equal(outcome->done, 0);
}

static inline void fetch(struct fixture *fixture, struct outcome *outcome, const char *path,
                         struct http_request request)
{
    start(fixture, outcome, path, request);
    run_until_done(fixture, outcome);
}

static inline ssize_t zero_source(void *context, int64_t offset, void *out, size_t capacity)
{
    (void)context;
    (void)offset;
    memset(out, 0, capacity);
    return (ssize_t)capacity;
}

static inline void outcome_clear(struct outcome *outcome)
{
    free(outcome->body);
    outcome->body = NULL;
}

#define ON_SERVER(test) cmocka_unit_test_setup_teardown(test, set_up, tear_down)

#endif
