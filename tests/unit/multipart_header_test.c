/* services/stored/inputs/multipart_header.h: Content-Type and Content-Disposition of an answer. */
#include "services/stored/inputs/multipart_header.h"

#include "libcommon/base/memory.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

/* In memory of just that size, so that a read behind it is seen; and before something else, so that it is
 * seen in the text. */
static bool read_disposition(const char *value, struct multipart_disposition *disposition,
                             struct error *error)
{
    size_t length = strlen(value);
    /* realloc() gives back the place of the NUL. */
    char *exact = realloc(memory_copy_bytes(value, length), length ? length : 1);
    bool ok = multipart_read_disposition(exact, length, disposition, error);
    free(exact);
    multipart_disposition_clear(disposition);
    char *longer = memory_format("%s!!!", value);
    assert_int_equal(multipart_read_disposition(longer, length, disposition, error), ok);
    free(longer);
    return ok;
}

static void assert_boundary(const char *content_type, const char *expected)
{
    char boundary[MULTIPART_BOUNDARY_BYTES];
    struct error error;
    if (!multipart_read_boundary(content_type, boundary, &error))
        fail_msg("%s", error.text);
    assert_string_equal(boundary, expected);
}

static void assert_no_boundary(const char *content_type, const char *expected)
{
    char boundary[MULTIPART_BOUNDARY_BYTES];
    struct error error;
    assert_false(multipart_read_boundary(content_type, boundary, &error));
    assert_int_equal(error.code, ERROR_INVALID);
    assert_string_equal(error.text, expected);
}

/* --- Content-Type --- */

static void reads_a_boundary_as_servers_write_it(void **state)
{
    (void)state;
    assert_boundary("multipart/form-data; boundary=b", "b");
    assert_boundary("  Multipart/FORM-Data ;;  BOUNDARY = b  ; charset=x", "b");
    assert_boundary("multipart/form-data;boundary=\"a b:;=\\\"\\\\\\c\"", "a b:;=\"\\\\c");
    assert_boundary("multipart/form-data; charset=\"boundary=x\"; boundary=b;", "b");
    assert_boundary("multipart/form-data; boundary=!~", "!~");
    assert_boundary("multipart/form-data; ; boundary=b ; ; ", "b");
}

static void a_boundary_has_seventy_characters_at_most(void **state)
{
    (void)state;
    char longest[MULTIPART_BOUNDARY_BYTES];
    memset(longest, 'x', 70);
    longest[70] = '\0';
    char *content_type = memory_format("multipart/form-data; boundary=%s", longest);
    assert_boundary(content_type, longest);
    free(content_type);
    content_type = memory_format("multipart/form-data; boundary=%sy", longest);
    char boundary[MULTIPART_BOUNDARY_BYTES];
    struct error error;
    assert_false(multipart_read_boundary(content_type, boundary, &error));
    free(content_type);
}

static void a_long_content_type_is_quoted_by_its_beginning(void **state)
{
    (void)state;
    static const char *const faults[][2] = {{"text/html", "the answer is not multipart/form-data but "},
                                            {"multipart/form-data", "no boundary in "},
                                            {"multipart/form-data; boundary=\"\"", "no usable boundary in "}};
    for (size_t i = 0; i < sizeof faults / sizeof faults[0]; i++) {
        char *content_type = memory_format("%s; x=%0200d", faults[i][0], 0);
        char *expected = memory_format("malformed: %s%.128s", faults[i][1], content_type);
        assert_no_boundary(content_type, expected);
        free(expected);
        free(content_type);
    }
}

