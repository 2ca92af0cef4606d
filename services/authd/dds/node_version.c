#include "services/authd/dds/node_version.h"

#include "libcommon/base/memory.h"
#include "libcommon/base/text.h"

#include <stdlib.h>

/* A decimal number without leading zeros. */
static bool read_number(const char **at)
{
    const char *first = *at;
    while (text_is_digit(**at))
        (*at)++;
    return *at > first && (*first != '0' || *at == first + 1);
}

static bool is_identifier_character(char character)
{
    char lower = text_lower(character);
    return (lower >= 'a' && lower <= 'z') || text_is_digit(character) || character == '-';
}

/* One identifier; in a pre-release a numeric one has no leading zero, in build metadata it may. */
static bool read_identifier(const char **at, bool leading_zero_allowed)
{
    const char *first = *at;
    bool numeric = true;
    for (; is_identifier_character(**at); (*at)++)
        numeric = numeric && text_is_digit(**at);
    if (*at == first)
        return false;
    return leading_zero_allowed || !numeric || *first != '0' || *at == first + 1;
}

/* Dot-separated identifiers behind `mark`, which may be missing. */
static bool read_identifiers(const char **at, char mark, bool leading_zero_allowed)
{
    if (**at != mark)
        return true;
    do {
        (*at)++;
        if (!read_identifier(at, leading_zero_allowed))
            return false;
    } while (**at == '.');
    return true;
}

static bool read_dot(const char **at)
{
    return *(*at)++ == '.';
}

bool node_version_is_semver(const char *text)
{
    const char *at = text;
    return read_number(&at) && read_dot(&at) && read_number(&at) && read_dot(&at) && read_number(&at) &&
           read_identifiers(&at, '-', false) && read_identifiers(&at, '+', true) && *at == '\0';
}

char *node_version_resolve(const char *given, const char *fallback, bool *warn)
{
    char *trimmed = text_copy_trimmed(given ? given : "");
    const char *version = trimmed;
    *warn = false;
    if (!node_version_is_semver(version)) {
        *warn = true;
        if (*version == 'v' || *version == 'V')
            version++;
        if (!node_version_is_semver(version))
            version = fallback;
    }
    char *resolved = memory_copy_text(version);
    free(trimmed);
    return resolved;
}
