#include "services/stored/domain/domain_request.h"

#include "tests/unit/http_fixture.h"

#define OK "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\n{}"
#define REFUSED "HTTP/1.1 401 Unauthorized\r\nContent-Length: 0\r\n\r\n"
#define BUSY_FOR_A_SECOND "HTTP/1.1 503 Busy\r\nRetry-After: 1\r\nContent-Length: 0\r\n\r\n"
#define BUSY "HTTP/1.1 503 Busy\r\nContent-Length: 0\r\n\r\n"

/* A session's end of things, over a scripted server. */
struct scene {
    struct fixture *fixture;
    struct random random;
    struct domain_client client;
    struct domain_access access;
    struct outcome outcome;
    int attempts;
    int tokens_wanted;
    bool wanted_as_lost;
    int checks_to_fail;
};

static void count_wanted(void *context, const char *task_id, bool lost)
{
    struct scene *scene = context;
    assert_string_equal(task_id, "task");
    scene->tokens_wanted++;
    scene->wanted_as_lost = lost;
}

static void answer_heartbeat(struct scene *scene, const char *text, int64_t heartbeat_boot_ms)
{
    struct secret token = SECRET_EMPTY;
    secret_assign(&token, text, strlen(text));
    domain_access_on_heartbeat(&scene->access, &token, heartbeat_boot_ms);
    secret_wipe(&token);
}

/* By a heartbeat that was on its way before anything else. */
static void set_token(struct scene *scene, const char *text)
{
    answer_heartbeat(scene, text, 0);
}

static void open_scene(struct scene *scene, struct fixture *fixture)
{
    char url[64];
    struct error error;
    const struct log_task log = {.task_id = "task"};
    *scene = (struct scene){.fixture = fixture, .random = random_seeded(1)};
    scene->client = (struct domain_client){.loop = fixture->loop,
                                           .http = fixture->client,
                                           .random = &scene->random,
                                           .client_id = "the-client",
                                           .request_timeout_ms = 5000,
                                           .want_token = count_wanted,
                                           .context = scene};
    log_configure("test", LOG_FORMAT_TEXT, LOG_LEVEL_ERROR);
    snprintf(url, sizeof url, "http://127.0.0.1:%d/base/", fixture->server.port);
    assert_true(domain_access_init(&scene->access, &scene->client, url, &log, &error));
    scene->access.reach = HTTP_REACH_PRIVATE;
    set_token(scene, "first");
}

static void close_scene(struct scene *scene)
{
    domain_access_clear(&scene->access);
    outcome_clear(&scene->outcome);
}

static void count_attempt(void *context)
{
    struct scene *scene = context;
    scene->attempts++;
}

static bool check(void *context, const struct http_response *response, struct error *error)
{
    struct scene *scene = context;
    (void)response;
    return scene->checks_to_fail-- <= 0 || error_set(error, ERROR_NETWORK, "cut short");
}

static void on_done(void *context, const struct http_response *response, const struct error *failure)
{
    struct scene *scene = context;
    record_done(&scene->outcome, response, failure);
}

static struct domain_request *send_request(struct scene *scene, struct domain_request_spec spec)
{
    spec.method = spec.method ? spec.method : "GET";
    spec.path = "api/v1/x?q=1";
    spec.on_attempt = count_attempt;
    spec.check = check;
    spec.on_done = on_done;
    spec.context = scene;
    return domain_request_send(&scene->access, &spec);
}

static void sends_token_and_client_id_below_the_base_url(void **state)
{
    struct fixture *fixture = *state;
    struct scene scene;
    open_scene(&scene, fixture);
    script(&fixture->server, OK, AFTER_KEEP, 0);
    send_request(&scene, (struct domain_request_spec){0});
    run_until_done(fixture, &scene.outcome);
    assert_int_equal(scene.outcome.status, 200);
    const char *text = fixture->server.texts[0];
    assert_non_null(strstr(text, "GET /base/api/v1/x?q=1 HTTP/1.1\r\n"));
    assert_non_null(strstr(text, "\r\nAuthorization: Bearer first\r\n"));
    assert_non_null(strstr(text, "\r\nposemesh-client-id: the-client\r\n"));
    close_scene(&scene);
}

static void keeps_the_token_from_what_needs_none(void **state)
{
    struct fixture *fixture = *state;
    struct scene scene;
    open_scene(&scene, fixture);
    script(&fixture->server, OK, AFTER_KEEP, 0);
    send_request(&scene, (struct domain_request_spec){.anonymous = true});
    run_until_done(fixture, &scene.outcome);
    assert_null(strstr(fixture->server.texts[0], "Authorization"));
    close_scene(&scene);
}

static void waits_for_another_token_when_one_is_refused(void **state)
{
    struct fixture *fixture = *state;
    struct scene scene;
    open_scene(&scene, fixture);
    script(&fixture->server, REFUSED, AFTER_KEEP, 0);
    script(&fixture->server, OK, AFTER_KEEP, 0);
    send_request(&scene, (struct domain_request_spec){0});
    while (!scene.tokens_wanted)
        turn(fixture);
    assert_int_equal(scene.outcome.done, 0);
    set_token(&scene, "second");
    run_until_done(fixture, &scene.outcome);
    assert_int_equal(scene.outcome.status, 200);
    assert_non_null(strstr(fixture->server.texts[1], "Bearer second"));
    close_scene(&scene);
}

