/* libcommon/node/settings_value.h: single values of the environment. */
#include "libcommon/node/settings_value.h"

#include "libcommon/base/memory.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

static struct error error;

/* Stands in for the C library's: no more than so many bytes at once, as file systems behind a network may. */
static size_t piece_bytes = SIZE_MAX;

ssize_t read(int fd, void *buf, size_t nbytes)
{
    return syscall(SYS_read, fd, buf, nbytes < piece_bytes ? nbytes : piece_bytes);
}

static void white_space_around_a_value_does_not_count(void **state)
{
    (void)state;
    char *copy = settings_trimmed_copy(" \t a b\n");
    assert_string_equal(copy, "a b");
    free(copy);
    assert_null(settings_trimmed_copy(" \n"));
    assert_null(settings_trimmed_copy(""));
    assert_null(settings_trimmed_copy(NULL));
    struct secret secret = SECRET_EMPTY;
    settings_trimmed_secret(&secret, NULL);
    settings_trimmed_secret(&secret, "  ");
    assert_int_equal(secret.length, 0);
    settings_trimmed_secret(&secret, " s e \n");
    assert_int_equal(secret.length, 3);
    assert_string_equal(secret.bytes, "s e");
    secret_wipe(&secret);
}

static void a_whole_number_lies_in_its_range(void **state)
{
    (void)state;
    static const char *const odd[] = {
        "4", "11", "", "-", "5.0", "5x", " 5", "+5", "0x5", "1e1", "99999999999999999999"};
    int64_t value = 0;
    assert_true(settings_parse_integer("5", 5, 10, &value, &error));
    assert_int_equal(value, 5);
    assert_true(settings_parse_integer("0010", 5, 10, &value, &error));
    assert_int_equal(value, 10);
    assert_true(settings_parse_integer("-7", -7, 10, &value, &error));
    assert_int_equal(value, -7);
    for (size_t i = 0; i < sizeof odd / sizeof odd[0]; i++) {
        char *expected = memory_format("is '%s', expected a whole number from 5 to 10", odd[i]);
        assert_false(settings_parse_integer(odd[i], 5, 10, &value, &error));
        assert_int_equal(error.code, ERROR_INVALID);
        assert_string_equal(error.text, expected);
        free(expected);
    }
    assert_int_equal(value, -7);
}

static void a_ratio_lies_between_0_and_1_or_is_clamped(void **state)
{
    (void)state;
    static const char *const odd[] = {"", "x", "0.5x", "nan", "inf", "0x1p-1", "1e999", "0,5", "."};
    double value = 0;
    assert_true(settings_parse_ratio("0", false, &value, &error) && value == 0);
    assert_true(settings_parse_ratio("1", false, &value, &error) && value == 1);
    assert_true(settings_parse_ratio("+5E-1", false, &value, &error) && value == 0.5);
    assert_true(settings_parse_ratio("-3", true, &value, &error) && value == 0);
    assert_true(settings_parse_ratio("3", true, &value, &error) && value == 1);
    assert_true(settings_parse_ratio("0.25", true, &value, &error) && value == 0.25);
    for (size_t i = 0; i < sizeof odd / sizeof odd[0]; i++) {
        assert_false(settings_parse_ratio(odd[i], true, &value, &error));
        assert_non_null(strstr(error.text, "expected a number from 0 to 1"));
    }
    assert_false(settings_parse_ratio("-0.1", false, &value, &error));
    assert_string_equal(error.text, "is '-0.1', expected a number from 0 to 1");
    assert_false(settings_parse_ratio("1.1", false, &value, &error));
    assert_true(value == 0.25);
}

