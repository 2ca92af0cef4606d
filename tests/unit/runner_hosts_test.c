/* services/leased/hosts/runner_hosts.h: commands, polls, hosts that come and go. */
#include "tests/unit/runner_hosts_fixture.h"

static void a_command_is_given_again_until_it_is_acknowledged(void **state)
{
    struct fixture *fixture = *state;
    static struct ipc_request poll;
    hello(fixture, "id", "host", "/x", 3, 0);
    next(fixture, &poll, "id", 0, 0);
    assert_false(poll.answered);
    struct runner_host *host = start_job(fixture, "/x", "key1");
    assert_true(poll.answered);
    assert_int_equal(poll.sequence, 1);
    start_job(fixture, "/x", "key2");
    struct secret key = SECRET_EMPTY;
    secret_assign(&key, "key1", 4);
    assert_true(runner_host_has_command(host, &key));
    next(fixture, &poll, "id", 0, 1); /* the answer got lost */
    assert_int_equal(poll.sequence, 1);
    next(fixture, &poll, "id", 1, 2);
    assert_int_equal(poll.sequence, 2);
    assert_false(runner_host_has_command(host, &key));
    next(fixture, &poll, "id", 2, 3);
    assert_false(poll.answered);
    secret_wipe(&key);
}

static void a_host_that_counts_on_from_before_still_gets_its_commands(void **state)
{
    struct fixture *fixture = *state;
    static struct ipc_request poll;
    hello(fixture, "id", "host", "/x", 1, 0);
    start_job(fixture, "/x", "key1");
    next(fixture, &poll, "id", 7, 0);
    assert_true(poll.answered);
    assert_int_equal(poll.sequence, 8);
    assert_string_equal(poll.action, "start");
    next(fixture, &poll, "id", INT64_MAX, 0);
    assert_int_equal(poll.failure, ERROR_INVALID);
}

static void a_poll_ends_with_nothing_in_time_and_a_repeated_one_at_once(void **state)
{
    struct fixture *fixture = *state;
    static struct ipc_request first;
    static struct ipc_request second;
    hello(fixture, "id", "host", "/x", 1, 0);
    next(fixture, &first, "id", 0, 0);
    next(fixture, &second, "id", 0, 10);
    assert_true(first.answered);
    assert_string_equal(first.action, "none");
    runner_hosts_tick(fixture->hosts, 14000);
    assert_false(second.answered);
    runner_hosts_tick(fixture->hosts, 15010);
    assert_true(second.answered);
    assert_int_equal(second.sequence, 0);
}

static void an_unknown_host_is_sent_to_say_hello(void **state)
{
    static struct ipc_request poll;
    next(*state, &poll, "nobody", 0, 0);
    assert_int_equal(poll.failure, ERROR_NOT_FOUND);
}

static void slots_are_taken_by_starts_and_given_back(void **state)
{
    struct fixture *fixture = *state;
    hello(fixture, "id", "host", "/x", 1, 0);
    assert_true(runner_hosts_can_work(fixture->hosts));
    struct runner_host *host = start_job(fixture, "/x", "key1");
    assert_null(runner_hosts_find_slot(fixture->hosts, "/x"));
    assert_true(runner_hosts_offer(fixture->hosts, "/x"));
    hello(fixture, "id", "host", "/x", 1, 1); /* the same start of the host keeps its jobs */
    assert_null(runner_hosts_find_slot(fixture->hosts, "/x"));
    int before = fixture->slots_changed;
    runner_host_release(host, "/x");
    assert_int_equal(fixture->slots_changed, before + 1);
    assert_non_null(runner_hosts_find_slot(fixture->hosts, "/x"));
}