static void waits_with_its_first_try_for_a_token_that_a_restart_lost(void **state)
{
    struct fixture *fixture = *state;
    struct scene scene;
    open_scene(&scene, fixture);
    secret_wipe(&scene.access.token);
    scene.access.token_lost = true;
    scene.access.lease_ends_boot_ms = clock_boot_ms() - 1; /* as it stood before the restart */
    script(&fixture->server, OK, AFTER_KEEP, 0);
    send_request(&scene, (struct domain_request_spec){0});
    assert_int_equal(scene.attempts, 0);
    while (scene.tokens_wanted < 2)
        turn(fixture);
    assert_true(scene.wanted_as_lost);
    assert_int_equal(scene.attempts, 0);
    set_token(&scene, "again");
    run_until_done(fixture, &scene.outcome);
    assert_int_equal(scene.outcome.status, 200);
    assert_non_null(strstr(fixture->server.texts[0], "Bearer again"));
    close_scene(&scene);
}

static void does_not_try_a_refused_token_a_third_time(void **state)
{
    struct fixture *fixture = *state;
    struct scene scene;
    open_scene(&scene, fixture);
    scene.access.lease_ends_boot_ms = clock_boot_ms() + 400;
    script(&fixture->server, REFUSED, AFTER_KEEP, 0);
    script(&fixture->server, REFUSED, AFTER_KEEP, 0);
    send_request(&scene, (struct domain_request_spec){0});
    while (!scene.tokens_wanted)
        turn(fixture);
    set_token(&scene, "first");
    while (scene.attempts < 2 || server_count(&fixture->server, &fixture->server.requests) < 2)
        turn(fixture);
    turn(fixture);
    set_token(&scene, "first");
    run_until_done(fixture, &scene.outcome);
    assert_int_equal(scene.outcome.failure.code, ERROR_UNAUTHORIZED);
    assert_int_equal(scene.attempts, 2);
    close_scene(&scene);
}

/* Not half a minute later: DMS has no other token. */
static void gives_up_when_a_heartbeat_since_the_refusal_brought_no_other_token(void **state)
{
    struct fixture *fixture = *state;
    struct scene scene;
    open_scene(&scene, fixture);
    script(&fixture->server, REFUSED, AFTER_KEEP, 0);
    send_request(&scene, (struct domain_request_spec){0});
    while (!scene.tokens_wanted)
        turn(fixture);
    answer_heartbeat(&scene, "first", clock_boot_ms());
    turn(fixture);
    assert_int_equal(scene.outcome.done, 1);
    assert_int_equal(scene.outcome.failure.code, ERROR_UNAUTHORIZED);
    assert_int_equal(scene.attempts, 1);
    close_scene(&scene);
}

static void waits_past_an_end_of_the_lease_that_moves_on(void **state)
{
    struct fixture *fixture = *state;
    struct scene scene;
    open_scene(&scene, fixture);
    scene.access.lease_ends_boot_ms = clock_boot_ms() + 300;
    script(&fixture->server, BUSY_FOR_A_SECOND, AFTER_KEEP, 0);
    script(&fixture->server, OK, AFTER_KEEP, 0);
    send_request(&scene, (struct domain_request_spec){0});
    run_until_count(fixture, &fixture->server.requests, 1);
    turn(fixture);
    assert_int_equal(scene.outcome.done, 0);
    scene.access.lease_ends_boot_ms += 60000;
    run_until_done(fixture, &scene.outcome);
    assert_int_equal(scene.outcome.status, 200);
    close_scene(&scene);
}

static void gives_up_at_the_end_of_the_lease_and_says_what_failed(void **state)
{
    struct fixture *fixture = *state;
    struct scene scene;
    open_scene(&scene, fixture);
    scene.access.lease_ends_boot_ms = clock_boot_ms() + 300;
    script(&fixture->server, BUSY_FOR_A_SECOND, AFTER_KEEP, 0);
    send_request(&scene, (struct domain_request_spec){0});
    run_until_done(fixture, &scene.outcome);
    assert_int_equal(scene.outcome.failure.status, 503);
    assert_int_equal(scene.attempts, 1);
    close_scene(&scene);
}

static void repeats_what_failed_for_the_moment(void **state)
{
    struct fixture *fixture = *state;
    struct scene scene;
    open_scene(&scene, fixture);
    scene.checks_to_fail = 1;
    script(&fixture->server, BUSY, AFTER_KEEP, 0);
    script(&fixture->server, OK, AFTER_KEEP, 0);
    script(&fixture->server, OK, AFTER_KEEP, 0);
    send_request(&scene, (struct domain_request_spec){0});
    run_until_done(fixture, &scene.outcome);
    assert_int_equal(scene.outcome.status, 200);
    assert_int_equal(scene.attempts, 3);
    close_scene(&scene);
}