static void a_flag_is_true_or_false_and_a_choice_any_case(void **state)
{
    (void)state;
    bool flag = false;
    int index = -1;
    assert_true(settings_parse_flag("true", &flag, &error) && flag);
    assert_true(settings_parse_flag("false", &flag, &error) && !flag);
    assert_false(settings_parse_flag("True", &flag, &error));
    assert_string_equal(error.text, "is 'True', expected true or false");
    assert_false(settings_parse_flag("1", &flag, &error));
    assert_true(settings_parse_choice("json", "json|text|x", &index, &error) && index == 0);
    assert_true(settings_parse_choice("TEXT", "json|text|x", &index, &error) && index == 1);
    assert_true(settings_parse_choice("x", "json|text|x", &index, &error) && index == 2);
    static const char *const odd[] = {"", "jso", "jsons", "json|text", "|"};
    for (size_t i = 0; i < sizeof odd / sizeof odd[0]; i++)
        assert_false(settings_parse_choice(odd[i], "json|text|x", &index, &error));
    assert_string_equal(error.text, "is '|', expected one of json|text|x");
}

static void a_text_is_short_and_plain_and_a_path_is_absolute(void **state)
{
    (void)state;
    char *longest = memory_format("/%01023d", 0);
    char *longer = memory_format("/%01024d", 0);
    assert_true(settings_check_text(longest, &error));
    assert_true(settings_check_path(longest, &error));
    assert_false(settings_check_text(longer, &error));
    assert_int_equal(error.code, ERROR_TOO_LARGE);
    assert_string_equal(error.text, "is longer than 1024 bytes");
    assert_false(settings_check_path(longer, &error));
    free(longest);
    free(longer);
    assert_true(settings_check_text("\xc3\xb6 /", &error));
    assert_false(settings_check_text("a\x1f", &error));
    assert_string_equal(error.text, "contains a control character");
    assert_false(settings_check_text("a\x7f", &error));
    assert_false(settings_check_path("/a\nb", &error));
    assert_false(settings_check_path("a/b", &error));
    assert_string_equal(error.text, "is 'a/b', expected an absolute path");
}

static void a_name_is_short_and_printable_ascii(void **state)
{
    (void)state;
    char *longest = memory_format("%064d", 0);
    char *longer = memory_format("%065d", 0);
    static const char *const refused[] = {"", "a\x1f", "a\x7f", "\xc3\xb6", "a\tb"};
    assert_true(settings_check_name("a", &error));
    assert_true(settings_check_name("GPU host ~1/2!", &error));
    assert_true(settings_check_name(longest, &error));
    assert_false(settings_check_name(longer, &error));
    for (size_t i = 0; i < sizeof refused / sizeof refused[0]; i++)
        assert_false(settings_check_name(refused[i], &error));
    assert_string_equal(error.text, "must have 1 to 64 printable ASCII characters");
    free(longest);
    free(longer);
}

static void an_address_is_a_host_and_a_port(void **state)
{
    (void)state;
    static const struct {
        const char *text;
        const char *host;
        uint16_t port;
    } addresses[] = {{"h:0", "h", 0},
                     {"0.0.0.0:8080", "0.0.0.0", 8080},
                     {"[::1]:65535", "::1", 65535},
                     {"::1:80", "::1", 80},
                     {"[:80", "[", 80}};
    static const char *const odd[] = {"h", "h:", ":80", "h:65536", "h:-1", "h: 80", "[]:80", "h:80x", ""};
    for (size_t i = 0; i < sizeof addresses / sizeof addresses[0]; i++) {
        char *host = NULL;
        uint16_t port = 1;
        assert_true(settings_split_address(addresses[i].text, &host, &port, &error));
        assert_string_equal(host, addresses[i].host);
        assert_int_equal(port, addresses[i].port);
        free(host);
    }
    for (size_t i = 0; i < sizeof odd / sizeof odd[0]; i++) {
        char *expected = memory_format("is '%s', expected host:port with a port from 1 to 65535", odd[i]);
        assert_false(settings_check_address(odd[i], &error));
        assert_int_equal(error.code, ERROR_INVALID);
        assert_string_equal(error.text, expected);
        free(expected);
    }
}

