#include "libcommon/http/url.h"

#include "libcommon/base/hex.h"
#include "libcommon/base/memory.h"
#include "libcommon/base/text.h"

#include <curl/curl.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* What libcurl found; every text is its own and freed with parts_clear(). */
struct parts {
    char *scheme;
    char *host;
    char *port; /* NULL: the scheme's default */
    char *path;
    char *query;
    char *fragment;
    char *user;
    char *password;
};

static void parts_clear(struct parts *parts)
{
    curl_free(parts->scheme);
    curl_free(parts->host);
    curl_free(parts->port);
    curl_free(parts->path);
    curl_free(parts->query);
    curl_free(parts->fragment);
    curl_free(parts->user);
    curl_free(parts->password);
    *parts = (struct parts){0};
}

/* White space and control characters have no place in a URL: libcurl would take some, and servers differ on
 * them. */
static bool has_only_url_bytes(const char *text)
{
    for (; *text; text++)
        if ((unsigned char)*text <= ' ' || *text == 0x7f)
            return false;
    return true;
}

static bool is_http_scheme(const char *scheme)
{
    return strcmp(scheme, "http") == 0 || strcmp(scheme, "https") == 0;
}

static void lower_text(char *text)
{
    for (; *text; text++)
        *text = text_lower(*text);
}

/* libcurl guesses a scheme, and takes "http:/host", where none is asked for: the text must say it in full. */
static bool begins_as_http(const char *text)
{
    return text_starts_with_any_case(text, "http://") || text_starts_with_any_case(text, "https://");
}

/*
 * libcurl decodes a host in percent-encoding, and what comes out is another host when it is read again
 * (%2541, then %41, then A). No host in ASCII needs it.
 */
static bool has_encoded_host(const char *text)
{
    const char *authority = strstr(text, "://") + strlen("://");
    authority += strspn(authority, "/"); /* libcurl takes a third slash */
    size_t length = strcspn(authority, "/?#");
    const char *user_end = memrchr(authority, '@', length);
    const char *host = user_end ? user_end + 1 : authority;
    return memchr(host, '%', (size_t)(authority + length - host)) != NULL;
}

static bool take_parts(CURLU *handle, struct parts *parts)
{
    if (curl_url_get(handle, CURLUPART_SCHEME, &parts->scheme, 0) != CURLUE_OK ||
        curl_url_get(handle, CURLUPART_HOST, &parts->host, 0) != CURLUE_OK ||
        curl_url_get(handle, CURLUPART_PATH, &parts->path, 0) != CURLUE_OK)
        return false;
    (void)curl_url_get(handle, CURLUPART_PORT, &parts->port, CURLU_NO_DEFAULT_PORT);
    (void)curl_url_get(handle, CURLUPART_QUERY, &parts->query, 0);
    (void)curl_url_get(handle, CURLUPART_FRAGMENT, &parts->fragment, 0);
    (void)curl_url_get(handle, CURLUPART_USER, &parts->user, 0);
    (void)curl_url_get(handle, CURLUPART_PASSWORD, &parts->password, 0);
    lower_text(parts->scheme);
    lower_text(parts->host);
    /* A host in another script would need IDNA here and in libcurl alike: its "xn--" form is asked for
     * instead. */
    for (const char *at = parts->host; *at; at++)
        if ((unsigned char)*at >= 0x80)
            return false;
    return parts->path && is_http_scheme(parts->scheme) && parts->host[0] != '\0';
}

static bool parts_parse(const char *text, struct parts *parts, struct error *error)
{
    *parts = (struct parts){0};
    CURLU *handle = memory_require(curl_url());
    bool parsed = begins_as_http(text) && has_only_url_bytes(text) && !has_encoded_host(text) &&
                  curl_url_set(handle, CURLUPART_URL, text, 0) == CURLUE_OK && take_parts(handle, parts);
    curl_url_cleanup(handle);
    if (parsed)
        return true;
    parts_clear(parts);
    error_set(error, ERROR_INVALID, "not an http or https URL with a host: %.*s", TEXT_CUT(text, 128));
    return false;
}

/* Writes a part; bytes beyond ASCII and those of `also` are percent-encoded, as WHATWG does for this part. */
static void put_encoded(FILE *out, const char *part, const char *also)
{
    for (; *part; part++) {
        if ((unsigned char)*part >= 0x80 || strchr(also, *part))
            fprintf(out, "%%%02X", (unsigned)(unsigned char)*part);
        else
            fputc(*part, out);
    }
}

