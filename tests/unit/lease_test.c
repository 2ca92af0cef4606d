#include "services/leased/dms/lease.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define TASK "\"id\":\"3ce78075-c9af-4b82-a4ad-550e0a48f62a\",\"capability\":\"/x/v1\""

static bool decode(const char *text, struct lease *lease, struct error *error)
{
    return lease_decode(lease, text, strlen(text), error);
}

static void needs_only_an_id_and_a_capability(void **state)
{
    (void)state;
    struct lease lease;
    struct error error;
    assert_true(decode("{\"task\":{" TASK "}}", &lease, &error));
    assert_string_equal(lease.task_id, "3ce78075-c9af-4b82-a4ad-550e0a48f62a");
    assert_string_equal(lease.capability, "/x/v1");
    assert_null(lease.domain_id);
    assert_false(lease.has_expiry);
    assert_false(lease.cancel);
    lease_clear(&lease);
}

static void null_counts_as_absent_and_unknown_fields_are_ignored(void **state)
{
    (void)state;
    struct lease lease;
    struct error error;
    assert_true(decode("{\"access_token\":null,\"lease_expires_at\":null,\"cancel\":null,\"domain_id\":null,"
                       "\"future\":[1],\"task\":{" TASK
                       ",\"inputs_cids\":null,\"meta\":null,\"job_id\":null}}",
                       &lease, &error));
    assert_int_equal(lease.access_token.length, 0);
    lease_clear(&lease);
}

static void keeps_the_task_byte_for_byte(void **state)
{
    (void)state;
    struct lease lease;
    struct error error;
    const char *task =
        "{" TASK ", \"meta\": {\"big\": 123456789012345678901234567890, \"z\": 1.10, \"a\": \"\\u0000\"}}";
    char text[512];
    snprintf(text, sizeof text, "{\"task\":%s}", task);
    assert_true(decode(text, &lease, &error));
    assert_string_equal(lease.task_json, task);
    lease_clear(&lease);
}

static void finds_the_domain_server_in_the_envelope_then_in_meta_then_in_legacy(void **state)
{
    (void)state;
    struct lease lease;
    struct error error;
    assert_true(decode("{\"domain_server_url\":\"http://a\",\"task\":{" TASK
                       ",\"meta\":{\"domain_server_url\":\"http://b\"}}}",
                       &lease, &error));
    assert_string_equal(lease.server_url, "http://a");
    lease_clear(&lease);
    assert_true(decode("{\"task\":{" TASK ",\"meta\":{\"domain_server_url\":\"http://b\",\"legacy\":"
                       "{\"domain_server_url\":\"http://c\"}}}}",
                       &lease, &error));
    assert_string_equal(lease.server_url, "http://b");
    lease_clear(&lease);
    assert_true(decode("{\"task\":{" TASK ",\"meta\":{\"legacy\":{\"domain_server_url\":\"http://c\"}}}}",
                       &lease, &error));
    assert_string_equal(lease.server_url, "http://c");
    lease_clear(&lease);
}

static void refuses_what_is_not_a_lease(void **state)
{
    (void)state;
    static const char *const bad[] = {"",
                                      "[]",
                                      "{",
                                      "{}",
                                      "{\"task\":{}}",
                                      "{\"task\":{\"id\":\"x\",\"capability\":\"/c\"}}",
                                      "{\"task\":{\"id\":\"3ce78075-c9af-4b82-a4ad-550e0a48f62a\"}}",
                                      "{\"lease_expires_at\":\"soon\",\"task\":{" TASK "}}",
                                      "{\"cancel\":\"no\",\"task\":{" TASK "}}",
                                      "{\"task\":{" TASK ",\"inputs_cids\":[1]}}",
                                      "{\"domain_id\":\"../x\",\"task\":{" TASK "}}",
                                      "{\"domain_server_url\":\"ftp://x\",\"task\":{" TASK "}}",
                                      "{\"access_token\":5,\"task\":{" TASK "}}"};
    for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++) {
        struct lease lease;
        struct error error = {.text = ""};
        if (decode(bad[i], &lease, &error))
            fail_msg("accepted %s", bad[i]);
        assert_true(strlen(error.text) > 0);
    }
}

