#include "tests/devnet/routes.h"

#include "libcommon/base/memory.h"
#include "tests/devnet/admin.h"
#include "tests/devnet/dds.h"
#include "tests/devnet/dms.h"
#include "tests/devnet/domain.h"
#include "tests/devnet/exchange.h"

#include <microhttpd.h>
#include <stdlib.h>
#include <string.h>

static const struct route routes[] = {
    {"POST", "/dds/internal/v1/nodes/register", NULL, BODY_MEMORY, dds_register},
    {"POST", "/dds/internal/v1/nodes/register-wallet", NULL, BODY_MEMORY, dds_register_wallet},
    {"POST", "/dds/internal/v1/robots/register", NULL, BODY_MEMORY, dds_register_robot},
    {"POST", "/dds/internal/v1/auth/robot/verify", NULL, BODY_MEMORY, dds_verify_robot},
    {"POST", "/dds/internal/v1/auth/siwe/request", NULL, BODY_MEMORY, dds_siwe_request},
    {"POST", "/dds/internal/v1/auth/siwe/verify", NULL, BODY_MEMORY, dds_siwe_verify},

    {"GET", "/dms/v1/tasks", NULL, BODY_MEMORY, dms_lease},
    {"POST", "/dms/v1/tasks/*/heartbeat", NULL, BODY_MEMORY, dms_heartbeat},
    {"POST", "/dms/v1/tasks/*/complete", NULL, BODY_MEMORY, dms_complete},
    {"POST", "/dms/v1/tasks/*/fail", NULL, BODY_MEMORY, dms_fail},
    {"POST", "/dms/v1/jobs", NULL, BODY_MEMORY, dms_create_job},
    {"GET", "/dms/v1/jobs", NULL, BODY_MEMORY, dms_list_jobs},
    {"GET", "/dms/v1/jobs/*", NULL, BODY_MEMORY, dms_show_job},
    {"POST", "/dms/v1/jobs/*/cancel", NULL, BODY_MEMORY, dms_cancel_job},

    {"GET", "/domain/api/v1/info", NULL, BODY_MEMORY, domain_info},
    {"GET", "/domain/api/v1/domains/*/data", NULL, BODY_MEMORY, domain_read},
    {"GET", "/domain/api/v1/domains/*/data/*", NULL, BODY_MEMORY, domain_read_one},
    {"DELETE", "/domain/api/v1/domains/*/data/*", NULL, BODY_MEMORY, domain_delete},
    {"POST", "/domain/api/v1/domains/*/data", NULL, BODY_FILE, domain_create},
    {"PUT", "/domain/api/v1/domains/*/data", NULL, BODY_FILE, domain_update},
    {"POST", "/domain/api/v1/domains/*/data/multipart", "uploads", BODY_MEMORY, domain_multipart_start},
    {"PUT", "/domain/api/v1/domains/*/data/multipart", "uploadId", BODY_FILE, domain_multipart_part},
    {"POST", "/domain/api/v1/domains/*/data/multipart", "uploadId", BODY_MEMORY, domain_multipart_complete},
    {"DELETE", "/domain/api/v1/domains/*/data/multipart", "uploadId", BODY_MEMORY, domain_multipart_abort},

    {"GET", "/admin/violations", NULL, BODY_MEMORY, admin_violations},
    {"DELETE", "/admin/violations", NULL, BODY_MEMORY, admin_forget_violations},
    {"GET", "/admin/requests", NULL, BODY_MEMORY, admin_requests},
    {"GET", "/admin/data", NULL, BODY_MEMORY, admin_data},
    {"GET", "/admin/uploads", NULL, BODY_MEMORY, admin_uploads},
    {"GET", "/admin/nodes", NULL, BODY_MEMORY, admin_nodes},
    {"GET", "/admin/faults", NULL, BODY_MEMORY, admin_list_faults},
    {"POST", "/admin/faults", NULL, BODY_MEMORY, admin_add_faults},
    {"PUT", "/admin/faults", NULL, BODY_MEMORY, admin_replace_faults},
    {"DELETE", "/admin/faults", NULL, BODY_MEMORY, admin_clear_faults},
    {"GET", "/admin/settings", NULL, BODY_MEMORY, admin_show_settings},
    {"POST", "/admin/settings", NULL, BODY_MEMORY, admin_change_settings},
    {"POST", "/admin/overrides/*", NULL, BODY_MEMORY, admin_override},
    {"DELETE", "/admin/overrides", NULL, BODY_MEMORY, admin_clear_overrides},
    {"POST", "/admin/tokens/*/revoke", NULL, BODY_MEMORY, admin_revoke_tokens},
    {"POST", "/admin/leases/expire", NULL, BODY_MEMORY, admin_expire_leases},
    {"POST", "/admin/nodes/forget", NULL, BODY_MEMORY, admin_forget_nodes},
    {"POST", "/admin/nodes/callback", NULL, BODY_MEMORY, admin_call_back},
};

/* Matches one path against one pattern, segment by segment, and keeps what stood for each `*`. */
static bool match_pattern(const char *pattern, const char *path, const char *starts[], size_t lengths[])
{
    size_t found = 0;

    for (;;) {
        size_t wanted = strcspn(pattern, "/"), given = strcspn(path, "/");

        if (wanted == 1 && *pattern == '*') {
            if (given == 0 || found == EXCHANGE_ARGUMENTS)
                return false;
            starts[found] = path;
            lengths[found++] = given;
        } else if (wanted != given || strncmp(pattern, path, given) != 0) {
            return false;
        }
        pattern += wanted;
        path += given;
        if (!*pattern || !*path)
            break;
        pattern++;
        path++;
    }
    return !*pattern && !*path;
}

const struct route *routes_find(struct exchange *exchange, int *path_known)
{
    *path_known = 0;
    for (size_t i = 0; i < sizeof(routes) / sizeof(routes[0]); i++) {
        const struct route *route = &routes[i];
        const char *starts[EXCHANGE_ARGUMENTS] = {NULL};
        size_t lengths[EXCHANGE_ARGUMENTS] = {0};

        if (!match_pattern(route->pattern, exchange->path, starts, lengths))
            continue;
        /* `multipart` is a name of its own below data/, not an id. */
        if ((route->handle == domain_read_one || route->handle == domain_delete) && lengths[1] == 9 &&
            strncmp(starts[1], "multipart", 9) == 0)
            continue;
        *path_known = 1;
        if (strcmp(route->method, exchange->method) != 0)
            continue;
        if (route->query && !exchange_has_query(exchange, route->query))
            continue;
        for (size_t j = 0; j < EXCHANGE_ARGUMENTS && starts[j]; j++) {
            exchange->arguments[j] = memory_copy_bytes(starts[j], lengths[j]);
            MHD_http_unescape(exchange->arguments[j]);
        }
        return route;
    }
    return NULL;
}
