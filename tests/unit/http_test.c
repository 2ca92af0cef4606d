/* libcommon/http/http.h: requests, answers, streaming and redirects. */
#include "tests/unit/http_fixture.h"

#define EMPTY_OK "HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n"

static bool count_headers(void *context, const struct http_response *response, struct error *error)
{
    struct outcome *outcome = context;
    (void)error;
    assert_int_equal(outcome->data_calls, 0);
    assert_string_equal(response->body, "");
    outcome->headers_calls++;
    outcome->status = response->status;
    snprintf(outcome->content_type, sizeof(outcome->content_type), "%s", response->content_type);
    return true;
}

static bool count_data(void *context, const void *bytes, size_t length, struct error *error)
{
    struct outcome *outcome = context;
    (void)error;
    outcome->data_calls++;
    outcome->data_bytes += length;
    for (size_t i = 0; i < length; i++)
        outcome->data_sum += ((const unsigned char *)bytes)[i];
    return true;
}

static void gives_the_answer_and_its_headers(void **state)
{
    struct fixture *fixture = *state;
    struct outcome outcome = {0};
    script(&fixture->server,
           "HTTP/1.1 103 Early Hints\r\nContent-Type: early\r\n\r\n"
           "HTTP/1.1 404 Not Found\r\ncontent-TYPE:  text/plain \r\nDate: Sun, 06 Nov 1994 08:49:37 GMT\r\n"
           "Content-Length: 6\r\n\r\nno way",
           AFTER_KEEP, 0);
    fetch(fixture, &outcome, "/a", (struct http_request){0});
    assert_int_equal(outcome.failure.code, ERROR_NONE);
    assert_int_equal(outcome.status, 404);
    assert_string_equal(outcome.body, "no way");
    assert_int_equal(outcome.body_bytes, 6);
    assert_false(outcome.body_cut);
    assert_string_equal(outcome.content_type, "text/plain");
    assert_int_equal(outcome.date_unix_ms, INT64_C(784111777000));
    assert_int_equal(outcome.retry_after_ms, -1);
    outcome_clear(&outcome);
}

static void sends_what_the_request_says(void **state)
{
    struct fixture *fixture = *state;
    struct outcome outcome = {0};
    struct secret bearer = SECRET_EMPTY;
    struct http_header header = {"X-Part", "7"};
    secret_assign(&bearer, "t0ken", 5);
    script(&fixture->server, PLAIN_OK, AFTER_KEEP, 0);
    start(fixture, &outcome, "/p?q=1",
          (struct http_request){.method = "POST",
                                .bearer = &bearer,
                                .content_type = "application/json",
                                .accept = "text/plain",
                                .headers = &header,
                                .header_count = 1,
                                .body = "{}",
                                .body_bytes = 2,
                                .body_secret = &bearer});
    secret_wipe(&bearer);
    run_until_done(fixture, &outcome);
    const char *text = fixture->server.texts[0];
    assert_memory_equal(text, "POST /p?q=1 HTTP/1.1\r\n", 22);
    assert_non_null(strstr(text, "\r\nAuthorization: Bearer t0ken\r\n"));
    assert_non_null(strstr(text, "\r\nContent-Type: application/json\r\n"));
    assert_non_null(strstr(text, "\r\nAccept: text/plain\r\n"));
    assert_non_null(strstr(text, "\r\nX-Part: 7\r\n"));
    assert_non_null(strstr(text, "\r\nUser-Agent: posemesh-compute-node/"));
    assert_non_null(strstr(text, "\r\nContent-Length: 2\r\n"));
    assert_non_null(strstr(text, "\r\n\r\n{}"));
    assert_non_null(strstr(text, "\r\nAccept-Encoding: identity\r\n"));
    outcome_clear(&outcome);
}

static void says_that_a_post_has_no_body(void **state)
{
    struct fixture *fixture = *state;
    struct outcome outcome = {0};
    script(&fixture->server, EMPTY_OK, AFTER_KEEP, 0);
    fetch(fixture, &outcome, "/", (struct http_request){.method = "POST", .user_agent = "me"});
    assert_non_null(strstr(fixture->server.texts[0], "\r\nContent-Length: 0\r\n"));
    assert_non_null(strstr(fixture->server.texts[0], "\r\nUser-Agent: me\r\n"));
    assert_string_equal(outcome.body, "");
    outcome_clear(&outcome);
}

