/* What a server quotes of a call's secrets, and how little of it the client hands on. */
#include "tests/unit/http_fixture.h"

static const char token[] = "eyJhbGciOiJFUzI1NiJ9.eyJzdWIiOiJub2RlLTQ3MTEifQ.c2ln/bmF0+dXJl";

static void fetch_with_token(struct fixture *fixture, struct outcome *outcome, const char *path,
                             struct http_request request)
{
    struct secret bearer = SECRET_EMPTY;
    secret_assign(&bearer, token, strlen(token));
    request.bearer = &bearer;
    start(fixture, outcome, path, request);
    secret_wipe(&bearer);
    run_until_done(fixture, outcome);
}

static void script_error(struct fixture *fixture, const char *before, const char *text, const char *behind)
{
    char *body = memory_format("%s%s%s", before, text, behind);
    char *answer = memory_format("HTTP/1.1 500 No\r\nContent-Type: x/%s\r\nContent-Length: %zu\r\n\r\n%s",
                                 text, strlen(body), body);
    script(&fixture->server, answer, AFTER_KEEP, 0);
    free(answer);
    free(body);
}

static void the_body_of_an_error_says_no_token(void **state)
{
    struct fixture *fixture = *state;
    static const char *const quotes[] = {
        token, "eyJhbGciOiJFUzI1NiJ9.eyJzdWIiOiJub2RlLTQ3MTEifQ.c2ln\\/bmF0+dXJl",
        "eyJhbGciOiJFUzI1NiJ9.eyJzdWIiOiJub2RlLTQ3MTEifQ.c2ln%2FbmF0%2BdXJl",
        "ZXlKaGJHY2lPaUpGVXpJMU5pSjkuZXlKemRXSWlPaUp1YjJSbExUUTNNVEVpZlEuYzJsbi9ibUYwK2RYSmw"};
    for (size_t i = 0; i < sizeof quotes / sizeof quotes[0]; i++) {
        struct outcome outcome = {0};
        script_error(fixture, "no: Bearer ", quotes[i], "!");
        fetch_with_token(fixture, &outcome, "/", (struct http_request){0});
        assert_int_equal(outcome.status, 500);
        assert_memory_equal(outcome.body, "no: Bearer ***", 14);
        /* Of the last digit in base64 the secret decides but a part. */
        assert_true(strspn(outcome.body + 11, "*") >= strlen(quotes[i]) - 1);
        assert_string_equal(outcome.body + outcome.body_bytes - 1, "!");
        assert_null(strstr(outcome.content_type, "eyJhbG"));
        outcome_clear(&outcome);
    }
}

/* The end of an excerpt is where the server or the limit cuts it. */
static void nor_does_one_that_is_cut_in_the_token(void **state)
{
    struct fixture *fixture = *state;
    struct outcome outcome = {0};
    script_error(fixture, "no: ", token, "");
    fetch_with_token(fixture, &outcome, "/", (struct http_request){.response_limit_bytes = 20});
    assert_true(outcome.body_cut);
    assert_string_equal(outcome.body, "no: ****************");
    outcome_clear(&outcome);
}

/* An answer that is one must come as it is: the token that it brings may be the one that was sent. */
static void a_good_answer_is_left_alone(void **state)
{
    struct fixture *fixture = *state;
    struct outcome outcome = {0};
    char *answer = memory_format("HTTP/1.1 200 OK\r\nContent-Length: %zu\r\n\r\n%s", strlen(token), token);
    script(&fixture->server, answer, AFTER_KEEP, 0);
    fetch_with_token(fixture, &outcome, "/", (struct http_request){0});
    assert_string_equal(outcome.body, token);
    outcome_clear(&outcome);
    free(answer);
}

static bool take_data(void *context, const void *bytes, size_t length, struct error *error)
{
    (void)context;
    (void)bytes;
    (void)length;
    (void)error;
    return true;
}

static bool quote_content_type(void *context, const struct http_response *response, struct error *error)
{
    (void)context;
    return error_set(error, ERROR_INVALID, "not a form but %s", response->content_type);
}

static void fail_with(struct fixture *fixture, const char *head, const char *behind, const char *expected)
{
    struct outcome outcome = {0};
    char *answer = memory_format("HTTP/1.1 %s%.40s%s\r\nContent-Length: 0\r\n\r\n", head, token, behind);
    script(&fixture->server, answer, AFTER_KEEP, 0);
    fetch_with_token(fixture, &outcome, "/",
                     (struct http_request){
                         .follow_redirects = true, .on_headers = quote_content_type, .on_data = take_data});
    assert_int_equal(outcome.failure.code, ERROR_INVALID);
    assert_non_null(strstr(outcome.failure.text, expected));
    assert_null(strcasestr(outcome.failure.text, "eyJhbG"));
    outcome_clear(&outcome);
    free(answer);
}

