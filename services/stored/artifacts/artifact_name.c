#include "services/stored/artifacts/artifact_name.h"

#include "libcommon/base/memory.h"
#include "libcommon/base/text.h"
#include "services/stored/names/safe_name.h"

#include <stdlib.h>
#include <string.h>

/* A path that leads elsewhere, or has two spellings, must not name an artifact. */
static bool check_components(const char *rel_path, struct error *error)
{
    for (const char *at = rel_path; *at;) {
        size_t length = strcspn(at, "/");
        if ((length == 1 && at[0] == '.') || (length == 2 && at[0] == '.' && at[1] == '.'))
            return error_set(error, ERROR_INVALID, "an output's path must not have a . or .. component: %.*s",
                             TEXT_CUT(rel_path, 128));
        at += length + (at[length] == '/');
    }
    size_t length = strlen(rel_path);
    if (length == 0 || rel_path[length - 1] == '/')
        return error_set(error, ERROR_INVALID, "an output's path needs a file name: \"%.*s\"",
                         TEXT_CUT(rel_path, 128));
    return true;
}

static char *join_logical_path(const char *prefix, const char *rel_path)
{
    prefix += strspn(prefix, "/");
    size_t length = strlen(prefix);
    while (length > 0 && prefix[length - 1] == '/')
        length--;
    char *bare = memory_copy_bytes(prefix, length);
    char *path = length > 0 ? memory_format("%s/%s", bare, rel_path) : memory_copy_text(rel_path);
    free(bare);
    return path;
}

/* ".x" is a hidden file without an extension, "x." has an empty one: neither says what is inside. */
static char *copy_extension(const char *rel_path)
{
    const char *slash = strrchr(rel_path, '/');
    const char *file = slash ? slash + 1 : rel_path;
    const char *dot = strrchr(file, '.');
    if (!dot || dot == file || dot[1] == '\0')
        return NULL;
    char *extension = memory_copy_text(dot + 1);
    for (char *at = extension; *at; at++)
        *at = text_lower(*at);
    return extension;
}

char *artifact_name_data_type(const char *rel_path)
{
    static const char *const kept[] = {"json", "ply", "glb", "obj", "csv", "mp4"};
    char *extension = copy_extension(rel_path);
    if (!extension)
        return memory_copy_text("binary");
    for (size_t i = 0; i < sizeof kept / sizeof kept[0]; i++)
        if (strcmp(extension, kept[i]) == 0)
            return extension;
    char *safe = safe_name(extension, strlen(extension));
    char *data_type =
        strcmp(extension, "drc") == 0 ? memory_copy_text("ply_draco") : memory_format("%s_data", safe);
    free(safe);
    free(extension);
    return data_type;
}

bool artifact_name_build(const char *prefix, const char *rel_path, const char *task_id,
                         struct artifact_name *artifact, struct error *error)
{
    *artifact = (struct artifact_name){0};
    rel_path += strspn(rel_path, "/");
    if (!check_components(rel_path, error))
        return false;
    artifact->logical_path = join_logical_path(prefix ? prefix : "", rel_path);
    char *safe = safe_name(artifact->logical_path, strlen(artifact->logical_path));
    artifact->name = memory_format("%s_%s", safe, task_id);
    free(safe);
    artifact->data_type = artifact_name_data_type(rel_path);
    return true;
}

void artifact_name_clear(struct artifact_name *artifact)
{
    free(artifact->logical_path);
    free(artifact->name);
    free(artifact->data_type);
    *artifact = (struct artifact_name){0};
}

bool artifact_name_collides(const struct artifact_name *left, const struct artifact_name *right)
{
    return strcmp(left->name, right->name) == 0 && strcmp(left->data_type, right->data_type) == 0 &&
           strcmp(left->logical_path, right->logical_path) != 0;
}
