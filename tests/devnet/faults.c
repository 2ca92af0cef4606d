#include "tests/devnet/faults.h"

#include "libcommon/base/memory.h"

#include <fnmatch.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

struct faults {
    struct fault *list;
    size_t count;
};

static const char *const kinds[] = {"latency", "status", "cut", "slow", "malformed", "redirect"};

const char *fault_kind_name(enum fault_kind kind)
{
    return kinds[kind];
}

struct faults *faults_create(void)
{
    return memory_allocate(sizeof(struct faults));
}

void faults_free(struct faults *faults)
{
    if (!faults)
        return;
    free(faults->list);
    free(faults);
}

static bool read_text(const json_t *object, const char *field, char *out, size_t room, struct error *error)
{
    const json_t *value = json_object_get(object, field);

    if (!value)
        return true;
    if (!json_is_string(value) || json_string_length(value) >= room)
        return error_set(error, ERROR_INVALID, "%s of a fault must be a text below %zu bytes", field, room);
    memcpy(out, json_string_value(value), json_string_length(value) + 1);
    return true;
}

static bool read_number(const json_t *object, const char *field, int64_t *out, struct error *error)
{
    const json_t *value = json_object_get(object, field);

    if (value && !json_is_integer(value))
        return error_set(error, ERROR_INVALID, "%s of a fault must be an integer", field);
    if (value)
        *out = json_integer_value(value);
    return true;
}

static bool read_kind(const json_t *object, enum fault_kind *kind, struct error *error)
{
    const char *name = json_string_value(json_object_get(object, "kind"));

    for (size_t i = 0; name && i < sizeof(kinds) / sizeof(kinds[0]); i++)
        if (strcmp(kinds[i], name) == 0) {
            *kind = (enum fault_kind)i;
            return true;
        }
    return error_set(error, ERROR_INVALID,
                     "kind of a fault must be one of latency, status, cut, slow, malformed, redirect");
}

/* A misspelt field would make a fault that silently does not happen. */
static bool refuse_unknown_fields(const json_t *object, struct error *error)
{
    static const char known[] =
        " kind method path skip count probability when latency_ms status retry_after bytes "
        "request_bytes bytes_per_second location body content_type ";
    json_t *fields = json_copy((json_t *)(uintptr_t)object);
    bool fine = true;

    for (void *i = json_object_iter(fields); i && fine; i = json_object_iter_next(fields, i)) {
        char *word = memory_format(" %s ", json_object_iter_key(i));

        if (!strstr(known, word))
            fine = error_set(error, ERROR_INVALID, "a fault has no field%s", word);
        free(word);
    }
    json_decref(fields);
    return fine;
}

static bool fault_parse(const json_t *object, struct fault *fault, struct error *error)
{
    char when[16] = "before";
    int64_t status = 0;

    *fault = (struct fault){.count = 1, .probability = 1.0, .request_bytes = -1, .bytes_per_second = 1024};
    if (!refuse_unknown_fields(object, error) || !read_kind(object, &fault->kind, error) ||
        !read_text(object, "method", fault->method, sizeof(fault->method), error) ||
        !read_text(object, "path", fault->path, sizeof(fault->path), error) ||
        !read_text(object, "when", when, sizeof(when), error) ||
        !read_text(object, "location", fault->location, sizeof(fault->location), error) ||
        !read_text(object, "content_type", fault->content_type, sizeof(fault->content_type), error) ||
        !read_text(object, "body", fault->body, sizeof(fault->body), error) ||
        !read_number(object, "skip", &fault->skip, error) ||
        !read_number(object, "count", &fault->count, error) ||
        !read_number(object, "latency_ms", &fault->latency_ms, error) ||
        !read_number(object, "retry_after", &fault->retry_after_secs, error) ||
        !read_number(object, "bytes", &fault->bytes, error) ||
        !read_number(object, "request_bytes", &fault->request_bytes, error) ||
        !read_number(object, "bytes_per_second", &fault->bytes_per_second, error) ||
        !read_number(object, "status", &status, error))
        return false;
    if (json_object_get(object, "probability"))
        fault->probability = json_number_value(json_object_get(object, "probability"));
    if (strcmp(when, "before") != 0 && strcmp(when, "after") != 0)
        return error_set(error, ERROR_INVALID, "when of a fault must be before or after");
    fault->after = strcmp(when, "after") == 0;
    fault->status = status ? (int)status : fault->kind == FAULT_REDIRECT ? 307 : 503;
    if (fault->status < 200 || fault->status > 599)
        return error_set(error, ERROR_INVALID, "status of a fault must be 200 to 599, got %d", fault->status);
    if (fault->kind == FAULT_REDIRECT && !fault->location[0])
        return error_set(error, ERROR_INVALID, "a redirect needs a location");
    return true;
}

bool faults_set(struct faults *faults, const json_t *array, bool replace, struct error *error)
{
    size_t kept = replace ? 0 : faults->count;
    size_t count = kept + json_array_size(array);
    struct fault *list = memory_allocate_array(count, sizeof(struct fault));

    if (!json_is_array(array)) {
        free(list);
        return error_set(error, ERROR_INVALID, "faults must be an array");
    }
    if (kept)
        memcpy(list, faults->list, kept * sizeof(struct fault));
    for (size_t i = kept; i < count; i++)
        if (!fault_parse(json_array_get(array, i - kept), &list[i], error)) {
            free(list);
            return false;
        }
    free(faults->list);
    faults->list = list;
    faults->count = count;
    return true;
}

json_t *faults_json(const struct faults *faults)
{
    json_t *array = json_array();

    for (size_t i = 0; i < faults->count; i++) {
        const struct fault *fault = &faults->list[i];

        json_array_append_new(array, json_pack("{s:s, s:s, s:s, s:I, s:I, s:s}", "kind", kinds[fault->kind],
                                               "method", fault->method, "path", fault->path, "skip",
                                               (json_int_t)fault->skip, "count", (json_int_t)fault->count,
                                               "when", fault->after ? "after" : "before"));
    }
    return array;
}

static bool matches(const struct fault *fault, const char *method, const char *path, const char *target)
{
    if (fault->count == 0 || (fault->method[0] && strcmp(fault->method, method) != 0))
        return false;
    if (strchr(fault->path, '*'))
        return fnmatch(fault->path, path, 0) == 0 || fnmatch(fault->path, target, 0) == 0;
    return strncmp(fault->path, path, strlen(fault->path)) == 0;
}

bool faults_take(struct faults *faults, const char *method, const char *path, const char *target,
                 struct fault *fault)
{
    for (size_t i = 0; i < faults->count; i++) {
        struct fault *candidate = &faults->list[i];

        if (!matches(candidate, method, path, target))
            continue;
        if (candidate->skip > 0) {
            candidate->skip--;
            continue;
        }
        if (candidate->probability < 1.0 && (double)random() / (double)RAND_MAX >= candidate->probability)
            continue;
        if (candidate->count > 0)
            candidate->count--;
        *fault = *candidate;
        return true;
    }
    return false;
}
