#include "libcommon/node/settings_value.h"

#include "libcommon/base/limits.h"
#include "libcommon/base/memory.h"
#include "libcommon/base/text.h"
#include "libcommon/base/utf8.h"
#include "libcommon/files/file.h"
#include "libcommon/files/folder_trust.h"

#include <ctype.h>
#include <errno.h>
#include <fcntl.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <sys/stat.h>
#include <unistd.h>

char *settings_trimmed_copy(const char *text)
{
    return text_is_blank(text) ? NULL : text_copy_trimmed(text);
}

void settings_trimmed_secret(struct secret *secret, const char *text)
{
    size_t length = text ? strlen(text) : 0;
    text_trim(&text, &length);
    if (length)
        secret_assign_locked(secret, text, length);
}

bool settings_parse_integer(const char *text, double low, double high, int64_t *value, struct error *error)
{
    const char *digits = *text == '-' ? text + 1 : text;
    bool well_formed = *digits && strspn(digits, "0123456789") == strlen(digits);
    errno = 0;
    long long parsed = well_formed ? strtoll(text, NULL, 10) : 0;
    if (!well_formed || errno || (double)parsed < low || (double)parsed > high)
        return error_set(error, ERROR_INVALID, "is '%.*s', expected a whole number from %.0f to %.0f",
                         TEXT_CUT(text, 64), low, high);
    *value = parsed;
    return true;
}

bool settings_parse_ratio(const char *text, bool clamp, double *value, struct error *error)
{
    char *end = NULL;
    /* strtod also reads hexadecimal, "inf" and "nan"; the contract wants plain decimals. */
    bool plain = strspn(text, "0123456789.+-eE") == strlen(text);
    double parsed = plain ? strtod(text, &end) : 0;
    if (!plain || end == text || *end || !isfinite(parsed))
        return error_set(error, ERROR_INVALID, "is '%.*s', expected a number from 0 to 1",
                         TEXT_CUT(text, 64));
    if (!clamp && (parsed < 0 || parsed > 1))
        return error_set(error, ERROR_INVALID, "is '%.*s', expected a number from 0 to 1",
                         TEXT_CUT(text, 64));
    *value = parsed < 0 ? 0 : parsed > 1 ? 1 : parsed;
    return true;
}

bool settings_parse_flag(const char *text, bool *value, struct error *error)
{
    if (strcmp(text, "true") != 0 && strcmp(text, "false") != 0)
        return error_set(error, ERROR_INVALID, "is '%.*s', expected true or false", TEXT_CUT(text, 64));
    *value = *text == 't';
    return true;
}

bool settings_parse_choice(const char *text, const char *choices, int *index, struct error *error)
{
    int candidate = 0;
    size_t length = strlen(text);
    for (const char *choice = choices; choice; candidate++) {
        const char *end = strchrnul(choice, '|');
        if ((size_t)(end - choice) == length && strncasecmp(choice, text, length) == 0) {
            *index = candidate;
            return true;
        }
        choice = *end ? end + 1 : NULL;
    }
    return error_set(error, ERROR_INVALID, "is '%.*s', expected one of %s", TEXT_CUT(text, 64), choices);
}

bool settings_check_text(const char *text, struct error *error)
{
    if (strlen(text) > LIMIT_NAME_BYTES)
        return error_set(error, ERROR_TOO_LARGE, "is longer than %d bytes", LIMIT_NAME_BYTES);
    for (const char *c = text; *c; c++)
        if (iscntrl((unsigned char)*c))
            return error_set(error, ERROR_INVALID, "contains a control character");
    return true;
}

bool settings_check_name(const char *text, struct error *error)
{
    size_t length = strlen(text);
    bool printable = length > 0;
    for (const char *c = text; *c; c++)
        printable = printable && *c >= ' ' && *c <= '~';
    if (!printable || length > LIMIT_HOST_NAME_BYTES)
        return error_set(error, ERROR_INVALID, "must have 1 to %d printable ASCII characters",
                         LIMIT_HOST_NAME_BYTES);
    return true;
}

bool settings_check_path(const char *text, struct error *error)
{
    if (text[0] != '/')
        return error_set(error, ERROR_INVALID, "is '%.*s', expected an absolute path", TEXT_CUT(text, 128));
    return settings_check_text(text, error);
}

bool settings_check_folder(const char *text, struct error *error)
{
    return settings_check_path(text, error) && folder_check_parents(text, geteuid(), error);
}

