/*
 * Feeds an envelope of DMS and, behind a byte 0x1e, the answer to a heartbeat of it.
 *
 * A lease that was decoded has ids that are UUIDs, texts within their limits and the task's text byte for
 * byte; it fits into the messages that it is passed on with. A bad heartbeat answer changes nothing.
 */
#include "services/leased/dms/lease.h"

#include "libcommon/base/limits.h"
#include "libcommon/base/uuid.h"
#include "libcommon/http/url.h"
#include "libcommon/json/json_text.h"
#include "libcommon/node/messages.h"
#include "tests/fuzz/fuzz.h"

#include <stdlib.h>
#include <string.h>

static const char separator = 0x1e;

static void expect_fits(const struct message_type *type, const void *message)
{
    struct error error = fuzz_no_error();
    size_t length = 0;
    char *bytes = message_encode(type, message, &length, &error);
    fuzz_expect(bytes && length <= LIMIT_MESSAGE_BYTES, "a lease can be passed on");
    free(bytes);
}

/* The structs borrow what the lease owns. */
static void check_messages(const struct lease *lease)
{
    static char start[] = "start";
    static char key[] = "00000000000000000000000000000000";
    struct message_host_command command = {.sequence = 1,
                                           .action = start,
                                           .task_key = {.bytes = key, .length = sizeof key - 1},
                                           .task_id = lease->task_id,
                                           .job_id = lease->job_id,
                                           .domain_id = lease->domain_id,
                                           .capability = lease->capability,
                                           .task = lease->task_json,
                                           .inputs = lease->inputs};
    expect_fits(&message_host_command_type, &command);
    struct message_session_open open = {.task_key = {.bytes = key, .length = sizeof key - 1},
                                        .task_id = lease->task_id,
                                        .job_id = lease->job_id,
                                        .capability = lease->capability,
                                        .domain_id = lease->domain_id,
                                        .server_url = lease->server_url,
                                        .outputs_prefix = lease->outputs_prefix,
                                        .access_token = lease->access_token};
    if (lease->domain_id && lease->server_url)
        expect_fits(&message_session_open_type, &open);
}

static void check_lease(const struct lease *lease)
{
    struct error error = fuzz_no_error();
    struct json_slice task;
    fuzz_expect(uuid_is_valid(lease->task_id), "a task's id is a UUID");
    fuzz_expect(!lease->job_id || uuid_is_valid(lease->job_id), "a job's id is a UUID");
    fuzz_expect(!lease->domain_id || uuid_is_valid(lease->domain_id), "a domain's id is a UUID");
    fuzz_expect(!lease->server_url || url_is_http(lease->server_url), "a domain server has a URL");
    fuzz_expect(lease->capability != NULL, "a task has a capability");
    fuzz_expect(json_text_parse(lease->task_json, strlen(lease->task_json), &task, &error) &&
                    json_text_type(task) == JSON_TEXT_OBJECT,
                "a task's text is an object");
    check_messages(lease);
}

/* What a heartbeat may change, as it was before. */
struct before {
    char *task_id;
    char *task_json;
    char *server_url;
    struct secret token;
    int64_t expires_at_unix_ms;
    size_t input_count;
    bool cancel;
};

static struct before remember(const struct lease *lease)
{
    struct before before = {.task_id = strdup(lease->task_id),
                            .task_json = strdup(lease->task_json),
                            .server_url = lease->server_url ? strdup(lease->server_url) : NULL,
                            .expires_at_unix_ms = lease->expires_at_unix_ms,
                            .input_count = lease->inputs.count,
                            .cancel = lease->cancel};
    if (lease->access_token.bytes)
        secret_assign(&before.token, lease->access_token.bytes, lease->access_token.length);
    return before;
}

static void forget(struct before *before)
{
    secret_wipe(&before->token);
    free(before->server_url);
    free(before->task_json);
    free(before->task_id);
}

static void expect_unchanged(const struct lease *lease, const struct before *before)
{
    fuzz_expect_same_text(lease->task_id, before->task_id, "a bad answer changes no id");
    fuzz_expect_same_text(lease->task_json, before->task_json, "a bad answer changes no task");
    fuzz_expect_same_text(lease->server_url, before->server_url, "a bad answer changes no server");
    fuzz_expect(secret_equal(&lease->access_token, &before->token), "a bad answer changes no token");
    fuzz_expect(lease->expires_at_unix_ms == before->expires_at_unix_ms &&
                    lease->inputs.count == before->input_count && lease->cancel == before->cancel,
                "a bad answer changes nothing");
}

static void check_merge(struct lease *lease, const struct fuzz_input *answer)
{
    struct before before = remember(lease);
    struct error error = fuzz_no_error();
    struct lease_changes changes;
    if (lease_merge(lease, (const char *)answer->bytes, answer->length, &changes, &error)) {
        check_lease(lease);
        fuzz_expect(changes.renamed == (strcmp(lease->task_id, before.task_id) != 0), "a new id is told");
        fuzz_expect(changes.token == !secret_equal(&lease->access_token, &before.token),
                    "a new token is told");
        fuzz_expect(changes.expiry || lease->expires_at_unix_ms == before.expires_at_unix_ms,
                    "a new expiry is told");
        fuzz_expect(lease->access_token.length > 0 || before.token.length == 0, "a token is never lost");
    } else {
        fuzz_expect_error(&error);
        fuzz_expect(!changes.token && !changes.expiry && !changes.renamed, "a bad answer tells no change");
        expect_unchanged(lease, &before);
    }
    forget(&before);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct fuzz_input input = {data, size};
    struct error error = fuzz_no_error();
    struct lease lease;
    struct fuzz_input envelope = fuzz_take_bytes(&input, separator);
    char *peeked = lease_peek_task_id((const char *)envelope.bytes, envelope.length);
    fuzz_expect(!peeked || uuid_is_valid(peeked), "an id that is peeked at is a UUID");
    free(peeked);
    if (lease_decode(&lease, (const char *)envelope.bytes, envelope.length, &error)) {
        fuzz_expect(memmem(envelope.bytes, envelope.length, lease.task_json, strlen(lease.task_json)) != NULL,
                    "a task's text is kept byte for byte");
        check_lease(&lease);
        check_merge(&lease, &input);
    } else {
        fuzz_expect_error(&error);
        fuzz_expect(!lease.task_id && !lease.task_json && !lease.access_token.bytes,
                    "what cannot be decoded leaves nothing");
    }
    lease_clear(&lease);
    return 0;
}
