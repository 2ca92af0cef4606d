#include "tests/devnet/name_form.h"

#include "libcommon/base/memory.h"

#include <ctype.h>
#include <stdlib.h>
#include <string.h>

static const char allowed[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";

char *name_sanitise(const char *text)
{
    char *name = memory_allocate(strlen(text) + 1);
    size_t length = 0;

    for (; *text; text++) {
        /* A UTF-8 continuation byte belongs to the code point before it, which has its `_` already. */
        if (((unsigned char)*text & 0xc0) == 0x80)
            continue;
        name[length++] = '_';
        if (strchr(allowed, *text))
            name[length - 1] = *text;
    }
    return name;
}

bool name_is_sanitised(const char *text)
{
    return *text && text[strspn(text, allowed)] == '\0';
}

char *name_of_artifact(const char *logical_path, const char *task_id)
{
    char *stem = name_sanitise(logical_path);
    char *name = memory_format("%s_%s", stem, task_id);

    free(stem);
    return name;
}

char *name_data_type(const char *logical_path)
{
    static const char *const same[] = {"json", "ply", "glb", "obj", "csv", "mp4"};
    const char *slash = strrchr(logical_path, '/'), *last = slash ? slash + 1 : logical_path;
    const char *dot = strrchr(last, '.');
    char *extension, *stem, *type;

    if (!dot || dot == last || !dot[1])
        return memory_copy_text("binary");
    extension = memory_copy_text(dot + 1);
    for (char *c = extension; *c; c++)
        *c = (char)tolower((unsigned char)*c);
    for (size_t i = 0; i < sizeof(same) / sizeof(same[0]); i++)
        if (strcmp(extension, same[i]) == 0)
            return extension;
    if (strcmp(extension, "drc") == 0) {
        free(extension);
        return memory_copy_text("ply_draco");
    }
    stem = name_sanitise(extension);
    type = memory_format("%s_data", stem);
    free(stem);
    free(extension);
    return type;
}