static void says_why_there_is_no_boundary(void **state)
{
    (void)state;
    assert_no_boundary("text/html; boundary=b",
                       "malformed: the answer is not multipart/form-data but text/html; boundary=b");
    assert_no_boundary("multipart/form-data", "malformed: no boundary in multipart/form-data");
    assert_no_boundary("multipart/form-data; x=y", "malformed: no boundary in multipart/form-data; x=y");
    assert_no_boundary("multipart/form-data; boundary=a; boundary=a",
                       "malformed: no usable boundary in multipart/form-data; boundary=a; boundary=a");
    assert_no_boundary("multipart/form-data; boundary=\"b",
                       "malformed: no boundary in multipart/form-data; boundary=\"b");
    assert_no_boundary("multipart/form-data; boundary=b; x",
                       "malformed: no boundary in multipart/form-data; boundary=b; x");
    assert_no_boundary("multipart/form-data; boundary=\"b \"",
                       "malformed: no usable boundary in multipart/form-data; boundary=\"b \"");
}

static void a_boundary_is_made_of_characters_that_can_be_seen(void **state)
{
    (void)state;
    for (int byte = 1; byte < 256; byte++) {
        char boundary[MULTIPART_BOUNDARY_BYTES];
        struct error error;
        char *content_type = memory_format("multipart/form-data; boundary=\"a%cb\"", byte);
        bool quoted_end = byte == '"';
        bool usable = byte >= ' ' && byte <= '~' && !quoted_end;
        assert_int_equal(multipart_read_boundary(content_type, boundary, &error), usable);
        free(content_type);
    }
}

/* --- Content-Disposition --- */

static void reads_all_that_a_part_says_of_itself(void **state)
{
    (void)state;
    struct multipart_disposition disposition;
    struct error error;
    assert_true(read_disposition(
        " form-data; name=\"a; b=\\\"c\\\"\"; Data-Type=ply; ID=\"i\";size=\"42\" ; domain-id= d ;x=y",
        &disposition, &error));
    assert_string_equal(disposition.name, "a; b=\"c\"");
    assert_string_equal(disposition.data_type, "ply");
    assert_string_equal(disposition.id, "i");
    assert_string_equal(disposition.domain_id, "d");
    assert_int_equal(disposition.size, 42);
    multipart_disposition_clear(&disposition);
    assert_null(disposition.name);
    assert_int_equal(disposition.size, -1);
}

static void what_a_part_does_not_say_is_absent(void **state)
{
    (void)state;
    struct multipart_disposition disposition;
    struct error error;
    assert_true(read_disposition("form-data", &disposition, &error));
    assert_null(disposition.name);
    assert_null(disposition.data_type);
    assert_null(disposition.id);
    assert_null(disposition.domain_id);
    assert_int_equal(disposition.size, -1);
    multipart_disposition_clear(&disposition);
    assert_true(read_disposition("form-data; name=", &disposition, &error));
    assert_string_equal(disposition.name, "");
    multipart_disposition_clear(&disposition);
}

static void only_quotes_and_backslashes_are_escaped_in_quotes(void **state)
{
    (void)state;
    static const char *const values[][2] = {{"x; name=\"C:\\new\"", "C:\\new"}, {"x; name=\"\\\\\"", "\\"},
                                            {"x; name=\"a\\\"b\"", "a\"b"},     {"x; name=\"\"", ""},
                                            {"x; name=\" a \"", " a "},         {"x; name=a\\b", "a\\b"},
                                            {"x; name=\"a=b\"", "a=b"},         {"x; name=a=b", "a=b"}};
    for (size_t i = 0; i < sizeof values / sizeof values[0]; i++) {
        struct multipart_disposition disposition;
        struct error error;
        assert_true(read_disposition(values[i][0], &disposition, &error));
        assert_string_equal(disposition.name, values[i][1]);
        multipart_disposition_clear(&disposition);
    }
}

static void a_size_is_a_number_of_bytes(void **state)
{
    (void)state;
    static const struct {
        const char *value;
        int64_t size;
    } sizes[] = {{"x; size=0", 0},
                 {"x; size=007", 7},
                 {"x; size=1234567890", 1234567890},
                 {"x; size=9223372036854775807", INT64_MAX},
                 {"x; size=9223372036854775808", INT64_MAX},
                 {"x; size=99999999999999999999999999999999999999999", INT64_MAX}};
    for (size_t i = 0; i < sizeof sizes / sizeof sizes[0]; i++) {
        struct multipart_disposition disposition;
        struct error error;
        assert_true(read_disposition(sizes[i].value, &disposition, &error));
        assert_int_equal(disposition.size, sizes[i].size);
        multipart_disposition_clear(&disposition);
    }
}