bool settings_split_address(const char *text, char **host, uint16_t *port, struct error *error)
{
    const char *colon = strrchr(text, ':');
    int64_t number = 0;
    if (!colon || colon == text || strncmp(text, "[]", 2) == 0 ||
        !settings_parse_integer(colon + 1, 0, 65535, &number, error))
        return error_set(error, ERROR_INVALID, "is '%.*s', expected host:port with a port from 1 to 65535",
                         TEXT_CUT(text, 128));
    bool bracketed = text[0] == '[' && colon[-1] == ']';
    size_t length = (size_t)(colon - text);
    *host = bracketed ? memory_copy_bytes(text + 1, length - 2) : memory_copy_bytes(text, length);
    *port = (uint16_t)number;
    return true;
}

bool settings_check_address(const char *text, struct error *error)
{
    char *host = NULL;
    uint16_t port;
    bool ok = settings_split_address(text, &host, &port, error);
    free(host);
    return ok;
}

char *settings_shown_url(const char *url)
{
    const char *scheme_end = strstr(url, "://");
    const char *begin = scheme_end ? scheme_end + strlen("://") : url;
    begin += strspn(begin, "/");
    /* Of what is no URL nobody knows where a path would begin. */
    const char *user_end = memrchr(begin, '@', strcspn(begin, scheme_end ? "/?#" : "?#"));
    const char *rest = user_end ? user_end : begin;
    size_t length = strcspn(rest, "?#");
    return memory_format("%.*s%s%.*s%s", (int)(begin - url), url, user_end ? "***" : "", (int)length, rest,
                         rest[length] ? "?***" : "");
}

/* Whether a URL parser would take a segment out: "." and "..", and nothing between two slashes. */
static bool has_odd_segment(const char *path)
{
    for (const char *segment = path; *segment; segment += strcspn(segment, "/")) {
        size_t length = strcspn(++segment, "/");
        bool last = segment[length] == '\0';
        if ((length == 0 && !last) || (length <= 2 && length > 0 && strspn(segment, ".") == length))
            return true;
    }
    return false;
}

char *settings_path_of_url(const char *url, struct error *error)
{
    static const char plain[] = "/-._~0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz";
    const char *host = strstr(url, "://");
    size_t host_length = host ? strcspn(host += strlen("://"), "/?#\\") : 0;
    const char *path = host_length ? host + host_length : "";
    size_t length = strlen(path);
    /* Parsers take a third slash for one of the two. */
    if (!host_length || strspn(path, plain) != length || has_odd_segment(path)) {
        error_set(
            error, ERROR_INVALID,
            "must, with NODE_URL_PATH=exact, have a path of letters, digits, '-', '.', '_', '~' and '/', "
            "without '.' and '..', and nothing behind it");
        return NULL;
    }
    while (length && path[length - 1] == '/')
        length--;
    return memory_copy_bytes(path, length);
}

bool settings_check_private_key(const struct secret *key, struct error *error)
{
    static const char zero[] = "0000000000000000000000000000000000000000000000000000000000000000";
    static const char order[] = "fffffffffffffffffffffffffffffffebaaedce6af48a03bbfd25e8cd0364141";
    enum { DIGITS = sizeof zero - 1 };
    const char *digits = key->bytes;
    size_t length = key->length;
    if (length >= 2 && digits[0] == '0' && digits[1] == 'x') {
        digits += 2;
        length -= 2;
    }
    if (length != DIGITS || strspn(digits, "0123456789abcdefABCDEF") != DIGITS)
        return error_set(error, ERROR_INVALID,
                         "is no key: expected 64 hexadecimal digits, with or without 0x");
    if (strcmp(digits, zero) == 0 || strcasecmp(digits, order) >= 0)
        return error_set(error, ERROR_INVALID, "is not a secp256k1 private key: out of range");
    return true;
}

bool settings_read_secret_file(const char *path, struct secret *secret, bool *others_can_read,
                               struct error *error)
{
    struct stat status;
    size_t length = 0;
    *others_can_read = stat(path, &status) == 0 && S_ISREG(status.st_mode) && (status.st_mode & S_IROTH) != 0;
    char *text = file_read_text(AT_FDCWD, path, LIMIT_SECRET_FILE_BYTES, true, &length, error);
    if (!text)
        return error_prefix(error, "%.*s", TEXT_CUT(path, 128));
    bool is_text = strlen(text) == length;
    /* Some editors write a byte order mark, and nobody sees it (docs/network.md 6). */
    if (is_text)
        settings_trimmed_secret(secret, text + (strncmp(text, UTF8_BYTE_ORDER_MARK, 3) == 0 ? 3 : 0));
    secret_free_bytes(text, length);
    /* A secret cut short would fail much later, as a refused login. */
    if (!is_text)
        return error_set(error, ERROR_INVALID, "%.*s, which has a NUL byte: it is no text",
                         TEXT_CUT(path, 128));
    return secret->length || error_set(error, ERROR_INVALID, "%.*s, which is empty", TEXT_CUT(path, 128));
}
