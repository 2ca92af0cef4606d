/* services/httpd/request_head.h: heads of which two readers could think differently, and where requests go.
 */
#include "services/httpd/request_head.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <string.h>

struct header {
    const char *name;
    const char *value;
};

/* `headers` ends with a NULL. */
static bool is_sound(const struct header *headers, const char *version)
{
    struct request_head head = {0};
    for (; headers->name; headers++)
        request_head_add(&head, headers->name, strlen(headers->name), headers->value, strlen(headers->value));
    return request_head_is_sound(&head, version);
}

#define HEADERS(...) ((const struct header[]){__VA_ARGS__, {NULL, NULL}})

static void one_length_or_one_encoding_says_where_a_request_ends(void **state)
{
    (void)state;
    assert_true(is_sound(HEADERS({"Host", ""}, {"X-Odd~!#$%&'*+-.^_`|9", "a: b"}), "HTTP/1.1"));
    assert_true(is_sound(HEADERS({"content-length", "0"}), "HTTP/1.0"));
    assert_true(
        is_sound(HEADERS({"Content-Length", "1234567890"}, {"Zontent-Length", "a"}, {"X", ""}), "HTTP/1.1"));
    assert_true(is_sound(HEADERS({"transfer-encoding", "Chunked"}, {"Host", "n"}), "HTTP/1.1"));
}

static void a_request_that_could_end_in_two_places_is_odd(void **state)
{
    (void)state;
    assert_false(is_sound(HEADERS({"Content-Length", "3"}, {"Transfer-Encoding", "chunked"}), "HTTP/1.1"));
    assert_false(is_sound(HEADERS({"Content-Length", "3"}, {"Content-Length", "5"}), "HTTP/1.1"));
    assert_false(is_sound(HEADERS({"Content-Length", "3"}, {"content-length", "3"}), "HTTP/1.1"));
    assert_false(
        is_sound(HEADERS({"Transfer-Encoding", "chunked"}, {"Transfer-Encoding", "chunked"}), "HTTP/1.1"));
    assert_false(is_sound(HEADERS({"Transfer-Encoding", "gzip"}), "HTTP/1.1"));
    assert_false(is_sound(HEADERS({"Transfer-Encoding", "gzip, chunked"}), "HTTP/1.1"));
    assert_false(is_sound(HEADERS({"Transfer-Encoding", ""}), "HTTP/1.1"));
    assert_false(is_sound(HEADERS({"Transfer-Encoding", "chunkes"}), "HTTP/1.1"));
    assert_false(is_sound(HEADERS({"Transfer-Encoding", "chunked"}), "HTTP/1.0"));
    assert_false(is_sound(HEADERS({"Transfer-Encoding", "chunked"}), "HTTP/2.0"));
    static const char *const lengths[] = {"", "+3", "-3", "3 ", "3, 3", "0x3", "3;"};
    for (size_t i = 0; i < sizeof lengths / sizeof lengths[0]; i++)
        assert_false(is_sound(HEADERS({"Content-Length", lengths[i]}), "HTTP/1.1"));
}

static void a_name_with_a_blank_is_odd(void **state)
{
    (void)state;
    static const char *const names[] = {"Content-Length ",
                                        "Content-Length\t",
                                        " Content-Length",
                                        "X Y",
                                        "HostContent-Length: 3",
                                        "",
                                        "X\r",
                                        "X\xc3\xa4",
                                        "X\x7f",
                                        "(X)"};
    for (size_t i = 0; i < sizeof names / sizeof names[0]; i++)
        assert_false(is_sound(HEADERS({names[i], "3"}), "HTTP/1.1"));
    struct request_head head = {0};
    request_head_add(&head, "X\0Y", 3, "", 0);
    assert_false(request_head_is_sound(&head, "HTTP/1.1"));
}

static void an_odd_header_among_good_ones_is_not_forgotten(void **state)
{
    (void)state;
    assert_false(is_sound(HEADERS({"Host", "n"}, {"X ", "3"}, {"Content-Length", "3"}), "HTTP/1.1"));
}

static void any_path_may_stand_before_ours_where_none_is_told(void **state)
{
    (void)state;
    assert_int_equal(request_target_of("/health", NULL), REQUEST_TARGET_HEALTH);
    assert_int_equal(request_target_of("/a/health", NULL), REQUEST_TARGET_HEALTH);
    assert_int_equal(request_target_of("/behind/a/proxy/health", NULL), REQUEST_TARGET_HEALTH);
    assert_int_equal(request_target_of("/a/b/internal/v1/registrations", NULL), REQUEST_TARGET_CALLBACK);
    static const char *const others[] = {"", "/", "health", "/health/", "/healthy", "/internal/v1", "*"};
    for (size_t i = 0; i < sizeof others / sizeof others[0]; i++)
        assert_int_equal(request_target_of(others[i], NULL), REQUEST_TARGET_NONE);
}

static void nothing_but_the_told_path_leads_to_us(void **state)
{
    (void)state;
    assert_int_equal(request_target_of("/s3/cret/health", "/s3/cret"), REQUEST_TARGET_HEALTH);
    assert_int_equal(request_target_of("/s3/cret/internal/v1/registrations", "/s3/cret"),
                     REQUEST_TARGET_CALLBACK);
    static const char *const others[] = {"/health",
                                         "/s3/cret",
                                         "/s3/cret/",
                                         "/s3/creT/health",
                                         "/s3/health",
                                         "/a/s3/cret/health",
                                         "/s3/cret/a/health",
                                         "/s3/cret//health",
                                         "/internal/v1/registrations",
                                         "/s3/crex/internal/v1/registrations",
                                         "xs3/cret/health",
                                         ""};
    for (size_t i = 0; i < sizeof others / sizeof others[0]; i++)
        assert_int_equal(request_target_of(others[i], "/s3/cret"), REQUEST_TARGET_NONE);
    /* A NODE_URL without a path is the root. */
    assert_int_equal(request_target_of("/health", ""), REQUEST_TARGET_HEALTH);
    assert_int_equal(request_target_of("/a/health", ""), REQUEST_TARGET_NONE);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(one_length_or_one_encoding_says_where_a_request_ends),
        cmocka_unit_test(a_request_that_could_end_in_two_places_is_odd),
        cmocka_unit_test(a_name_with_a_blank_is_odd),
        cmocka_unit_test(an_odd_header_among_good_ones_is_not_forgotten),
        cmocka_unit_test(any_path_may_stand_before_ours_where_none_is_told),
        cmocka_unit_test(nothing_but_the_told_path_leads_to_us),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