static void a_path_that_is_compared_is_read_in_one_way_by_all(void **state)
{
    (void)state;
    static const char *const paths[][2] = {{"http://n.example", ""},
                                           {"http://n.example/", ""},
                                           {"HTTPS://u:p@[::1]:8/s3-c.r_e~T", "/s3-c.r_e~T"},
                                           {"http://n/a/.b/c../...", "/a/.b/c../..."},
                                           {"http://n/a/b/", "/a/b"}};
    static const char *const odd[] = {"http:///s3cret",    "http://",
                                      "n.example/s3cret",  "http://n//s3cret",
                                      "http://n/s3cret//", "http://n/a/../s3cret",
                                      "http://n/./s3cret", "http://n/s3cret/..",
                                      "http://n/s3cret/.", "http://n/%73ecret",
                                      "http://n/s3cret?",  "http://n?/s3cret",
                                      "http://n/s3cret#a", "http://n\\s3cret",
                                      "http://n/s3 cret",  "http://n/s3cr\xc3\xa9t"};
    for (size_t i = 0; i < sizeof paths / sizeof paths[0]; i++) {
        char *path = settings_path_of_url(paths[i][0], &error);
        assert_non_null(path);
        assert_string_equal(path, paths[i][1]);
        free(path);
    }
    for (size_t i = 0; i < sizeof odd / sizeof odd[0]; i++) {
        if (settings_path_of_url(odd[i], &error))
            fail_msg("%s was taken", odd[i]);
        assert_int_equal(error.code, ERROR_INVALID);
        assert_string_equal(error.text,
                            "must, with NODE_URL_PATH=exact, have a path of letters, digits, '-', '.', '_', "
                            "'~' and '/', without '.' and '..', and nothing behind it");
    }
}

static bool is_key(const char *text)
{
    struct secret key = SECRET_EMPTY;
    secret_assign(&key, text, strlen(text));
    bool ok = settings_check_private_key(&key, &error);
    secret_wipe(&key);
    return ok;
}

#define ZEROS "000000000000000000000000000000000000000000000000000000000000000"

/* Frees `expected`. */
static void assert_error(char *expected)
{
    assert_string_equal(error.text, expected);
    free(expected);
}

static void a_long_value_is_quoted_by_its_beginning(void **state)
{
    (void)state;
    char long_text[301] = "";
    char long_number[301] = "";
    double ratio;
    int64_t integer;
    memset(long_text, 'x', 300);
    memset(long_number, '9', 300);
    assert_false(settings_parse_integer(long_text, 0, 9, &integer, &error));
    assert_error(memory_format("is '%.64s', expected a whole number from 0 to 9", long_text));
    assert_false(settings_parse_ratio(long_text, false, &ratio, &error));
    assert_error(memory_format("is '%.64s', expected a number from 0 to 1", long_text));
    assert_false(settings_parse_ratio(long_number, false, &ratio, &error));
    assert_error(memory_format("is '%.64s', expected a number from 0 to 1", long_number));
    assert_false(settings_check_address(long_text, &error));
    assert_error(memory_format("is '%.128s', expected host:port with a port from 1 to 65535", long_text));
    assert_false(settings_check_path(long_text, &error));
    assert_error(memory_format("is '%.128s', expected an absolute path", long_text));
}

static void a_private_key_is_a_number_below_the_order_of_the_curve(void **state)
{
    (void)state;
    assert_true(is_key(ZEROS "1"));
    assert_true(is_key("0x" ZEROS "1"));
    assert_true(is_key("FFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFEBAAEDCE6AF48A03BBFD25E8CD0364140"));
    assert_true(is_key("fffffffffffffffffffffffffffffffebaaedce6af48a03bbfd25e8cd0364140"));
    static const char *const out_of_range[] = {
        ZEROS "0", "0x" ZEROS "0", "fffffffffffffffffffffffffffffffebaaedce6af48a03bbfd25e8cd0364141",
        "FFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFF"};
    static const char *const odd[] = {"",        "0x",           ZEROS,          ZEROS "11",
                                      ZEROS "g", "0X" ZEROS "1", "1x" ZEROS "1", " " ZEROS};
    for (size_t i = 0; i < sizeof out_of_range / sizeof out_of_range[0]; i++) {
        assert_false(is_key(out_of_range[i]));
        assert_string_equal(error.text, "is not a secp256k1 private key: out of range");
    }
    for (size_t i = 0; i < sizeof odd / sizeof odd[0]; i++) {
        assert_false(is_key(odd[i]));
        assert_string_equal(error.text, "is no key: expected 64 hexadecimal digits, with or without 0x");
    }
}

