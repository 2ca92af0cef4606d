#include "tests/devnet/tuning.h"

#include <stddef.h>
#include <string.h>

static const struct {
    const char *name;
    size_t offset;
    int64_t initially;
} numbers[] = {
#define NUMBER(name, initially)                                                                              \
    {                                                                                                        \
#name, offsetof(struct tuning, name), initially                                                      \
    }
    NUMBER(lease_ttl_ms, 60000),
    NUMBER(access_token_ttl_ms, 3600000),
    NUMBER(domain_token_ttl_ms, 3600000),
    NUMBER(nonce_ttl_ms, 300000),
    NUMBER(rotate_domain_token, 0),
    NUMBER(part_size_bytes, INT64_C(8) * 1024 * 1024),
    NUMBER(request_max_bytes, INT64_C(64) * 1024 * 1024),
    NUMBER(multipart, 1),
    NUMBER(callback, 1),
    NUMBER(callback_delay_ms, 0),
    NUMBER(health_interval_ms, 10000),
    NUMBER(race_grace_ms, 2000),
    NUMBER(restarts_allowed, 0),
    NUMBER(free_artifact_names, 0),
#undef NUMBER
};

enum { NUMBERS = sizeof(numbers) / sizeof(numbers[0]) };

static int64_t *number_at(struct tuning *tuning, size_t index)
{
    return (int64_t *)(void *)((char *)tuning + numbers[index].offset);
}

void tuning_init(struct tuning *tuning)
{
    for (size_t i = 0; i < NUMBERS; i++)
        *number_at(tuning, i) = numbers[i].initially;
}

int64_t *tuning_find(struct tuning *tuning, const char *name)
{
    for (size_t i = 0; i < NUMBERS; i++)
        if (strcmp(numbers[i].name, name) == 0)
            return number_at(tuning, i);
    return NULL;
}

json_t *tuning_json(const struct tuning *tuning)
{
    struct tuning copy = *tuning;
    json_t *object = json_object();

    for (size_t i = 0; i < NUMBERS; i++)
        json_object_set_new(object, numbers[i].name, json_integer(*number_at(&copy, i)));
    return object;
}

bool tuning_apply(struct tuning *tuning, const json_t *changes, struct error *error)
{
    struct tuning changed = *tuning;

    for (void *i = json_object_iter((json_t *)(uintptr_t)changes); i;
         i = json_object_iter_next((json_t *)(uintptr_t)changes, i)) {
        const char *name = json_object_iter_key(i);
        const json_t *value = json_object_iter_value(i);
        int64_t *number = tuning_find(&changed, name);

        if (!number)
            return error_set(error, ERROR_INVALID, "no setting is called %s", name);
        if (!json_is_integer(value) && !json_is_boolean(value))
            return error_set(error, ERROR_INVALID, "%s must be an integer", name);
        *number = json_is_integer(value) ? json_integer_value(value) : json_is_true(value);
        if (*number < 0)
            return error_set(error, ERROR_INVALID, "%s must not be negative", name);
    }
    *tuning = changed;
    return true;
}
