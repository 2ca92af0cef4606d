#include "libcommon/base/fatal.h"

#include "libcommon/base/standard_error.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { TEXT_BYTES = 512 };

static fatal_last_act *last_act;

void fatal_set_last_act(fatal_last_act *act)
{
    last_act = act;
}

/* Whoever reads stderr, or does not: the end is not to wait for that. */
void fatal_stop(const char *format, ...)
{
    char text[TEXT_BYTES];
    va_list arguments;
    va_start(arguments, format);
    vsnprintf(text, sizeof text - 1, format, arguments);
    va_end(arguments);
    if (last_act)
        last_act();
    size_t length = strlen(text);
    text[length] = '\n';
    standard_error_write_soon(text, length + 1);
    abort();
}