static void reads_the_id_of_an_envelope_that_cannot_be_decoded(void **state)
{
    (void)state;
    const char *text = "{\"cancel\":7,\"task\":{" TASK "}}";
    char *id = lease_peek_task_id(text, strlen(text));
    assert_string_equal(id, "3ce78075-c9af-4b82-a4ad-550e0a48f62a");
    free(id);
    assert_null(lease_peek_task_id("{\"task\":{\"id\":3}}", 17));
    assert_null(lease_peek_task_id("garbage", 7));
}

static bool merge(struct lease *lease, const char *text, struct lease_changes *changes)
{
    struct error error;
    return lease_merge(lease, text, strlen(text), changes, &error);
}

static void a_heartbeat_replaces_only_what_it_carries(void **state)
{
    (void)state;
    struct lease lease;
    struct error error;
    struct lease_changes changes;
    assert_true(decode("{\"access_token\":\"one\",\"domain_id\":\"6e31f040-bf2c-4bb6-9394-6e25a2f2d4ef\","
                       "\"task\":{" TASK "}}",
                       &lease, &error));
    assert_true(merge(&lease, "", &changes));
    assert_false(changes.token || changes.expiry || changes.renamed);
    assert_true(
        merge(&lease, "{\"access_token\":\"two\",\"lease_expires_at\":\"2030-01-01T00:00:00Z\"}", &changes));
    assert_true(changes.token && changes.expiry && !changes.renamed);
    assert_int_equal(lease.expires_at_unix_ms, 1893456000000);
    assert_string_equal(lease.access_token.bytes, "two");
    assert_string_equal(lease.domain_id, "6e31f040-bf2c-4bb6-9394-6e25a2f2d4ef");
    assert_true(merge(&lease, "{\"task_id\":\"39781a6c-afde-4914-be7c-4e4f1623c739\"}", &changes));
    assert_true(changes.renamed && !changes.token);
    assert_string_equal(lease.task_id, "39781a6c-afde-4914-be7c-4e4f1623c739");
    assert_true(merge(&lease, "{\"cancel\":true}", &changes));
    assert_true(lease.cancel);
    lease_clear(&lease);
}

static void a_heartbeat_without_a_token_of_use_keeps_the_one_held(void **state)
{
    (void)state;
    struct lease lease;
    struct error error;
    struct lease_changes changes;
    assert_true(decode("{\"access_token\":\"one\",\"task\":{" TASK "}}", &lease, &error));
    assert_true(merge(&lease, "{\"access_token\":\"\"}", &changes));
    assert_true(merge(&lease, "{\"access_token\":null}", &changes));
    assert_false(changes.token);
    assert_string_equal(lease.access_token.bytes, "one");
    lease_clear(&lease);
}

static void a_heartbeat_s_meta_does_not_move_the_domain_server(void **state)
{
    (void)state;
    struct lease lease;
    struct error error;
    struct lease_changes changes;
    assert_true(decode("{\"domain_server_url\":\"http://a\",\"task\":{" TASK "}}", &lease, &error));
    assert_true(
        merge(&lease, "{\"task\":{" TASK ",\"meta\":{\"domain_server_url\":\"http://b\"}}}", &changes));
    assert_string_equal(lease.server_url, "http://a");
    /* The runner gets the task as DMS told it last. */
    assert_non_null(strstr(lease.task_json, "http://b"));
    assert_true(merge(&lease, "{\"task\":{\"id\":\"39781a6c-afde-4914-be7c-4e4f1623c739\"}}", &changes));
    assert_true(changes.renamed);
    assert_non_null(strstr(lease.task_json, "http://b"));
    lease_clear(&lease);
}

/* The host_command with both must fit into a message: a start that cannot be delivered would hang. */
static void refuses_a_task_that_no_message_could_carry(void **state)
{
    (void)state;
    enum { CIDS = 510, CID_BYTES = 8190 };
    struct lease lease;
    struct error error;
    char *text = malloc(CIDS * (CID_BYTES + 3) + 1024);
    char *end = text + sprintf(text, "{\"task\":{" TASK ",\"inputs_cids\":[");
    for (int i = 0; i < CIDS; i++) {
        *end++ = '"';
        memset(end, 'a', CID_BYTES);
        end += CID_BYTES;
        end += sprintf(end, i + 1 < CIDS ? "\"," : "\"]}}");
    }
    assert_false(decode(text, &lease, &error));
    assert_int_equal(error.code, ERROR_TOO_LARGE);
    assert_non_null(strstr(error.text, "task and inputs_cids take "));
    assert_non_null(strstr(error.text, ", the limit is 8323072"));
    free(text);
}

