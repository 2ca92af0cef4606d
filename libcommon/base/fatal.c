#include "libcommon/base/fatal.h"

#include "libcommon/base/standard_error.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { TEXT_BYTES = 512 };

/* Whoever reads stderr, or does not: the end is not to wait for that. */
void fatal_stop(const char *format, ...)
{
    char text[TEXT_BYTES];
    va_list arguments;
    va_start(arguments, format);
    vsnprintf(text, sizeof text - 1, format, arguments);
    va_end(arguments);
    size_t length = strlen(text);
    text[length] = '\n';
    standard_error_write_soon(text, length + 1);
    abort();
}
