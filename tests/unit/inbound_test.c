#include "tests/unit/inbound_fixture.h"

static void health_is_good_for_all_and_noted_for_dds_alone(void **state)
{
    struct fixture *fixture = *state;
    char answer[ANSWER_BYTES];
    ask(fixture, "GET /health HTTP/1.1\r\nHost: n\r\nConnection: close\r\n\r\n", 200, answer);
    assert_int_equal(fixture->health_checks, 0);
    ask(fixture, "GET /health HTTP/1.1\r\nHost: n\r\nUser-Agent: DDS v1\r\nConnection: close\r\n\r\n", 200,
        answer);
    assert_int_equal(fixture->health_checks, 1);
    ask(fixture, "GET /behind/a/proxy/health HTTP/1.1\r\nHost: n\r\nConnection: close\r\n\r\n", 200, answer);
    ask(fixture, "HEAD /health HTTP/1.1\r\nHost: n\r\nConnection: close\r\n\r\n", 200, answer);
    assert_null(strstr(answer, "ok"));
}

static void other_paths_and_methods_are_refused(void **state)
{
    struct fixture *fixture = *state;
    char answer[ANSWER_BYTES];
    ask(fixture, "GET / HTTP/1.1\r\nHost: n\r\nConnection: close\r\n\r\n", 404, answer);
    ask(fixture, "GET /health/../../etc/passwd HTTP/1.1\r\nHost: n\r\nConnection: close\r\n\r\n", 404,
        answer);
    ask(fixture, "GET /%00%ff%0d%0aX HTTP/1.1\r\nHost: n\r\nConnection: close\r\n\r\n", 404, answer);
    ask(fixture, "DELETE /health HTTP/1.1\r\nHost: n\r\nConnection: close\r\n\r\n", 405, answer);
    assert_non_null(strstr(answer, "Allow: GET, HEAD"));
    ask(fixture, "GET /internal/v1/registrations HTTP/1.1\r\nHost: n\r\nConnection: close\r\n\r\n", 405,
        answer);
    assert_non_null(strstr(answer, "Allow: POST"));
    assert_int_equal(fixture->callbacks, 0);
}

static void a_callback_in_pieces_arrives_whole(void **state)
{
    struct fixture *fixture = *state;
    char answer[ANSWER_BYTES];
    int fd = connect_client(fixture);
    const char head[] = "POST /internal/v1/registrations HTTP/1.1\r\nHost: n\r\nConnection: close\r\n"
                        "Content-Type: application/json\r\nContent-Length: 11\r\n\r\n{\"id\"";
    for (size_t i = 0; i < sizeof head - 1; i++) {
        send_bytes(fd, head + i, 1);
        turn(fixture);
    }
    assert_int_equal(fixture->callbacks, 0);
    send_bytes(fd, ":\"a\"}x", 6);
    receive(fixture, fd, "never in an answer", answer);
    close(fd);
    assert_non_null(strstr(answer, "HTTP/1.1 200"));
    assert_non_null(strstr(answer, "{\"ok\":true}"));
    assert_string_equal(fixture->body, "{\"id\":\"a\"}x");
}

static void a_chunked_callback_and_one_that_expects_100_continue_arrive(void **state)
{
    struct fixture *fixture = *state;
    char answer[ANSWER_BYTES];
    ask(fixture,
        "POST /internal/v1/registrations HTTP/1.1\r\nHost: n\r\nConnection: close\r\n"
        "Transfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n2\r\nde\r\n0\r\n\r\n",
        200, answer);
    assert_string_equal(fixture->body, "abcde");

    int fd = connect_client(fixture);
    const char head[] = "POST /internal/v1/registrations HTTP/1.1\r\nHost: n\r\nConnection: close\r\n"
                        "Expect: 100-continue\r\nContent-Length: 2\r\n\r\n";
    send_bytes(fd, head, sizeof head - 1);
    assert_non_null(strstr(receive(fixture, fd, "100 Continue", answer), "100 Continue"));
    send_bytes(fd, "{}", 2);
    assert_non_null(strstr(receive(fixture, fd, "{\"ok\":true}", answer), "HTTP/1.1 200"));
    close(fd);
}