static void a_bad_heartbeat_answer_changes_nothing(void **state)
{
    (void)state;
    struct lease lease;
    struct error error;
    struct lease_changes changes;
    assert_true(decode("{\"access_token\":\"one\",\"task\":{" TASK "}}", &lease, &error));
    assert_false(merge(&lease, "{\"access_token\":\"two\",\"cancel\":\"maybe\"}", &changes));
    assert_string_equal(lease.access_token.bytes, "one");
    assert_false(changes.token);
    assert_false(merge(&lease, "not json", &changes));
    assert_string_equal(lease.access_token.bytes, "one");
    lease_clear(&lease);
}

#define DOMAIN "6e31f040-bf2c-4bb6-9394-6e25a2f2d4ef"
#define JOB "39781a6c-afde-4914-be7c-4e4f1623c739"

static void every_field_of_an_envelope_is_read(void **state)
{
    (void)state;
    struct lease lease;
    struct error error;
    assert_true(
        decode("{\"access_token\":\"tok\",\"lease_expires_at\":\"1970-01-01T00:00:01.5Z\",\"cancel\":true,"
               "\"domain_id\":\"" DOMAIN "\",\"domain_server_url\":\"https://d\",\"task\":{" TASK
               ",\"job_id\":\"" JOB "\","
               "\"inputs_cids\":[\"a\",\"b\\u0041\"],\"outputs_prefix\":\"p\"}}",
               &lease, &error));
    assert_string_equal(lease.access_token.bytes, "tok");
    assert_true(lease.has_expiry);
    assert_int_equal(lease.expires_at_unix_ms, 1500);
    assert_true(lease.cancel);
    assert_string_equal(lease.domain_id, DOMAIN);
    assert_string_equal(lease.server_url, "https://d");
    assert_string_equal(lease.job_id, JOB);
    assert_string_equal(lease.outputs_prefix, "p");
    assert_int_equal(lease.inputs.count, 2);
    assert_string_equal(lease.inputs.items[0], "a");
    assert_string_equal(lease.inputs.items[1], "bA");
    lease_clear(&lease);
    assert_null(lease.task_id);
}

static void what_the_envelope_says_goes_before_what_the_task_says(void **state)
{
    (void)state;
    struct lease lease;
    struct error error;
    assert_true(decode("{\"task_id\":\"" DOMAIN "\",\"job_id\":\"" JOB
                       "\",\"lease_expires_at\":\"1970-01-01T00:00:02Z\",\"task\":{" TASK
                       ",\"job_id\":\"" DOMAIN "\",\"lease_expires_at\":\"1970-01-01T00:00:01Z\"}}",
                       &lease, &error));
    assert_string_equal(lease.task_id, DOMAIN);
    assert_string_equal(lease.job_id, JOB);
    assert_int_equal(lease.expires_at_unix_ms, 2000);
    lease_clear(&lease);
    assert_true(
        decode("{\"task\":{" TASK ",\"lease_expires_at\":\"1970-01-01T00:00:01Z\"}}", &lease, &error));
    assert_int_equal(lease.expires_at_unix_ms, 1000);
    lease_clear(&lease);
}

static void says_which_field_of_a_lease_is_wrong(void **state)
{
    (void)state;
    static const char *const cases[][2] = {
        {"{\"task\":{\"id\":\"x\",\"capability\":\"/c\"}}", "task: id is not a UUID"},
        {"{\"task\":{" TASK ",\"job_id\":\"x\"}}", "task: job_id is not a UUID"},
        {"{\"domain_id\":\"..\",\"task\":{" TASK "}}", "domain_id is not a UUID"},
        {"{\"task\":{" TASK ",\"lease_expires_at\":\"soon\"}}",
         "task: lease_expires_at: not an RFC 3339 time"},
        {"{\"task\":{" TASK ",\"inputs_cids\":[1]}}", "task: inputs_cids: a string was expected"},
        {"{\"domain_server_url\":\"ftp://x\",\"task\":{" TASK "}}",
         "domain_server_url is not an http or https URL"},
        {"{\"task\":{" TASK ",\"meta\":{\"domain_server_url\":\"x\"}}}",
         "domain_server_url is not an http or https URL"},
        {"{\"task\":{" TASK ",\"meta\":{\"legacy\":{\"domain_server_url\":\"x\"}}}}",
         "domain_server_url is not an http or https URL"},
        {"{\"task\":{\"id\":\"3ce78075-c9af-4b82-a4ad-550e0a48f62a\",\"capability\":\"\"}}",
         "task.id and task.capability are required"},
        {"{\"task\":{\"capability\":\"/x\"}}", "task.id and task.capability are required"},
        {"{\"task_id\":\"" DOMAIN "\"}", "task.id and task.capability are required"},
        {"{\"task\":1}", "task: an object was expected, got a number"}};
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        struct lease lease;
        struct error error;
        assert_false(decode(cases[i][0], &lease, &error));
        assert_int_equal(error.code, ERROR_INVALID);
        assert_string_equal(error.text, cases[i][1]);
        assert_null(lease.task_id);
    }
}

