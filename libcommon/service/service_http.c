#include "libcommon/service/service_http.h"

#include "libcommon/http/http.h"
#include "libcommon/http/url.h"

#include <curl/curl.h>

enum { CONNECT_TIMEOUT_MS = 20000 };

static void prepare(void)
{
    curl_global_init(CURL_GLOBAL_DEFAULT);
}

static struct http_client *create(struct loop *loop, struct error *error)
{
    return http_client_create(loop, CONNECT_TIMEOUT_MS, error);
}

const struct service_http service_http = {.prepare = prepare,
                                          .is_url = url_is_http,
                                          .port_of_url = url_port,
                                          .create = create,
                                          .free = http_client_free,
                                          .clean_up = curl_global_cleanup};
