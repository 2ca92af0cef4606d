#include "libcommon/service/service_http.h"

#include "libcommon/base/fatal.h"
#include "libcommon/http/http.h"
#include "libcommon/http/url.h"

#include <curl/curl.h>

static void prepare(void)
{
    if (curl_global_init(CURL_GLOBAL_DEFAULT) != CURLE_OK)
        fatal_stop("cannot initialise libcurl");
}

const struct service_http service_http = {.prepare = prepare,
                                          .is_url = url_is_http,
                                          .port_of_url = url_port,
                                          .create = http_client_create,
                                          .free = http_client_free,
                                          .clean_up = curl_global_cleanup};
