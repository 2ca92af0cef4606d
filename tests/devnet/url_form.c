#include "tests/devnet/url_form.h"

#include <ctype.h>
#include <regex.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>

static bool matches(const char *pattern, const char *text)
{
    regex_t compiled;
    bool found;

    if (regcomp(&compiled, pattern, REG_EXTENDED | REG_NOSUB))
        abort();
    found = regexec(&compiled, text, 0, NULL, 0) == 0;
    regfree(&compiled);
    return found;
}

/* The standard resolves `.` and `..` segments, and their %2e spellings, away. */
static bool has_dot_segment(const char *path)
{
    return matches("/(\\.|%2[eE]|\\.\\.|\\.%2[eE]|%2[eE]\\.|%2[eE]%2[eE])(/|\\?|#|$)", path);
}

static bool host_is_normal(const char *host, size_t length, const char **why)
{
    for (size_t i = 0; i < length; i++) {
        unsigned char c = (unsigned char)host[i];

        if (isupper(c) || c >= 0x80 || c == '%' || c <= ' ' || strchr("<>^|\\", c)) {
            *why = "the host is not in its lowercase ASCII form";
            return false;
        }
    }
    if (length == 0)
        *why = "the host is missing";
    return length > 0;
}

bool url_is_normal(const char *url, const char **why)
{
    bool https = strncmp(url, "https://", 8) == 0;
    const char *host, *path, *port;

    *why = "the scheme is not lowercase http or https";
    if (!https && strncmp(url, "http://", 7) != 0)
        return false;
    host = url + (https ? 8 : 7);
    path = host + strcspn(host, "/?#");
    *why = "the path is missing (a bare origin gains a slash)";
    if (*path != '/')
        return false;
    if (memchr(host, '@', (size_t)(path - host)))
        host = (const char *)memchr(host, '@', (size_t)(path - host)) + 1;
    port = *host == '[' ? strchr(host, ']') : host;
    port = port ? memchr(port, ':', (size_t)(path - port)) : NULL;
    if (!host_is_normal(host, (size_t)((port ? port : path) - host), why))
        return false;
    *why = "the port is empty, has leading zeros, or is the scheme's default";
    if (port && (strncmp(port, https ? ":443/" : ":80/", https ? 5 : 4) == 0 ||
                 !matches("^:(0|[1-9][0-9]{0,4})/", port)))
        return false;
    *why = "the path has dot segments";
    if (has_dot_segment(path))
        return false;
    *why = "a character is not percent-encoded";
    return !matches("[^!-~]|[\"<>]", path) && !matches("^[^?#]*[`{}\\^]", path) && !strchr(path, '\\');
}

bool version_is_semver(const char *version)
{
    return matches(
        "^(0|[1-9][0-9]*)\\.(0|[1-9][0-9]*)\\.(0|[1-9][0-9]*)"
        "(-((0|[1-9][0-9]*|[0-9]*[A-Za-z-][0-9A-Za-z-]*)(\\.(0|[1-9][0-9]*|[0-9]*[A-Za-z-][0-9A-Za-z-]*))*))?"
        "(\\+[0-9A-Za-z-]+(\\.[0-9A-Za-z-]+)*)?$",
        version);
}
