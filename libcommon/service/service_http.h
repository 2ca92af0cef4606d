/*
 * What a service needs that calls others outside, as functions, so that one that calls nobody links neither
 * curl nor what curl needs.
 */
#ifndef LIBCOMMON_SERVICE_SERVICE_HTTP_H
#define LIBCOMMON_SERVICE_SERVICE_HTTP_H

#include "libcommon/node/settings.h"

#include <stdint.h>

struct http_client;
struct loop;

struct service_http {
    void (*prepare)(void); /* first of all, while files may still be read and no thread runs */
    settings_url_check *is_url;
    bool (*port_of_url)(const char *url, uint16_t *port);
    struct http_client *(*create)(struct loop *loop);
    void (*free)(struct http_client *client); /* NULL is harmless */
    void (*clean_up)(void);
};

extern const struct service_http service_http;

#endif
