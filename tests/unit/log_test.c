#include "libcommon/base/log.h"

#include "libcommon/base/limits.h"
#include "libcommon/base/text.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <errno.h>
#include <fcntl.h>
#include <jansson.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

enum { CAPTURE_BYTES = 2 * LIMIT_LOG_LINE_BYTES };

/* What one log_write() sends to standard error. */
static size_t capture(const struct log_task *task, const char *text, char out[CAPTURE_BYTES])
{
    int pipe_fds[2];
    int kept = dup(STDERR_FILENO);
    assert_int_equal(pipe2(pipe_fds, O_CLOEXEC), 0);
    dup2(pipe_fds[1], STDERR_FILENO);
    close(pipe_fds[1]);
    log_write(LOG_LEVEL_INFO, task, "%s", text);
    dup2(kept, STDERR_FILENO);
    close(kept);
    ssize_t length = read(pipe_fds[0], out, CAPTURE_BYTES - 1);
    close(pipe_fds[0]);
    assert_true(length > 0);
    out[length] = '\0';
    return (size_t)length;
}

/* One line of valid JSON (Jansson refuses invalid UTF-8), given as an object. */
static json_t *capture_json(const struct log_task *task, const char *text)
{
    char line[CAPTURE_BYTES];
    log_configure("authd", LOG_FORMAT_JSON, LOG_LEVEL_INFO);
    size_t length = capture(task, text, line);
    assert_true(length <= LIMIT_LOG_LINE_BYTES);
    assert_ptr_equal(strchr(line, '\n'), line + length - 1);
    json_error_t error;
    json_t *object = json_loads(line, 0, &error);
    if (!object)
        fail_msg("%s: %s", error.text, line);
    return object;
}

static const char *member(const json_t *object, const char *name)
{
    return json_string_value(json_object_get(object, name));
}

static void a_line_has_its_fields(void **state)
{
    (void)state;
    const struct log_task task = {.task_id = "t", .capability = "/c/v1"};
    json_t *object = capture_json(&task, "did \"it\" \\ well");
    assert_string_equal(member(object, "msg"), "did \"it\" \\ well");
    assert_string_equal(member(object, "service"), "authd");
    assert_string_equal(member(object, "level"), "info");
    assert_string_equal(member(object, "task_id"), "t");
    assert_string_equal(member(object, "capability"), "/c/v1");
    assert_null(member(object, "job_id"));
    assert_non_null(strchr(member(object, "ts"), 'Z'));
    json_decref(object);
}

static void every_byte_gives_a_line_of_valid_json(void **state)
{
    (void)state;
    for (int first = 1; first < 256; first++) {
        char text[4] = {(char)first, (char)0x80, 'x', '\0'};
        json_decref(capture_json(NULL, text));
    }
}

static void what_is_no_utf8_is_replaced(void **state)
{
    (void)state;
    static const char *const broken[] = {"\xed\xa0\x80" /* a surrogate */, "\xe0\x80\xaf" /* overlong '/' */,
                                         "\xf0\x80\x80\xaf", "\xf4\x90\x80\x80" /* above U+10FFFF */,
                                         "\xff\xfe\xfd"};
    for (size_t i = 0; i < sizeof broken / sizeof broken[0]; i++) {
        json_t *object = capture_json(NULL, broken[i]);
        assert_int_equal(member(object, "msg")[0], '?');
        json_decref(object);
    }
    json_t *object = capture_json(NULL, "gr\xc3\xbc\xc3\x9f \xf0\x9f\x98\x80");
    assert_string_equal(member(object, "msg"), "gr\xc3\xbc\xc3\x9f \xf0\x9f\x98\x80");
    json_decref(object);
}

/* Who reads JSON decodes its escapes, and prints what comes of them. */
static void no_json_line_steers_a_terminal_or_turns_text_around(void **state)
{
    (void)state;
    static const char text[] = "a\x1b[2Jb\nc\xc2\x9b"
                               "d\xe2\x80\xae"
                               "e\xe2\x80\xa8"
                               "f\xe2\x81\xa6g\xef\xbb\xbfh\xf3\xa0\x80\x81i\x7f";
    const struct log_task task = {.task_id = text, .job_id = text, .capability = text, .domain_id = text};
    static const char *const names[] = {"msg", "task_id", "job_id", "capability", "domain_id"};
    json_t *object = capture_json(&task, text);
    for (size_t i = 0; i < sizeof names / sizeof names[0]; i++)
        assert_string_equal(member(object, names[i]), "a [2Jb c d e f g h i ");
    json_decref(object);
}

