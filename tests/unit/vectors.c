#include "tests/unit/vectors.h"

#include "libcommon/base/memory.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static char *path_of(const char *file)
{
    const char *folder = getenv("POSEMESH_VECTORS_DIR");
    const char *source = getenv("POSEMESH_SOURCE_DIR");
    if (folder)
        return memory_format("%s/%s", folder, file);
    return memory_format("%s/tests/vectors/%s", source ? source : ".", file);
}

static void give_up(const char *path, const char *reason)
{
    fprintf(stderr, "vectors: %s: %s\n", path, reason);
    exit(EXIT_FAILURE);
}

json_t *vectors_load(const char *file)
{
    json_error_t fault;
    char *path = path_of(file);
    json_t *root = json_load_file(path, JSON_ALLOW_NUL, &fault);
    if (!root)
        give_up(path, fault.text);
    json_t *cases = json_incref(json_object_get(root, "cases"));
    /* A test that tries nothing would pass. */
    if (json_array_size(cases) == 0)
        give_up(path, "it has no cases");
    json_decref(root);
    free(path);
    return cases;
}

char *vectors_read_file(const char *file, size_t *length)
{
    char *path = path_of(file);
    FILE *in = fopen(path, "rb");
    if (!in || fseek(in, 0, SEEK_END) != 0)
        give_up(path, "it cannot be read");
    long size = ftell(in);
    rewind(in);
    *length = size > 0 ? (size_t)size : 0;
    char *bytes = memory_allocate(*length + 1);
    if (fread(bytes, 1, *length, in) != *length)
        give_up(path, "it cannot be read");
    fclose(in);
    free(path);
    return bytes;
}

const char *vectors_text(const json_t *vector, const char *name)
{
    return json_string_value(json_object_get(vector, name));
}

bool vectors_is_kind(const json_t *vector, const char *kind)
{
    const char *value = vectors_text(vector, "kind");
    return value && strcmp(value, kind) == 0;
}

void vectors_announce(const json_t *vector)
{
    const char *note = vectors_text(vector, "note");
    printf("  case: %s\n", note ? note : "(no note)");
}
