#include "libcommon/http/http_peer.h"

#include "libcommon/base/log.h"
#include "libcommon/base/memory.h"
#include "libcommon/http/http_call.h"
#include "libcommon/http/url.h"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

void http_peer_warnings_clear(struct http_peer_warnings *warnings)
{
    for (size_t i = 0; i < HTTP_PEER_ORIGINS; i++)
        free(warnings->origins[i]);
    *warnings = (struct http_peer_warnings){0};
}

static bool is_direct(const struct http_call *call, const struct sockaddr *address)
{
    uint16_t port = 0;
    return url_port(call->url, &port) && address_port(address) == port;
}

/* Whether curl has a proxy for some URLs: one at the URL's own port cannot be told from the server. */
static bool may_be_proxied(void)
{
    static const char *const variables[] = HTTP_PROXY_VARIABLES;
    bool found = false;
    for (size_t i = 0; i < sizeof variables / sizeof variables[0]; i++) {
        const char *value = getenv(variables[i]);
        found = found || (value && *value);
    }
    return found;
}

/* --- what must not be reached --- */

static void note_refusal(struct http_call *call, const struct sockaddr *address, enum address_class class)
{
    static const char *const names[] = {[ADDRESS_PUBLIC] = "a public",
                                        [ADDRESS_LOOPBACK] = "a loopback",
                                        [ADDRESS_PRIVATE] = "a private",
                                        [ADDRESS_LINK_LOCAL] = "a link-local"};
    char text[ADDRESS_TEXT_BYTES];
    snprintf(call->refused, sizeof call->refused, "%s, %s address", address_format(address, text),
             names[class]);
}

static bool set_refusal(const struct http_call *call, struct error *error)
{
    return error_set(error, ERROR_FORBIDDEN, "%s: the server must not be at %s", call->label, call->refused);
}

static bool may_reach(struct http_call *call, const struct sockaddr *address)
{
    enum address_class class = address_classify(address);
    struct http_peer_warnings *warnings = call->peer_warnings;
    if (call->request.reach == HTTP_REACH_ALL)
        return true;
    if (!is_direct(call, address)) {
        if (!warnings->proxy)
            log_warn("requests go through a proxy, which decides what addresses they reach");
        warnings->proxy = true;
        return true;
    }
    bool may =
        class == ADDRESS_PUBLIC || (class != ADDRESS_LINK_LOCAL && call->request.reach == HTTP_REACH_PRIVATE);
    if (!may)
        note_refusal(call, address, class);
    return may;
}

/* Curl tries the next address of the name when one is refused. */
static curl_socket_t on_curl_open(void *context, curlsocktype purpose, struct curl_sockaddr *address)
{
    struct http_call *call = context;
    (void)purpose;
    if (!may_reach(call, &address->addr))
        return CURL_SOCKET_BAD;
    call->peer_tried = true;
    return socket(address->family, address->socktype | SOCK_CLOEXEC, address->protocol);
}

void http_peer_configure(struct http_call *call)
{
    if (call->request.reach == HTTP_REACH_ALL)
        return;
    curl_easy_setopt(call->easy, CURLOPT_OPENSOCKETFUNCTION, on_curl_open);
    curl_easy_setopt(call->easy, CURLOPT_OPENSOCKETDATA, call);
}

bool http_peer_refused_all(const struct http_call *call, struct error *error)
{
    return call->refused[0] && !call->peer_tried && !set_refusal(call, error);
}

/* --- what an operator is warned of --- */

static void warn_of_plain(struct http_peer_warnings *warnings, const char *url)
{
    struct error ignored;
    char *origin = memory_require(url_origin(url, &ignored));
    for (size_t i = 0; i < HTTP_PEER_ORIGINS; i++) {
        if (warnings->origins[i] && strcmp(warnings->origins[i], origin) == 0) {
            free(origin);
            return;
        }
    }
    log_warn("%s is called without TLS: who is on the way can read and change everything, tokens too",
             origin);
    char **slot = &warnings->origins[warnings->origin_count++ % HTTP_PEER_ORIGINS];
    free(*slot);
    *slot = origin;
}

/* --- a connection --- */

static bool parse(const char *text, int port, struct sockaddr_storage *address)
{
    void *untyped = address;
    struct sockaddr_in *v4 = untyped;
    struct sockaddr_in6 *v6 = untyped;
    memset(address, 0, sizeof *address);
    if (inet_pton(AF_INET, text, &v4->sin_addr) == 1) {
        v4->sin_family = AF_INET;
        v4->sin_port = htons((uint16_t)port);
        return true;
    }
    v6->sin6_family = AF_INET6;
    v6->sin6_port = htons((uint16_t)port);
    return inet_pton(AF_INET6, text, &v6->sin6_addr) == 1;
}

bool http_peer_check(struct http_call *call, const char *remote, int remote_port, struct error *error)
{
    struct sockaddr_storage storage;
    const void *untyped = &storage;
    const struct sockaddr *address = untyped;
    if (!parse(remote, remote_port, &storage))
        return error_set(error, ERROR_SYSTEM, "%s: connected to an unknown address", call->label);
    if (!may_reach(call, address))
        return set_refusal(call, error);
    enum address_class class = is_direct(call, address) ? address_classify(address) : ADDRESS_PUBLIC;
    call->peer_private = (class == ADDRESS_LOOPBACK || class == ADDRESS_PRIVATE) && !may_be_proxied();
    if (class != ADDRESS_LOOPBACK && strncasecmp(call->url, "http:", strlen("http:")) == 0)
        warn_of_plain(call->peer_warnings, call->url);
    return true;
}
