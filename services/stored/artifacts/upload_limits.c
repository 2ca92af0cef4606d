#include "services/stored/artifacts/upload_limits.h"

#include "libcommon/base/clock.h"

static const struct upload_info *find(const struct upload_limits *limits)
{
    return upload_info_find(limits->infos, limits->access->server_url, clock_boot_ms());
}

static void remember(const struct upload_limits *limits, const struct upload_info *info)
{
    upload_info_remember(limits->infos, limits->access->server_url, info, clock_boot_ms());
}

static bool check_info(void *context, const struct http_response *response, struct error *error)
{
    const struct upload_limits *limits = context;
    struct upload_info info;
    if (!upload_info_parse(response->body, response->body_bytes, &info, error))
        return false;
    remember(limits, &info);
    return true;
}

static void on_info_done(void *context, const struct http_response *response, const struct error *failure)
{
    struct upload_limits *limits = context;
    const struct upload_info unknown = {0};
    (void)response;
    limits->request = NULL;
    if (failure) {
        if (failure->status != 404)
            log_write(LOG_LEVEL_WARN, &limits->access->log, "the domain server's limits are not known: %s",
                      failure->text);
        remember(limits, &unknown);
    }
    const struct upload_info *info = find(limits);
    limits->on_known(limits->context, info ? info : &unknown);
}

void upload_limits_ask(struct upload_limits *limits, struct domain_access *access,
                       struct upload_info_cache *infos,
                       void (*on_known)(void *context, const struct upload_info *info), void *context)
{
    *limits =
        (struct upload_limits){.access = access, .infos = infos, .on_known = on_known, .context = context};
    const struct upload_info *info = find(limits);
    if (info) {
        on_known(context, info);
        return;
    }
    limits->request = domain_request_send(access, &(struct domain_request_spec){
                                                      .method = "GET",
                                                      .path = "api/v1/info",
                                                      .accept = "application/json",
                                                      .anonymous = true,
                                                      .best_effort = true,
                                                      .check = check_info,
                                                      .on_done = on_info_done,
                                                      .context = limits,
                                                  });
}

void upload_limits_cancel(struct upload_limits *limits)
{
    domain_request_cancel(limits->request);
    limits->request = NULL;
}