static void a_body_above_the_limit_is_refused_declared_or_not(void **state)
{
    struct fixture *fixture = *state;
    char answer[ANSWER_BYTES];
    ask(fixture,
        "POST /internal/v1/registrations HTTP/1.1\r\nHost: n\r\nExpect: 100-continue\r\n"
        "Content-Length: 99999999999\r\n\r\n",
        413, answer);
    assert_null(strstr(answer, "100 Continue"));

    int fd = connect_client(fixture);
    const char head[] = "POST /internal/v1/registrations HTTP/1.1\r\nHost: n\r\nConnection: close\r\n"
                        "Transfer-Encoding: chunked\r\n\r\n1000\r\n";
    char chunk[4096];
    memset(chunk, 'x', sizeof chunk);
    send_bytes(fd, head, sizeof head - 1);
    for (int i = 0; i <= LIMIT_CALLBACK_BODY_BYTES / 4096; i++) {
        send_bytes(fd, chunk, sizeof chunk);
        send_bytes(fd, "\r\n1000\r\n", 8);
        turn(fixture);
    }
    send_bytes(fd, chunk, sizeof chunk);
    send_bytes(fd, "\r\n0\r\n\r\n", 7);
    assert_non_null(strstr(receive(fixture, fd, "too large", answer), "HTTP/1.1 413"));
    close(fd);
    assert_int_equal(fixture->callbacks, 0);
}

static void rubbish_and_endless_headers_end_the_connection_only(void **state)
{
    struct fixture *fixture = *state;
    char answer[ANSWER_BYTES];
    char headers[64 * 1024];
    memset(headers, 'a', sizeof headers);
    int fds[] = {connect_client(fixture), connect_client(fixture), connect_client(fixture)};
    send_bytes(fds[0], "\x16\x03\x01\0\0\xff\r\n\r\n", 10);
    send_bytes(fds[1], "GET /health HTTP/1.1\r\nX: ", 25);
    send_bytes(fds[1], headers, sizeof headers);
    send_bytes(fds[2], "GET /hea", 8);
    shutdown(fds[2], SHUT_WR);
    for (int i = 0; i < 20; i++)
        turn(fixture);
    for (size_t i = 0; i < sizeof fds / sizeof fds[0]; i++)
        close(fds[i]);
    ask(fixture, "GET /health HTTP/1.1\r\nHost: n\r\nConnection: close\r\n\r\n", 200, answer);
}

static void a_callback_is_answered_later_with_what_authd_says(void **state)
{
    struct fixture *fixture = *state;
    char answer[ANSWER_BYTES];
    int fd = connect_client(fixture);
    send_held_callback(fixture, fd);
    /* A held callback keeps nobody else waiting. */
    ask(fixture, health, 200, answer);
    inbound_answer(fixture->held, 422, "missing id");
    assert_non_null(strstr(receive(fixture, fd, "missing id", answer), "HTTP/1.1 422"));
    close(fd);
}

static void an_answer_for_a_client_that_left_is_harmless(void **state)
{
    struct fixture *fixture = *state;
    char answer[ANSWER_BYTES];
    int fd = connect_client(fixture);
    send_held_callback(fixture, fd);
    const struct linger reset = {1, 0};
    setsockopt(fd, SOL_SOCKET, SO_LINGER, &reset, sizeof reset);
    close(fd);
    for (int i = 0; i < 5; i++)
        turn(fixture);
    inbound_answer(fixture->held, 200, "{\"ok\":true}");
    ask(fixture, "GET /health HTTP/1.1\r\nHost: n\r\nConnection: close\r\n\r\n", 200, answer);
}

static void stopping_with_a_held_callback_is_harmless(void **state)
{
    struct fixture *fixture = *state;
    int fd = connect_client(fixture);
    send_held_callback(fixture, fd);
    inbound_free(fixture->inbound);
    fixture->inbound = NULL;
    close(fd);
}

