/* libcommon/http/http_response.h: what is kept of an answer's headers and body. */
#include "libcommon/http/http_response.h"

#include "libcommon/base/memory.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static struct http_answer answer;
static struct error error;

static int begin(void **state)
{
    (void)state;
    http_answer_clear(&answer);
    return 0;
}

/* The line as libcurl gives it: with its end, and in memory of just that size. */
static bool take(const char *line, int status)
{
    size_t length = strlen(line);
    /* realloc() gives back the place of the NUL. */
    char *exact = realloc(memory_copy_bytes(line, length), length ? length : 1);
    bool ok = http_answer_take_line(&answer, exact, length, status, &error);
    free(exact);
    return ok;
}

static struct http_response view(int64_t now_unix_ms)
{
    struct http_response response;
    http_answer_view(&answer, now_unix_ms, &response);
    return response;
}

/* An answer of one header field. */
static void take_answer(int status, const char *field)
{
    begin(NULL);
    assert_true(take("HTTP/1.1 200 OK\r\n", status));
    assert_true(take(field, status));
    assert_true(take("\r\n", status));
    assert_int_equal(answer.status, status);
}

/* --- headers --- */

static void keeps_the_fields_that_are_asked_for(void **state)
{
    (void)state;
    assert_true(take("HTTP/2 200\r\n", 200));
    assert_true(take("content-TYPE: \t text/x; a=b \r\n", 200));
    assert_true(take("Location:/there\r\n", 200));
    assert_true(take("Retry-After: 7\n", 200));
    assert_true(take("Date: Thu, 01 Jan 1970 00:00:01 GMT\r\n", 200));
    assert_true(take("Content-Typ: no\r\n", 200));
    assert_true(take("X-Location: no\r\n", 200));
    assert_true(take("no colon\r\n", 200));
    assert_int_equal(answer.status, 0);
    assert_true(take("\r\n", 200));
    assert_int_equal(answer.status, 200);
    struct http_response response = view(0);
    assert_string_equal(response.content_type, "text/x; a=b");
    assert_string_equal(answer.location, "/there");
    assert_int_equal(response.retry_after_ms, 7000);
    assert_int_equal(response.date_unix_ms, 1000);
    assert_int_equal(response.status, 200);
}

/* None is asked for, and what came would be stored as if it were the data. */
static void a_coding_of_the_body_is_refused_by_its_name(void **state)
{
    (void)state;
    take_answer(200, "Content-Encoding: Identity\r\n");
    take_answer(200, "Content-Encoding:\r\n");
    take_answer(404, "Content-Encoding: gzip\r\n");
    begin(NULL);
    assert_true(take("Content-Encoding: br\r\n", 200));
    assert_false(take("\r\n", 200));
    assert_int_equal(error.code, ERROR_INVALID);
    assert_non_null(strstr(error.text, "Content-Encoding is br"));
}

static void a_field_of_a_similar_name_is_another(void **state)
{
    (void)state;
    static const char *const similar[] = {
        "Content-Typf: no\r\n", "Content-Typd: no\r\n", "Zocation: no\r\n", "Aocation: no\r\n",
        "Retry-Aftez: no\r\n",  "Retry-Aftea: no\r\n",  "Datz: no\r\n",     "Data: no\r\n"};
    for (size_t i = 0; i < sizeof similar / sizeof similar[0]; i++)
        assert_true(take(similar[i], 200));
    assert_null(answer.content_type);
    assert_null(answer.location);
    assert_null(answer.retry_after);
    assert_null(answer.date);
}

static void the_first_of_a_field_counts_and_one_with_a_nul_does_not(void **state)
{
    (void)state;
    assert_true(http_answer_take_line(&answer, "Location: a\0b\r\n", 15, 200, &error));
    assert_null(answer.location);
    assert_true(take("Location: first\r\n", 200));
    assert_true(take("Location: second\r\n", 200));
    assert_string_equal(answer.location, "first");
    assert_true(take("Content-Type:\r\n", 200));
    assert_string_equal(answer.content_type, "");
}

static void an_interim_answer_is_forgotten_and_trailers_change_nothing(void **state)
{
    (void)state;
    assert_true(take("HTTP/1.1 103 Early Hints\r\n", 103));
    assert_true(take("Location: /early\r\n", 103));
    assert_true(take("\r\n", 103));
    assert_int_equal(answer.status, 0);
    assert_true(take("HTTP/1.1 201 Created\r\n", 201));
    assert_null(answer.location);
    assert_true(take("Retry-After: 5\r\n", 201));
    assert_true(take("\n", 201));
    assert_int_equal(answer.status, 201);
    assert_true(take("Location: /trailer\r\n", 201));
    assert_true(take("HTTP/1.1 200 OK\r\n", 200));
    assert_null(answer.location);
    assert_int_equal(answer.status, 201);
    assert_string_equal(answer.retry_after, "5");
}

