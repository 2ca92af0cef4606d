#include "services/stored/inputs/input_path.h"

#include "libcommon/base/memory.h"
#include "libcommon/base/text.h"
#include "services/stored/names/safe_name.h"

#include <search.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

/* A path in use, and the last number that was put behind it: thousands of parts of one name do not count anew
 * each. */
struct taken {
    char *path;
    unsigned last_number;
};

struct input_path_set {
    void *tree; /* of struct taken, for tsearch() */
};

static int compare_taken(const void *left, const void *right)
{
    return strcmp(((const struct taken *)left)->path, ((const struct taken *)right)->path);
}

static void free_taken(void *node)
{
    struct taken *taken = node;
    free(taken->path);
    free(taken);
}

struct input_path_set *input_path_set_create(void)
{
    return memory_allocate(sizeof(struct input_path_set));
}

void input_path_set_free(struct input_path_set *set)
{
    if (!set)
        return;
    tdestroy(set->tree, free_taken);
    free(set);
}

static struct taken *find(struct input_path_set *set, const char *path)
{
    const struct taken key = {.path = (char *)(uintptr_t)path};
    struct taken *const *node = tfind(&key, &set->tree, compare_taken);
    return node ? *node : NULL;
}

static void put(struct input_path_set *set, const char *path)
{
    struct taken *taken = memory_allocate(sizeof *taken);
    taken->path = memory_copy_text(path);
    taken->last_number = 1;
    if (!tsearch(taken, &set->tree, compare_taken))
        memory_exhausted();
}

/* 'd' stands for a digit, '?' for either separator. */
static bool is_timestamp(const char *text)
{
    static const char pattern[] = "dddd-dd-dd?dd-dd-dd";
    for (size_t i = 0; pattern[i]; i++) {
        bool fits = pattern[i] == 'd'   ? text_is_digit(text[i])
                    : pattern[i] == '?' ? text[i] == '_' || text[i] == '-'
                                        : text[i] == pattern[i];
        if (!fits)
            return false;
    }
    return true;
}

/* The folder of a scan: files of one moment lie together, whatever stands around it in their names. */
static char *scan_folder(const char *name)
{
    enum { TIMESTAMP_LENGTH = 19 };
    for (const char *at = name; *at; at++)
        if (is_timestamp(at))
            return memory_copy_bytes(at, TIMESTAMP_LENGTH);
    return safe_name(name, strlen(name));
}

static char *component(const char *text)
{
    return text && *text ? safe_name(text, strlen(text)) : memory_copy_text("part");
}

/* The first path that is free: the plain one, else with -2, -3 and so on behind the name. */
static char *find_free_path(struct input_path_set *set, const char *folder, const char *name,
                            const char *data_type)
{
    char *path = memory_format("datasets/%s/%s.%s", folder, name, data_type);
    struct taken *plain = find(set, path);
    while (plain) {
        free(path);
        plain->last_number++;
        path = memory_format("datasets/%s/%s-%u.%s", folder, name, plain->last_number, data_type);
        if (!find(set, path))
            break;
    }
    return path;
}

char *input_path_assign(struct input_path_set *set, const char *name, const char *data_type)
{
    char *safe = component(name);
    char *type = component(data_type);
    char *folder = name && *name ? scan_folder(name) : memory_copy_text(safe);
    char *path = find_free_path(set, folder, safe, type);
    put(set, path);
    free(folder);
    free(type);
    free(safe);
    return path;
}

void input_path_take(struct input_path_set *set, const char *path)
{
    if (!find(set, path))
        put(set, path);
}