static void a_url_is_shown_whole_but_for_secrets(void **state)
{
    (void)state;
    static const char *const urls[][2] = {{"ftp://dds.example/a/b", "ftp://dds.example/a/b"},
                                          {"http://user:hidden@h/a?hidden", "http://***@h/a?***"},
                                          {"htp:/user:hid@den@h", "***@h"},
                                          {"user:hidden@h/a#hidden", "***@h/a?***"},
                                          {"http://h/a@b", "http://h/a@b"},
                                          {"http:///user:hidden@h", "http:///***@h"},
                                          {"", ""}};
    for (size_t i = 0; i < sizeof urls / sizeof urls[0]; i++) {
        char *shown = settings_shown_url(urls[i][0]);
        assert_string_equal(shown, urls[i][1]);
        free(shown);
    }
}

/* --- secrets from files --- */

/* A file with these bytes and this mode; what reading it says is in `error`. */
static bool read_file(const void *bytes, size_t length, mode_t mode, struct secret *secret,
                      bool *others_can_read)
{
    char path[] = "/tmp/posemesh-secret-XXXXXX";
    int fd = mkstemp(path);
    assert_int_equal(write(fd, bytes, length), (ssize_t)length);
    assert_int_equal(fchmod(fd, mode), 0);
    close(fd);
    bool ok = settings_read_secret_file(path, secret, others_can_read, &error);
    unlink(path);
    return ok;
}

static void a_secret_of_64_kib_is_the_largest_that_a_file_may_hold(void **state)
{
    (void)state;
    static char bytes[65537];
    struct secret secret = SECRET_EMPTY;
    bool others_can_read = true;
    memset(bytes, 's', sizeof bytes);
    assert_true(read_file(bytes, 65536, 0600, &secret, &others_can_read));
    assert_int_equal(secret.length, 65536);
    assert_false(others_can_read);
    secret_wipe(&secret);
    assert_false(read_file(bytes, 65537, 0604, &secret, &others_can_read));
    assert_int_equal(error.code, ERROR_TOO_LARGE);
    assert_non_null(strstr(error.text, "has more than 65536 bytes"));
    assert_true(others_can_read);
    assert_int_equal(secret.length, 0);
}

static void a_secret_file_that_comes_in_pieces_is_read_whole(void **state)
{
    (void)state;
    static char bytes[65537];
    struct secret secret = SECRET_EMPTY;
    bool others_can_read;
    memset(bytes, 's', sizeof bytes);
    for (piece_bytes = 1; piece_bytes <= 65536; piece_bytes *= 256) {
        assert_true(read_file(bytes, 65536, 0600, &secret, &others_can_read));
        assert_int_equal(secret.length, 65536);
        secret_wipe(&secret);
        assert_false(read_file(bytes, 65537, 0600, &secret, &others_can_read));
        assert_int_equal(error.code, ERROR_TOO_LARGE);
    }
    piece_bytes = SIZE_MAX;
}

static void a_byte_order_mark_is_no_part_of_a_secret(void **state)
{
    (void)state;
    static const struct {
        const char *content;
        const char *secret; /* NULL: the file is empty */
    } files[] = {{"\xef\xbb\xbfs1\n", "s1"},
                 {"\xef\xbb\xbf s1", "s1"},
                 {"\xef\xbb\xbf\xef\xbb\xbfs1", "\xef\xbb\xbfs1"},
                 {"s1\xef\xbb\xbf", "s1\xef\xbb\xbf"},
                 {"\xef\xbbs1", "\xef\xbbs1"},
                 {"\xef\xbb\xbf", NULL},
                 {"\xef\xbb\xbf \n", NULL}};
    for (size_t i = 0; i < sizeof files / sizeof files[0]; i++) {
        struct secret secret = SECRET_EMPTY;
        bool others_can_read;
        bool ok = read_file(files[i].content, strlen(files[i].content), 0600, &secret, &others_can_read);
        assert_int_equal(ok, files[i].secret != NULL);
        if (ok)
            assert_string_equal(secret.bytes, files[i].secret);
        else
            assert_non_null(strstr(error.text, "/tmp/posemesh-secret-"));
        secret_wipe(&secret);
    }
}

