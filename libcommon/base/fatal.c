#include "libcommon/base/fatal.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

void fatal_stop(const char *format, ...)
{
    va_list arguments;
    va_start(arguments, format);
    vfprintf(stderr, format, arguments);
    va_end(arguments);
    fputc('\n', stderr);
    abort();
}
