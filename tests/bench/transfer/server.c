/*
 * A domain server that keeps nothing: discards what is uploaded and serves zeros' worth of pseudo-random
 * bytes, as fast as it can. For benchmarks of stored: what it measures is the client.
 *
 * bench-server SERVE_BYTES PART_BYTES DELAY_MS [CERTIFICATE KEY]: prints its port, ends when its stdin does.
 */
#include <arpa/inet.h>
#include <errno.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <openssl/err.h>
#include <openssl/ssl.h>
#include <pthread.h>
#include <signal.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

enum { HEAD_BYTES = 64 * 1024, BLOCK_BYTES = 1024 * 1024, RECEIVE_BYTES = 256 * 1024 };

/* As long as those of Go's mime/multipart, which real servers are made with. */
static const char boundary[] = "7f3a5c1e9b2d4860a7c3e5f1928b4d6e0f7a3c5b1d9e2f4860c7a5e3f1b8";

static int64_t serve_bytes;
static int64_t part_bytes;
static long delay_ms;
static SSL_CTX *tls;
static char block[BLOCK_BYTES];

struct peer {
    int fd;
    SSL *ssl; /* NULL: plain */
    char head[HEAD_BYTES + 1];
    size_t length; /* of what has been read and not used */
    char *discard;
};

static ssize_t peer_read(struct peer *peer, void *out, size_t capacity)
{
    return peer->ssl ? SSL_read(peer->ssl, out, (int)capacity) : recv(peer->fd, out, capacity, 0);
}

static bool peer_write(struct peer *peer, const void *bytes, size_t length)
{
    const char *at = bytes;
    while (length) {
        size_t piece = length > INT32_MAX ? INT32_MAX : length;
        ssize_t sent =
            peer->ssl ? SSL_write(peer->ssl, at, (int)piece) : send(peer->fd, at, piece, MSG_NOSIGNAL);
        if (sent <= 0)
            return false;
        at += sent;
        length -= (size_t)sent;
    }
    return true;
}

static bool answer(struct peer *peer, const char *status, const char *body)
{
    char text[1024];
    int length = snprintf(text, sizeof text,
                          "HTTP/1.1 %s\r\nContent-Type: application/json\r\nContent-Length: %zu\r\n\r\n%s",
                          status, strlen(body), body);
    return peer_write(peer, text, (size_t)length);
}

static bool send_blocks(struct peer *peer, int64_t bytes)
{
    while (bytes > 0) {
        size_t piece = bytes < BLOCK_BYTES ? (size_t)bytes : BLOCK_BYTES;
        if (!peer_write(peer, block, piece))
            return false;
        bytes -= (int64_t)piece;
    }
    return true;
}

/* The data as one part of multipart/form-data, named by the id that is asked for, or as it is. */
static bool serve(struct peer *peer, const char *target)
{
    bool raw = strstr(target, "raw") != NULL;
    const char *id = strstr(target, "ids=");
    int id_bytes = id ? (int)strcspn(id + 4, "&") : 0;
    char head[512];
    char begin[512];
    char end[sizeof boundary + 16];
    int begin_bytes = 0;
    int end_bytes = 0;
    if (!raw) {
        begin_bytes =
            snprintf(begin, sizeof begin,
                     "--%s\r\nContent-Disposition: form-data; name=\"%.*s\"; data-type=\"bin\"; id=\"d1\"; "
                     "size=\"%lld\"\r\nContent-Type: application/octet-stream\r\n\r\n",
                     boundary, id_bytes < 100 ? id_bytes : 100, id ? id + 4 : "", (long long)serve_bytes);
        end_bytes = snprintf(end, sizeof end, "\r\n--%s--\r\n", boundary);
    }
    int head_bytes = snprintf(head, sizeof head,
                              "HTTP/1.1 200 OK\r\nContent-Type: multipart/form-data; boundary=%s\r\n"
                              "Content-Length: %lld\r\n\r\n",
                              boundary, (long long)serve_bytes + begin_bytes + end_bytes);
    return peer_write(peer, head, (size_t)head_bytes) && peer_write(peer, begin, (size_t)begin_bytes) &&
           send_blocks(peer, serve_bytes) && peer_write(peer, end, (size_t)end_bytes);
}

static bool discard(struct peer *peer, int64_t bytes)
{
    size_t have = (int64_t)peer->length < bytes ? peer->length : (size_t)bytes;
    memmove(peer->head, peer->head + have, peer->length - have);
    peer->length -= have;
    bytes -= (int64_t)have;
    while (bytes > 0) {
        ssize_t got = peer_read(peer, peer->discard, bytes < RECEIVE_BYTES ? (size_t)bytes : RECEIVE_BYTES);
        if (got <= 0)
            return false;
        bytes -= got;
    }
    return true;
}

static void think(void)
{
    const struct timespec pause = {delay_ms / 1000, delay_ms % 1000 * 1000000};
    if (delay_ms)
        nanosleep(&pause, NULL);
}

