#include "libcommon/json/json_writer.h"

#include "libcommon/json/json_text.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>
#include <openssl/crypto.h>

/* Stands in for libcrypto's, which all wiping goes through: counts what is wiped of a secret's letter. */
static size_t wiped_letters;

void OPENSSL_cleanse(void *ptr, size_t len)
{
    for (size_t i = 0; i < len; i++)
        wiped_letters += ((const char *)ptr)[i] == '#';
    memset(ptr, 0, len);
}

static void assert_written(struct json_writer *writer, const char *expected)
{
    struct error error;
    char *text = json_writer_take(writer);
    assert_string_equal(text, expected);
    assert_true(json_text_parse(text, strlen(text), NULL, &error));
    free(text);
}

static void puts_commas_where_they_belong(void **state)
{
    (void)state;
    struct json_writer writer = JSON_WRITER_EMPTY;
    json_writer_open_object(&writer);
    json_writer_string_member(&writer, "a", "x{");
    json_writer_key(&writer, "b");
    json_writer_open_array(&writer);
    json_writer_int64(&writer, INT64_MIN);
    json_writer_string(&writer, ":");
    json_writer_open_object(&writer);
    json_writer_close_object(&writer);
    json_writer_bool(&writer, true);
    json_writer_close_array(&writer);
    json_writer_key(&writer, "c");
    json_writer_raw(&writer, "{\"n\": 1.0e400}", 14);
    json_writer_key(&writer, "d");
    json_writer_string(&writer, NULL);
    json_writer_string_member(&writer, "e", NULL);
    json_writer_close_object(&writer);
    assert_written(&writer, "{\"a\":\"x{\",\"b\":[-9223372036854775808,\":\",{},true],\"c\":{\"n\": 1.0e400},"
                            "\"d\":null,\"e\":null}");
}

static void escapes_strings_and_repairs_invalid_utf8(void **state)
{
    (void)state;
    struct json_writer writer = JSON_WRITER_EMPTY;
    json_writer_string(&writer, "\"\\\b\f\n\r\t\x01\x1f/\x7f\xc3\xb6\xf0\x9f\x99\x82\xff");
    assert_written(&writer,
                   "\"\\\"\\\\\\b\\f\\n\\r\\t\\u0001\\u001f/\x7f\xc3\xb6\xf0\x9f\x99\x82\xef\xbf\xbd\"");
    json_writer_string_bytes(&writer, "a\0b", 3);
    assert_written(&writer, "\"a\\u0000b\"");
}

static void grows_as_needed(void **state)
{
    (void)state;
    struct json_writer writer = JSON_WRITER_EMPTY;
    struct error error;
    json_writer_open_array(&writer);
    for (int i = 0; i < 10000; i++)
        json_writer_string(&writer, "0123456789");
    json_writer_close_array(&writer);
    assert_int_equal(writer.length, 10000 * 13 + 1);
    assert_true(json_text_parse(writer.text, writer.length, NULL, &error));
    json_writer_clear(&writer);
    json_writer_clear(&writer);
}

static void nothing_written_is_an_empty_text(void **state)
{
    (void)state;
    struct json_writer writer = JSON_WRITER_EMPTY;
    char *text = json_writer_take(&writer);
    assert_string_equal(text, "");
    free(text);
    json_writer_bool(&writer, false);
    assert_written(&writer, "false");
    json_writer_string(&writer, NULL);
    assert_written(&writer, "null");
    json_writer_raw(&writer, NULL, 0);
    json_writer_raw(&writer, "[1]x", 3);
    assert_written(&writer, "[1]");
    json_writer_clear(&writer);
}

/* Whatever the length of what is written, the text is whole: sanitizer builds see a byte too many. */
static void texts_of_any_length_are_written_whole(void **state)
{
    (void)state;
    char letters[1200];
    memset(letters, 'x', sizeof letters);
    for (size_t length = 0; length < sizeof letters; length++) {
        struct json_writer writer = JSON_WRITER_EMPTY;
        json_writer_string_bytes(&writer, letters, length);
        assert_int_equal(writer.length, length + 2);
        assert_int_equal(strlen(writer.text), length + 2);
        json_writer_clear(&writer);
        assert_null(writer.text);
    }
}

/* Requests carry secrets: none stays behind in freed memory, neither when the text grows nor at its end. */
static void what_was_written_is_wiped_before_its_memory_is_freed(void **state)
{
    (void)state;
    struct json_writer writer = JSON_WRITER_EMPTY;
    wiped_letters = 0;
    json_writer_open_array(&writer);
    json_writer_string(&writer, "###");
    json_writer_clear(&writer);
    assert_int_equal(wiped_letters, 3);
    json_writer_open_array(&writer);
    json_writer_string(&writer, "###");
    size_t capacity = writer.capacity;
    while (writer.capacity == capacity)
        json_writer_bool(&writer, true);
    assert_int_equal(wiped_letters, 6);
    json_writer_clear(&writer);
    assert_int_equal(wiped_letters, 9);
}

static void a_comma_stands_between_items_and_nowhere_else(void **state)
{
    (void)state;
    struct json_writer writer = JSON_WRITER_EMPTY;
    json_writer_open_array(&writer);
    json_writer_string(&writer, "[");
    json_writer_string(&writer, "{");
    json_writer_open_array(&writer);
    json_writer_close_array(&writer);
    json_writer_open_object(&writer);
    json_writer_key(&writer, "k:");
    json_writer_string(&writer, NULL);
    json_writer_string_member(&writer, "", "");
    json_writer_close_object(&writer);
    json_writer_int64(&writer, 0);
    json_writer_close_array(&writer);
    assert_written(&writer, "[\"[\",\"{\",[],{\"k:\":null,\"\":\"\"},0]");
}

static void only_control_characters_quotes_and_backslashes_are_escaped(void **state)
{
    (void)state;
    for (int byte = 0; byte < 128; byte++) {
        const char text[] = {(char)byte};
        struct json_writer writer = JSON_WRITER_EMPTY;
        struct error error;
        struct json_slice value;
        json_writer_string_bytes(&writer, text, 1);
        assert_true(json_text_parse(writer.text, writer.length, &value, &error));
        assert_int_equal(value.length == 3, byte >= 32 && byte != '"' && byte != '\\');
        char *decoded = json_text_decode_string(value, &error);
        assert_int_equal(decoded ? *decoded : '\0', byte);
        free(decoded);
        json_writer_clear(&writer);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(puts_commas_where_they_belong),
        cmocka_unit_test(escapes_strings_and_repairs_invalid_utf8),
        cmocka_unit_test(grows_as_needed),
        cmocka_unit_test(nothing_written_is_an_empty_text),
        cmocka_unit_test(texts_of_any_length_are_written_whole),
        cmocka_unit_test(what_was_written_is_wiped_before_its_memory_is_freed),
        cmocka_unit_test(a_comma_stands_between_items_and_nowhere_else),
        cmocka_unit_test(only_control_characters_quotes_and_backslashes_are_escaped),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
