#include "libcommon/base/usage.h"

#include "libcommon/base/text.h"

#include <getopt.h>
#include <stdio.h>
#include <string.h>

enum { SHOWN_BYTES = 200 };

static int refuse(const char *program, const char *fault, const char *argument, const char *rest)
{
    char shown[SHOWN_BYTES];
    fprintf(stderr, "%s: %s%s%s; see --help\n", program, fault,
            text_one_line(argument, strlen(argument), shown, sizeof shown), rest);
    return USAGE_EXIT;
}

int usage_refuse(const char *program, const char *argument)
{
    return refuse(program, *argument == '-' ? "unknown option " : "unexpected argument ", argument, "");
}

int usage_refuse_more(const char *program, const char *argument)
{
    return refuse(program, "unexpected argument ", argument, "");
}

int usage_refuse_option(const char *program, int returned, char *const *argv)
{
    /* getopt_long() has gone beyond a long option, but not beyond letters that stand together. */
    const char *option = argv[optind - 1];
    char letter[] = {'-', (char)optopt, '\0'};
    if (strncmp(option, "--", 2) != 0)
        option = letter;
    return returned == ':' ? refuse(program, "", option, " needs a value") : usage_refuse(program, option);
}