static void a_silent_host_loses_its_jobs_at_30_s_and_its_capabilities_at_60_s(void **state)
{
    struct fixture *fixture = *state;
    hello(fixture, "id", "host", "/x", 1, 0);
    assert_string_equal(fixture->capabilities, "/x ");
    runner_hosts_tick(fixture->hosts, 29999);
    assert_null(fixture->gone);
    runner_hosts_tick(fixture->hosts, 30000);
    assert_non_null(fixture->gone);
    assert_true(runner_hosts_offer(fixture->hosts, "/x"));
    assert_null(runner_hosts_find_slot(fixture->hosts, "/x"));
    assert_false(runner_hosts_can_work(fixture->hosts));
    assert_string_equal(fixture->capabilities, "/x ");
    int before = fixture->slots_changed;
    runner_hosts_tick(fixture->hosts, 60000);
    assert_string_equal(fixture->capabilities, "");
    assert_false(runner_hosts_offer(fixture->hosts, "/x"));
    /* Tasks that wait for the capability have to hear of it. */
    assert_int_equal(fixture->slots_changed, before + 1);
}

static void a_new_start_of_a_host_replaces_the_one_before(void **state)
{
    struct fixture *fixture = *state;
    static struct ipc_request poll;
    hello(fixture, "id1", "host", "/x", 1, 0);
    next(fixture, &poll, "id1", 0, 0);
    hello(fixture, "id2", "host", "/y", 1, 5);
    assert_non_null(fixture->gone);
    assert_int_equal(poll.failure, ERROR_NOT_FOUND);
    assert_int_equal(runner_hosts_count(fixture->hosts), 1);
    assert_string_equal(fixture->capabilities, "/y ");
}

static void refuses_a_capability_without_a_slot(void **state)
{
    struct fixture *fixture = *state;
    struct ipc_request request = hello(fixture, "id", "host", "/x", 0, 0);
    assert_int_equal(request.failure, ERROR_INVALID);
    assert_int_equal(runner_hosts_count(fixture->hosts), 0);
}

/* One that is away keeps its capabilities for a minute, and has no place any more. */
static void a_hello_that_is_refused_changes_nothing(void **state)
{
    struct fixture *fixture = *state;
    hello(fixture, "away", "away", "/away", 1, 0);
    runner_hosts_tick(fixture->hosts, 30000);
    for (int i = 0; i < 16; i++) {
        char id[8];
        snprintf(id, sizeof id, "id%d", i);
        assert_int_equal(hello(fixture, id, id, "/x", 1, 30000).failure, ERROR_NONE);
    }
    assert_int_equal(hello(fixture, "back", "away", "/away", 1, 30001).failure, ERROR_UNAVAILABLE);
    assert_true(runner_hosts_offer(fixture->hosts, "/away"));
    /* The new start of one that is there takes its place. */
    assert_int_equal(hello(fixture, "new", "id3", "/y", 1, 30002).failure, ERROR_NONE);
    assert_int_equal(runner_hosts_count(fixture->hosts), 16);
}

static void counts_what_could_run_now(void **state)
{
    struct fixture *fixture = *state;
    hello(fixture, "a", "a", "/x", 2, 0);
    hello(fixture, "b", "b", "/x", 1, 0);
    hello(fixture, "c", "c", "/w", 1, 0);
    assert_int_equal(runner_hosts_count_free(fixture->hosts, "/x"), 3);
    start_job(fixture, "/x", "key");
    assert_int_equal(runner_hosts_count_free(fixture->hosts, "/x"), 2);
    assert_int_equal(runner_hosts_count_free(fixture->hosts, "/none"), 0);
    struct text_list all = runner_hosts_capabilities(fixture->hosts);
    assert_int_equal(all.count, 2);
    assert_string_equal(all.items[0], "/w");
    text_list_clear(&all);
    runner_hosts_tick(fixture->hosts, 30000);
    assert_int_equal(runner_hosts_count_free(fixture->hosts, "/x"), 0);
}

static void refuses_more_hosts_than_its_limit(void **state)
{
    struct fixture *fixture = *state;
    char id[16];
    for (int i = 0; i < 16; i++) {
        snprintf(id, sizeof id, "host%d", i);
        assert_int_equal(hello(fixture, id, id, "/x", 1, 0).failure, ERROR_NONE);
    }
    assert_int_equal(hello(fixture, "more", "more", "/x", 1, 0).failure, ERROR_UNAVAILABLE);
}