static bool respond(struct peer *peer, const char *method, const char *target)
{
    char text[256];
    if (strcmp(method, "PUT") == 0) {
        think();
        return answer(peer, "200 OK", "{\"etag\":\"e\",\"data\":[{\"id\":\"d1\"}]}");
    }
    if (strcmp(method, "POST") == 0 && strstr(target, "?uploads")) {
        snprintf(text, sizeof text, "{\"upload_id\":\"u1\",\"part_size\":%lld}", (long long)part_bytes);
        return answer(peer, "200 OK", text);
    }
    if (strcmp(method, "POST") == 0)
        return answer(peer, "200 OK", "{\"id\":\"d1\",\"data\":[{\"id\":\"d1\"}]}");
    if (strcmp(method, "GET") == 0 && (strstr(target, "ids=") || strstr(target, "raw")))
        return serve(peer, target);
    return answer(peer, "404 Not Found", "{}");
}

/* The head of one request; false at the end of the connection. */
static bool read_head(struct peer *peer, size_t *head_bytes)
{
    for (;;) {
        peer->head[peer->length] = '\0';
        char *end = strstr(peer->head, "\r\n\r\n");
        if (end) {
            *head_bytes = (size_t)(end - peer->head) + 4;
            return true;
        }
        if (peer->length == HEAD_BYTES)
            return false;
        ssize_t got = peer_read(peer, peer->head + peer->length, HEAD_BYTES - peer->length);
        if (got <= 0)
            return false;
        peer->length += (size_t)got;
    }
}

static bool handle_request(struct peer *peer)
{
    size_t head_bytes;
    char method[16] = "";
    char target[2048] = "";
    if (!read_head(peer, &head_bytes) || sscanf(peer->head, "%15s %2047s", method, target) != 2)
        return false;
    peer->head[head_bytes - 1] = '\0';
    const char *field = strcasestr(peer->head, "\nContent-Length:");
    int64_t body_bytes = field ? strtoll(field + 16, NULL, 10) : 0;
    bool expects = strcasestr(peer->head, "100-continue") != NULL;
    memmove(peer->head, peer->head + head_bytes, peer->length - head_bytes);
    peer->length -= head_bytes;
    if (expects && !peer_write(peer, "HTTP/1.1 100 Continue\r\n\r\n", 25))
        return false;
    return discard(peer, body_bytes) && respond(peer, method, target);
}

static void *serve_peer(void *context)
{
    struct peer *peer = context;
    if (tls) {
        peer->ssl = SSL_new(tls);
        SSL_set_fd(peer->ssl, peer->fd);
    }
    if (!tls || SSL_accept(peer->ssl) == 1)
        while (handle_request(peer))
            continue;
    if (peer->ssl)
        SSL_free(peer->ssl);
    close(peer->fd);
    free(peer->discard);
    free(peer);
    return NULL;
}

static void *accept_peers(void *context)
{
    int listener = *(int *)context;
    for (;;) {
        struct peer *peer = calloc(1, sizeof *peer);
        pthread_t thread;
        int one = 1;
        peer->fd = accept(listener, NULL, NULL);
        peer->discard = malloc(RECEIVE_BYTES);
        setsockopt(peer->fd, IPPROTO_TCP, TCP_NODELAY, &one, sizeof one);
        pthread_create(&thread, NULL, serve_peer, peer);
        pthread_detach(thread);
    }
    return NULL;
}

static bool open_tls(const char *certificate, const char *key)
{
    tls = SSL_CTX_new(TLS_server_method());
    return SSL_CTX_use_certificate_chain_file(tls, certificate) == 1 &&
           SSL_CTX_use_PrivateKey_file(tls, key, SSL_FILETYPE_PEM) == 1;
}

int main(int argc, char **argv)
{
    struct sockaddr_in address = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    socklen_t length = sizeof address;
    pthread_t thread;
    if (argc != 4 && argc != 6)
        return 64;
    signal(SIGPIPE, SIG_IGN);
    serve_bytes = strtoll(argv[1], NULL, 10);
    part_bytes = strtoll(argv[2], NULL, 10);
    delay_ms = strtol(argv[3], NULL, 10);
    if (argc == 6 && !open_tls(argv[4], argv[5]))
        return 1;
    uint32_t number = 12345;
    for (size_t i = 0; i < BLOCK_BYTES; i++) {
        number = number * 1664525 + 1013904223;
        block[i] = (char)(number >> 24);
    }
    int listener = socket(AF_INET, SOCK_STREAM, 0);
    if (bind(listener, (struct sockaddr *)&address, length) != 0 || listen(listener, 64) != 0)
        return 1;
    getsockname(listener, (struct sockaddr *)&address, &length);
    printf("%d\n", ntohs(address.sin_port));
    fflush(stdout);
    pthread_create(&thread, NULL, accept_peers, &listener);
    while (getchar() != EOF)
        continue;
    return 0;
}
