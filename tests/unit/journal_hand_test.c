/* services/stored/journal/journal.h: the requests in hand, and the deaths that count against them. */
#include "tests/unit/journal_fixture.h"

static const struct journal_request put_of_test = {TASK, "artifact_put", "a.bin"};

static void a_crash_counts_against_what_was_in_hand(void **state)
{
    struct fixture *fixture = *state;
    const struct journal_request input = {TASK, "input_materialize", "cid"};
    const struct journal_request answered = {TASK, "artifact_put", "b.bin"};
    struct error error;
    open_session(fixture, TASK, "");
    journal_input_asked(fixture->journal, TASK, "cid"); /* begins again at each start */
    for (int deaths = 1; deaths <= 3; deaths++) {
        assert_true(journal_check_deaths(fixture->journal, &put_of_test, &error));
        assert_true(journal_request_taken(fixture->journal, &put_of_test) > 0);
        journal_request_answered(fixture->journal, journal_request_taken(fixture->journal, &answered));
        open_again(fixture, BOOT);
        journal_deaths_count(fixture->journal, true);
        assert_int_equal(journal_deaths(fixture->journal, &put_of_test), deaths);
        assert_int_equal(journal_deaths(fixture->journal, &input), deaths);
        assert_int_equal(journal_deaths(fixture->journal, &answered), 0);
    }
    assert_false(journal_check_deaths(fixture->journal, &put_of_test, &error));
    assert_int_equal(error.code, ERROR_SYSTEM);
}

static void another_end_counts_for_nothing_and_an_answer_forgets(void **state)
{
    struct fixture *fixture = *state;
    open_session(fixture, TASK, "");
    journal_request_taken(fixture->journal, &put_of_test);
    journal_deaths_count(fixture->journal, false);
    journal_deaths_count(fixture->journal, true); /* it is in hand no more */
    assert_int_equal(journal_deaths(fixture->journal, &put_of_test), 0);
    journal_request_taken(fixture->journal, &put_of_test);
    journal_deaths_count(fixture->journal, true);
    assert_int_equal(journal_deaths(fixture->journal, &put_of_test), 1);
    journal_request_answered(fixture->journal, journal_request_taken(fixture->journal, &put_of_test));
    assert_int_equal(journal_deaths(fixture->journal, &put_of_test), 0);
    journal_request_answered(fixture->journal, 0);
}

static void a_request_of_no_session_is_not_kept(void **state)
{
    struct fixture *fixture = *state;
    assert_int_equal(journal_request_taken(fixture->journal, &put_of_test), 0);
}

/* Of the same task, and of the same operation and name of another task. */
static void an_answer_forgets_nothing_of_other_requests(void **state)
{
    struct fixture *fixture = *state;
    const struct journal_request others[] = {{TASK, "artifact_put", "b.bin"},
                                             {TASK, "artifact_open", "a.bin"},
                                             {"task-2", "artifact_put", "a.bin"}};
    open_session(fixture, TASK, "");
    open_session(fixture, "task-2", "");
    for (size_t i = 0; i < sizeof others / sizeof others[0]; i++) {
        assert_int_equal(journal_deaths(fixture->journal, &others[i]), 0);
        journal_request_taken(fixture->journal, &others[i]);
    }
    journal_request_answered(fixture->journal, journal_request_taken(fixture->journal, &put_of_test));
    for (int deaths = 1; deaths <= 2; deaths++) {
        journal_deaths_count(fixture->journal, true);
        assert_int_equal(journal_deaths(fixture->journal, &put_of_test), 0);
        for (size_t i = 0; i < sizeof others / sizeof others[0]; i++) {
            assert_int_equal(journal_deaths(fixture->journal, &others[i]), deaths);
            journal_request_taken(fixture->journal, &others[i]);
        }
        journal_request_answered(fixture->journal, journal_request_taken(fixture->journal, &put_of_test));
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        WITH_JOURNAL(a_crash_counts_against_what_was_in_hand),
        WITH_JOURNAL(another_end_counts_for_nothing_and_an_answer_forgets),
        WITH_JOURNAL(a_request_of_no_session_is_not_kept),
        WITH_JOURNAL(an_answer_forgets_nothing_of_other_requests),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
