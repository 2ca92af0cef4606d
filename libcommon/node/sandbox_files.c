#include "libcommon/base/text.h"
#include "libcommon/node/sandbox.h"

#include "libcommon/base/log.h"
#include "libcommon/base/memory.h"
#include "libcommon/files/folder.h"
#include "libcommon/http/http.h"

#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <sys/stat.h>
#include <unistd.h>

/* What is read, by whom and why. Folders rather than files: a resolver or a package replaces a file by
 * another one, and a rule is about the file that was there at the start. */
static const struct {
    const char *path;
    unsigned services;
    const char *reason;
} reads[] = {
    {"/etc", OUTSIDE_BITS,
     "resolv.conf, hosts, nsswitch.conf, ssl/certs; secrets there are guarded by their modes"},
    {"/run/systemd/resolve", OUTSIDE_BITS, "where resolv.conf often leads"},
    {"/run/resolvconf", OUTSIDE_BITS, "where resolv.conf sometimes leads"},
    {"/usr/lib", OUTSIDE_BITS,
     "name service modules, which the C library loads when the first name is looked up"},
    {"/lib", OUTSIDE_BITS, "as /usr/lib"},
    {"/lib64", OUTSIDE_BITS, "as /usr/lib"},
    {"/usr/share/ca-certificates", OUTSIDE_BITS, "where the links of /etc/ssl/certs lead"},
    {"/usr/local/share/ca-certificates", OUTSIDE_BITS, "as the line above, for an operator's own"},
    {"/usr/share/zoneinfo", OUTSIDE_BITS, "where /etc/localtime leads"},
    {"/proc/sys/kernel/random/boot_id", STORED_BIT, "tells a journal of this boot from an older one"},
    {"/sys/devices/system/cpu", CONFINED_BITS, "nng counts the processors"},
#ifdef __SANITIZE_ADDRESS__
    {"/proc", CONFINED_BITS, "sanitizer builds look for leaks there"},
    {"/usr", CONFINED_BITS, "sanitizer builds name the lines of a finding"},
#endif
};

static const char *const proxy_variables[] = HTTP_PROXY_VARIABLES;

/* Who has files there; leased only asks how full its disk is, which Landlock leaves to anybody. */
enum { WORKSPACE_BITS = STORED_BIT | RUNNERD_BIT };

#define COUNT(table) (sizeof(table) / sizeof((table)[0]))

/* --- files --- */

/* A folder that holds everything would grant everything. */
static bool is_catch_all(const char *folder)
{
    static const char *const folders[] = {"",         "/",     "/run",  "/tmp", "/var",
                                          "/var/tmp", "/home", "/root", "/mnt", "/opt"};
    for (size_t i = 0; i < COUNT(folders); i++)
        if (strcmp(folder, folders[i]) == 0)
            return true;
    return false;
}

/* A file, and its folder with it where that is a narrow one: the file may be replaced by another one. */
static bool grant_replaceable_file(const struct landlock *landlock, const char *path, struct error *error)
{
    char folder[PATH_MAX];
    snprintf(folder, sizeof folder, "%s", path);
    char *slash = strrchr(folder, '/');
    if (slash)
        *slash = '\0';
    const char *granted = slash && !is_catch_all(folder) ? folder : path;
    return landlock_grant_path(landlock, granted, LANDLOCK_READ, error);
}

/* Wherever resolv.conf leads: NetworkManager's, connman's, WSL's folder. */
static bool grant_resolver(const struct landlock *landlock, struct error *error)
{
    char path[PATH_MAX];
    return !realpath("/etc/resolv.conf", path) || grant_replaceable_file(landlock, path, error);
}

static void warn_of_unreadable(const char *variable, const char *path)
{
    if (access(path, R_OK) != 0)
        log_warn("%s names %.*s, which cannot be read", variable, TEXT_CUT(path, 200));
}

static bool grant_certificate_file(const struct landlock *landlock, const char *variable, struct error *error)
{
    const char *path = getenv(variable);
    if (!path || !*path)
        return true;
    warn_of_unreadable(variable, path);
    return grant_replaceable_file(landlock, path, error);
}

/* OpenSSL takes a list of folders. */
static bool grant_certificate_folders(const struct landlock *landlock, const char *variable,
                                      struct error *error)
{
    const char *list = getenv(variable);
    char *copy = memory_copy_text(list ? list : "");
    char *rest = copy;
    bool ok = true;
    for (char *path = strsep(&rest, ":"); path && ok; path = strsep(&rest, ":")) {
        if (!*path)
            continue;
        warn_of_unreadable(variable, path);
        ok = landlock_grant_path(landlock, path, LANDLOCK_READ, error);
    }
    free(copy);
    return ok;
}