static void a_line_is_cut_at_its_bound_and_stays_whole_json(void **state)
{
    (void)state;
    static const char *const units[] = {"x", "\n", "\"", "\xf0\x9f\x98\x80", "\xff"};
    for (size_t i = 0; i < sizeof units / sizeof units[0]; i++) {
        char text[3 * LIMIT_LOG_LINE_BYTES] = "";
        size_t unit = strlen(units[i]);
        for (size_t at = 0; at + unit < sizeof text; at += unit)
            memcpy(text + at, units[i], unit);
        text[sizeof text - 1] = '\0';
        json_decref(capture_json(NULL, text));
        /* Long foreign ids leave room for the message. */
        const struct log_task task = {text, text, text, text};
        json_t *object = capture_json(&task, "still said");
        assert_string_equal(member(object, "msg"), "still said");
        json_decref(object);
    }
}

static void a_message_is_cut_at_3072_bytes(void **state)
{
    (void)state;
    char text[6000];
    char line[CAPTURE_BYTES];
    memset(text, 'x', sizeof text - 1);
    text[sizeof text - 1] = '\0';
    json_t *object = capture_json(NULL, text);
    assert_int_equal(strlen(member(object, "msg")), 3072);
    json_decref(object);
    log_configure("authd", LOG_FORMAT_TEXT, LOG_LEVEL_INFO);
    capture(NULL, text, line);
    assert_int_equal(strspn(strchr(line, 'x'), "x"), 3072);
}

static void text_lines_cannot_be_forged(void **state)
{
    (void)state;
    char line[CAPTURE_BYTES];
    log_configure("authd", LOG_FORMAT_TEXT, LOG_LEVEL_INFO);
    const struct log_task task = {.task_id = "a\nb",
                                  .capability = "c\r\x1b[2J\xc2\x9b"
                                                "31m"};
    size_t length = capture(&task, "one\ntwo\x1b[0m\xe2\x80\xa8\xe2\x80\xae\xff", line);
    assert_ptr_equal(strchr(line, '\n'), line + length - 1);
    assert_null(strchr(line, '\x1b'));
    assert_null(strchr(line, '\r'));
    assert_null(strstr(line, "\xc2\x9b"));
    assert_null(strstr(line, "\xe2\x80"));
    assert_null(strchr(line, 0xff));
}

static void foreign_text_is_cut_between_characters(void **state)
{
    (void)state;
    char out[6];
    assert_string_equal(text_one_line("abc\xc3\xbcz", 6, out, sizeof out), "abc\xc3\xbc");
    assert_string_equal(text_one_line("abcd\xc3\xbc", 6, out, sizeof out), "abcd");
    assert_string_equal(text_one_line("a\0b", 3, out, sizeof out), "a b");
    assert_string_equal(text_one_line("abc", 3, out, 1), "");
}

static void errno_survives_and_lower_levels_are_silent(void **state)
{
    (void)state;
    log_configure("authd", LOG_FORMAT_JSON, LOG_LEVEL_WARN);
    assert_false(log_enabled(LOG_LEVEL_INFO));
    assert_true(log_enabled(LOG_LEVEL_ERROR));
    char line[CAPTURE_BYTES];
    log_configure("authd", LOG_FORMAT_JSON, LOG_LEVEL_INFO);
    errno = EXDEV;
    capture(NULL, "x", line);
    assert_int_equal(errno, EXDEV);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_line_has_its_fields),
        cmocka_unit_test(every_byte_gives_a_line_of_valid_json),
        cmocka_unit_test(what_is_no_utf8_is_replaced),
        cmocka_unit_test(no_json_line_steers_a_terminal_or_turns_text_around),
        cmocka_unit_test(a_line_is_cut_at_its_bound_and_stays_whole_json),
        cmocka_unit_test(a_message_is_cut_at_3072_bytes),
        cmocka_unit_test(text_lines_cannot_be_forged),
        cmocka_unit_test(foreign_text_is_cut_between_characters),
        cmocka_unit_test(errno_survives_and_lower_levels_are_silent),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