/* An envelope with one field of `length` characters. */
static bool decode_long(const char *before, size_t length, const char *behind, struct error *error)
{
    struct lease lease;
    char *text = malloc(strlen(before) + length + strlen(behind) + 1);
    char *end = stpcpy(text, before);
    memset(end, 'x', length);
    stpcpy(end + length, behind);
    bool ok = decode(text, &lease, error);
    if (ok)
        lease_clear(&lease);
    free(text);
    return ok;
}

static void each_text_of_a_lease_has_its_limit(void **state)
{
    (void)state;
    static const struct {
        const char *before;
        const char *behind;
        size_t limit;
        const char *refusal;
    } texts[] = {
        {"{\"access_token\":\"", "\",\"task\":{" TASK "}}", 16384, "access_token is longer than 16384 bytes"},
        {"{\"domain_server_url\":\"http://", "\",\"task\":{" TASK "}}", 8192 - 7,
         "domain_server_url is longer than 8192 bytes"},
        {"{\"task\":{" TASK ",\"outputs_prefix\":\"", "\"}}", 1024,
         "task: outputs_prefix is longer than 1024 bytes"},
        {"{\"task\":{" TASK ",\"inputs_cids\":[\"", "\"]}}", 8192,
         "task: inputs_cids has more than 10000 entries, or one above 8192 bytes"},
        {"{\"task\":{" TASK ",\"meta\":\"", "\"}}", (size_t)2 * 1024 * 1024 - 2,
         "meta is longer than 2097152 bytes"}};
    for (size_t i = 0; i < sizeof texts / sizeof texts[0]; i++) {
        struct error error;
        if (!decode_long(texts[i].before, texts[i].limit, texts[i].behind, &error))
            fail_msg("%s", error.text);
        assert_false(decode_long(texts[i].before, texts[i].limit + 1, texts[i].behind, &error));
        assert_int_equal(error.code, ERROR_TOO_LARGE);
        assert_string_equal(error.text, texts[i].refusal);
    }
    struct error error;
    assert_false(decode_long("{\"task\":{\"id\":\"", 38, "\",\"capability\":\"/x\"}}", &error));
    assert_string_equal(error.text, "task: id is longer than 37 bytes");
    assert_false(decode_long("{\"task\":{\"id\":\"3ce78075-c9af-4b82-a4ad-550e0a48f62a\",\"capability\":\"",
                             1025, "\"}}", &error));
    assert_string_equal(error.text, "task: capability is longer than 1024 bytes");
}

static void a_task_has_ten_thousand_inputs_at_most(void **state)
{
    (void)state;
    for (size_t count = 10000; count <= 10001; count++) {
        struct lease lease;
        struct error error;
        char *text = malloc(count * 4 + 256);
        char *end = text + sprintf(text, "{\"task\":{" TASK ",\"inputs_cids\":[");
        for (size_t i = 0; i < count; i++)
            end += sprintf(end, "%s\"a\"", i ? "," : "");
        stpcpy(end, "]}}");
        assert_int_equal(decode(text, &lease, &error), count == 10000);
        if (count == 10000)
            assert_int_equal(lease.inputs.count, 10000);
        else
            assert_int_equal(error.code, ERROR_TOO_LARGE);
        lease_clear(&lease);
        free(text);
    }
}

