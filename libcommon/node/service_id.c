#include "libcommon/node/service_id.h"

static const char *const names[SERVICE_COUNT + 1] = {
    [SERVICE_AUTHD] = "authd", [SERVICE_STORED] = "stored",   [SERVICE_LEASED] = "leased",
    [SERVICE_HTTPD] = "httpd", [SERVICE_RUNNERD] = "runnerd", [SERVICE_NODE] = "node",
};

const char *service_name(enum service_id id)
{
    return names[id];
}
