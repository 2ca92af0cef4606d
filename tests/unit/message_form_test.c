/* libcommon/message/message.h: names, copies and log forms of messages. */
#include "libcommon/base/memory.h"
#include "tests/unit/message_kinds.h"

#include <setjmp.h>
#include <stdarg.h>

#include <cmocka.h>
#include <inttypes.h>
#include <msgpack.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static const struct message_type *const type = &message_kinds_type;

/* --- names --- */

static const char *peek(const char *bytes, size_t length)
{
    static char name[MESSAGE_NAME_BYTES];
    return message_peek_name(bytes, length, name);
}

static void a_name_is_read_without_the_message(void **state)
{
    (void)state;
    assert_string_equal(peek("\x81\xa7message\xa1x", 11), "x");
    assert_string_equal(peek("\x81\xa7message\xa0", 10), "");
    assert_null(peek("\x81\xa7message\x01", 10));
    assert_null(peek("\x81\xa7Message\xa1x", 11));
    assert_null(peek("\x80", 1));
    assert_null(peek("\xa7message", 8));
    assert_null(peek("\x82\xa7message\xa1x\xa7message\xa1y", 21));
    assert_null(peek("\x81\xa7message\xa1", 10));
    char longest[1 + 8 + 2 + 48] = "\x81\xa7message\xd9";
    memset(longest + 11, 'n', sizeof longest - 11);
    longest[10] = 47;
    assert_int_equal(strlen(peek(longest, sizeof longest - 1)), 47);
    longest[10] = 48;
    assert_null(peek(longest, sizeof longest));
}

static void what_is_no_map_or_of_another_name_is_refused(void **state)
{
    (void)state;
    static const struct {
        const char *bytes;
        size_t length;
        const char *refusal;
    } cases[] = {
        {"\x90", 1, "kinds must be a map"},
        {"\xa5kinds", 6, "kinds must be a map"},
        {"\x80", 1, "the message is no kinds"},
        {"\x81\xa7message\xa4kind", 14, "the message is no kinds"},
        {"\x81\xa7message\xa6kindss", 16, "the message is no kinds"},
        {"\x81\xa7message\x05", 10, "the message is no kinds"},
        {"\x82\xa7message\xa5kinds\xa7message\xa5kinds", 29, "the message is no kinds"},
        {"\x81\xa7message\xa5kind", 14, "kinds is not whole msgpack"},
        {"\x81\xa7message\xa5kinds\x01\x02", 17, "kinds has 2 bytes too many"},
        {"\x83\xa7message\xa5kinds\xa7integer\x01\xa7integer\x01", 33, "kinds.integer is given twice"}};
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        struct message_kinds message;
        struct error error;
        assert_false(message_decode(type, &message, cases[i].bytes, cases[i].length, &error));
        assert_int_equal(error.code, ERROR_INVALID);
        assert_string_equal(error.text, cases[i].refusal);
    }
}

/* --- copies and logs --- */

static void a_copy_is_as_deep_as_the_message(void **state)
{
    (void)state;
    struct message_kinds copy;
    char text[] = "text";
    char json[] = "{}";
    char label[] = "label";
    struct message_inner inner[] = {{.label = label}, {.label = json}};
    const struct message_kinds message = {.text = text,
                                          .json = json,
                                          .secret = {text, 4},
                                          .bytes = {json, 2},
                                          .integer = -5,
                                          .boolean = true,
                                          .texts = {(char *[]){text, json}, 2},
                                          .records = {inner, 2}};
    message_copy(type, &copy, &message);
    memset(text, 'x', 4);
    assert_string_equal(copy.text, "text");
    assert_string_equal(copy.json, "{}");
    assert_int_equal(copy.secret.length, 4);
    assert_memory_equal(copy.secret.bytes, "text", 4);
    assert_int_equal(copy.bytes.length, 2);
    assert_memory_equal(copy.bytes.bytes, "{}", 2);
    assert_int_equal(copy.integer, -5);
    assert_true(copy.boolean);
    assert_int_equal(copy.texts.count, 2);
    assert_true(text_list_contains(&copy.texts, "text"));
    assert_true(text_list_contains(&copy.texts, "{}"));
    assert_false(text_list_contains(&copy.texts, "tex"));
    assert_int_equal(copy.records.count, 2);
    assert_string_equal(((struct message_inner *)copy.records.items)[0].label, "label");
    assert_string_equal(((struct message_inner *)copy.records.items)[1].label, "{}");
    static const struct message_kinds cleared;
    message_clear(type, &copy);
    assert_memory_equal(&copy, &cleared, sizeof cleared);
}

static void a_copy_of_nothing_has_nothing(void **state)
{
    (void)state;
    struct message_kinds copy;
    message_copy(type, &copy, &(struct message_kinds){0});
    assert_null(copy.text);
    assert_null(copy.secret.bytes);
    assert_null(copy.bytes.bytes);
    assert_int_equal(copy.texts.count, 0);
    assert_int_equal(copy.records.count, 0);
    message_clear(type, &copy);
}

static void assert_logged(const struct message_kinds *message, const char *expected)
{
    char *form = message_log_form(type, message);
    assert_string_equal(form, expected);
    free(form);
}

static void a_log_shows_each_field_and_neither_secrets_nor_bytes(void **state)
{
    (void)state;
    char text[] = "a\nb";
    char json[] = "{}";
    struct message_inner inner[2] = {{.label = text}, {.label = json}};
    const struct message_kinds message = {.text = text,
                                          .json = json,
                                          .secret = {text, 3},
                                          .bytes = {json, 2},
                                          .integer = INT64_MIN,
                                          .boolean = true,
                                          .texts = {(char *[]){text, text, json}, 3},
                                          .records = {inner, 2}};
    assert_logged(&message, "kinds{text=\"a b\", json=\"{}\", secret=(secret, 3 bytes), bytes=(2 bytes), "
                            "integer=-9223372036854775808, boolean=true, texts=[3], records=[2]}");
    assert_logged(&(struct message_kinds){0},
                  "kinds{text=none, json=none, secret=(secret, 0 bytes), bytes=(0 bytes), integer=0, "
                  "boolean=false, texts=[0], records=[0]}");
}

static void a_long_text_is_cut_in_a_log_and_says_so(void **state)
{
    (void)state;
    for (size_t length = 95; length <= 96; length++) {
        char *text = memory_allocate(length + 1);
        memset(text, 'x', length);
        const struct message_kinds message = {.text = text};
        char *form = message_log_form(type, &message);
        assert_int_equal(strspn(form + strlen("kinds{text=\""), "x"), 95);
        assert_int_equal(strstr(form, "x...\"") != NULL, length == 96);
        free(form);
        free(text);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_name_is_read_without_the_message),
        cmocka_unit_test(what_is_no_map_or_of_another_name_is_refused),
        cmocka_unit_test(a_copy_is_as_deep_as_the_message),
        cmocka_unit_test(a_copy_of_nothing_has_nothing),
        cmocka_unit_test(a_log_shows_each_field_and_neither_secrets_nor_bytes),
        cmocka_unit_test(a_long_text_is_cut_in_a_log_and_says_so),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