static void refuses_unusable_requests_in_a_later_turn(void **state)
{
    struct fixture *fixture = *state;
    static const char *const urls[] = {"", "no url", "ftp://127.0.0.1/", "file:///etc/passwd", "127.0.0.1/x"};
    struct outcome outcome = {0};
    for (size_t i = 0; i < sizeof(urls) / sizeof(urls[0]); i++) {
        fetch(fixture, &outcome, urls[i], (struct http_request){0});
        assert_int_equal(outcome.failure.code, ERROR_INVALID);
    }
    struct http_header header = {"X-Name", "a\r\nX-Evil: b"};
    fetch(fixture, &outcome, "/", (struct http_request){.headers = &header, .header_count = 1});
    assert_int_equal(outcome.failure.code, ERROR_INVALID);
    header = (struct http_header){"X:Name", "a"};
    fetch(fixture, &outcome, "/", (struct http_request){.headers = &header, .header_count = 1});
    assert_int_equal(outcome.failure.code, ERROR_INVALID);
    assert_int_equal(fixture->server.connections, 0);
}

static void assert_retry_after(struct fixture *fixture, const char *headers, int64_t low_ms, int64_t high_ms)
{
    struct outcome outcome = {0};
    char *answer = memory_format("HTTP/1.1 503 Busy\r\n%sContent-Length: 0\r\n\r\n", headers);
    script(&fixture->server, answer, AFTER_KEEP, 0);
    fetch(fixture, &outcome, "/", (struct http_request){0});
    assert_true(outcome.retry_after_ms >= low_ms && outcome.retry_after_ms <= high_ms);
    outcome_clear(&outcome);
    free(answer);
}

static void understands_retry_after(void **state)
{
    struct fixture *fixture = *state;
    assert_retry_after(fixture, "Retry-After: 120\r\n", 120000, 120000);
    assert_retry_after(fixture, "Retry-After: 0\r\n", 0, 0);
    assert_retry_after(fixture, "Retry-After: 99999999999999999999999\r\n", 1, INT64_C(366) * 86400 * 1000);
    assert_retry_after(fixture, "Retry-After: -5\r\n", -1, -1);
    assert_retry_after(fixture, "Retry-After: 1.5\r\n", -1, -1);
    assert_retry_after(fixture, "Retry-After: soon\r\n", -1, -1);
    assert_retry_after(fixture, "Retry-After:\r\n", -1, -1);
    assert_retry_after(
        fixture, "Retry-After: Sun, 06 Nov 1994 08:50:00 GMT\r\nDate: Sun, 06 Nov 1994 08:49:37 GMT\r\n",
        23000, 23000);
    assert_retry_after(fixture, "Retry-After: Sun, 06 Nov 1994 08:50:00 GMT\r\n", 0, 0);
}

static void streams_a_2xx_body(void **state)
{
    struct fixture *fixture = *state;
    struct outcome outcome = {0};
    enum { BYTES = 8 * 1024 * 1024 };
    script(&fixture->server, "HTTP/1.1 206 Partial\r\nContent-Type: x/y\r\nContent-Length: 8388608\r\n\r\n",
           AFTER_KEEP, BYTES);
    fetch(fixture, &outcome, "/", (struct http_request){.on_headers = count_headers, .on_data = count_data});
    assert_int_equal(outcome.status, 206);
    assert_int_equal(outcome.headers_calls, 1);
    assert_int_equal(outcome.data_bytes, BYTES);
    assert_int_equal(outcome.data_sum, (uint64_t)BYTES * 'f');
    assert_int_equal(outcome.body_bytes, 0);
    outcome_clear(&outcome);
    script(&fixture->server, EMPTY_OK, AFTER_KEEP, 0);
    fetch(fixture, &outcome, "/", (struct http_request){.on_headers = count_headers, .on_data = count_data});
    assert_int_equal(outcome.headers_calls, 1);
    outcome_clear(&outcome);
}

static void keeps_other_bodies_in_memory(void **state)
{
    struct fixture *fixture = *state;
    struct outcome outcome = {0};
    script(&fixture->server, "HTTP/1.1 410 Gone\r\nContent-Length: 4\r\n\r\ngone", AFTER_KEEP, 0);
    fetch(fixture, &outcome, "/", (struct http_request){.on_headers = count_headers, .on_data = count_data});
    assert_int_equal(outcome.status, 410);
    assert_string_equal(outcome.body, "gone");
    assert_int_equal(outcome.headers_calls + outcome.data_calls, 0);
    outcome_clear(&outcome);
}

