/* Runner hosts whose requests are looked at instead of answered. Polls in tests are static: one that is still
 * held is answered when the hosts are freed. */
#ifndef TESTS_UNIT_RUNNER_HOSTS_FIXTURE_H
#define TESTS_UNIT_RUNNER_HOSTS_FIXTURE_H

#include "libcommon/base/memory.h"
#include "services/leased/hosts/runner_hosts.h"

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
    char mended[128]; /* with the last change */
    int slots_changed;
    struct runner_host *gone;
};

static void join(const struct text_list *list, char out[128])
{
    int used = 0;
    out[0] = '\0';
    for (size_t i = 0; i < list->count; i++)
        used += snprintf(out + used, 128 - (size_t)used, "%s ", list->items[i]);
}

static void on_capabilities(void *context, const struct text_list *capabilities,
                            const struct text_list *mended)
{
    struct fixture *fixture = context;
    join(capabilities, fixture->capabilities);
    join(mended, fixture->mended);
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

#define HOSTS_TEST(test) cmocka_unit_test_setup_teardown(test, set_up, tear_down)

#endif
