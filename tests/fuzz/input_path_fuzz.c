/*
 * Feeds pairs of lines, name and data type of an input (an empty one: not given), to what places inputs.
 *
 * Each gets a path of its own, "datasets" and two more components of harmless characters: none leads out of
 * the workspace.
 */
#include "services/stored/inputs/input_path.h"

#include "tests/fuzz/fuzz.h"

#include <stdlib.h>
#include <string.h>

enum { PATHS_MAX = 64 };

static void check_path(const char *path)
{
    static const char folder[] = "datasets/";
    fuzz_expect(strncmp(path, folder, strlen(folder)) == 0, "an input lies in datasets");
    const char *scan = path + strlen(folder);
    const char *slash = strchr(scan, '/');
    fuzz_expect(slash && fuzz_is_safe_name(scan, (size_t)(slash - scan)),
                "a scan's folder is a harmless name");
    const char *file = slash + 1;
    const char *dot = strchr(file, '.');
    fuzz_expect(dot && fuzz_is_safe_name(file, (size_t)(dot - file)), "a file's name is harmless");
    fuzz_expect(fuzz_is_safe_name(dot + 1, strlen(dot + 1)), "a file's extension is harmless");
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct fuzz_input input = {data, size};
    struct input_path_set *set = input_path_set_create();
    char *paths[PATHS_MAX];
    size_t count = 0;
    while (input.length > 0 && count < PATHS_MAX) {
        char *name = fuzz_take_text(&input, '\n');
        char *data_type = fuzz_take_text(&input, '\n');
        char *path = input_path_assign(set, *name ? name : NULL, *data_type ? data_type : NULL);
        check_path(path);
        for (size_t i = 0; i < count; i++)
            fuzz_expect(strcmp(paths[i], path) != 0, "no two inputs have one path");
        paths[count++] = path;
        free(data_type);
        free(name);
    }
    for (size_t i = 0; i < count; i++)
        free(paths[i]);
    input_path_set_free(set);
    return 0;
}
