/* services/leased/hosts/runner_hosts.h: capabilities and slots of several hosts. */
#include "tests/unit/runner_hosts_fixture.h"

static void only_starts_take_slots_and_each_capability_has_its_own(void **state)
{
    struct fixture *fixture = *state;
    struct message_capability two[] = {{.name = memory_copy_text("/x"), .max_concurrency = 2},
                                       {.name = memory_copy_text("/y"), .max_concurrency = 1}};
    char id[] = "id";
    const struct message_host_hello message = {.host_id = id, .host_name = id, .capabilities = {two, 2}};
    const struct text_list nothing = {NULL, 0};
    struct ipc_request request = {.welcome_expected = true};
    runner_hosts_hello(fixture->hosts, &request, &message, &nothing, 0);
    assert_string_equal(fixture->capabilities, "/x /y ");
    struct runner_host *host = start_job(fixture, "/x", "key1");
    assert_non_null(runner_hosts_find_slot(fixture->hosts, "/x"));
    runner_host_command(host, COMMAND_cancel, &(struct message_host_command){0});
    start_job(fixture, "/x", "key2");
    assert_null(runner_hosts_find_slot(fixture->hosts, "/x"));
    assert_non_null(runner_hosts_find_slot(fixture->hosts, "/y"));
    assert_null(runner_hosts_find_slot(fixture->hosts, "/z"));
    assert_false(runner_hosts_offer(fixture->hosts, "/z"));
    runner_host_release(host, "/y"); /* nothing runs there: no slot comes of it */
    start_job(fixture, "/y", "key3");
    assert_null(runner_hosts_find_slot(fixture->hosts, "/y"));
    /* Saying hello again with more slots keeps the jobs, and gives the rest. */
    two[0].max_concurrency = 3;
    request = (struct ipc_request){.welcome_expected = true};
    runner_hosts_hello(fixture->hosts, &request, &message, &nothing, 0);
    start_job(fixture, "/x", "key4");
    assert_null(runner_hosts_find_slot(fixture->hosts, "/x"));
    free(two[0].name);
    free(two[1].name);
}

static void say(struct fixture *fixture, struct message_capability *capabilities, size_t count,
                int64_t now_ms)
{
    char id[] = "id";
    const struct text_list nothing = {NULL, 0};
    const struct message_host_hello message = {
        .host_id = id, .host_name = id, .capabilities = {capabilities, count}};
    struct ipc_request request = {.welcome_expected = true};
    runner_hosts_hello(fixture->hosts, &request, &message, &nothing, now_ms);
}

static void assert_known(const struct fixture *fixture, size_t count)
{
    struct text_list known = runner_hosts_known(fixture->hosts);
    assert_int_equal(known.count, count);
    text_list_clear(&known);
}

static void a_withdrawn_capability_is_not_offered_and_keeps_its_jobs(void **state)
{
    struct fixture *fixture = *state;
    char x[] = "/x";
    char y[] = "/y";
    struct message_capability both[] = {{.name = y, .max_concurrency = 1}, {.name = x, .max_concurrency = 2}};
    say(fixture, both, 2, 0);
    struct runner_host *host = start_job(fixture, "/x", "key1");
    say(fixture, both, 1, 1000);
    assert_string_equal(fixture->capabilities, "/y ");
    assert_false(runner_hosts_offer(fixture->hosts, "/x"));
    assert_null(runner_hosts_find_slot(fixture->hosts, "/x"));
    assert_int_equal(runner_hosts_count_free(fixture->hosts, "/x"), 0);
    /* DMS is asked for others by name: it may not know yet. */
    assert_known(fixture, 2);
    /* Offered again, the job counts: one more may run, not two. */
    say(fixture, both, 2, 2000);
    assert_string_equal(fixture->capabilities, "/x /y ");
    assert_int_equal(runner_hosts_count_free(fixture->hosts, "/x"), 1);
    runner_host_release(host, "/x");
    assert_int_equal(runner_hosts_count_free(fixture->hosts, "/x"), 2);
    say(fixture, NULL, 0, 3000);
    assert_string_equal(fixture->capabilities, "");
    assert_false(runner_hosts_can_work(fixture->hosts));
}

static void a_withdrawn_capability_is_forgotten_a_minute_after_or_with_its_last_job(void **state)
{
    struct fixture *fixture = *state;
    static struct ipc_request poll;
    char x[] = "/x";
    char y[] = "/y";
    struct message_capability both[] = {{.name = x, .max_concurrency = 2}, {.name = y, .max_concurrency = 1}};
    say(fixture, both, 2, 0);
    struct runner_host *host = start_job(fixture, "/x", "key1");
    say(fixture, both, 0, 1000);
    next(fixture, &poll, "id", 1, 60999);
    /* Saying it once more does not begin the time anew. */
    say(fixture, both, 0, 50000);
    runner_hosts_tick(fixture->hosts, 60999);
    assert_known(fixture, 2);
    runner_hosts_tick(fixture->hosts, 61000);
    assert_known(fixture, 1);
    runner_host_release(host, "/x");
    runner_hosts_tick(fixture->hosts, 62000);
    assert_known(fixture, 0);
}