static void headers_are_bounded_in_lines_and_bytes(void **state)
{
    (void)state;
    for (int i = 0; i < 256; i++)
        assert_true(take("X: y\r\n", 200));
    assert_false(take("X: y\r\n", 200));
    assert_int_equal(error.code, ERROR_TOO_LARGE);
    assert_string_equal(error.text, "the answer's headers exceed 256 lines or 131072 bytes");
    begin(state);
    char *line = malloc(131073);
    memset(line, 'x', 131073);
    assert_true(http_answer_take_line(&answer, line, 131072, 200, &error));
    assert_false(take("X", 200));
    begin(state);
    assert_false(http_answer_take_line(&answer, line, 131073, 200, &error));
    free(line);
}

static void tells_success_and_redirects_by_their_status(void **state)
{
    (void)state;
    for (int status = 200; status < 600; status++) {
        bool redirect = status == 301 || status == 302 || status == 303 || status == 307 || status == 308;
        take_answer(status, "Location: /x\r\n");
        assert_int_equal(http_answer_is_success(&answer), status < 300);
        assert_int_equal(http_answer_is_redirect(&answer), redirect);
        take_answer(status, "X: y\r\n");
        assert_false(http_answer_is_redirect(&answer));
    }
    begin(state);
    assert_false(http_answer_is_success(&answer));
}

/* --- Retry-After --- */

static int64_t retry_after(const char *field, int64_t now_unix_ms)
{
    take_answer(429, field);
    return view(now_unix_ms).retry_after_ms;
}

static void retry_after_is_seconds_or_a_date(void **state)
{
    (void)state;
    assert_int_equal(retry_after("X: y\r\n", 0), -1);
    assert_int_equal(retry_after("Retry-After:\r\n", 0), -1);
    assert_int_equal(retry_after("Retry-After: 0\r\n", 0), 0);
    assert_int_equal(retry_after("Retry-After: 120\r\n", 0), 120000);
    assert_int_equal(retry_after("Retry-After: 31622400\r\n", 0), INT64_C(31622400000));
    assert_int_equal(retry_after("Retry-After: 31622401\r\n", 0), INT64_C(31622400000));
    assert_int_equal(retry_after("Retry-After: 99999999999999999999999999\r\n", 0), INT64_C(31622400000));
    assert_int_equal(retry_after("Retry-After: 1.5\r\n", 0), -1);
    assert_int_equal(retry_after("Retry-After: -1\r\n", 0), -1);
    assert_int_equal(retry_after("Retry-After: soon\r\n", 0), -1);
    assert_int_equal(retry_after("Retry-After: 10 s\r\n", 0), -1);
    assert_int_equal(retry_after("Retry-After: Thu, 01 Jan 1970 00:02:00 GMT\r\n", 20000), 100000);
    assert_int_equal(retry_after("Retry-After: Thu, 01 Jan 1970 00:00:10 GMT\r\n", 20000), 0);
    assert_int_equal(retry_after("Retry-After: Sat, 03 Jan 1970 00:00:00 GMT\r\n", 0), 172800000);
    assert_int_equal(retry_after("Retry-After: Sat, 01 Jan 2050 00:00:00 GMT\r\n", 0), INT64_C(31622400000));
}

static void a_date_to_retry_at_is_taken_by_the_server_s_own_clock(void **state)
{
    (void)state;
    assert_true(take("Date: Thu, 01 Jan 1970 00:01:00 GMT\r\n", 503));
    assert_true(take("Retry-After: Thu, 01 Jan 1970 00:01:30 GMT\r\n", 503));
    assert_true(take("\r\n", 503));
    assert_int_equal(view(INT64_C(1700000000000)).retry_after_ms, 30000);
    begin(state);
    assert_true(take("Date: nonsense\r\n", 503));
    assert_int_equal(view(0).date_unix_ms, -1);
}

