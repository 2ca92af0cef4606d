#include "libcommon/base/memory.h"

#include "libcommon/base/fatal.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

void memory_exhausted(void)
{
    fatal_stop("out of memory");
}

void *memory_require(void *memory)
{
    if (!memory)
        memory_exhausted();
    return memory;
}

void *memory_allocate(size_t bytes)
{
    return memory_require(calloc(1, bytes ? bytes : 1));
}

void *memory_allocate_array(size_t count, size_t item_bytes)
{
    return memory_require(calloc(count ? count : 1, item_bytes));
}

void *memory_resize_array(void *array, size_t count, size_t item_bytes)
{
    return memory_require(reallocarray(array, count ? count : 1, item_bytes));
}

char *memory_copy_text(const char *text)
{
    return text ? memory_require(strdup(text)) : NULL;
}

char *memory_copy_bytes(const void *bytes, size_t length)
{
    char *copy = memory_require(malloc(length + 1));
    if (length)
        memcpy(copy, bytes, length);
    copy[length] = '\0';
    return copy;
}

char *memory_format(const char *format, ...)
{
    char *text = NULL;
    va_list arguments;
    va_start(arguments, format);
    int length = vasprintf(&text, format, arguments);
    va_end(arguments);
    return memory_require(length < 0 ? NULL : text);
}

void memory_replace_text(char **slot, const char *text)
{
    char *copy = memory_copy_text(text);
    free(*slot);
    *slot = copy;
}
