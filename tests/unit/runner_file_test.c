#include "services/runnerd/host/runner_file.h"

#include "libcommon/base/limits.h"
#include "libcommon/base/memory.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

static struct runner runner;
static struct runner_file_findings report;

static bool parse(const char *text)
{
    return runner_file_parse(text, strlen(text), "/usr/bin", &runner, &report);
}

static void assert_fault(const char *text, const char *field)
{
    assert_false(parse(text));
    assert_true(report.fault_count > 0);
    if (!strstr(report.faults[0].text, field))
        fail_msg("'%s' does not name %s", report.faults[0].text, field);
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
    assert_int_equal(report.warning_count, 0);
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
    assert_ptr_equal(runner.files[0], runner.command[1]);
    assert_null(runner.files[1]);
    runner_clear(&runner);
    assert_true(parse("{\"capability\": \"/x/v1\", \"command\": [\"./../.././x\", \"../../../../etc/x\"]}"));
    assert_string_equal(runner.command[0], "/x");
    assert_string_equal(runner.command[1], "/etc/x");
    runner_clear(&runner);
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
    assert_int_equal(report.fault_count, 6);
    runner_clear(&runner);
}

static void an_unknown_field_is_a_warning(void **state)
{
    (void)state;
    assert_true(parse("{\"capability\": \"/x\", \"command\": [\"x\"], \"timeout\": 5}"));
    assert_int_equal(report.warning_count, 1);
    assert_non_null(strstr(report.warnings[0].text, "timeout"));
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

/* The fault or warning of a file that is right but for its last fields. */
static const char *remark_of(const char *fields)
{
    static char remark[ERROR_TEXT_BYTES];
    char *text = memory_format("{\"capability\": \"/x\", \"command\": [\"x\"]%s}", fields);
    bool ok = parse(text);
    assert_int_equal(ok ? report.warning_count : report.fault_count, 1);
    snprintf(remark, sizeof remark, "%s", ok ? report.warnings[0].text : report.faults[0].text);
    runner_clear(&runner);
    free(text);
    return remark;
}

static void says_what_is_wrong_with_a_field(void **state)
{
    (void)state;
    static const char *const cases[][2] = {
        {", \"timeout_secs\": 0", "timeout_secs must be 1 to 31622400, got 0"},
        {", \"timeout_secs\": 31622401", "timeout_secs must be 1 to 31622400, got 31622401"},
        {", \"max_concurrency\": 0", "max_concurrency must be 1 to 256, got 0"},
        {", \"max_concurrency\": 257", "max_concurrency must be 1 to 256, got 257"},
        {", \"max_concurrency\": 1.5", "max_concurrency: an integer was expected"},
        {", \"env\": 1", "env: an object was expected, got a number"},
        {", \"env\": {\"1A\": \"\"}", "env: '1A' is no name of a variable"},
        {", \"env\": {\"\": \"\"}", "env: '' is no name of a variable"},
        {", \"env\": {\"A-B\": \"\"}", "env: 'A-B' is no name of a variable"},
        {", \"env\": {\"\\ud800\": \"\"}", "env: '' is no name of a variable"},
        {", \"env\": {\"A\": null}", "env.A must be a string"},
        {", \"env\": {\"A\": \"\\u0000\"}", "env.A must be a string"},
        {", \"env\": {\"POSEMESH_X\": \"\"}", "env.POSEMESH_X: names with POSEMESH_ are the node's"},
        {", \"domain_token\": 1", "domain_token: true or false was expected, got a number"},
        {", \"domain_token\": true", "domain_token: jobs get no domain token in this version"},
        {", \"future\": 1", "future is not known and does nothing"},
        {", \"\\ud800\": 1", "a field is not known and does nothing"}};
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++)
        assert_string_equal(remark_of(cases[i][0]), cases[i][1]);
}