static bool refuse_headers(void *context, const struct http_response *response, struct error *error)
{
    (void)context;
    (void)response;
    return error_set(error, ERROR_CONFLICT, "wrong range");
}

static bool refuse_data(void *context, const void *bytes, size_t length, struct error *error)
{
    (void)context;
    (void)bytes;
    (void)length;
    return error_set(error, ERROR_DISK_FULL, "no room");
}

static void ends_with_the_error_of_a_callback(void **state)
{
    struct fixture *fixture = *state;
    struct outcome outcome = {0};
    script(&fixture->server, PLAIN_OK, AFTER_KEEP, 0);
    fetch(fixture, &outcome, "/", (struct http_request){.on_headers = refuse_headers, .on_data = count_data});
    assert_int_equal(outcome.failure.code, ERROR_CONFLICT);
    assert_string_equal(outcome.failure.text, "wrong range");
    assert_int_equal(outcome.data_calls, 0);
    script(&fixture->server, PLAIN_OK, AFTER_KEEP, 0);
    fetch(fixture, &outcome, "/", (struct http_request){.on_data = refuse_data});
    assert_int_equal(outcome.failure.code, ERROR_DISK_FULL);
    assert_string_equal(outcome.failure.text, "no room");
}

static void calls_a_body_cut_short_a_network_error(void **state)
{
    struct fixture *fixture = *state;
    static const char *const answers[] = {
        "HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\nshort",
        "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nshort\r\n",
        "HTTP/1.1 503 Busy\r\nContent-Length: 10\r\n\r\nshort",
        "HTTP/1.1 200 OK\r\nContent-Le",
        "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n0\r\nno colon\r\n\r\n",
        NULL};
    for (size_t i = 0; i < sizeof(answers) / sizeof(answers[0]); i++) {
        struct outcome outcome = {0};
        script(&fixture->server, answers[i], AFTER_CLOSE, 0);
        fetch(fixture, &outcome, "/x?signature=hush", (struct http_request){0});
        assert_int_equal(outcome.failure.code, ERROR_NETWORK);
        assert_non_null(strstr(outcome.failure.text, "/x: "));
        assert_null(strstr(outcome.failure.text, "hush"));
    }
}

static void bounds_bodies_in_memory(void **state)
{
    struct fixture *fixture = *state;
    struct outcome outcome = {0};
    struct http_request request = {.response_limit_bytes = 10000};
    script(&fixture->server, "HTTP/1.1 200 OK\r\nContent-Length: 10000\r\n\r\n", AFTER_KEEP, 10000);
    fetch(fixture, &outcome, "/", request);
    assert_int_equal(outcome.body_bytes, 10000);
    outcome_clear(&outcome);
    script(&fixture->server, "HTTP/1.1 200 OK\r\nContent-Length: 10001\r\n\r\n", AFTER_KEEP, 10001);
    fetch(fixture, &outcome, "/", request);
    assert_int_equal(outcome.failure.code, ERROR_TOO_LARGE);
    script(&fixture->server, "HTTP/1.1 503 Busy\r\nRetry-After: 3\r\nContent-Length: 70001\r\n\r\n",
           AFTER_KEEP, 70001);
    fetch(fixture, &outcome, "/", request);
    assert_int_equal(outcome.status, 503);
    assert_int_equal(outcome.retry_after_ms, 3000);
    assert_int_equal(outcome.body_bytes, 10000);
    assert_true(outcome.body_cut);
    outcome_clear(&outcome);
}

static void bounds_headers(void **state)
{
    struct fixture *fixture = *state;
    struct outcome outcome = {0};
    char answer[4096] = "HTTP/1.1 200 OK\r\nContent-Length: 0\r\n";
    size_t length = strlen(answer);
    for (int i = 0; i < 300; i++)
        length += (size_t)snprintf(answer + length, sizeof(answer) - length, "A: %d\r\n", i);
    snprintf(answer + length, sizeof(answer) - length, "\r\n");
    script(&fixture->server, answer, AFTER_KEEP, 0);
    fetch(fixture, &outcome, "/", (struct http_request){0});
    assert_int_equal(outcome.failure.code, ERROR_TOO_LARGE);
}