static void says_why_a_secret_file_is_of_no_use(void **state)
{
    (void)state;
    struct secret secret = SECRET_EMPTY;
    bool others_can_read;
    assert_false(read_file("a\0b", 3, 0640, &secret, &others_can_read));
    assert_non_null(strstr(error.text, "has a NUL byte: it is no text"));
    assert_false(others_can_read);
    assert_false(read_file(" \n", 2, 0600, &secret, &others_can_read));
    assert_non_null(strstr(error.text, ", which is empty"));
    assert_false(settings_read_secret_file("/tmp", &secret, &others_can_read, &error));
    assert_string_equal(error.text, "/tmp: it is not a regular file");
    assert_false(settings_read_secret_file("/no/such/file", &secret, &others_can_read, &error));
    assert_non_null(strstr(error.text, "/no/such/file: cannot open it: No such file"));
    assert_true(read_file(" s\n", 3, 0600, &secret, &others_can_read));
    assert_string_equal(secret.bytes, "s");
    secret_wipe(&secret);
}

static void the_path_of_a_secret_file_is_told_by_its_beginning(void **state)
{
    (void)state;
    struct secret secret = SECRET_EMPTY;
    bool others_can_read;
    char padding[151] = "";
    char folder[] = "/tmp/posemesh-secret-XXXXXX";
    memset(padding, '/', 150);
    assert_non_null(mkdtemp(folder));
    char *path = memory_format("%s%s/file", folder, padding);
    assert_false(settings_read_secret_file(path, &secret, &others_can_read, &error));
    assert_error(memory_format("%.128s: cannot open it: No such file or directory", path));
    FILE *file = fopen(path, "w");
    assert_false(settings_read_secret_file(path, &secret, &others_can_read, &error));
    assert_error(memory_format("%.128s, which is empty", path));
    fputc('\0', file);
    fclose(file);
    assert_false(settings_read_secret_file(path, &secret, &others_can_read, &error));
    assert_error(memory_format("%.128s, which has a NUL byte: it is no text", path));
    unlink(path);
    rmdir(folder);
    free(path);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_url_is_shown_whole_but_for_secrets),
        cmocka_unit_test(white_space_around_a_value_does_not_count),
        cmocka_unit_test(a_whole_number_lies_in_its_range),
        cmocka_unit_test(a_ratio_lies_between_0_and_1_or_is_clamped),
        cmocka_unit_test(a_flag_is_true_or_false_and_a_choice_any_case),
        cmocka_unit_test(a_text_is_short_and_plain_and_a_path_is_absolute),
        cmocka_unit_test(a_name_is_short_and_printable_ascii),
        cmocka_unit_test(an_address_is_a_host_and_a_port),
        cmocka_unit_test(a_long_value_is_quoted_by_its_beginning),
        cmocka_unit_test(a_path_that_is_compared_is_read_in_one_way_by_all),
        cmocka_unit_test(a_private_key_is_a_number_below_the_order_of_the_curve),
        cmocka_unit_test(a_secret_of_64_kib_is_the_largest_that_a_file_may_hold),
        cmocka_unit_test(a_secret_file_that_comes_in_pieces_is_read_whole),
        cmocka_unit_test(a_byte_order_mark_is_no_part_of_a_secret),
        cmocka_unit_test(says_why_a_secret_file_is_of_no_use),
        cmocka_unit_test(the_path_of_a_secret_file_is_told_by_its_beginning),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
