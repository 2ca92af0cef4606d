#include "services/runnerd/work/output_line.h"

#include "libcommon/base/limits.h"
#include "services/runnerd/work/line_splitter.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

static struct output_line line;

static void parse(const char *text)
{
    output_line_parse(text, strlen(text), &line);
}

static void assert_slice(struct json_slice slice, const char *expected)
{
    assert_int_equal(slice.length, strlen(expected));
    assert_memory_equal(slice.text, expected, slice.length);
}

static void progress_and_events_keep_their_text(void **state)
{
    (void)state;
    parse(" {\"progress\": {\"n\":  123456789012345678901.50}} \r");
    assert_slice(line.progress, "{\"n\":  123456789012345678901.50}");
    assert_null(line.event.text);
    parse("{\"event\": [ 1, \"\\u0000\" ], \"progress\": 5}");
    assert_slice(line.event, "[ 1, \"\\u0000\" ]");
    assert_slice(line.progress, "5");
    assert_null(line.message);
}

static void level_and_message_are_a_log_line(void **state)
{
    (void)state;
    static const struct {
        const char *name;
        enum log_level level;
    } levels[] = {{"debug", LOG_LEVEL_DEBUG},
                  {"INFO", LOG_LEVEL_INFO},
                  {"Warning", LOG_LEVEL_WARN},
                  {"CRITICAL", LOG_LEVEL_ERROR},
                  {"no level", LOG_LEVEL_INFO}};
    for (size_t i = 0; i < sizeof levels / sizeof levels[0]; i++) {
        char text[128];
        snprintf(text, sizeof text, "{\"level\": \"%s\", \"message\": \"a\\nb\"}", levels[i].name);
        parse(text);
        assert_string_equal(line.message, "a\nb");
        assert_int_equal(line.level, levels[i].level);
        output_line_clear(&line);
    }
}

static void anything_else_is_logged_as_it_is(void **state)
{
    (void)state;
    static const char *const texts[] = {"",
                                        "   ",
                                        "plain",
                                        "}",
                                        "{",
                                        "{}",
                                        "[1]",
                                        "{\"progress\": null}",
                                        "{\"event\": 1} x",
                                        "{\"event\": 1, \"event\": 2}",
                                        "{\"level\": \"info\"}",
                                        "{\"message\": \"x\"}",
                                        "{\"level\": \"info\", \"message\": 5}",
                                        "{\"level\": 1, \"message\": \"x\"}",
                                        "{\"event\": \"\xff\"}"};
    for (size_t i = 0; i < sizeof texts / sizeof texts[0]; i++) {
        parse(texts[i]);
        assert_null(line.progress.text);
        assert_null(line.event.text);
        assert_null(line.message);
        /* Who begins an object may have meant one of ours. */
        assert_int_equal(line.fault.code != ERROR_NONE, texts[i][0] == '{');
    }
    output_line_parse("{", 0, &line);
    assert_int_equal(line.fault.code, ERROR_NONE);
}

static void a_fault_says_what_is_wrong(void **state)
{
    (void)state;
    static const struct {
        const char *text;
        const char *fault;
    } rows[] = {{"{bad json", "JSON"},
                {"{\"percent\":50}", "it has no progress, no event, and not level and message"},
                {"{\"event\": 1, \"event\": 2}", "event"},
                {"{\"level\": 1, \"message\": \"x\"}", "level"}};
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        parse(rows[i].text);
        assert_int_equal(line.fault.code, ERROR_INVALID);
        assert_non_null(strstr(line.fault.text, rows[i].fault));
    }
    static const char *const good[] = {"{\"progress\": {\"percent\": 50}}", "{\"event\": 5}",
                                       "{\"level\": \"info\", \"message\": \"text\"}"};
    for (size_t i = 0; i < sizeof good / sizeof good[0]; i++) {
        parse(good[i]);
        assert_int_equal(line.fault.code, ERROR_NONE);
        output_line_clear(&line);
    }
}

/* --- cutting into lines --- */

static char lines[256];
static size_t pieces;
static size_t piece_bytes;

static void collect(void *context, const char *text, size_t length, size_t piece)
{
    (void)context;
    if (!piece) {
        snprintf(lines + strlen(lines), sizeof lines - strlen(lines), "<%.*s>", (int)length, text);
    } else {
        pieces++;
        piece_bytes += length;
        assert_true(length <= LIMIT_OUTPUT_LINE_BYTES);
    }
}

