/*
 * Feeds a text to the reader of versions.
 *
 * It takes what the regular expression of semver.org takes, and what is reported is always a version.
 */
#include "services/authd/dds/node_version.h"

#include "tests/fuzz/fuzz.h"

#include <regex.h>
#include <stdlib.h>
#include <string.h>

#define NUMBER "(0|[1-9][0-9]*)"
#define PRE "(0|[1-9][0-9]*|[0-9]*[a-zA-Z-][0-9a-zA-Z-]*)"
#define BUILD "[0-9a-zA-Z-]+"

static bool matches_semver(const char *text)
{
    static const char pattern[] =
        "^" NUMBER "\\." NUMBER "\\." NUMBER "(-" PRE "(\\." PRE ")*)?(\\+" BUILD "(\\." BUILD ")*)?$";
    static regex_t expression;
    static bool compiled;
    if (!compiled)
        fuzz_expect(regcomp(&expression, pattern, REG_EXTENDED | REG_NOSUB) == 0, "the pattern is one");
    compiled = true;
    return regexec(&expression, text, 0, NULL, 0) == 0;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct fuzz_input input = {data, size};
    bool warn;
    char *text = fuzz_take_text(&input, '\0');
    bool is_version = node_version_is_semver(text);
    fuzz_expect(is_version == matches_semver(text), "a version is what semver.org says");
    char *resolved = node_version_resolve(text, "1.2.3", &warn);
    fuzz_expect(node_version_is_semver(resolved), "what is reported is a version");
    fuzz_expect(warn || strstr(text, resolved), "what is not warned of is what was given");
    fuzz_expect(!is_version || (!warn && strcmp(resolved, text) == 0), "a version is reported as it is");
    free(resolved);
    free(text);
    return 0;
}