/* Such a line never reaches us: curl bounds it, and has other words for it. */
static void bounds_a_line_of_headers(void **state)
{
    struct fixture *fixture = *state;
    static const char *const beginnings[] = {
        "HTTP/1.1 200 ", "HTTP/1.1 200 OK\r\nX: ", "HTTP/1.1 200 OK\r\nLocation: ", "HTTP/1.1 404 No\r\nX: "};
    for (size_t i = 0; i < sizeof(beginnings) / sizeof(beginnings[0]); i++) {
        struct outcome outcome = {0};
        script(&fixture->server, beginnings[i], AFTER_KEEP, 4 << 20);
        fetch(fixture, &outcome, "/", (struct http_request){0});
        assert_int_equal(outcome.failure.code, ERROR_TOO_LARGE);
        assert_non_null(strstr(outcome.failure.text, "headers"));
    }
}

static void refuses_a_coding_that_it_did_not_ask_for(void **state)
{
    struct fixture *fixture = *state;
    struct outcome outcome = {0};
    script(&fixture->server,
           "HTTP/1.1 200 OK\r\nContent-Encoding: gzip\r\nContent-Length: 5\r\n\r\n\x1f\x8b\x08zz", AFTER_KEEP,
           0);
    fetch(fixture, &outcome, "/", (struct http_request){0});
    assert_int_equal(outcome.failure.code, ERROR_INVALID);
    assert_non_null(strstr(outcome.failure.text, "gzip"));
}

static ssize_t numbered_source(void *context, int64_t offset, void *out, size_t capacity)
{
    (void)context;
    for (size_t i = 0; i < capacity; i++)
        ((unsigned char *)out)[i] = (unsigned char)((offset + (int64_t)i) % 251);
    return (ssize_t)capacity;
}

static ssize_t failing_source(void *context, int64_t offset, void *out, size_t capacity)
{
    (void)context;
    return offset >= 100000 ? -1 : numbered_source(context, offset, out, capacity < 50000 ? capacity : 50000);
}

static ssize_t short_source(void *context, int64_t offset, void *out, size_t capacity)
{
    ssize_t got = failing_source(context, offset, out, capacity);
    return got < 0 ? 0 : got;
}

static void streams_a_request_body(void **state)
{
    struct fixture *fixture = *state;
    struct outcome outcome = {0};
    enum { BYTES = 3 * 1024 * 1024 + 17 };
    script(&fixture->server, EMPTY_OK, AFTER_KEEP, 0);
    fetch(fixture, &outcome, "/",
          (struct http_request){.method = "PUT", .source = numbered_source, .source_bytes = BYTES});
    assert_int_equal(outcome.status, 200);
    const char *text = fixture->server.texts[0];
    const char *body = strstr(text, "\r\n\r\n") + 4;
    assert_null(strcasestr(text, "Expect"));
    assert_int_equal(fixture->server.text_bytes[0] - (size_t)(body - text), BYTES);
    for (size_t i = 0; i < BYTES; i++)
        assert_true((unsigned char)body[i] == i % 251);
    outcome_clear(&outcome);
}

static void fails_when_its_source_does(void **state)
{
    struct fixture *fixture = *state;
    struct outcome outcome = {0};
    struct http_request request = {.method = "PUT", .source = failing_source, .source_bytes = 1000000};
    fetch(fixture, &outcome, "/", request);
    assert_int_equal(outcome.failure.code, ERROR_SYSTEM);
    request.source = short_source;
    fetch(fixture, &outcome, "/", request);
    assert_int_equal(outcome.failure.code, ERROR_SYSTEM);
    assert_int_equal(fixture->server.requests, 0);
}

static void script_redirect(struct fixture *fixture, const char *status, const char *location, char **answer)
{
    *answer = memory_format("HTTP/1.1 %s Moved\r\nLocation: %s\r\nContent-Length: 100000\r\n\r\n", status,
                            location);
    script(&fixture->server, *answer, AFTER_KEEP, 100000);
}

