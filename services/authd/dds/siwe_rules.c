#include "services/authd/dds/siwe_rules.h"

#include "libcommon/base/authority.h"
#include "libcommon/http/url.h"

#include <stdlib.h>
#include <string.h>

static bool is_within(const char *text, char low, char high)
{
    for (; *text; text++)
        if (*text < low || *text > high)
            return false;
    return true;
}

/* As libcurl reads DDS_BASE_URL, which is where the request went. */
static bool is_site_of_dds(const struct authority *domain, const char *dds_url)
{
    struct error ignored;
    struct authority dds;
    char *origin = url_origin(dds_url, &ignored);
    bool fits = origin && authority_parse(strstr(origin, "://") + strlen("://"), &dds) &&
                (authority_is_loopback(&dds) || authority_same_site(domain, &dds));
    free(origin);
    return fits;
}

static bool check_domain(const char *text, const struct siwe_site *site, struct error *error)
{
    struct authority domain;
    struct authority named;
    if (!authority_parse(text, &domain))
        return error_set(error, ERROR_INVALID,
                         "domain is no authority of RFC 3986 (SIWE_DOMAIN would name one)");
    if (site->domain)
        return (authority_parse(site->domain, &named) && authority_equal(&domain, &named)) ||
               error_set(error, ERROR_INVALID, "domain is not the one that SIWE_DOMAIN names");
    return is_site_of_dds(&domain, site->dds_url) ||
           error_set(error, ERROR_INVALID,
                     "domain is of another site than DDS_BASE_URL (SIWE_DOMAIN would allow it)");
}

bool siwe_rules_check(const struct siwe_fields *fields, const struct siwe_site *site, struct error *error)
{
    if (!is_within(fields->nonce, '!', '~'))
        return error_set(error, ERROR_INVALID, "nonce holds a blank or a character beyond ASCII");
    if (!check_domain(fields->domain, site, error))
        return false;
    if (!is_within(fields->uri, '!', '~') || !url_is_http(fields->uri))
        return error_set(error, ERROR_INVALID, "uri is no http or https URL in ASCII");
    return strcmp(fields->version, "1") == 0 || error_set(error, ERROR_INVALID, "version is not 1");
}
