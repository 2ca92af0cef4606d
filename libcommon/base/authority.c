#include "libcommon/base/authority.h"

#include "libcommon/base/hex.h"
#include "libcommon/base/text.h"

#include <arpa/inet.h>
#include <stdint.h>
#include <string.h>

/* An IP address as IPv6 has it: IPv4 as its mapped form. */
struct ip {
    uint8_t bytes[16];
};

static const uint8_t mapped_prefix[12] = {[10] = 0xff, [11] = 0xff};

static bool read_ip(const char *host, size_t length, struct ip *ip)
{
    char text[INET6_ADDRSTRLEN];
    bool bracketed = length > 2 && host[0] == '[' && host[length - 1] == ']';
    if (bracketed) {
        host++;
        length -= 2;
    }
    if (length >= sizeof text)
        return false;
    memcpy(text, host, length);
    text[length] = '\0';
    if (bracketed)
        return inet_pton(AF_INET6, text, ip->bytes) == 1;
    memcpy(ip->bytes, mapped_prefix, sizeof mapped_prefix);
    return inet_pton(AF_INET, text, ip->bytes + sizeof mapped_prefix) == 1;
}

static bool is_name_byte(char byte)
{
    return byte != '\0' &&
           strchr("ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-._~!$&'()*+,;=", byte);
}

/* Bytes of the reg-name at `text`; it ends at what has no place in one. */
static size_t name_bytes(const char *text)
{
    size_t length = 0;
    uint8_t ignored;
    for (;;) {
        if (is_name_byte(text[length]))
            length++;
        else if (text[length] == '%' && text[length + 1] && hex_decode(text + length + 1, 2, &ignored))
            length += 3;
        else
            return length;
    }
}

bool authority_parse(const char *text, struct authority *authority)
{
    struct ip ignored;
    size_t length = text[0] == '[' ? strcspn(text, "]") + 1 : name_bytes(text);
    if (text[0] == '[' && (length > strlen(text) || !read_ip(text, length, &ignored)))
        return false;
    const char *rest = text + length;
    *authority =
        (struct authority){.host = text, .host_bytes = length, .port = *rest == ':' ? rest + 1 : rest};
    if (length > 0 && text[length - 1] == '.')
        authority->host_bytes--;
    return authority->host_bytes > 0 && (*rest == ':' || *rest == '\0') &&
           strspn(authority->port, "0123456789") == strlen(authority->port);
}

static bool same_bytes_any_case(const char *left, size_t left_bytes, const char *right, size_t right_bytes)
{
    if (left_bytes != right_bytes)
        return false;
    for (size_t i = 0; i < left_bytes; i++)
        if (text_lower(left[i]) != text_lower(right[i]))
            return false;
    return true;
}

/* Whether one is an IP address, and then whether both are the same. */
static bool compare_ips(const struct authority *left, const struct authority *right, bool *same)
{
    struct ip left_ip;
    struct ip right_ip;
    bool left_is_ip = read_ip(left->host, left->host_bytes, &left_ip);
    bool right_is_ip = read_ip(right->host, right->host_bytes, &right_ip);
    *same = left_is_ip && right_is_ip && memcmp(&left_ip, &right_ip, sizeof left_ip) == 0;
    return left_is_ip || right_is_ip;
}

bool authority_equal(const struct authority *left, const struct authority *right)
{
    bool same_host;
    if (!compare_ips(left, right, &same_host))
        same_host = same_bytes_any_case(left->host, left->host_bytes, right->host, right->host_bytes);
    return same_host && strcmp(left->port, right->port) == 0;
}

bool authority_is_loopback(const struct authority *authority)
{
    static const uint8_t six[16] = {[15] = 1};
    struct ip ip;
    if (!read_ip(authority->host, authority->host_bytes, &ip))
        return text_equal_any_case(authority->host, authority->host_bytes, "localhost");
    bool is_mapped = memcmp(ip.bytes, mapped_prefix, sizeof mapped_prefix) == 0;
    return memcmp(ip.bytes, six, sizeof six) == 0 || (is_mapped && ip.bytes[sizeof mapped_prefix] == 127);
}

/* Where the last two labels begin. */
static size_t site_begins(const struct authority *authority)
{
    size_t at = authority->host_bytes;
    for (int dots = 0; at > 0; at--)
        if (authority->host[at - 1] == '.' && ++dots == 2)
            break;
    return at;
}

bool authority_same_site(const struct authority *left, const struct authority *right)
{
    bool same;
    if (compare_ips(left, right, &same))
        return same;
    size_t left_at = site_begins(left);
    size_t right_at = site_begins(right);
    return same_bytes_any_case(left->host + left_at, left->host_bytes - left_at, right->host + right_at,
                               right->host_bytes - right_at);
}