static void commands_keep_their_order_and_their_numbers(void **state)
{
    struct fixture *fixture = *state;
    static struct ipc_request poll;
    hello(fixture, "id", "host", "/x", 9, 0);
    for (int i = 1; i <= 3; i++)
        start_job(fixture, "/x", i == 1 ? "key1" : i == 2 ? "key2" : "key3");
    for (int64_t acknowledged = 0; acknowledged < 3; acknowledged++) {
        next(fixture, &poll, "id", acknowledged, 0);
        assert_int_equal(poll.sequence, acknowledged + 1);
    }
    /* What was acknowledged before is no news. */
    next(fixture, &poll, "id", 1, 0);
    assert_int_equal(poll.sequence, 3);
    next(fixture, &poll, "id", -1, 0);
    assert_int_equal(poll.failure, ERROR_INVALID);
    next(fixture, &poll, "id", INT64_MAX / 2 + 1, 0);
    assert_int_equal(poll.failure, ERROR_INVALID);
    next(fixture, &poll, "id", 3, 0);
    assert_false(poll.answered);
}

static void commands_that_wait_are_numbered_anew_behind_those_a_host_counts(void **state)
{
    struct fixture *fixture = *state;
    static struct ipc_request poll;
    hello(fixture, "id", "host", "/x", 9, 0);
    start_job(fixture, "/x", "key1");
    start_job(fixture, "/x", "key2");
    next(fixture, &poll, "id", 7, 0);
    assert_int_equal(poll.sequence, 8);
    next(fixture, &poll, "id", 8, 0);
    assert_int_equal(poll.sequence, 9);
    start_job(fixture, "/x", "key3");
    next(fixture, &poll, "id", 9, 0);
    assert_int_equal(poll.sequence, 10);
    next(fixture, &poll, "id", INT64_MAX / 2, 0);
    assert_int_equal(poll.sequence, INT64_MAX / 2 + 1);
}

static void a_command_is_looked_for_by_its_task(void **state)
{
    struct fixture *fixture = *state;
    static struct ipc_request poll;
    struct secret key = SECRET_EMPTY;
    hello(fixture, "id", "host", "/x", 9, 0);
    struct runner_host *host = start_job(fixture, "/x", "key1");
    start_job(fixture, "/x", "key2");
    assert_string_equal(runner_host_id(host), "id");
    secret_assign(&key, "key2", 4);
    assert_true(runner_host_has_command(host, &key));
    next(fixture, &poll, "id", 1, 0);
    assert_true(runner_host_has_command(host, &key));
    next(fixture, &poll, "id", 2, 0);
    assert_false(runner_host_has_command(host, &key));
    secret_wipe(&key);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        HOSTS_TEST(a_command_is_given_again_until_it_is_acknowledged),
        HOSTS_TEST(a_host_that_counts_on_from_before_still_gets_its_commands),
        HOSTS_TEST(a_poll_ends_with_nothing_in_time_and_a_repeated_one_at_once),
        HOSTS_TEST(an_unknown_host_is_sent_to_say_hello),
        HOSTS_TEST(slots_are_taken_by_starts_and_given_back),
        HOSTS_TEST(a_silent_host_loses_its_jobs_at_30_s_and_its_capabilities_at_60_s),
        HOSTS_TEST(a_new_start_of_a_host_replaces_the_one_before),
        HOSTS_TEST(refuses_a_capability_without_a_slot),
        HOSTS_TEST(a_hello_that_is_refused_changes_nothing),
        HOSTS_TEST(counts_what_could_run_now),
        HOSTS_TEST(refuses_more_hosts_than_its_limit),
        HOSTS_TEST(commands_keep_their_order_and_their_numbers),
        HOSTS_TEST(commands_that_wait_are_numbered_anew_behind_those_a_host_counts),
        HOSTS_TEST(a_command_is_looked_for_by_its_task),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
