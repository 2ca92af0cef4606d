/*
 * Feeds a line of a job's stdout.
 *
 * Progress and event are JSON and lie inside the line; a message is there only when neither is.
 */
#include "services/runnerd/work/output_line.h"

#include "tests/fuzz/fuzz.h"

static void check_slice(struct json_slice slice, const char *text, size_t length)
{
    struct error error = fuzz_no_error();
    if (!slice.text)
        return;
    fuzz_expect(slice.text > text && slice.text + slice.length < text + length,
                "a value lies inside the line");
    fuzz_expect(json_text_parse(slice.text, slice.length, NULL, &error), "a value is JSON");
    fuzz_expect(json_text_type(slice) != JSON_TEXT_NULL, "null counts as absent");
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    const char *text = (const char *)data;
    struct output_line line;
    output_line_parse(text, size, &line);
    check_slice(line.progress, text, size);
    check_slice(line.event, text, size);
    fuzz_expect(!line.message || (!line.progress.text && !line.event.text), "a line means one thing");
    fuzz_expect(line.level >= LOG_LEVEL_DEBUG && line.level <= LOG_LEVEL_ERROR, "a level is one");
    output_line_clear(&line);
    return 0;
}