static void a_new_start_that_offers_less_has_withdrawn_the_rest(void **state)
{
    struct fixture *fixture = *state;
    hello(fixture, "id1", "host", "/x", 1, 0);
    start_job(fixture, "/x", "key1");
    hello(fixture, "id2", "host", "/y", 1, 1000);
    assert_string_equal(fixture->capabilities, "/y ");
    assert_known(fixture, 2);
    /* Its job died with the start before. */
    hello(fixture, "id3", "host", "/x", 1, 2000);
    assert_int_equal(runner_hosts_count_free(fixture->hosts, "/x"), 1);
    assert_known(fixture, 2);
}

static void a_hello_says_what_may_be_mended(void **state)
{
    struct fixture *fixture = *state;
    static struct ipc_request poll;
    hello(fixture, "id1", "host1", "/x", 1, 0);
    assert_string_equal(fixture->mended, "/x ");
    hello(fixture, "id1", "host1", "/y", 1, 0);
    assert_string_equal(fixture->mended, "/y ");
    hello(fixture, "id2", "host2", "/y", 1, 0);
    assert_string_equal(fixture->mended, "/y ");
    /* Another start of the host that offered /y before. */
    hello(fixture, "id3", "host1", "/y", 1, 1000);
    assert_string_equal(fixture->mended, "/y ");
    next(fixture, &poll, "id3", 0, 1000);
    runner_hosts_tick(fixture->hosts, 60000);
    assert_string_equal(fixture->capabilities, "/y ");
    assert_string_equal(fixture->mended, "");
}

static void a_job_of_what_was_never_offered_gives_no_place_back(void **state)
{
    struct fixture *fixture = *state;
    hello(fixture, "id", "host", "/x", 1, 0);
    struct runner_host *host = start_job(fixture, "/x", "key1");
    runner_host_release(host, "/never");
    assert_int_equal(runner_hosts_count_free(fixture->hosts, "/x"), 0);
    assert_int_equal(runner_hosts_count_free(fixture->hosts, "/never"), 0);
    assert_known(fixture, 1);
}

static void a_host_hears_which_of_its_jobs_are_believed_in(void **state)
{
    struct fixture *fixture = *state;
    char id[] = "id";
    char *keys[] = {id, id};
    struct message_capability one = {.name = id, .max_concurrency = 1};
    const struct message_host_hello message = {.host_id = id, .host_name = id, .capabilities = {&one, 1}};
    const struct text_list expected = {keys, 2};
    struct ipc_request request = {.welcome_expected = true};
    int before = fixture->slots_changed;
    runner_hosts_hello(fixture->hosts, &request, &message, &expected, 0);
    assert_true(request.answered);
    assert_int_equal(request.expected_count, 2);
    assert_int_equal(fixture->slots_changed, before + 1);
}

static void capabilities_of_all_hosts_are_told_sorted_and_once(void **state)
{
    struct fixture *fixture = *state;
    hello(fixture, "id1", "host1", "/b", 1, 0);
    hello(fixture, "id2", "host2", "/a", 1, 0);
    hello(fixture, "id3", "host3", "/b", 1, 0);
    assert_string_equal(fixture->capabilities, "/a /b ");
    assert_int_equal(runner_hosts_count(fixture->hosts), 3);
    /* One that is busy does not keep the other from being found. */
    start_job(fixture, "/b", "key1");
    start_job(fixture, "/b", "key2");
    assert_null(runner_hosts_find_slot(fixture->hosts, "/b"));
}

static void a_host_that_waits_is_there_and_one_that_polls_again_too(void **state)
{
    struct fixture *fixture = *state;
    static struct ipc_request poll;
    hello(fixture, "id", "host", "/x", 1, 0);
    next(fixture, &poll, "id", 0, 20000);
    runner_hosts_tick(fixture->hosts, 34999);
    assert_false(poll.answered);
    runner_hosts_tick(fixture->hosts, 35000);
    assert_true(poll.answered);
    assert_string_equal(poll.action, "none");
    assert_int_equal(poll.sequence, 0);
    runner_hosts_tick(fixture->hosts, 64999);
    assert_null(fixture->gone);
    next(fixture, &poll, "id", 0, 64999);
    runner_hosts_tick(fixture->hosts, 65000);
    assert_null(fixture->gone);
    hello(fixture, "id", "host", "/x", 1, 70000);
    assert_int_equal(runner_hosts_count(fixture->hosts), 1);
}

