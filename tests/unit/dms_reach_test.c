/* services/leased/dms/dms_reach.h */
#include "services/leased/dms/dms_reach.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

static struct dms_reach reach;

static void note_status(bool of_task, int status)
{
    const struct http_response response = {.status = status,
                                           .request = "GET http://dms:80/v1/tasks?capability=%2Fa",
                                           .body = "",
                                           .date_unix_ms = -1};
    dms_reach_note(&reach, of_task, &(struct dms_answer){.response = &response});
}

static void note_failure(bool of_task, bool no_token)
{
    const struct error error = {.code = ERROR_NETWORK, .text = "GET http://dms:80/v1/tasks: gone"};
    dms_reach_note(&reach, of_task, &(struct dms_answer){.failure = &error, .no_token = no_token});
}

static int set_up(void **state)
{
    (void)state;
    reach = (struct dms_reach){.polls = {.no_token = false}};
    return 0;
}

static void polls_are_fine_with_and_without_work(void **state)
{
    (void)state;
    static const int fine[] = {200, 204, 409};
    for (size_t i = 0; i < sizeof fine / sizeof fine[0]; i++) {
        note_status(false, 500);
        assert_string_not_equal(reach.polls.text, "");
        note_status(false, fine[i]);
        assert_string_equal(reach.polls.text, "");
    }
}

/* 403, 404, 409 and 410 say something about the task (docs/network.md 3.3). */
static void what_is_said_about_a_task_is_no_trouble(void **state)
{
    (void)state;
    static const int fine[] = {200, 204, 400, 403, 404, 409, 410, 422};
    static const int bad[] = {401, 408, 429, 500, 503};
    for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++) {
        note_status(true, bad[i]);
        assert_string_not_equal(reach.tasks.text, "");
        note_status(true, fine[i]);
        assert_string_equal(reach.tasks.text, "");
    }
}

static void who_was_not_reached_is_told_with_the_setting(void **state)
{
    (void)state;
    note_failure(true, false);
    assert_string_equal(reach.tasks.text,
                        "cannot reach DMS (DMS_BASE_URL): GET http://dms:80/v1/tasks: gone");
    assert_string_equal(reach.polls.text, "");
}

static void who_answers_was_reached(void **state)
{
    (void)state;
    note_status(false, 404);
    assert_string_equal(reach.polls.text,
                        "DMS answers GET http://dms:80/v1/tasks with 404: is DMS_BASE_URL right?");
    note_status(false, 503);
    assert_string_equal(reach.polls.text, "DMS does not answer as it should: GET "
                                          "http://dms:80/v1/tasks?capability=%2Fa answered 503");
}

static void a_token_that_is_missing_is_no_word_about_dms(void **state)
{
    (void)state;
    note_failure(true, true);
    assert_true(reach.tasks.no_token);
    assert_string_equal(reach.tasks.text, "");
    note_status(true, 200);
    assert_false(reach.tasks.no_token);
}

/* Else the trouble of a task that was lost with its lease would last for ever. */
static void an_answered_poll_ends_the_trouble_of_tasks(void **state)
{
    (void)state;
    note_failure(true, false);
    note_failure(false, true);
    assert_string_not_equal(reach.tasks.text, "");
    note_status(false, 204);
    assert_string_equal(reach.tasks.text, "");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup(polls_are_fine_with_and_without_work, set_up),
        cmocka_unit_test_setup(what_is_said_about_a_task_is_no_trouble, set_up),
        cmocka_unit_test_setup(who_was_not_reached_is_told_with_the_setting, set_up),
        cmocka_unit_test_setup(who_answers_was_reached, set_up),
        cmocka_unit_test_setup(a_token_that_is_missing_is_no_word_about_dms, set_up),
        cmocka_unit_test_setup(an_answered_poll_ends_the_trouble_of_tasks, set_up),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