static void follows_redirects_within_the_origin(void **state)
{
    struct fixture *fixture = *state;
    struct outcome outcome = {0};
    struct secret bearer = SECRET_EMPTY;
    char *answers[5];
    char absolute[64];
    secret_assign(&bearer, "t0ken", 5);
    snprintf(absolute, sizeof(absolute), "HTTP://127.0.0.1:%d/d e", fixture->server.port);
    script_redirect(fixture, "301", "/b", &answers[0]);
    script_redirect(fixture, "302", "c?x=1", &answers[1]);
    script_redirect(fixture, "303", absolute, &answers[2]);
    script_redirect(fixture, "307", "?y", &answers[3]);
    script_redirect(fixture, "308", "../f", &answers[4]);
    script(&fixture->server, PLAIN_OK, AFTER_KEEP, 0);
    fetch(
        fixture, &outcome, "/a",
        (struct http_request){
            .bearer = &bearer, .follow_redirects = true, .on_headers = count_headers, .on_data = count_data});
    secret_wipe(&bearer);
    static const char *const lines[] = {"GET /a ",     "GET /b ",       "GET /c?x=1 ",
                                        "GET /d%20e ", "GET /d%20e?y ", "GET /f "};
    assert_int_equal(outcome.failure.code, ERROR_NONE);
    assert_int_equal(outcome.headers_calls, 1);
    assert_int_equal(outcome.data_bytes, 2);
    for (size_t i = 0; i < 6; i++) {
        assert_memory_equal(fixture->server.texts[i], lines[i], strlen(lines[i]));
        assert_non_null(strstr(fixture->server.texts[i], "Bearer t0ken"));
    }
    for (size_t i = 0; i < 5; i++)
        free(answers[i]);
    outcome_clear(&outcome);
}

static void refuses_other_redirects(void **state)
{
    struct fixture *fixture = *state;
    struct outcome outcome = {0};
    char *answer = NULL;
    char https[64];
    char with_user[64];
    snprintf(https, sizeof(https), "https://127.0.0.1:%d/", fixture->server.port);
    snprintf(with_user, sizeof(with_user), "http://u:p@127.0.0.1:%d/", fixture->server.port);
    const char *const locations[] = {
        with_user,          https,        "http://127.0.0.1/", "//localhost/", "http://127.0.0.1:1/",
        "ftp://127.0.0.1/", "http://[bad"};
    size_t count = sizeof(locations) / sizeof(locations[0]);
    for (size_t i = 0; i < count; i++) {
        script_redirect(fixture, "302", locations[i], &answer);
        fetch(fixture, &outcome, "/", (struct http_request){.follow_redirects = true});
        assert_int_equal(outcome.failure.code, ERROR_INVALID);
        assert_non_null(strstr(outcome.failure.text, "redirect"));
        free(answer);
    }
    script_redirect(fixture, "302", "/b", &answer);
    fetch(fixture, &outcome, "/", (struct http_request){.method = "POST", .follow_redirects = true});
    assert_int_equal(outcome.failure.code, ERROR_INVALID);
    assert_int_equal(fixture->server.requests, count + 1);
    free(answer);
}

static void follows_five_redirects_and_no_more(void **state)
{
    struct fixture *fixture = *state;
    struct outcome outcome = {0};
    for (int i = 0; i < 7; i++)
        script(&fixture->server, "HTTP/1.1 302 Found\r\nLocation: /again\r\nContent-Length: 0\r\n\r\n",
               AFTER_KEEP, 0);
    fetch(fixture, &outcome, "/", (struct http_request){.follow_redirects = true});
    assert_int_equal(outcome.failure.code, ERROR_INVALID);
    assert_int_equal(fixture->server.requests, 6);
    fetch(fixture, &outcome, "/", (struct http_request){0});
    assert_int_equal(outcome.status, 302);
    outcome_clear(&outcome);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        ON_SERVER(gives_the_answer_and_its_headers),
        ON_SERVER(sends_what_the_request_says),
        ON_SERVER(says_that_a_post_has_no_body),
        ON_SERVER(refuses_unusable_requests_in_a_later_turn),
        ON_SERVER(understands_retry_after),
        ON_SERVER(streams_a_2xx_body),
        ON_SERVER(keeps_other_bodies_in_memory),
        ON_SERVER(ends_with_the_error_of_a_callback),
        ON_SERVER(calls_a_body_cut_short_a_network_error),
        ON_SERVER(bounds_bodies_in_memory),
        ON_SERVER(bounds_headers),
        ON_SERVER(bounds_a_line_of_headers),
        ON_SERVER(refuses_a_coding_that_it_did_not_ask_for),
        ON_SERVER(streams_a_request_body),
        ON_SERVER(fails_when_its_source_does),
        ON_SERVER(follows_redirects_within_the_origin),
        ON_SERVER(refuses_other_redirects),
        ON_SERVER(follows_five_redirects_and_no_more),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
