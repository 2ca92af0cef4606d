/*
 * Feeds two numbers, the size of an artifact and of its parts, and a text that the server gives for an etag.
 *
 * The parts of a plan follow one on the other and are the whole artifact; all but the last are of the part
 * size. The completion is JSON whatever the etags are.
 */
#include "services/stored/artifacts/multipart_plan.h"

#include "libcommon/base/memory.h"
#include "libcommon/json/json_text.h"
#include "tests/fuzz/fuzz.h"

#include <stdlib.h>
#include <string.h>

enum { PARTS_FINISHED_MAX = 64 };

static void check_parts(struct multipart_plan *plan)
{
    struct multipart_range range;
    int64_t offset = 0;
    size_t number = 0;
    while (multipart_plan_next(plan, &range)) {
        fuzz_expect(range.number == ++number && range.offset == offset && range.bytes > 0,
                    "parts are in order");
        offset += range.bytes;
        fuzz_expect(range.bytes == plan->part_bytes || offset == plan->total_bytes, "parts are of one size");
    }
    fuzz_expect(number == plan->part_count && offset == plan->total_bytes, "the parts are the whole");
}

static void check_completion(struct multipart_plan *plan, const char *etag)
{
    struct error error = fuzz_no_error();
    if (plan->part_count > PARTS_FINISHED_MAX)
        return;
    for (size_t number = plan->part_count; number > 0; number--) {
        fuzz_expect(!multipart_plan_is_done(plan), "a plan is not done before its last part");
        multipart_plan_finish(plan, number, memory_copy_text(etag));
    }
    fuzz_expect(multipart_plan_is_done(plan), "a plan is done after its last part");
    char *completion = multipart_plan_completion(plan);
    fuzz_expect(json_text_parse(completion, strlen(completion), NULL, &error), "a completion is JSON");
    free(completion);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct fuzz_input input = {data, size};
    struct error error = fuzz_no_error();
    struct multipart_plan plan;
    int64_t total_bytes = fuzz_take_int64(&input);
    int64_t part_bytes = fuzz_take_int64(&input);
    char *etag = fuzz_take_text(&input, '\0');
    if (multipart_plan_init(&plan, part_bytes, &error) &&
        multipart_plan_extend(&plan, total_bytes, true, &error)) {
        check_parts(&plan);
        check_completion(&plan, etag);
    } else {
        fuzz_expect_error(&error);
    }
    multipart_plan_clear(&plan);
    free(etag);
    return 0;
}