static void a_host_that_went_away_and_came_back_is_the_same_host_anew(void **state)
{
    struct fixture *fixture = *state;
    static struct ipc_request poll;
    hello(fixture, "id", "host", "/x", 1, 0);
    start_job(fixture, "/x", "key1");
    runner_hosts_tick(fixture->hosts, 30000);
    assert_non_null(fixture->gone);
    assert_int_equal(runner_hosts_count(fixture->hosts), 0);
    next(fixture, &poll, "id", 0, 31000);
    assert_int_equal(poll.failure, ERROR_NOT_FOUND);
    fixture->gone = NULL;
    hello(fixture, "id", "host", "/x", 1, 32000);
    assert_null(fixture->gone); /* its jobs were given up before */
    assert_int_equal(runner_hosts_count(fixture->hosts), 1);
    assert_true(runner_hosts_can_work(fixture->hosts));
    assert_non_null(runner_hosts_find_slot(fixture->hosts, "/x"));
    runner_hosts_tick(fixture->hosts, 61999);
    assert_string_equal(fixture->capabilities, "/x ");
}

static void a_new_start_replaces_nobody_but_itself(void **state)
{
    struct fixture *fixture = *state;
    hello(fixture, "id1", "host1", "/x", 1, 0);
    hello(fixture, "id2", "host2", "/y", 1, 0);
    hello(fixture, "id3", "host3", "/z", 1, 0);
    hello(fixture, "id4", "host2", "/y", 1, 0);
    assert_int_equal(runner_hosts_count(fixture->hosts), 3);
    assert_string_equal(fixture->capabilities, "/x /y /z ");
    runner_hosts_free(NULL);
}

static void a_capability_without_a_name_is_refused_and_a_host_without_any_works_not(void **state)
{
    struct fixture *fixture = *state;
    assert_int_equal(hello(fixture, "id", "host", "", 1, 0).failure, ERROR_INVALID);
    assert_false(runner_hosts_can_work(fixture->hosts));
    char id[] = "id";
    struct message_capability two[] = {{.name = id, .max_concurrency = 1},
                                       {.name = id, .max_concurrency = 0}};
    struct message_host_hello message = {.host_id = id, .host_name = id, .capabilities = {two, 2}};
    const struct text_list nothing = {NULL, 0};
    struct ipc_request request = {.welcome_expected = true};
    runner_hosts_hello(fixture->hosts, &request, &message, &nothing, 0);
    assert_int_equal(request.failure, ERROR_INVALID);
    assert_false(runner_hosts_can_work(fixture->hosts));
    message.capabilities.count = 0;
    request = (struct ipc_request){.welcome_expected = true};
    runner_hosts_hello(fixture->hosts, &request, &message, &nothing, 0);
    assert_true(request.answered);
    assert_false(runner_hosts_can_work(fixture->hosts));
    assert_string_equal(fixture->capabilities, "");
}

/* Who writes it may write anything. */
static void why_a_host_can_run_nothing_is_kept_on_one_line_until_its_next_hello(void **state)
{
    struct fixture *fixture = *state;
    char id[] = "id";
    char why[] = "no capability works:\n\x1b[2J a.json";
    struct text_list expected = {NULL, 0};
    struct ipc_request request = {.welcome_expected = true};
    struct message_host_hello message = {.host_id = id, .host_name = id, .why_nothing = why};
    assert_null(runner_hosts_why_nothing(fixture->hosts));
    runner_hosts_hello(fixture->hosts, &request, &message, &expected, 0);
    assert_string_equal(runner_hosts_why_nothing(fixture->hosts), "no capability works:  [2J a.json");
    struct ipc_request again = {.welcome_expected = true};
    message.why_nothing = NULL;
    runner_hosts_hello(fixture->hosts, &again, &message, &expected, 0);
    assert_null(runner_hosts_why_nothing(fixture->hosts));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        HOSTS_TEST(only_starts_take_slots_and_each_capability_has_its_own),
        HOSTS_TEST(a_withdrawn_capability_is_not_offered_and_keeps_its_jobs),
        HOSTS_TEST(a_withdrawn_capability_is_forgotten_a_minute_after_or_with_its_last_job),
        HOSTS_TEST(a_new_start_that_offers_less_has_withdrawn_the_rest),
        HOSTS_TEST(a_hello_says_what_may_be_mended),
        HOSTS_TEST(a_job_of_what_was_never_offered_gives_no_place_back),
        HOSTS_TEST(a_host_hears_which_of_its_jobs_are_believed_in),
        HOSTS_TEST(capabilities_of_all_hosts_are_told_sorted_and_once),
        HOSTS_TEST(a_host_that_waits_is_there_and_one_that_polls_again_too),
        HOSTS_TEST(a_host_that_went_away_and_came_back_is_the_same_host_anew),
        HOSTS_TEST(a_new_start_replaces_nobody_but_itself),
        HOSTS_TEST(a_capability_without_a_name_is_refused_and_a_host_without_any_works_not),
        HOSTS_TEST(why_a_host_can_run_nothing_is_kept_on_one_line_until_its_next_hello),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
