/* What a job has printed, as it comes out of the log. */
#include "libcommon/base/log.h"

#include "libcommon/base/limits.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <fcntl.h>
#include <jansson.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

enum { TEXT_BYTES = 99999 }; /* a multiple of three */

static const struct log_task task = {.task_id = "t", .job_id = "j", .capability = "/c/v1", .domain_id = "d"};

/* The lines of one text, as a stream to read them from. */
static FILE *logged(enum log_level level, const char *text, size_t length, size_t *parts)
{
    FILE *file = tmpfile();
    int kept = dup(STDERR_FILENO);
    assert_non_null(file);
    dup2(fileno(file), STDERR_FILENO);
    *parts = log_write_job(level, &task, text, length, *parts);
    dup2(kept, STDERR_FILENO);
    close(kept);
    rewind(file);
    return file;
}

static json_t *next(FILE *file)
{
    char line[LIMIT_LOG_LINE_BYTES + 2];
    if (!fgets(line, sizeof line, file))
        return NULL;
    size_t length = strlen(line);
    assert_true(length <= LIMIT_LOG_LINE_BYTES);
    assert_int_equal(line[length - 1], '\n');
    json_t *object = json_loads(line, 0, NULL);
    assert_non_null(object);
    return object;
}

static const char *member(const json_t *object, const char *name)
{
    return json_string_value(json_object_get(object, name));
}

static void a_jobs_line_is_marked(void **state)
{
    (void)state;
    size_t parts = 0;
    log_configure("runnerd", LOG_FORMAT_JSON, LOG_LEVEL_INFO);
    FILE *file = logged(LOG_LEVEL_ERROR, "said\n\"so\"", 9, &parts);
    json_t *object = next(file);
    assert_string_equal(member(object, "source"), "job");
    assert_string_equal(member(object, "level"), "error");
    assert_string_equal(member(object, "service"), "runnerd");
    assert_string_equal(member(object, "job_id"), "j");
    assert_string_equal(member(object, "msg"), "said \"so\"");
    assert_null(json_object_get(object, "part"));
    assert_null(next(file));
    assert_int_equal(parts, 1);
    json_decref(object);
    fclose(file);
}

static void a_jobs_line_is_marked_for_people(void **state)
{
    (void)state;
    char line[256];
    size_t parts = 0;
    log_configure("runnerd", LOG_FORMAT_TEXT, LOG_LEVEL_INFO);
    FILE *file = logged(LOG_LEVEL_INFO, "node ready", 10, &parts);
    assert_non_null(fgets(line, sizeof line, file));
    assert_non_null(strstr(line, "runnerd  job | node ready  task=t capability=/c/v1\n"));
    fclose(file);
}

static void levels_that_are_off_are_silent(void **state)
{
    (void)state;
    size_t parts = 0;
    log_configure("runnerd", LOG_FORMAT_JSON, LOG_LEVEL_WARN);
    FILE *file = logged(LOG_LEVEL_INFO, "x", 1, &parts);
    assert_null(next(file));
    assert_int_equal(parts, 0);
    fclose(file);
}

/* Each kind of character, one that is escaped among them: the parts are the text again. */
static void a_long_text_is_whole_over_several_lines(void **state)
{
    (void)state;
    static const char *const units[] = {
        "x", "\"", "\\", "\xc3\xbc", "\xe4\xb8\xad", "\xf0\x9f\x98\x80", "a\"\xe4\xb8\xad"};
    char *text = malloc(TEXT_BYTES + 1);
    char *joined = malloc(TEXT_BYTES + 1);
    log_configure("runnerd", LOG_FORMAT_JSON, LOG_LEVEL_INFO);
    for (size_t i = 0; i < sizeof units / sizeof units[0]; i++) {
        size_t unit = strlen(units[i]);
        size_t length = 0;
        size_t parts = 0;
        size_t count = 0;
        for (; length + unit <= TEXT_BYTES; length += unit)
            memcpy(text + length, units[i], unit);
        text[length] = '\0';
        size_t joined_length = 0;
        FILE *file = logged(LOG_LEVEL_INFO, text, length, &parts);
        for (json_t *object; (object = next(file)); json_decref(object)) {
            assert_int_equal(json_integer_value(json_object_get(object, "part")), ++count);
            assert_string_equal(member(object, "source"), "job");
            size_t more = json_string_length(json_object_get(object, "msg"));
            assert_true(joined_length + more <= length);
            memcpy(joined + joined_length, member(object, "msg"), more);
            joined_length += more;
        }
        assert_int_equal(joined_length, length);
        assert_memory_equal(joined, text, length);
        assert_int_equal(parts, count);
        fclose(file);
    }
    free(text);
    free(joined);
}

static void a_piece_goes_on_counting(void **state)
{
    (void)state;
    char text[3 * LIMIT_LOG_LINE_BYTES];
    size_t parts = 0;
    memset(text, 'x', sizeof text);
    log_configure("runnerd", LOG_FORMAT_JSON, LOG_LEVEL_INFO);
    fclose(logged(LOG_LEVEL_INFO, text, sizeof text, &parts));
    size_t before = parts;
    assert_true(before > 3);
    FILE *file = logged(LOG_LEVEL_INFO, "the rest", 8, &parts);
    json_t *object = next(file);
    assert_int_equal(json_integer_value(json_object_get(object, "part")), before + 1);
    assert_string_equal(member(object, "msg"), "the rest");
    assert_null(next(file));
    json_decref(object);
    fclose(file);
}

static void long_texts_for_people_are_whole_too(void **state)
{
    (void)state;
    char line[LIMIT_LOG_LINE_BYTES + 2];
    char *text = malloc(TEXT_BYTES);
    size_t parts = 0;
    size_t total = 0;
    size_t count = 0;
    for (size_t i = 0; i < TEXT_BYTES; i++)
        text[i] = "\xe4\xb8\xad"[i % 3];
    log_configure("runnerd", LOG_FORMAT_TEXT, LOG_LEVEL_INFO);
    FILE *file = logged(LOG_LEVEL_INFO, text, TEXT_BYTES, &parts);
    while (fgets(line, sizeof line, file)) {
        char mark[64];
        assert_true(strlen(line) <= LIMIT_LOG_LINE_BYTES);
        snprintf(mark, sizeof mark, "job | (part %zu) \xe4", ++count);
        const char *begin = strstr(line, mark);
        assert_non_null(begin);
        begin += strlen(mark) - 1;
        size_t length = strcspn(begin, " ");
        assert_int_equal(length % 3, 0);
        assert_non_null(strstr(begin, "  task=t"));
        total += length;
    }
    assert_int_equal(total, TEXT_BYTES);
    assert_int_equal(count, parts);
    fclose(file);
    free(text);
}

static void any_bytes_become_valid_text(void **state)
{
    (void)state;
    size_t parts = 0;
    log_configure("runnerd", LOG_FORMAT_JSON, LOG_LEVEL_INFO);
    FILE *file = logged(LOG_LEVEL_INFO, "a\0b\xff\xe4\xb8\x1b[1m", 10, &parts);
    json_t *object = next(file);
    assert_string_equal(member(object, "msg"), "a b??? [1m");
    json_decref(object);
    fclose(file);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_jobs_line_is_marked),
        cmocka_unit_test(a_jobs_line_is_marked_for_people),
        cmocka_unit_test(levels_that_are_off_are_silent),
        cmocka_unit_test(a_long_text_is_whole_over_several_lines),
        cmocka_unit_test(a_piece_goes_on_counting),
        cmocka_unit_test(long_texts_for_people_are_whole_too),
        cmocka_unit_test(any_bytes_become_valid_text),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