static void reset(void)
{
    lines[0] = '\0';
    pieces = 0;
    piece_bytes = 0;
}

static void lines_come_out_however_they_arrive(void **state)
{
    (void)state;
    static const char text[] = "one\ntwo\r\n\n\nthree\nfour";
    for (size_t step = 1; step < sizeof text; step++) {
        struct line_splitter splitter = LINE_SPLITTER_EMPTY;
        reset();
        for (size_t at = 0; at < sizeof text - 1; at += step) {
            size_t left = sizeof text - 1 - at;
            line_splitter_feed(&splitter, text + at, left < step ? left : step, collect, NULL);
        }
        line_splitter_finish(&splitter, collect, NULL);
        assert_string_equal(lines, "<one><two><three><four>");
        line_splitter_clear(&splitter);
    }
}

static void a_line_above_the_limit_comes_in_pieces(void **state)
{
    (void)state;
    struct line_splitter splitter = LINE_SPLITTER_EMPTY;
    size_t length = 2 * (size_t)LIMIT_OUTPUT_LINE_BYTES + 10;
    char *text = malloc(length + 7);
    memset(text, 'x', length);
    snprintf(text + length, 7, "\nnext\n");
    reset();
    line_splitter_feed(&splitter, text, length + 6, collect, NULL);
    assert_int_equal(pieces, 3);
    assert_int_equal(piece_bytes, length);
    assert_string_equal(lines, "<next>");
    assert_true(splitter.capacity <= LIMIT_OUTPUT_LINE_BYTES);
    free(text);
    line_splitter_clear(&splitter);
}

static void a_line_of_exactly_the_limit_is_whole(void **state)
{
    (void)state;
    struct line_splitter splitter = LINE_SPLITTER_EMPTY;
    char *text = malloc(LIMIT_OUTPUT_LINE_BYTES + 1);
    memset(text, 'x', LIMIT_OUTPUT_LINE_BYTES);
    text[LIMIT_OUTPUT_LINE_BYTES] = '\n';
    reset();
    line_splitter_feed(&splitter, text, LIMIT_OUTPUT_LINE_BYTES + 1, collect, NULL);
    assert_int_equal(pieces, 0);
    assert_true(strlen(lines) > 0);
    free(text);
    line_splitter_clear(&splitter);
}

static void every_level_of_common_logging_libraries_is_known(void **state)
{
    (void)state;
    static const struct {
        const char *name;
        enum log_level level;
    } levels[] = {{"trace", LOG_LEVEL_DEBUG},   {"Debug", LOG_LEVEL_DEBUG},    {"info", LOG_LEVEL_INFO},
                  {"warn", LOG_LEVEL_WARN},     {"warning", LOG_LEVEL_WARN},   {"error", LOG_LEVEL_ERROR},
                  {"FATAL", LOG_LEVEL_ERROR},   {"critical", LOG_LEVEL_ERROR}, {"err", LOG_LEVEL_INFO},
                  {"warnings", LOG_LEVEL_INFO}, {"", LOG_LEVEL_INFO}};
    for (size_t i = 0; i < sizeof levels / sizeof levels[0]; i++) {
        char text[128];
        snprintf(text, sizeof text, "{\"message\":\"m\",\"level\":\"%s\"}", levels[i].name);
        parse(text);
        assert_string_equal(line.message, "m");
        assert_int_equal(line.level, levels[i].level);
        output_line_clear(&line);
        assert_null(line.message);
    }
}

static void progress_beside_a_message_is_progress(void **state)
{
    (void)state;
    parse("{\"progress\":1,\"level\":\"error\",\"message\":\"m\"}");
    assert_slice(line.progress, "1");
    assert_null(line.message);
    assert_int_equal(line.level, LOG_LEVEL_INFO);
    parse("{\"event\":null,\"level\":\"error\",\"message\":\"m\"}");
    assert_null(line.event.text);
    assert_string_equal(line.message, "m");
    assert_int_equal(line.level, LOG_LEVEL_ERROR);
    output_line_clear(&line);
    parse("{\"level\":\"error\"}");
    assert_null(line.message);
    assert_int_equal(line.level, LOG_LEVEL_INFO);
    parse("plain text that was { never meant as JSON }");
    assert_null(line.message);
    assert_int_equal(line.level, LOG_LEVEL_INFO);
}

