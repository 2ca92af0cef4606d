#include "services/stored/names/safe_name.h"

#include "libcommon/base/memory.h"
#include "libcommon/base/text.h"
#include "libcommon/base/utf8.h"

#include <stdbool.h>
#include <stdint.h>

static bool is_kept(char character)
{
    char lower = text_lower(character);
    return (lower >= 'a' && lower <= 'z') || text_is_digit(character) || character == '-' || character == '_';
}

char *safe_name(const char *text, size_t length)
{
    char *name = memory_allocate(length + 1);
    size_t used = 0;
    for (size_t i = 0; i < length;) {
        uint32_t code_point;
        size_t bytes = utf8_decode(text + i, length - i, &code_point);
        name[used] = '_';
        if (is_kept(text[i]))
            name[used] = text[i];
        used++;
        i += bytes ? bytes : 1;
    }
    return name;
}
