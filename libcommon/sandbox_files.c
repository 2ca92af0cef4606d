#include "libcommon/sandbox_internal.h"

#include "libcommon/landlock.h"
#include "libcommon/memory.h"
#include "libcommon/url.h"

#include <errno.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

enum {
    CALLS_OUTSIDE = READ_AUTHD | READ_LEASED | READ_STORED, /* resolves names and speaks TLS */
    CONFINED = CALLS_OUTSIDE | READ_HTTPD,
};

/* What is read, by whom and why. Folders rather than files: a resolver or a package replaces a file by
 * another one, and a rule is about the file that was there at the start. */
static const struct {
    const char *path;
    unsigned services;
    const char *reason;
} reads[] = {
    {"/etc", CALLS_OUTSIDE,
     "resolv.conf, hosts, nsswitch.conf, ssl/certs; secrets there are guarded by their modes"},
    {"/run/systemd/resolve", CALLS_OUTSIDE, "where resolv.conf often leads"},
    {"/run/resolvconf", CALLS_OUTSIDE, "where resolv.conf sometimes leads"},
    {"/usr/lib", CALLS_OUTSIDE,
     "name service modules, which the C library loads when the first name is looked up"},
    {"/lib", CALLS_OUTSIDE, "as /usr/lib"},
    {"/lib64", CALLS_OUTSIDE, "as /usr/lib"},
    {"/usr/share/ca-certificates", CALLS_OUTSIDE, "where the links of /etc/ssl/certs lead"},
    {"/usr/local/share/ca-certificates", CALLS_OUTSIDE, "as the line above, for an operator's own"},
    {"/usr/share/zoneinfo", CALLS_OUTSIDE, "where /etc/localtime leads"},
    {"/sys/devices/system/cpu", CONFINED, "nng counts the processors"},
#ifdef __SANITIZE_ADDRESS__
    {"/proc", CONFINED, "sanitizer builds look for leaks there"},
    {"/usr", CONFINED, "sanitizer builds name the lines of a finding"},
#endif
};

static const char *const certificate_variables[] = {"SSL_CERT_FILE", "SSL_CERT_DIR", "CURL_CA_BUNDLE"};
static const char *const proxy_variables[] = {"http_proxy", "https_proxy", "HTTPS_PROXY", "all_proxy",
                                              "ALL_PROXY"};

#define COUNT(table) (sizeof(table) / sizeof((table)[0]))

/* --- files --- */

static bool grant_reads(const struct landlock *landlock, enum service_id service, struct error *error)
{
    for (size_t i = 0; i < COUNT(reads); i++)
        if (reads[i].services & (1U << service) &&
            !landlock_grant_path(landlock, reads[i].path, LANDLOCK_READ, error))
            return false;
    for (size_t i = 0; CALLS_OUTSIDE & (1U << service) && i < COUNT(certificate_variables); i++) {
        const char *path = getenv(certificate_variables[i]);
        if (path && *path && !landlock_grant_path(landlock, path, LANDLOCK_READ, error))
            return false;
    }
    return true;
}

static bool make_folder(const char *path, struct error *error)
{
    return mkdir(path, 0700) == 0 || errno == EEXIST ||
           error_set_errno(error, errno, "cannot make %.200s", path);
}

/* Made now when nobody did: a folder that is not there yet cannot be granted. */
static bool grant_own_folders(const struct landlock *landlock, enum service_id service,
                              const struct sandbox_places *places, struct error *error)
{
    char own[PATH_MAX];
    snprintf(own, sizeof own, "%s/%s", places->runtime_dir, service_name(service));
    if (!make_folder(places->runtime_dir, error) || !make_folder(own, error) ||
        !landlock_grant_path(landlock, own, LANDLOCK_SOCKETS, error))
        return false;
    return !places->work_dir || (make_folder(places->work_dir, error) &&
                                 landlock_grant_path(landlock, places->work_dir, LANDLOCK_FILES, error));
}

/* --- ports --- */

static bool port_of_url(const char *url, uint16_t *port)
{
    struct error error;
    char *origin = url_origin(url, &error);
    if (!origin)
        return false;
    *port = (uint16_t)strtoul(strrchr(origin, ':') + 1, NULL, 10);
    free(origin);
    return true;
}

/* As curl reads it: without a scheme it is http, without a port 1080. */
static bool port_of_proxy(const char *proxy, uint16_t *port)
{
    enum { CURL_PROXY_PORT = 1080 };
    const char *scheme_end = strstr(proxy, "://");
    const char *host = scheme_end ? scheme_end + 3 : proxy;
    const char *at = strrchr(host, '@');
    const char *colon = strrchr(at ? at : host, ':');
    if (scheme_end && strncmp(proxy, "http://", 7) != 0 && strncmp(proxy, "https://", 8) != 0)
        return false;
    if (strchr(host, '['))
        return false;
    *port = colon ? (uint16_t)strtoul(colon + 1, NULL, 10) : CURL_PROXY_PORT;
    return *port != 0;
}

/* Whether all ports that this service connects to are known. `ports` gets them. */
static bool known_ports(const struct sandbox_places *places, uint16_t ports[COUNT(proxy_variables) + 2],
                        size_t *count)
{
    enum { DNS_PORT = 53 }; /* an answer too long for UDP */
    *count = 0;
    if (!places->peer_url || !port_of_url(places->peer_url, &ports[(*count)++]))
        return false;
    ports[(*count)++] = DNS_PORT;
    for (size_t i = 0; i < COUNT(proxy_variables); i++) {
        const char *proxy = getenv(proxy_variables[i]);
        if (proxy && *proxy && !port_of_proxy(proxy, &ports[(*count)++]))
            return false;
    }
    return true;
}

bool sandbox_limit_files(enum service_id service, const struct sandbox_places *places,
                         enum sandbox_files_outcome *outcome, int *version, struct error *error)
{
    struct landlock landlock;
    uint16_t ports[COUNT(proxy_variables) + 2];
    size_t count = 0;
    /* httpd calls nobody; stored calls whatever domain server a lease names. */
    bool limits_ports = service == SERVICE_HTTPD || known_ports(places, ports, &count);
    if (!landlock_begin(&landlock, limits_ports, error))
        return false;
    bool ok = grant_reads(&landlock, service, error) && grant_own_folders(&landlock, service, places, error);
    for (size_t i = 0; limits_ports && ok && i < count; i++)
        ok = landlock_grant_connect(&landlock, ports[i], error);
    ok = ok && landlock_enforce(&landlock, error);
    *version = landlock.version;
    if (landlock.version < LANDLOCK_VERSION_MIN)
        *outcome = SANDBOX_FILES_REFUSED_BY_KERNEL;
    else
        *outcome = limits_ports && landlock.version >= LANDLOCK_VERSION_PORTS ? SANDBOX_FILES_AND_PORTS
                                                                              : SANDBOX_FILES_ONLY;
    landlock_end(&landlock);
    return ok;
}
