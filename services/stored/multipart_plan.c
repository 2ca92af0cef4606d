/* Parts are given out in order and may finish in any; what the server is told at the end is in order again.
 */
#include "services/stored/multipart_plan.h"

#include "libcommon/json_writer.h"
#include "libcommon/memory.h"

#include <assert.h>
#include <stdlib.h>

bool multipart_plan_init(struct multipart_plan *plan, int64_t total_bytes, int64_t part_bytes,
                         struct error *error)
{
    *plan = (struct multipart_plan){0};
    if (total_bytes <= 0)
        return error_set(error, ERROR_INVALID, "an empty artifact has no parts");
    if (part_bytes <= 0)
        return error_set(error, ERROR_INVALID, "part_size must be above 0, got %lld", (long long)part_bytes);
    int64_t count = (total_bytes - 1) / part_bytes + 1;
    if (count > MULTIPART_PLAN_PARTS_MAX)
        return error_set(
            error, ERROR_TOO_LARGE, "%lld bytes in parts of %lld are %lld parts, the limit is %d",
            (long long)total_bytes, (long long)part_bytes, (long long)count, MULTIPART_PLAN_PARTS_MAX);
    plan->total_bytes = total_bytes;
    plan->part_bytes = part_bytes;
    plan->part_count = (size_t)count;
    plan->etags = memory_allocate_array(plan->part_count, sizeof *plan->etags);
    return true;
}

void multipart_plan_clear(struct multipart_plan *plan)
{
    for (size_t i = 0; i < plan->part_count; i++)
        free(plan->etags[i]);
    free(plan->etags);
    *plan = (struct multipart_plan){0};
}

bool multipart_plan_next(struct multipart_plan *plan, struct multipart_range *range)
{
    if (plan->started == plan->part_count)
        return false;
    int64_t offset = (int64_t)plan->started * plan->part_bytes;
    int64_t left = plan->total_bytes - offset;
    *range = (struct multipart_range){.number = ++plan->started,
                                      .offset = offset,
                                      .bytes = left < plan->part_bytes ? left : plan->part_bytes};
    return true;
}

void multipart_plan_finish(struct multipart_plan *plan, size_t number, char *etag)
{
    assert(number >= 1 && number <= plan->started && !plan->etags[number - 1]);
    plan->etags[number - 1] = etag;
    plan->done++;
}

bool multipart_plan_is_done(const struct multipart_plan *plan)
{
    return plan->part_count > 0 && plan->done == plan->part_count;
}

char *multipart_plan_completion(const struct multipart_plan *plan)
{
    struct json_writer writer = JSON_WRITER_EMPTY;
    json_writer_open_object(&writer);
    json_writer_key(&writer, "parts");
    json_writer_open_array(&writer);
    for (size_t i = 0; i < plan->part_count; i++) {
        json_writer_open_object(&writer);
        json_writer_key(&writer, "part_number");
        json_writer_int64(&writer, (int64_t)i + 1);
        json_writer_string_member(&writer, "etag", plan->etags[i]);
        json_writer_close_object(&writer);
    }
    json_writer_close_array(&writer);
    json_writer_close_object(&writer);
    return json_writer_take(&writer);
}
