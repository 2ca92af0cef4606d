#include "services/leased/hosts/runner_hosts.h"

#include "libcommon/base/memory.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* Stands in for libcommon's: the hosts answer requests, and that is all they do with them. */
struct ipc_request {
    bool welcome_expected;
    bool answered;
    int64_t sequence;
    char action[16];
    size_t expected_count;
    enum error_code failure;
};

void ipc_answer(struct ipc_request *request, const void *answer)
{
    assert_false(request->answered);
    request->answered = true;
    if (request->welcome_expected) {
        request->expected_count = ((const struct message_host_welcome *)answer)->expected.count;
        return;
    }
    const struct message_host_command *command = answer;
    request->sequence = command->sequence;
    snprintf(request->action, sizeof request->action, "%s", command->action);
}

void ipc_fail(struct ipc_request *request, const struct error *error)
{
    assert_false(request->answered);
    request->answered = true;
    request->failure = error->code;
}

struct fixture {
    struct runner_hosts *hosts;
    char capabilities[128];
    int slots_changed;
    struct runner_host *gone;
};

static void on_capabilities(void *context, const struct text_list *capabilities)
{
    struct fixture *fixture = context;
    int used = 0;
    fixture->capabilities[0] = '\0';
    for (size_t i = 0; i < capabilities->count; i++)
        used += snprintf(fixture->capabilities + used, sizeof fixture->capabilities - (size_t)used, "%s ",
                         capabilities->items[i]);
}

static void on_slots(void *context)
{
    ((struct fixture *)context)->slots_changed++;
}

static void on_gone(void *context, struct runner_host *host)
{
    ((struct fixture *)context)->gone = host;
}

static int set_up(void **state)
{
    struct fixture *fixture = calloc(1, sizeof *fixture);
    const struct runner_hosts_events events = {on_capabilities, on_slots, on_gone, fixture};
    fixture->hosts = runner_hosts_create(&events);
    *state = fixture;
    return 0;
}

static int tear_down(void **state)
{
    struct fixture *fixture = *state;
    runner_hosts_free(fixture->hosts);
    free(fixture);
    return 0;
}

static struct ipc_request hello(struct fixture *fixture, const char *id, const char *name,
                                const char *capability, int64_t slots, int64_t now_ms)
{
    struct ipc_request request = {.welcome_expected = true};
    struct message_capability one = {.name = memory_copy_text(capability), .max_concurrency = slots};
    struct message_host_hello message = {
        .host_id = memory_copy_text(id), .host_name = memory_copy_text(name), .capabilities = {&one, 1}};
    const struct text_list expected = {NULL, 0};
    runner_hosts_hello(fixture->hosts, &request, &message, &expected, now_ms);
    free(one.name);
    free(message.host_id);
    free(message.host_name);
    return request;
}

static void next(struct fixture *fixture, struct ipc_request *request, const char *id, int64_t acknowledged,
                 int64_t now_ms)
{
    const struct message_host_next message = {.host_id = memory_copy_text(id), .acknowledged = acknowledged};
    *request = (struct ipc_request){.answered = false};
    runner_hosts_next(fixture->hosts, request, &message, now_ms);
    free(message.host_id);
}

static struct runner_host *start_job(struct fixture *fixture, const char *capability, const char *key)
{
    struct runner_host *host = runner_hosts_find_slot(fixture->hosts, capability);
    struct message_host_command command = {.capability = memory_copy_text(capability)};
    assert_non_null(host);
    secret_assign(&command.task_key, key, strlen(key));
    runner_host_command(host, COMMAND_start, &command);
    secret_wipe(&command.task_key);
    free(command.capability);
    return host;
}

/* Polls are static: one that is still held is answered when the hosts are freed. */

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

#define HOSTS_TEST(test) cmocka_unit_test_setup_teardown(test, set_up, tear_down)

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
        HOSTS_TEST(refuses_more_hosts_than_its_limit),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