static void does_not_repeat_what_cannot_succeed(void **state)
{
    struct fixture *fixture = *state;
    struct scene scene;
    open_scene(&scene, fixture);
    script(&fixture->server, "HTTP/1.1 404 Not Found\r\nContent-Length: 4\r\n\r\nno\nx", AFTER_KEEP, 0);
    script(&fixture->server, "HTTP/1.1 501 No\r\nContent-Length: 0\r\n\r\n", AFTER_KEEP, 0);
    send_request(&scene, (struct domain_request_spec){0});
    run_until_done(fixture, &scene.outcome);
    assert_int_equal(scene.outcome.failure.code, ERROR_NOT_FOUND);
    assert_int_equal(scene.outcome.failure.status, 404);
    char *expected =
        memory_format("GET http://127.0.0.1:%d/base/api/v1/x answered 404: no x", fixture->server.port);
    assert_string_equal(scene.outcome.failure.text, expected);
    free(expected);
    scene.outcome = (struct outcome){0};
    send_request(&scene, (struct domain_request_spec){.final_status = 501});
    run_until_done(fixture, &scene.outcome);
    assert_int_equal(scene.outcome.failure.status, 501);
    assert_int_equal(scene.attempts, 2);
    close_scene(&scene);
}

static void tells_nobody_after_it_was_cancelled(void **state)
{
    struct fixture *fixture = *state;
    struct scene scene;
    open_scene(&scene, fixture);
    script(&fixture->server, REFUSED, AFTER_KEEP, 0);
    struct domain_request *request = send_request(&scene, (struct domain_request_spec){0});
    while (!scene.tokens_wanted)
        turn(fixture);
    domain_request_cancel(request);
    set_token(&scene, "second");
    turn(fixture);
    assert_int_equal(scene.outcome.done, 0);
    assert_int_equal(server_count(&fixture->server, &fixture->server.requests), 1);
    close_scene(&scene);
}

static void refuses_a_server_url_that_paths_cannot_be_joined_to(void **state)
{
    const struct domain_client client = {0};
    const struct log_task log = {0};
    struct domain_access access;
    struct error error;
    (void)state;
    const char *const urls[] = {"", "ftp://x", "x", "http://", "http://x/?a=b", "http://x/#a"};
    for (size_t i = 0; i < sizeof urls / sizeof urls[0]; i++) {
        assert_false(domain_access_init(&access, &client, urls[i], &log, &error));
        assert_int_equal(error.code, ERROR_INVALID);
        domain_access_clear(&access);
    }
}

static void an_answer_of_more_than_a_mebibyte_is_refused(void **state)
{
    struct fixture *fixture = *state;
    enum { MEBIBYTE = 1048576 };
    for (size_t more = 0; more <= 1; more++) {
        struct scene scene;
        char *text = memory_allocate(MEBIBYTE + 200);
        int head = sprintf(text, "HTTP/1.1 200 OK\r\nContent-Length: %zu\r\n\r\n", MEBIBYTE + more);
        memset(text + head, 'x', MEBIBYTE + more);
        open_scene(&scene, fixture);
        script(&fixture->server, text, AFTER_CLOSE, 0);
        send_request(&scene, (struct domain_request_spec){0});
        run_until_done(fixture, &scene.outcome);
        assert_int_equal(scene.outcome.failure.code, more ? ERROR_TOO_LARGE : ERROR_NONE);
        assert_int_equal(scene.outcome.body_bytes, more ? 0 : MEBIBYTE);
        close_scene(&scene);
        free(text);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(sends_token_and_client_id_below_the_base_url, set_up, tear_down),
        cmocka_unit_test_setup_teardown(keeps_the_token_from_what_needs_none, set_up, tear_down),
        cmocka_unit_test_setup_teardown(waits_for_another_token_when_one_is_refused, set_up, tear_down),
        cmocka_unit_test_setup_teardown(waits_with_its_first_try_for_a_token_that_a_restart_lost, set_up,
                                        tear_down),
        cmocka_unit_test_setup_teardown(does_not_try_a_refused_token_a_third_time, set_up, tear_down),
        cmocka_unit_test_setup_teardown(gives_up_when_a_heartbeat_since_the_refusal_brought_no_other_token,
                                        set_up, tear_down),
        cmocka_unit_test_setup_teardown(waits_past_an_end_of_the_lease_that_moves_on, set_up, tear_down),
        cmocka_unit_test_setup_teardown(gives_up_at_the_end_of_the_lease_and_says_what_failed, set_up,
                                        tear_down),
        cmocka_unit_test_setup_teardown(repeats_what_failed_for_the_moment, set_up, tear_down),
        cmocka_unit_test_setup_teardown(does_not_repeat_what_cannot_succeed, set_up, tear_down),
        cmocka_unit_test_setup_teardown(tells_nobody_after_it_was_cancelled, set_up, tear_down),
        cmocka_unit_test(refuses_a_server_url_that_paths_cannot_be_joined_to),
        cmocka_unit_test_setup_teardown(an_answer_of_more_than_a_mebibyte_is_refused, set_up, tear_down),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