static bool grant_reads(const struct landlock *landlock, enum service_id service, struct error *error)
{
    for (size_t i = 0; i < COUNT(reads); i++)
        if (reads[i].services & (1U << service) &&
            !landlock_grant_path(landlock, reads[i].path, LANDLOCK_READ, error))
            return false;
    if (!(OUTSIDE_BITS & (1U << service)))
        return true;
    return grant_resolver(landlock, error) && grant_certificate_file(landlock, "SSL_CERT_FILE", error) &&
           grant_certificate_file(landlock, "CURL_CA_BUNDLE", error) &&
           grant_certificate_folders(landlock, "SSL_CERT_DIR", error);
}

/* The service's own folder in `parent`, which a setting names, NULL where it has none. Made now when nobody
 * did: a folder that is not there yet cannot be granted. */
static bool grant_own_folder(const struct landlock *landlock, enum service_id service, const char *variable,
                             const char *parent, enum landlock_grant grant, struct error *error)
{
    char own[PATH_MAX];
    if (!parent)
        return true;
    snprintf(own, sizeof own, "%s/%s", parent, service_name(service));
    return (folder_make(parent, S_IRWXU, error) && folder_make(own, S_IRWXU, error) &&
            landlock_grant_path(landlock, own, grant, error)) ||
           error_prefix(error, "%s", variable);
}

static bool grant_work_folder(const struct landlock *landlock, const char *path, struct error *error)
{
    return !path ||
           (folder_make(path, S_IRWXU, error) &&
            landlock_grant_path(landlock, path, LANDLOCK_FILES, error)) ||
           error_prefix(error, "POSEMESH_WORK_DIR");
}

static bool grant_folders(const struct landlock *landlock, enum service_id service,
                          const struct settings *settings, struct error *error)
{
    return grant_own_folder(landlock, service, "POSEMESH_RUNTIME_DIR", settings->runtime_dir,
                            LANDLOCK_SOCKETS, error) &&
           grant_own_folder(landlock, service, "POSEMESH_STATE_DIR", settings->state_dir, LANDLOCK_FILES,
                            error) &&
           (!(WORKSPACE_BITS & (1U << service)) || grant_work_folder(landlock, settings->work_dir, error));
}

/* --- ports --- */

/* As curl reads it: [scheme://][user@]host[:port], the port 443 for https and 1080 otherwise. */
static bool port_of_proxy(const char *proxy, uint16_t *port)
{
    enum { HTTPS_PROXY_PORT = 443, OTHER_PROXY_PORT = 1080 };
    const char *scheme_end = strstr(proxy, "://");
    const char *host = scheme_end ? scheme_end + 3 : proxy;
    const char *at = strrchr(host, '@');
    host = at ? at + 1 : host;
    const char *host_end = *host == '[' ? strchr(host, ']') : host;
    if (!host_end || !*host)
        return false;
    const char *colon = strchr(host_end, ':');
    if (colon)
        *port = (uint16_t)strtoul(colon + 1, NULL, 10);
    else
        *port = strncasecmp(proxy, "https://", strlen("https://")) == 0 ? HTTPS_PROXY_PORT : OTHER_PROXY_PORT;
    return *port != 0;
}

/* Whether all ports that this service connects to are known. `ports` gets them. */
static bool known_ports(uint16_t peer_port, uint16_t ports[COUNT(proxy_variables) + 2], size_t *count)
{
    enum { DNS_PORT = 53 }; /* an answer too long for UDP */
    *count = 0;
    if (!peer_port)
        return false;
    ports[(*count)++] = peer_port;
    ports[(*count)++] = DNS_PORT;
    for (size_t i = 0; i < COUNT(proxy_variables); i++) {
        const char *proxy = getenv(proxy_variables[i]);
        if (proxy && *proxy && !port_of_proxy(proxy, &ports[(*count)++])) {
            log_warn("the port of %s is not clear: connections to all ports are allowed", proxy_variables[i]);
            return false;
        }
    }
    return true;
}

bool sandbox_limit_files(enum service_id service, const struct settings *settings, uint16_t peer_port,
                         struct landlock *landlock, struct error *error)
{
    uint16_t ports[COUNT(proxy_variables) + 2];
    size_t count = 0;
    /* httpd calls nobody; stored calls whatever domain server a lease names. */
    bool limits_ports = service == SERVICE_HTTPD || known_ports(peer_port, ports, &count);
    if (!landlock_begin(landlock, limits_ports, error))
        return false;
    bool ok = grant_reads(landlock, service, error) && grant_folders(landlock, service, settings, error);
    for (size_t i = 0; limits_ports && ok && i < count; i++)
        ok = landlock_grant_connect(landlock, ports[i], error);
    ok = ok && landlock_enforce(landlock, error);
    landlock_end(landlock);
    return ok;
}
