#include "services/runnerd/host/runner_file.h"

#include "libcommon/base/limits.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

static struct runner runner;
static struct runner_file_findings findings;

static bool parse(const char *text)
{
    return runner_file_parse(text, strlen(text), "/usr/bin", &runner, &findings);
}

static void assert_fault(const char *text, const char *field)
{
    assert_false(parse(text));
    assert_true(findings.fault_count > 0);
    if (!strstr(findings.faults[0], field))
        fail_msg("'%s' does not name %s", findings.faults[0], field);
    runner_clear(&runner);
}

static void two_fields_are_enough(void **state)
{
    (void)state;
    assert_true(parse("{\"capability\": \"/x/v1\", \"command\": [\"python3\", \"a b\"]}"));
    assert_string_equal(runner.capability, "/x/v1");
    assert_string_equal(runner.command[0], "python3");
    assert_string_equal(runner.command[1], "a b");
    assert_null(runner.command[2]);
    assert_int_equal(runner.timeout_secs, 3600);
    assert_int_equal(runner.max_concurrency, 1);
    assert_null(runner.environment);
    assert_int_equal(findings.warning_count, 0);
    runner_clear(&runner);
}

static void every_field_is_read(void **state)
{
    (void)state;
    assert_true(
        parse("{\"capability\": \"/x/v1\", \"command\": [\"x\"], \"timeout_secs\": 5, "
              "\"max_concurrency\": 3, \"env\": {\"A\": \"1=2\", \"B_2\": \"\"}, \"domain_token\": false}"));
    assert_int_equal(runner.timeout_secs, 5);
    assert_int_equal(runner.max_concurrency, 3);
    assert_string_equal(runner.environment[0], "A=1=2");
    assert_string_equal(runner.environment[1], "B_2=");
    assert_null(runner.environment[2]);
    runner_clear(&runner);
}

static void relative_files_are_taken_from_the_files_folder(void **state)
{
    (void)state;
    assert_true(
        parse("{\"capability\": \"/x/v1\", \"command\": [\"./env\", \"../../etc/hostname\", \".x\"]}"));
    assert_string_equal(runner.command[0], "/usr/bin/env");
    assert_string_equal(runner.command[1], "/etc/hostname");
    assert_string_equal(runner.command[2], ".x");
    runner_clear(&runner);
    assert_fault("{\"capability\": \"/x/v1\", \"command\": [\"sh\", \"./no such file\"]}", "command[1]");
}

static void faults_name_their_field(void **state)
{
    (void)state;
    assert_fault("{\"command\": [\"x\"]}", "capability");
    assert_fault("{\"capability\": \" \", \"command\": [\"x\"]}", "capability");
    assert_fault("{\"capability\": \"a b\", \"command\": [\"x\"]}", "capability");
    assert_fault("{\"capability\": \"/x\"}", "command");
    assert_fault("{\"capability\": \"/x\", \"command\": \"x\"}", "command");
    assert_fault("{\"capability\": \"/x\", \"command\": []}", "command");
    assert_fault("{\"capability\": \"/x\", \"command\": [\"x\", 5]}", "command[1]");
    assert_fault("{\"capability\": \"/x\", \"command\": [\"x\"], \"timeout_secs\": 0}", "timeout_secs");
    assert_fault("{\"capability\": \"/x\", \"command\": [\"x\"], \"timeout_secs\": \"5\"}", "timeout_secs");
    assert_fault("{\"capability\": \"/x\", \"command\": [\"x\"], \"max_concurrency\": 257}",
                 "max_concurrency");
    assert_fault("{\"capability\": \"/x\", \"command\": [\"x\"], \"env\": []}", "env");
    assert_fault("{\"capability\": \"/x\", \"command\": [\"x\"], \"env\": {\"A\": 1}}", "env.A");
    assert_fault("{\"capability\": \"/x\", \"command\": [\"x\"], \"env\": {\"A=\": \"1\"}}", "A=");
    assert_fault("{\"capability\": \"/x\", \"command\": [\"x\"], \"env\": {\"POSEMESH_TASK_KEY\": \"\"}}",
                 "POSEMESH_TASK_KEY");
    assert_fault("{\"capability\": \"/x\", \"command\": [\"x\"], \"domain_token\": 1}", "domain_token");
    assert_fault("[]", "");
    assert_fault("", "");
}

static void all_faults_are_reported_at_once(void **state)
{
    (void)state;
    assert_false(parse("{\"timeout_secs\": -1, \"max_concurrency\": 0, \"env\": 1, \"domain_token\": \"\"}"));
    assert_int_equal(findings.fault_count, 6);
    runner_clear(&runner);
}

static void an_unknown_field_is_a_warning(void **state)
{
    (void)state;
    assert_true(parse("{\"capability\": \"/x\", \"command\": [\"x\"], \"timeout\": 5}"));
    assert_int_equal(findings.warning_count, 1);
    assert_non_null(strstr(findings.warnings[0], "timeout"));
    runner_clear(&runner);
}

static void a_file_above_the_limit_is_refused(void **state)
{
    (void)state;
    char *text = calloc(1, LIMIT_RUNNER_FILE_BYTES + 2);
    memset(text, ' ', LIMIT_RUNNER_FILE_BYTES + 1);
    assert_false(parse(text));
    free(text);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(two_fields_are_enough),
        cmocka_unit_test(every_field_is_read),
        cmocka_unit_test(relative_files_are_taken_from_the_files_folder),
        cmocka_unit_test(faults_name_their_field),
        cmocka_unit_test(all_faults_are_reported_at_once),
        cmocka_unit_test(an_unknown_field_is_a_warning),
        cmocka_unit_test(a_file_above_the_limit_is_refused),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