static void the_longest_line_has_256_kib(void **state)
{
    (void)state;
    for (size_t more = 0; more <= 1; more++) {
        struct line_splitter splitter = LINE_SPLITTER_EMPTY;
        size_t length = 262144 + more;
        char *text = malloc(length + 1);
        memset(text, 'x', length);
        text[length] = '\n';
        reset();
        line_splitter_feed(&splitter, text, length + 1, collect, NULL);
        assert_int_equal(pieces, more ? 2 : 0);
        assert_int_equal(piece_bytes, more ? length : 0);
        /* A line behind one that was cut is whole again, and so is the last one without an end. */
        reset();
        line_splitter_feed(&splitter, "a\r\nb", 4, collect, NULL);
        line_splitter_finish(&splitter, collect, NULL);
        assert_string_equal(lines, "<a><b>");
        free(text);
        line_splitter_clear(&splitter);
        assert_null(splitter.bytes);
    }
}

static void collect_whole_characters(void *context, const char *text, size_t length, size_t piece)
{
    size_t *total = context;
    assert_int_equal((unsigned char)text[0], 0xe4);
    assert_int_equal(length % 3, 0);
    assert_true(piece > 0);
    *total += length;
}

static void a_long_line_is_cut_between_characters(void **state)
{
    (void)state;
    enum { BYTES = 3 * LIMIT_OUTPUT_LINE_BYTES };
    struct line_splitter splitter = LINE_SPLITTER_EMPTY;
    size_t total = 0;
    char *text = malloc(BYTES);
    for (size_t i = 0; i < BYTES; i++)
        text[i] = "\xe4\xb8\xad"[i % 3];
    line_splitter_feed(&splitter, text, 1000, collect_whole_characters, &total);
    line_splitter_feed(&splitter, text + 1000, BYTES - 1000, collect_whole_characters, &total);
    line_splitter_finish(&splitter, collect_whole_characters, &total);
    assert_int_equal(total, BYTES);
    line_splitter_clear(&splitter);
    free(text);
}

static void the_end_of_a_line_that_was_cut_is_a_piece_too(void **state)
{
    (void)state;
    struct line_splitter splitter = LINE_SPLITTER_EMPTY;
    char *text = malloc(LIMIT_OUTPUT_LINE_BYTES + 3);
    memset(text, 'x', LIMIT_OUTPUT_LINE_BYTES + 3);
    reset();
    line_splitter_feed(&splitter, text, LIMIT_OUTPUT_LINE_BYTES + 3, collect, NULL);
    assert_int_equal(pieces, 1);
    line_splitter_finish(&splitter, collect, NULL);
    assert_int_equal(pieces, 2);
    assert_int_equal(piece_bytes, LIMIT_OUTPUT_LINE_BYTES + 3);
    assert_string_equal(lines, "");
    line_splitter_feed(&splitter, "next\n", 5, collect, NULL);
    assert_string_equal(lines, "<next>");
    line_splitter_finish(&splitter, collect, NULL);
    assert_string_equal(lines, "<next>");
    free(text);
    line_splitter_clear(&splitter);
}

static void only_the_carriage_return_before_a_line_end_goes(void **state)
{
    (void)state;
    struct line_splitter splitter = LINE_SPLITTER_EMPTY;
    reset();
    line_splitter_feed(&splitter, "a\rb\r\r\n\r\n\rc\n", 12, collect, NULL);
    assert_string_equal(lines, "<a\rb\r><\rc>");
    line_splitter_clear(&splitter);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(progress_and_events_keep_their_text),
        cmocka_unit_test(level_and_message_are_a_log_line),
        cmocka_unit_test(anything_else_is_logged_as_it_is),
        cmocka_unit_test(a_fault_says_what_is_wrong),
        cmocka_unit_test(lines_come_out_however_they_arrive),
        cmocka_unit_test(a_line_above_the_limit_comes_in_pieces),
        cmocka_unit_test(a_line_of_exactly_the_limit_is_whole),
        cmocka_unit_test(every_level_of_common_logging_libraries_is_known),
        cmocka_unit_test(progress_beside_a_message_is_progress),
        cmocka_unit_test(the_longest_line_has_256_kib),
        cmocka_unit_test(a_long_line_is_cut_between_characters),
        cmocka_unit_test(the_end_of_a_line_that_was_cut_is_a_piece_too),
        cmocka_unit_test(only_the_carriage_return_before_a_line_end_goes),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