static void a_long_name_of_a_variable_is_quoted_by_its_beginning(void **state)
{
    (void)state;
    static const struct {
        const char *name;
        const char *value;
        const char *before;
        const char *after;
    } faults[] = {{"1", "\"\"", "env: '", "' is no name of a variable"},
                  {"POSEMESH_", "\"\"", "env.", ": names with POSEMESH_ are the node's"},
                  {"A", "1", "env.", " must be a string"}};
    for (size_t i = 0; i < sizeof faults / sizeof faults[0]; i++) {
        char *name = memory_format("%s%0100d", faults[i].name, 0);
        char *fields = memory_format(", \"env\": {\"%s\": %s}", name, faults[i].value);
        char *expected = memory_format("%s%.64s%s", faults[i].before, name, faults[i].after);
        assert_string_equal(remark_of(fields), expected);
        free(expected);
        free(fields);
        free(name);
    }
}

static void says_what_is_wrong_with_a_command_or_capability(void **state)
{
    (void)state;
    static const char *const cases[][2] = {
        {"{\"capability\": \"/x\", \"command\": [\" \"]}",
         "command must be an array that begins with a program"},
        {"{\"capability\": \"/x\"}", "command must be an array that begins with a program"},
        {"{\"capability\": \"/x\", \"command\": {}}", "command: an array was expected, got an object"},
        {"{\"capability\": \"/x\", \"command\": [\"x\", 5]}", "command[1]: a string was expected"},
        {"{\"command\": [\"x\"]}", "capability is missing"},
        {"{\"capability\": \"\", \"command\": [\"x\"]}", "capability is blank"},
        {"{\"capability\": \"a\\tb\", \"command\": [\"x\"]}",
         "capability has white space or a control character in it"},
        {"{\"capability\": \"a\\u007f\", \"command\": [\"x\"]}",
         "capability has white space or a control character in it"},
        {"[]", "not a JSON object"}};
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        assert_false(parse(cases[i][0]));
        assert_int_equal(report.fault_count, 1);
        assert_string_equal(report.faults[0].text, cases[i][1]);
        assert_null(runner.capability);
        assert_null(runner.command);
        runner_clear(&runner);
    }
}

static void the_ends_of_every_range_are_taken(void **state)
{
    (void)state;
    assert_true(parse("{\"capability\": \"\xc3\xb6!~\", \"command\": [\"x\"], \"timeout_secs\": 31622400, "
                      "\"max_concurrency\": 256, "
                      "\"env\": {\"_\": \"\", \"a1\": \"x\", \"POSEMESH\": \"\"}}"));
    assert_int_equal(runner.timeout_secs, 31622400);
    assert_int_equal(runner.max_concurrency, 256);
    assert_string_equal(runner.environment[2], "POSEMESH=");
    assert_int_equal(report.warning_count, 0);
    runner_clear(&runner);
    assert_true(
        parse("{\"capability\": \"/x\", \"command\": [\"x\"], \"timeout_secs\": 1, \"max_concurrency\": 1}"));
    assert_int_equal(runner.timeout_secs, 1);
    runner_clear(&runner);
}

static void what_is_not_there_is_no_fault_of_the_file(void **state)
{
    (void)state;
    assert_true(parse("{\"capability\": \"/x\", \"command\": [\"/no/such/program\", \"./no\"]}"));
    assert_int_equal(report.warning_count, 0);
    assert_string_equal(runner.command[1], "/usr/bin/no");
    runner_clear(&runner);
    assert_true(parse("{\"capability\": \"/x\", \"command\": [\"../no\"]}"));
    assert_string_equal(runner.command[0], "/usr/no");
    assert_null(runner.files[0]);
    runner_clear(&runner);
}

static void assert_line(const char *text, size_t line, const char *shown)
{
    char out[ERROR_TEXT_BYTES + 64];
    bool ok = parse(text);
    const struct runner_file_finding *finding = ok ? report.warnings : report.faults;
    assert_int_equal(finding->line, line);
    assert_string_equal(runner_file_finding_format("a.json", finding, out, sizeof out), shown);
    runner_clear(&runner);
}

