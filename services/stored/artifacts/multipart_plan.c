/* Parts are given out in order and may finish in any; what the server is told at the end is in order. */
#include "services/stored/artifacts/multipart_plan.h"

#include "libcommon/base/memory.h"
#include "libcommon/json/json_writer.h"

#include <stdlib.h>
#include <string.h>

bool multipart_plan_init(struct multipart_plan *plan, int64_t part_bytes, struct error *error)
{
    *plan = (struct multipart_plan){.part_bytes = part_bytes};
    return part_bytes > 0 ||
           error_set(error, ERROR_INVALID, "part_size must be above 0, got %lld", (long long)part_bytes);
}

void multipart_plan_clear(struct multipart_plan *plan)
{
    for (size_t i = 0; i < plan->capacity; i++)
        free(plan->etags[i]);
    free(plan->etags);
    *plan = (struct multipart_plan){0};
}

/* Doubling: an artifact that grows by a part at a time does not copy the table each time. */
static void reserve(struct multipart_plan *plan, size_t count)
{
    size_t capacity = plan->capacity ? plan->capacity : count;
    if (count <= plan->capacity)
        return;
    while (capacity < count)
        capacity *= 2;
    plan->etags = memory_resize_array(plan->etags, capacity, sizeof *plan->etags);
    memset(plan->etags + plan->capacity, 0, (capacity - plan->capacity) * sizeof *plan->etags);
    plan->capacity = capacity;
}

bool multipart_plan_extend(struct multipart_plan *plan, int64_t total_bytes, bool whole, struct error *error)
{
    if (total_bytes < plan->total_bytes || (plan->whole && total_bytes != plan->total_bytes))
        return error_set(error, ERROR_INVALID, "the artifact had %lld bytes and now has %lld",
                         (long long)plan->total_bytes, (long long)total_bytes);
    if (whole && total_bytes == 0)
        return error_set(error, ERROR_INVALID, "an empty artifact has no parts");
    int64_t count = total_bytes / plan->part_bytes;
    if (whole && total_bytes % plan->part_bytes)
        count++;
    if (count > MULTIPART_PLAN_PARTS_MAX)
        return error_set(
            error, ERROR_TOO_LARGE, "%lld bytes in parts of %lld are %lld parts, the limit is %d",
            (long long)total_bytes, (long long)plan->part_bytes, (long long)count, MULTIPART_PLAN_PARTS_MAX);
    reserve(plan, (size_t)count);
    plan->total_bytes = total_bytes;
    plan->part_count = (size_t)count;
    plan->whole = whole;
    return true;
}

bool multipart_plan_next(struct multipart_plan *plan, struct multipart_range *range)
{
    while (plan->cursor < plan->part_count && plan->etags[plan->cursor])
        plan->cursor++;
    if (plan->cursor >= plan->part_count)
        return false;
    int64_t offset = (int64_t)plan->cursor * plan->part_bytes;
    int64_t left = plan->total_bytes - offset;
    *range = (struct multipart_range){.number = ++plan->cursor,
                                      .offset = offset,
                                      .bytes = left < plan->part_bytes ? left : plan->part_bytes};
    return true;
}

void multipart_plan_finish(struct multipart_plan *plan, size_t number, char *etag)
{
    if (number < 1 || number > plan->part_count || plan->etags[number - 1]) {
        free(etag);
        return;
    }
    plan->etags[number - 1] = etag;
    plan->done++;
}

int64_t multipart_plan_done_bytes(const struct multipart_plan *plan)
{
    int64_t bytes = (int64_t)plan->done * plan->part_bytes;
    int64_t planned = (int64_t)plan->part_count * plan->part_bytes;
    /* The last part is smaller. */
    if (plan->part_count && plan->etags[plan->part_count - 1] && planned > plan->total_bytes)
        bytes -= planned - plan->total_bytes;
    return bytes;
}

bool multipart_plan_is_done(const struct multipart_plan *plan)
{
    return plan->whole && plan->done == plan->part_count;
}

char *multipart_plan_completion(const struct multipart_plan *plan)
{
    struct json_writer writer = JSON_WRITER_EMPTY;
    json_writer_open_object(&writer);
    json_writer_key(&writer, "parts");
    json_writer_open_array(&writer);
    for (size_t i = 0; i < plan->part_count; i++) {
        json_writer_open_object(&writer);
        json_writer_int64_member(&writer, "part_number", (int64_t)i + 1);
        json_writer_string_member(&writer, "etag", plan->etags[i]);
        json_writer_close_object(&writer);
    }
    json_writer_close_array(&writer);
    json_writer_close_object(&writer);
    return json_writer_take(&writer);
}