static void refuses_what_cannot_be_read_in_one_way_only(void **state)
{
    (void)state;
    static const char *const unreadable[] = {"",
                                             ";name=a",
                                             " ; name=a",
                                             "x; name",
                                             "x; name; id=1",
                                             "x; =a",
                                             "x; name=\"a",
                                             "x; name=\"a\\\"",
                                             "x; name=\"a\"b",
                                             "x; name=\"a\" b",
                                             "x; size=\"x",
                                             "x; id=a; id=\"b"};
    static const char *const twice[] = {"x; name=a; name=a",
                                        "x; id=1; Id=2",
                                        "x; size=1; size=1",
                                        "x; size=0; size=1",
                                        "x; size=",
                                        "x; size=1a",
                                        "x; size=-1",
                                        "x; size=\"1 \"",
                                        "x; data-type=a; data-type=b",
                                        "x; domain-id=a; domain-id=b"};
    struct multipart_disposition disposition;
    struct error error;
    for (size_t i = 0; i < sizeof unreadable / sizeof unreadable[0]; i++) {
        char *expected = memory_format("malformed: Content-Disposition cannot be read: %s", unreadable[i]);
        assert_false(read_disposition(unreadable[i], &disposition, &error));
        assert_int_equal(error.code, ERROR_INVALID);
        assert_string_equal(error.text, expected);
        multipart_disposition_clear(&disposition);
        free(expected);
    }
    for (size_t i = 0; i < sizeof twice / sizeof twice[0]; i++) {
        char *expected = memory_format(
            "malformed: a parameter of Content-Disposition stands twice or is no number: %s", twice[i]);
        assert_false(read_disposition(twice[i], &disposition, &error));
        assert_int_equal(error.code, ERROR_INVALID);
        assert_string_equal(error.text, expected);
        multipart_disposition_clear(&disposition);
        free(expected);
    }
    assert_false(multipart_read_disposition("x; name=\0a", 10, &disposition, &error));
    assert_string_equal(error.text, "malformed: a NUL stands in Content-Disposition");
}

static void an_error_shows_the_beginning_of_a_long_value(void **state)
{
    (void)state;
    struct multipart_disposition disposition;
    struct error error;
    char value[200];
    memset(value, 'x', sizeof value);
    memcpy(value, "x;", 2);
    value[199] = '\0';
    assert_false(read_disposition(value, &disposition, &error));
    multipart_disposition_clear(&disposition);
    assert_int_equal(strlen(error.text), strlen("malformed: Content-Disposition cannot be read: ") + 160);
    memcpy(value, "x;size=", 7);
    assert_false(read_disposition(value, &disposition, &error));
    multipart_disposition_clear(&disposition);
    assert_int_equal(strlen(error.text),
                     strlen("malformed: a parameter of Content-Disposition stands twice or is no number: ") +
                         160);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(reads_a_boundary_as_servers_write_it),
        cmocka_unit_test(a_boundary_has_seventy_characters_at_most),
        cmocka_unit_test(says_why_there_is_no_boundary),
        cmocka_unit_test(a_long_content_type_is_quoted_by_its_beginning),
        cmocka_unit_test(a_boundary_is_made_of_characters_that_can_be_seen),
        cmocka_unit_test(reads_all_that_a_part_says_of_itself),
        cmocka_unit_test(what_a_part_does_not_say_is_absent),
        cmocka_unit_test(only_quotes_and_backslashes_are_escaped_in_quotes),
        cmocka_unit_test(a_size_is_a_number_of_bytes),
        cmocka_unit_test(refuses_what_cannot_be_read_in_one_way_only),
        cmocka_unit_test(an_error_shows_the_beginning_of_a_long_value),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