static void nor_do_errors_that_quote_a_header(void **state)
{
    struct fixture *fixture = *state;
    fail_with(fixture, "200 OK\r\nContent-Type: ", "", "not a form but ***");
    fail_with(fixture, "200 OK\r\nContent-Encoding: ", "", "Encoding is ***");
    fail_with(fixture, "302 To\r\nLocation: http://", ".example/", "another origin, http://***");
}

/* A redirect within the origin: its path is in the label of whatever goes wrong there. */
static void nor_does_the_path_of_a_redirect(void **state)
{
    struct fixture *fixture = *state;
    struct outcome outcome = {0};
    char *answer = memory_format("HTTP/1.1 302 To\r\nLocation: /%.40s\r\nContent-Length: 0\r\n\r\n", token);
    script(&fixture->server, answer, AFTER_KEEP, 0);
    script(&fixture->server, "HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\nxx", AFTER_CLOSE, 0);
    fetch_with_token(fixture, &outcome, "/", (struct http_request){.follow_redirects = true});
    assert_int_equal(outcome.failure.code, ERROR_NETWORK);
    assert_non_null(strstr(outcome.failure.text, "/****************************************: "));
    outcome_clear(&outcome);
    free(answer);
}

static void what_a_body_and_a_url_sent_as_secret_is_masked_too(void **state)
{
    struct fixture *fixture = *state;
    struct outcome outcome = {0};
    struct secret secret = SECRET_EMPTY;
    char *url = memory_format("http://node:s3same%%2Fopen@127.0.0.1:%d/", fixture->server.port);
    secret_assign(&secret, "hunter2hunter2", 14);
    /* "node:s3same/open" in base64 */
    script_error(fixture, "got ", "hunter2hunter2", " and bm9kZTpzM3NhbWUvb3Blbg==");
    fetch(fixture, &outcome, url,
          (struct http_request){
              .method = "POST", .body = "hunter2hunter2", .body_bytes = 14, .body_secret = &secret});
    assert_non_null(strstr(fixture->server.texts[0], "Authorization: Basic bm9kZTpzM3NhbWUvb3Blbg=="));
    assert_string_equal(outcome.body, "got ************** and bm9kZTp**************g==");
    outcome_clear(&outcome);
    secret_wipe(&secret);
    free(url);
}

static void what_another_call_sent_is_masked_and_a_user_name_that_stands_alone(void **state)
{
    struct fixture *fixture = *state;
    struct outcome outcome = {0};
    struct secret other = SECRET_EMPTY;
    char *url = memory_format("http://key4711key@127.0.0.1:%d/", fixture->server.port);
    secret_assign(&other, "hunter2hunter2", 14);
    script_error(fixture, "got ", "hunter2hunter2", " of key4711key");
    fetch(fixture, &outcome, url, (struct http_request){.other_secret = &other});
    assert_null(strstr(fixture->server.texts[0], "hunter2"));
    assert_string_equal(outcome.body, "got ************** of **********");
    outcome_clear(&outcome);
    secret_wipe(&other);
    free(url);
}

/* Five characters alone would not be known for a token's. */
static void nor_does_a_redirect_s_host_that_is_cut_in_the_token(void **state)
{
    struct fixture *fixture = *state;
    struct outcome outcome = {0};
    char *answer = memory_format("HTTP/1.1 302 To\r\nLocation: http://%068d%.40s.example/\r\n"
                                 "Content-Length: 0\r\n\r\n",
                                 0, token);
    script(&fixture->server, answer, AFTER_KEEP, 0);
    fetch_with_token(fixture, &outcome, "/", (struct http_request){.follow_redirects = true});
    assert_non_null(strstr(outcome.failure.text, "000*****"));
    assert_null(strcasestr(outcome.failure.text, "eyJ"));
    outcome_clear(&outcome);
    free(answer);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        ON_SERVER(the_body_of_an_error_says_no_token),
        ON_SERVER(nor_does_one_that_is_cut_in_the_token),
        ON_SERVER(a_good_answer_is_left_alone),
        ON_SERVER(nor_do_errors_that_quote_a_header),
        ON_SERVER(nor_does_the_path_of_a_redirect),
        ON_SERVER(what_a_body_and_a_url_sent_as_secret_is_masked_too),
        ON_SERVER(what_another_call_sent_is_masked_and_a_user_name_that_stands_alone),
        ON_SERVER(nor_does_a_redirect_s_host_that_is_cut_in_the_token),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