#define CALLBACK "POST /internal/v1/registrations HTTP/1.1\r\nHost: n\r\n"

/* Of what follows such a head nothing is taken for a request. */
static void a_head_that_two_readers_could_read_in_two_ways_ends_the_connection(void **state)
{
    struct fixture *fixture = *state;
    char answer[ANSWER_BYTES];
    static const char *const heads[] = {"Content-Length: 3\r\nTransfer-Encoding: chunked\r\n",
                                        "Content-Length: 3\r\nContent-Length: 5\r\n",
                                        "Content-Length: 3\r\nContent-Length: 3\r\n",
                                        "Content-Length : 3\r\n",
                                        "Content-Length\t: 3\r\n",
                                        "Transfer-Encoding : chunked\r\n",
                                        " Content-Length: 3\r\n",
                                        "Transfer-Encoding: gzip\r\n",
                                        "Content-Length: 3, 3\r\n",
                                        "Content-Length: +3\r\n"};
    for (size_t i = 0; i < sizeof heads / sizeof heads[0]; i++) {
        char *request =
            memory_format(CALLBACK "%s\r\n0\r\n\r\nGET /health HTTP/1.1\r\nHost: n\r\n\r\n", heads[i]);
        ask(fixture, request, 400, answer);
        if (strstr(answer, "200 OK"))
            fail_msg("what follows '%s' was answered: %s", heads[i], answer);
        free(request);
    }
    assert_int_equal(fixture->callbacks, 0);
}

static void a_path_that_is_told_leads_to_us_and_no_other_does(void **state)
{
    struct fixture *fixture = *state;
    char answer[ANSWER_BYTES];
    struct error error;
    const struct inbound_events events = {on_callback, on_health_check, fixture};
    inbound_free(fixture->inbound);
    fixture->inbound =
        inbound_create(listening_socket_take("127.0.0.1:0", &error), "/s3cret", &events, &error);
    inbound_serve(fixture->inbound, fixture->loop);
    ask(fixture, "GET /health HTTP/1.1\r\nHost: n\r\nUser-Agent: DDS v1\r\nConnection: close\r\n\r\n", 404,
        answer);
    ask(fixture,
        "GET /x/s3cret/health HTTP/1.1\r\nHost: n\r\nUser-Agent: DDS v1\r\nConnection: close\r\n\r\n", 404,
        answer);
    ask(fixture, CALLBACK "Connection: close\r\nContent-Length: 2\r\n\r\n{}", 404, answer);
    assert_int_equal(fixture->health_checks + fixture->callbacks, 0);
    ask(fixture, "GET /s3cret/health HTTP/1.1\r\nHost: n\r\nUser-Agent: DDS v1\r\nConnection: close\r\n\r\n",
        200, answer);
    ask(fixture,
        "POST /s3cret/internal/v1/registrations HTTP/1.1\r\nHost: n\r\nConnection: close\r\n"
        "Content-Length: 2\r\n\r\n{}",
        200, answer);
    assert_int_equal(fixture->health_checks, 1);
    assert_int_equal(fixture->callbacks, 1);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        WITH_ENDPOINT(health_is_good_for_all_and_noted_for_dds_alone),
        WITH_ENDPOINT(other_paths_and_methods_are_refused),
        WITH_ENDPOINT(a_callback_in_pieces_arrives_whole),
        WITH_ENDPOINT(a_chunked_callback_and_one_that_expects_100_continue_arrive),
        WITH_ENDPOINT(a_body_above_the_limit_is_refused_declared_or_not),
        WITH_ENDPOINT(rubbish_and_endless_headers_end_the_connection_only),
        WITH_ENDPOINT(a_callback_is_answered_later_with_what_authd_says),
        WITH_ENDPOINT(an_answer_for_a_client_that_left_is_harmless),
        WITH_ENDPOINT(stopping_with_a_held_callback_is_harmless),
        WITH_ENDPOINT(a_head_that_two_readers_could_read_in_two_ways_ends_the_connection),
        WITH_ENDPOINT(a_path_that_is_told_leads_to_us_and_no_other_does),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