static void put_url(FILE *out, const struct parts *parts)
{
    fprintf(out, "%s://", parts->scheme);
    if (parts->user && parts->user[0]) {
        put_encoded(out, parts->user, "");
        if (parts->password && parts->password[0]) {
            fputc(':', out);
            put_encoded(out, parts->password, "");
        }
        fputc('@', out);
    }
    fputs(parts->host, out);
    if (parts->port)
        fprintf(out, ":%s", parts->port);
    put_encoded(out, parts->path, "\"<>`{}");
    if (parts->query) {
        fputc('?', out);
        put_encoded(out, parts->query, "\"<>'");
    }
    if (parts->fragment) {
        fputc('#', out);
        put_encoded(out, parts->fragment, "\"<>`");
    }
}

char *url_normalise(const char *text, struct error *error)
{
    struct parts parts;
    char *url = NULL;
    size_t length = 0;
    if (!parts_parse(text, &parts, error))
        return NULL;
    FILE *out = memory_require(open_memstream(&url, &length));
    put_url(out, &parts);
    if (fclose(out) != 0)
        memory_exhausted();
    parts_clear(&parts);
    return url;
}

bool url_is_http(const char *text)
{
    struct parts parts;
    struct error ignored;
    if (!parts_parse(text, &parts, &ignored))
        return false;
    parts_clear(&parts);
    return true;
}

static const char *port_of(const struct parts *parts)
{
    const char *default_port = strcmp(parts->scheme, "https") == 0 ? "443" : "80";
    return parts->port ? parts->port : default_port;
}

char *url_origin(const char *text, struct error *error)
{
    struct parts parts;
    if (!parts_parse(text, &parts, error))
        return NULL;
    char *origin = memory_format("%s://%s:%s", parts.scheme, parts.host, port_of(&parts));
    parts_clear(&parts);
    return origin;
}

char *url_shown(const char *text, struct error *error)
{
    struct parts parts;
    if (!parts_parse(text, &parts, error))
        return NULL;
    char *shown = memory_format("%s://%s:%s%s", parts.scheme, parts.host, port_of(&parts), parts.path);
    parts_clear(&parts);
    return shown;
}

bool url_port(const char *text, uint16_t *port)
{
    struct error ignored;
    char *origin = url_origin(text, &ignored);
    if (!origin)
        return false;
    *port = (uint16_t)strtoul(strrchr(origin, ':') + 1, NULL, 10);
    free(origin);
    return true;
}

bool url_same_origin(const char *left, const char *right)
{
    struct error ignored;
    char *left_origin = url_origin(left, &ignored);
    char *right_origin = url_origin(right, &ignored);
    bool same = left_origin && right_origin && strcmp(left_origin, right_origin) == 0;
    free(left_origin);
    free(right_origin);
    return same;
}

/* Appends a piece without its outer slashes, with one slash before it. */
static void append_segment(char **url, const char *segment)
{
    segment += strspn(segment, "/");
    size_t length = strlen(*url);
    while (length > 0 && (*url)[length - 1] == '/')
        length--;
    (*url)[length] = '\0';
    char *longer = memory_format("%s/%s", *url, segment);
    free(*url);
    *url = longer;
}

char *url_join(const char *base, const char *const *segments, size_t count)
{
    char *url = memory_copy_bytes(base, strlen(base));
    for (size_t i = 0; i < count; i++)
        append_segment(&url, segments[i]);
    return url;
}

char *url_encode_component(const char *text)
{
    char *escaped = memory_require(curl_easy_escape(NULL, text, 0));
    char *encoded = memory_copy_bytes(escaped, strlen(escaped));
    curl_free(escaped);
    return encoded;
}

static char *decode(const char *text, size_t length, bool plus_is_space)
{
    char *decoded = memory_allocate(length + 1);
    size_t used = 0;
    for (size_t i = 0; i < length; i++) {
        uint8_t byte = (uint8_t)text[i];
        if (byte == '+' && plus_is_space)
            byte = ' ';
        else if (byte == '%' && length - i > 2 && hex_decode(text + i + 1, 2, &byte))
            i += 2;
        if (byte == '\0') {
            free(decoded);
            return NULL;
        }
        decoded[used++] = (char)byte;
    }
    return decoded;
}

char *url_decode_component(const char *text, size_t length)
{
    return decode(text, length, false);
}

char *url_decode_form(const char *text, size_t length)
{
    return decode(text, length, true);
}
