/*
 * posemesh-httpd: the inbound HTTP endpoint, for DDS's registration callback and health checks.
 *
 * SECURITY: faces the network, holds nothing. A callback's body is passed to authd unread and wiped;
 * connections, bodies and times are bounded. Talks to nobody outside.
 */
#include "libcommon/service/service.h"
#include "services/httpd/registration_relay.h"

static const struct service httpd = {
    .id = SERVICE_HTTPD,
    .purpose = "Serves DDS's registration callback and health checks.",
    .begin_as_root = relay_open_inbound,
    .start = relay_start,
    .stop = relay_stop,
    .describe = relay_describe,
};

int main(int argc, char **argv)
{
    return service_main(&httpd, argc, argv);
}