/* Of how many digits a year may be, curl_getdate() has an opinion of its own. */
static void a_year_beyond_four_digits_is_no_date(void **state)
{
    static const struct {
        const char *date;
        int64_t unix_ms;
    } dates[] = {{"Fri, 31 Dec 9999 23:59:59 GMT", INT64_C(253402300799000)},
                 {"Sat, 01 Jan 10000 00:00:00 GMT", -1},
                 {"Sat, 01 Jan 999999999 00:00:00 GMT", -1},
                 {"Sat, 01 Jan 2147483647 00:00:00 GMT", -1},
                 {"Sat, 01 Jan 292277026596 00:00:00 GMT", -1},
                 {"Sat, 01 Jan 9223372036854775807 00:00:00 GMT", -1}};
    for (size_t i = 0; i < sizeof dates / sizeof dates[0]; i++) {
        char line[96];
        begin(state);
        snprintf(line, sizeof line, "Date: %s\r\n", dates[i].date);
        assert_true(take(line, 503));
        snprintf(line, sizeof line, "Retry-After: %s\r\n", dates[i].date);
        assert_true(take(line, 503));
        assert_true(take("\r\n", 503));
        assert_int_equal(view(0).date_unix_ms, dates[i].unix_ms);
        assert_int_equal(view(0).retry_after_ms, dates[i].unix_ms < 0 ? -1 : 0);
        assert_int_equal(view(INT64_MIN).date_unix_ms, dates[i].unix_ms);
        assert_int_equal(view(INT64_MAX).date_unix_ms, dates[i].unix_ms);
    }
    assert_int_equal(retry_after("Retry-After: Fri, 31 Dec 9999 23:59:59 GMT\r\n", INT64_MIN),
                     INT64_C(31622400000));
}

/* --- bodies --- */

static bool add(const char *bytes, size_t length, size_t limit)
{
    return http_answer_add_body(&answer, bytes, length, limit, &error);
}

static void a_body_up_to_its_limit_is_kept_whole(void **state)
{
    (void)state;
    take_answer(200, "X: y\r\n");
    assert_string_equal(view(0).body, "");
    assert_true(add("abc", 3, 6));
    assert_true(add("", 0, 6));
    assert_true(add("def", 3, 6));
    struct http_response response = view(0);
    assert_string_equal(response.body, "abcdef");
    assert_int_equal(response.body_bytes, 6);
    assert_false(response.body_cut);
    assert_false(add("g", 1, 6));
    assert_int_equal(error.code, ERROR_TOO_LARGE);
    assert_string_equal(error.text, "the answer's body exceeds 6 bytes");
}

/* It is only shown in a log. */
static void the_body_of_a_refusal_is_cut(void **state)
{
    (void)state;
    take_answer(400, "X: y\r\n");
    assert_true(add("abc", 3, 5));
    assert_false(add("defg", 4, 5));
    struct http_response response = view(0);
    assert_string_equal(response.body, "abcde");
    assert_int_equal(response.body_bytes, 5);
    assert_true(response.body_cut);
}

static void a_body_of_many_pieces_is_put_together(void **state)
{
    (void)state;
    enum { PIECES = 3000 };
    take_answer(200, "X: y\r\n");
    for (int i = 0; i < PIECES; i++) {
        const char piece[] = {(char)('a' + i % 26), (char)('A' + i % 26), '-'};
        assert_true(add(piece, 3, 1 << 20));
        assert_int_equal(strlen(answer.body), 3 * (size_t)(i + 1));
    }
    for (size_t i = 0; i < PIECES; i++) {
        assert_int_equal(answer.body[3 * i], 'a' + i % 26);
        assert_int_equal(answer.body[3 * i + 1], 'A' + i % 26);
    }
    begin(state);
    assert_null(answer.body);
    assert_null(answer.content_type);
    assert_int_equal(answer.header_lines, 0);
}

#define ANSWER_TEST(test) cmocka_unit_test_setup_teardown(test, begin, begin)

int main(void)
{
    const struct CMUnitTest tests[] = {
        ANSWER_TEST(keeps_the_fields_that_are_asked_for),
        ANSWER_TEST(a_coding_of_the_body_is_refused_by_its_name),
        ANSWER_TEST(a_field_of_a_similar_name_is_another),
        ANSWER_TEST(the_first_of_a_field_counts_and_one_with_a_nul_does_not),
        ANSWER_TEST(an_interim_answer_is_forgotten_and_trailers_change_nothing),
        ANSWER_TEST(headers_are_bounded_in_lines_and_bytes),
        ANSWER_TEST(tells_success_and_redirects_by_their_status),
        ANSWER_TEST(retry_after_is_seconds_or_a_date),
        ANSWER_TEST(a_date_to_retry_at_is_taken_by_the_server_s_own_clock),
        ANSWER_TEST(a_year_beyond_four_digits_is_no_date),
        ANSWER_TEST(a_body_up_to_its_limit_is_kept_whole),
        ANSWER_TEST(the_body_of_a_refusal_is_cut),
        ANSWER_TEST(a_body_of_many_pieces_is_put_together),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