static void a_heartbeat_may_replace_the_whole_task(void **state)
{
    (void)state;
    struct lease lease;
    struct error error;
    struct lease_changes changes;
    assert_true(decode("{\"domain_id\":\"" DOMAIN
                       "\",\"domain_server_url\":\"http://a\",\"cancel\":false,\"task\":{" TASK
                       ",\"job_id\":\"" JOB "\",\"inputs_cids\":[\"a\",\"b\"],\"outputs_prefix\":\"p\"}}",
                       &lease, &error));
    /* What is not said stays as it was. */
    assert_true(merge(&lease, "{\"attempts\":1}", &changes));
    assert_false(changes.token || changes.expiry || changes.renamed);
    assert_int_equal(lease.inputs.count, 2);
    assert_string_equal(lease.inputs.items[1], "b");
    assert_string_equal(lease.outputs_prefix, "p");
    assert_string_equal(lease.job_id, JOB);
    assert_string_equal(lease.server_url, "http://a");
    assert_string_equal(lease.capability, "/x/v1");
    assert_true(merge(&lease,
                      "{\"domain_server_url\":\"http://b\",\"job_id\":\"" DOMAIN "\",\"task\":{" TASK
                      ",\"inputs_cids\":[\"c\"],\"outputs_prefix\":\"q\",\"x\":1}}",
                      &changes));
    assert_false(changes.renamed);
    assert_int_equal(lease.inputs.count, 1);
    assert_string_equal(lease.inputs.items[0], "c");
    assert_string_equal(lease.outputs_prefix, "q");
    assert_string_equal(lease.server_url, "http://b");
    assert_string_equal(lease.job_id, DOMAIN);
    assert_non_null(strstr(lease.task_json, "\"x\":1"));
    /* The same token again is no new one. */
    assert_true(merge(&lease, "{\"access_token\":\"t\"}", &changes));
    assert_true(changes.token);
    assert_true(merge(&lease, "{\"access_token\":\"t\"}", &changes));
    assert_false(changes.token);
    lease_clear(&lease);
}

static void a_heartbeat_s_meta_finds_the_domain_server_that_nobody_named(void **state)
{
    (void)state;
    struct lease lease;
    struct error error;
    struct lease_changes changes;
    assert_true(decode("{\"task\":{" TASK ",\"meta\":[1]}}", &lease, &error));
    assert_null(lease.server_url);
    assert_true(
        merge(&lease, "{\"task\":{\"meta\":{\"legacy\":{\"domain_server_url\":\"http://c\"}}}}", &changes));
    assert_string_equal(lease.server_url, "http://c");
    assert_true(
        merge(&lease, "{\"task\":{\"meta\":{\"legacy\":{\"domain_server_url\":\"http://d\"}}}}", &changes));
    assert_string_equal(lease.server_url, "http://c");
    /* Without a capability that is no whole task: the runner keeps the text that it had. */
    assert_string_equal(lease.task_json, "{" TASK ",\"meta\":[1]}");
    lease_clear(&lease);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(needs_only_an_id_and_a_capability),
        cmocka_unit_test(null_counts_as_absent_and_unknown_fields_are_ignored),
        cmocka_unit_test(keeps_the_task_byte_for_byte),
        cmocka_unit_test(finds_the_domain_server_in_the_envelope_then_in_meta_then_in_legacy),
        cmocka_unit_test(refuses_what_is_not_a_lease),
        cmocka_unit_test(reads_the_id_of_an_envelope_that_cannot_be_decoded),
        cmocka_unit_test(a_heartbeat_replaces_only_what_it_carries),
        cmocka_unit_test(a_heartbeat_without_a_token_of_use_keeps_the_one_held),
        cmocka_unit_test(a_heartbeat_s_meta_does_not_move_the_domain_server),
        cmocka_unit_test(refuses_a_task_that_no_message_could_carry),
        cmocka_unit_test(a_bad_heartbeat_answer_changes_nothing),
        cmocka_unit_test(every_field_of_an_envelope_is_read),
        cmocka_unit_test(what_the_envelope_says_goes_before_what_the_task_says),
        cmocka_unit_test(says_which_field_of_a_lease_is_wrong),
        cmocka_unit_test(each_text_of_a_lease_has_its_limit),
        cmocka_unit_test(a_task_has_ten_thousand_inputs_at_most),
        cmocka_unit_test(a_heartbeat_may_replace_the_whole_task),
        cmocka_unit_test(a_heartbeat_s_meta_finds_the_domain_server_that_nobody_named),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
