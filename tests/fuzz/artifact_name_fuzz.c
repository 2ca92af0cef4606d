/*
 * Feeds lines to what names artifacts: a prefix, and the paths of two outputs.
 *
 * A path with a . or .. component or without a file name is refused. Name and data type have harmless
 * characters alone, a logical path does not begin or end with a slash, and two outputs that would be one
 * object at the server are told to collide.
 */
#include "services/stored/artifacts/artifact_name.h"

#include "tests/fuzz/fuzz.h"

#include <stdlib.h>
#include <string.h>

static const char task_id[] = "3ce78075-c9af-4b82-a4ad-550e0a48f62a";

static bool build(const char *prefix, const char *rel_path, struct artifact_name *artifact)
{
    struct error error = fuzz_no_error();
    size_t length = strlen(rel_path);
    bool refused = fuzz_has_dots(rel_path, length) || length == 0 || rel_path[length - 1] == '/';
    bool built = artifact_name_build(prefix, rel_path, task_id, artifact, &error);
    fuzz_expect(built == !refused, "a path that leads elsewhere or names no file is refused");
    if (!built) {
        fuzz_expect_error(&error);
        fuzz_expect(!artifact->logical_path && !artifact->name && !artifact->data_type,
                    "what is refused leaves nothing");
        return false;
    }
    const char *path = artifact->logical_path;
    const char *name = artifact->name;
    size_t suffix = strlen(task_id) + 1;
    fuzz_expect(*path && *path != '/' && path[strlen(path) - 1] != '/',
                "a logical path has no outer slashes");
    fuzz_expect(fuzz_is_safe_name(name, strlen(name)), "a name is harmless");
    fuzz_expect(strlen(name) > suffix && strcmp(name + strlen(name) - suffix + 1, task_id) == 0,
                "a name ends with the task's id");
    fuzz_expect(fuzz_is_safe_name(artifact->data_type, strlen(artifact->data_type)), "a type is harmless");
    return true;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct fuzz_input input = {data, size};
    struct artifact_name one;
    struct artifact_name two;
    char *prefix = fuzz_take_text(&input, '\n');
    char *first = fuzz_take_text(&input, '\n');
    char *second = fuzz_take_text(&input, '\n');
    bool built = build(*prefix ? prefix : NULL, first, &one);
    built = build(*prefix ? prefix : NULL, second, &two) && built;
    if (built) {
        bool one_object = strcmp(one.name, two.name) == 0 && strcmp(one.data_type, two.data_type) == 0;
        bool one_path = strcmp(one.logical_path, two.logical_path) == 0;
        fuzz_expect(artifact_name_collides(&one, &two) == (one_object && !one_path), "a collision is told");
        fuzz_expect(!one_path || one_object, "one logical path is one object");
    }
    artifact_name_clear(&one);
    artifact_name_clear(&two);
    free(second);
    free(first);
    free(prefix);
    return 0;
}
