/* Which addresses a call may be connected to, on a machine that has loopback ones alone. */
#include "tests/unit/http_fixture.h"

#include "libcommon/base/log.h"

#define EMPTY_OK "HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n"

enum { LOG_BYTES = 4096 };

/* Runs the call and gives what was logged meanwhile. */
static void fetch_logged(struct fixture *fixture, struct outcome *outcome, const char *path,
                         enum http_reach reach, char log[LOG_BYTES])
{
    FILE *file = tmpfile();
    int kept = dup(STDERR_FILENO);
    assert_non_null(file);
    dup2(fileno(file), STDERR_FILENO);
    fetch(fixture, outcome, path, (struct http_request){.reach = reach});
    dup2(kept, STDERR_FILENO);
    close(kept);
    rewind(file);
    log[fread(log, 1, LOG_BYTES - 1, file)] = '\0';
    fclose(file);
}

static void assert_refused(struct fixture *fixture, const char *url, const char *address)
{
    struct outcome outcome = {0};
    fetch(fixture, &outcome, url, (struct http_request){.reach = HTTP_REACH_PUBLIC});
    assert_int_equal(outcome.failure.code, ERROR_FORBIDDEN);
    assert_non_null(strstr(outcome.failure.text, address));
    assert_false(outcome.sent);
    outcome_clear(&outcome);
}

static void loopback_is_refused_before_a_connection(void **state)
{
    struct fixture *fixture = *state;
    static const char *const hosts[][2] = {{"127.0.0.1", "127.0.0.1, a loopback address"},
                                           {"localhost", "a loopback address"},
                                           {"2130706433", "127.0.0.1, a loopback"},
                                           {"0x7f.1", "127.0.0.1, a loopback"},
                                           {"0.0.0.0", "0.0.0.0, a loopback"},
                                           {"[::ffff:127.0.0.1]", "::ffff:127.0.0.1, a loopback"},
                                           {"[::]", "::, a loopback"},
                                           {"[64:ff9b::7f00:1]", "a loopback address"},
                                           {"10.255.255.1", "10.255.255.1, a private"},
                                           {"169.254.169.254", "a link-local address"}};
    for (size_t i = 0; i < sizeof hosts / sizeof hosts[0]; i++) {
        char *url = memory_format("http://%s:%d/x", hosts[i][0], fixture->server.port);
        assert_refused(fixture, url, hosts[i][1]);
        free(url);
    }
    assert_int_equal(server_count(&fixture->server, &fixture->server.connections), 0);
}

static void link_local_is_refused_where_private_is_not(void **state)
{
    struct fixture *fixture = *state;
    struct outcome outcome = {0};
    script(&fixture->server, EMPTY_OK, AFTER_KEEP, 0);
    fetch(fixture, &outcome, "/", (struct http_request){.reach = HTTP_REACH_PRIVATE});
    assert_int_equal(outcome.status, 200);
    assert_true(outcome.from_private);
    outcome_clear(&outcome);
    fetch(fixture, &outcome, "http://169.254.169.254/", (struct http_request){.reach = HTTP_REACH_PRIVATE});
    assert_int_equal(outcome.failure.code, ERROR_FORBIDDEN);
    outcome_clear(&outcome);
}

/* A connection that another call opened and was allowed. */
static void a_kept_connection_is_refused_too(void **state)
{
    struct fixture *fixture = *state;
    struct outcome outcome = {0};
    char *url = memory_format("http://127.0.0.1:%d/", fixture->server.port);
    script(&fixture->server, EMPTY_OK, AFTER_KEEP, 0);
    fetch(fixture, &outcome, "/", (struct http_request){0});
    assert_int_equal(outcome.status, 200);
    outcome_clear(&outcome);
    assert_refused(fixture, url, "127.0.0.1, a loopback address");
    assert_int_equal(server_count(&fixture->server, &fixture->server.requests), 1);
    free(url);
}

static size_t count_in(const char *text, const char *part)
{
    size_t count = 0;
    for (const char *at = text; (at = strstr(at, part)); at++)
        count++;
    return count;
}

static void a_proxy_decides_itself_which_is_warned_of_once(void **state)
{
    struct fixture *fixture = *state;
    char log[LOG_BYTES];
    char *proxy = memory_format("http://127.0.0.1:%d", fixture->server.port);
    setenv("http_proxy", proxy, 1);
    for (size_t i = 0; i < 2; i++) {
        struct outcome outcome = {0};
        script(&fixture->server, EMPTY_OK, AFTER_KEEP, 0);
        fetch_logged(fixture, &outcome, "http://10.255.255.1/x", HTTP_REACH_PUBLIC, log);
        assert_int_equal(outcome.status, 200);
        assert_false(outcome.from_private);
        assert_int_equal(count_in(log, "through a proxy"), i == 0);
        assert_int_equal(count_in(log, "http://10.255.255.1:80 is called without TLS"), i == 0);
        outcome_clear(&outcome);
    }
    unsetenv("http_proxy");
    free(proxy);
}

/* It cannot be told from the server then: what is behind it may be public. */
static void a_proxy_at_the_server_s_own_port_makes_nobody_private(void **state)
{
    struct fixture *fixture = *state;
    struct outcome outcome = {0};
    char *proxy = memory_format("http://127.0.0.1:%d", fixture->server.port);
    char *url = memory_format("http://192.0.2.1:%d/x", fixture->server.port);
    setenv("http_proxy", proxy, 1);
    script(&fixture->server, EMPTY_OK, AFTER_KEEP, 0);
    fetch(fixture, &outcome, url, (struct http_request){.reach = HTTP_REACH_ALL});
    assert_int_equal(outcome.status, 200);
    assert_false(outcome.from_private);
    outcome_clear(&outcome);
    unsetenv("http_proxy");
    free(url);
    free(proxy);
}

static void plain_http_within_the_machine_is_no_matter(void **state)
{
    struct fixture *fixture = *state;
    struct outcome outcome = {0};
    char log[LOG_BYTES];
    script(&fixture->server, EMPTY_OK, AFTER_KEEP, 0);
    fetch_logged(fixture, &outcome, "/", HTTP_REACH_ALL, log);
    assert_int_equal(outcome.status, 200);
    assert_string_equal(log, "");
    outcome_clear(&outcome);
}

/* So many origins that the first is forgotten, and warned of anew. */
static void each_origin_is_warned_of(void **state)
{
    struct fixture *fixture = *state;
    char log[LOG_BYTES];
    char *proxy = memory_format("http://127.0.0.1:%d", fixture->server.port);
    setenv("http_proxy", proxy, 1);
    for (size_t i = 0; i < 34; i++) {
        struct outcome outcome = {0};
        char *url = memory_format("http://192.0.2.%zu/x", i % 33);
        script(&fixture->server, EMPTY_OK, AFTER_KEEP, 0);
        fetch_logged(fixture, &outcome, url, HTTP_REACH_ALL, log);
        assert_int_equal(outcome.status, 200);
        assert_int_equal(count_in(log, "without TLS"), 1);
        outcome_clear(&outcome);
        free(url);
    }
    unsetenv("http_proxy");
    free(proxy);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        ON_SERVER(loopback_is_refused_before_a_connection),
        ON_SERVER(link_local_is_refused_where_private_is_not),
        ON_SERVER(a_kept_connection_is_refused_too),
        ON_SERVER(a_proxy_decides_itself_which_is_warned_of_once),
        ON_SERVER(a_proxy_at_the_server_s_own_port_makes_nobody_private),
        ON_SERVER(plain_http_within_the_machine_is_no_matter),
        ON_SERVER(each_origin_is_warned_of),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