static void each_finding_has_its_line(void **state)
{
    (void)state;
    assert_line("{\"capability\": \"/x\",\n \"command\": [\"x\"],\n \"timeout_secs\":\n0}", 4,
                "a.json:4: timeout_secs must be 1 to 31622400, got 0");
    assert_line("{\"capability\": \"/x\",\n\"command\": [\"x\",\n5]}", 3,
                "a.json:3: command[1]: a string was expected");
    assert_line("{\"capability\": \"/x\",\n\"command\": [\"x\"], \"env\": {\n\"A\": \"\",\n\"B\": 1}}", 4,
                "a.json:4: env.B must be a string");
    assert_line("{\"capability\": \"/x\", \"command\": [\"x\"],\n\"z\": 1}", 2,
                "a.json:2: z is not known and does nothing");
    assert_line("{\"capability\": \"/x\",\n\n\"command\": [\"x\"],,}", 3,
                "a.json:3: not JSON: a string was expected at byte 39");
    assert_line("{\"capability\": \"/x\"}\n\nmore", 3,
                "a.json:3: not JSON: something follows the value at byte 22");
    assert_line("{\"command\": [\"x\"]}", 0, "a.json: capability is missing");
}

/* `count` of them, each made by `format` with its number. */
static bool parse_many(size_t count, bool variables)
{
    char *text = memory_allocate(count * 16 + 128);
    char *end = text + sprintf(text, "{\"capability\": \"/x\", \"command\": [\"x\"");
    for (size_t i = 1; !variables && i < count; i++)
        end += sprintf(end, ",\"a%zu\"", i);
    end = stpcpy(end, variables ? "], \"env\": {" : "]");
    for (size_t i = 0; variables && i < count; i++)
        end += sprintf(end, "%s\"A%zu\":\"\"", i ? "," : "", i);
    stpcpy(end, variables ? "}}" : "}");
    bool ok = parse(text);
    free(text);
    return ok;
}

static void a_command_and_an_environment_have_256_entries_at_most(void **state)
{
    (void)state;
    assert_true(parse_many(256, false));
    assert_string_equal(runner.command[255], "a255");
    assert_null(runner.command[256]);
    runner_clear(&runner);
    assert_false(parse_many(257, false));
    assert_string_equal(report.faults[0].text, "command has more than 256 elements");
    assert_true(parse_many(256, true));
    assert_string_equal(runner.environment[255], "A255=");
    assert_null(runner.environment[256]);
    runner_clear(&runner);
    assert_false(parse_many(257, true));
    assert_string_equal(report.faults[0].text, "env has more than 256 variables");
}

static void a_file_of_64_kib_and_a_capability_of_1_kib_are_the_largest(void **state)
{
    (void)state;
    static const char fields[] = "{\"capability\": \"/x\", \"command\": [\"x\"]}";
    char *text = memory_allocate(65538);
    memset(text, ' ', 65537);
    memcpy(text, fields, sizeof fields - 1);
    assert_false(parse(text));
    assert_string_equal(report.faults[0].text, "has more than 65536 bytes");
    text[65536] = '\0';
    assert_true(parse(text));
    runner_clear(&runner);
    free(text);
    text = memory_format("{\"capability\": \"%01024d\", \"command\": [\"x\"]}", 0);
    assert_true(parse(text));
    runner_clear(&runner);
    free(text);
    text = memory_format("{\"capability\": \"%01025d\", \"command\": [\"x\"]}", 0);
    assert_false(parse(text));
    assert_string_equal(report.faults[0].text, "capability is longer than 1024 bytes");
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
        cmocka_unit_test(says_what_is_wrong_with_a_field),
        cmocka_unit_test(a_long_name_of_a_variable_is_quoted_by_its_beginning),
        cmocka_unit_test(says_what_is_wrong_with_a_command_or_capability),
        cmocka_unit_test(the_ends_of_every_range_are_taken),
        cmocka_unit_test(what_is_not_there_is_no_fault_of_the_file),
        cmocka_unit_test(each_finding_has_its_line),
        cmocka_unit_test(a_command_and_an_environment_have_256_entries_at_most),
        cmocka_unit_test(a_file_of_64_kib_and_a_capability_of_1_kib_are_the_largest),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
