/* libcommon/node/settings.h: which secrets each flow reads (docs/network.md 1.4), and a version that is blank
 * (1.5). */
#include "libcommon/node/settings.h"

#include "libcommon/base/memory.h"
#include "libcommon/http/url.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#define KEY "SECP256K1_PRIVHEX=f97b6f5968e67b34cb5fc9e0eb320f88e589305917cdf18015c0023891ad38c9"

enum { VARIABLES_MAX = 16 };

static struct settings settings;
static struct settings_findings report;

/* Loads what authd reads; `extra` ends with NULL. */
static bool load(const char *const *extra)
{
    char *variables[VARIABLES_MAX] = {memory_copy_text("DDS_BASE_URL=https://d.example"),
                                      memory_copy_text("REQUEST_TIMEOUT_SECS=30")};
    struct error error;
    struct environment environment;
    for (size_t count = 2; *extra; extra++)
        variables[count++] = memory_copy_text(*extra);
    assert_true(environment_open(&environment, variables, &error));
    bool ok = settings_load(&settings, AUTHD_BIT, url_is_http, &environment, &report);
    environment_close(&environment);
    for (char **variable = variables; *variable; variable++)
        free(*variable);
    return ok;
}

static void assert_one_fault(const char *variable, const char *text)
{
    assert_int_equal(report.faults.count, 1);
    assert_string_equal(report.faults.items[0].variable, variable);
    assert_non_null(strstr(report.faults.items[0].text, text));
}

static void a_robot_needs_its_credentials_and_nothing_else(void **state)
{
    (void)state;
    static const char *const flow[] = {"REGISTRATION_FLOW=robot", NULL};
    static const char *const good[] = {"REGISTRATION_FLOW=Robot", "ROBOT_REGISTRATION_CREDENTIALS= c1 \n",
                                       NULL};
    assert_false(load(flow));
    assert_one_fault("ROBOT_REGISTRATION_CREDENTIALS", "is required (or ROBOT_REGISTRATION_CREDENTIALS_FILE");
    settings_clear(&settings);
    assert_true(load(good));
    assert_int_equal(settings.registration_flow, SETTINGS_FLOW_ROBOT);
    assert_string_equal(settings.robot_credentials.bytes, "c1");
    assert_true(settings.robot_credentials.locked);
    settings_wipe_secrets(&settings);
    assert_null(settings.robot_credentials.bytes);
    settings_clear(&settings);
}

/* What is not read is not found wrong either, and its files are not opened: opening a FIFO would be noticed.
 */
static void a_robot_reads_no_other_secret(void **state)
{
    (void)state;
    static const char *const extra[] = {"REGISTRATION_FLOW=robot",
                                        "ROBOT_REGISTRATION_CREDENTIALS=c1",
                                        "REG_SECRET=r",
                                        "REG_SECRET_FILE=/no/such/file",
                                        "SECP256K1_PRIVHEX=no key",
                                        "SECP256K1_PRIVHEX_FILE=/no/such/file",
                                        NULL};
    assert_true(load(extra));
    assert_int_equal(report.warnings.count, 0);
    assert_null(settings.reg_secret.bytes);
    assert_null(settings.private_key.bytes);
    settings_clear(&settings);
}

static void others_read_no_robots_credentials(void **state)
{
    (void)state;
    static const char *const flows[] = {"REGISTRATION_FLOW=callback", "REGISTRATION_FLOW=wallet", "X="};
    for (size_t i = 0; i < sizeof flows / sizeof flows[0]; i++) {
        const char *const extra[] = {flows[i],
                                     "NODE_URL=http://n.example",
                                     "REG_SECRET=r",
                                     KEY,
                                     "ROBOT_REGISTRATION_CREDENTIALS=c1",
                                     "ROBOT_REGISTRATION_CREDENTIALS_FILE=/no/such/file",
                                     NULL};
        assert_true(load(extra));
        assert_null(settings.robot_credentials.bytes);
        assert_string_equal(settings.reg_secret.bytes, "r");
        settings_clear(&settings);
    }
}

static void a_robots_credentials_come_from_a_file_or_directly(void **state)
{
    (void)state;
    char path[] = "/tmp/posemesh-settings-XXXXXX";
    int fd = mkstemp(path);
    assert_int_equal(write(fd, " from-a-file\n", 13), 13);
    close(fd);
    char *file = memory_format("ROBOT_REGISTRATION_CREDENTIALS_FILE=%s", path);
    const char *const by_file[] = {"REGISTRATION_FLOW=robot", file, NULL};
    const char *const both[] = {"REGISTRATION_FLOW=robot", file, "ROBOT_REGISTRATION_CREDENTIALS=direct",
                                NULL};
    assert_true(load(by_file));
    assert_string_equal(settings.robot_credentials.bytes, "from-a-file");
    settings_clear(&settings);
    assert_false(load(both));
    assert_one_fault("ROBOT_REGISTRATION_CREDENTIALS", "choose one");
    assert_null(strstr(report.faults.items[0].text, "direct "));
    settings_clear(&settings);
    unlink(path);
    assert_false(load(by_file));
    assert_one_fault("ROBOT_REGISTRATION_CREDENTIALS_FILE", path);
    settings_clear(&settings);
    free(file);
}

static void a_flow_that_there_is_not_is_the_one_fault(void **state)
{
    (void)state;
    static const char *const flow[] = {"REGISTRATION_FLOW=robots", NULL};
    static const char *const wrong[] = {"REGISTRATION_FLOW=robots", "SECP256K1_PRIVHEX=no key", NULL};
    assert_false(load(flow));
    assert_one_fault("REGISTRATION_FLOW", "is 'robots', expected one of callback|wallet|robot");
    settings_clear(&settings);
    /* What is given is looked at all the same. */
    assert_false(load(wrong));
    assert_int_equal(report.faults.count, 2);
    assert_true(settings_has_fault(&report, "SECP256K1_PRIVHEX"));
    assert_false(settings_has_fault(&report, "SECP256K1_PRIVHEX_FILE"));
    settings_clear(&settings);
}

static void a_wrong_key_in_a_file_is_told_with_its_path(void **state)
{
    (void)state;
    char path[] = "/tmp/posemesh-settings-XXXXXX";
    int fd = mkstemp(path);
    assert_int_equal(write(fd, "no key", 6), 6);
    close(fd);
    char *file = memory_format("SECP256K1_PRIVHEX_FILE=%s", path);
    const char *const extra[] = {"REGISTRATION_FLOW=wallet", "REG_SECRET=r", file, NULL};
    char *expected = memory_format("is %s, which is no key: expected 64 hexadecimal digits", path);
    assert_false(load(extra));
    assert_one_fault("SECP256K1_PRIVHEX_FILE", expected);
    settings_clear(&settings);
    unlink(path);
    free(expected);
    free(file);
}

static void all_secrets_are_taken_out_of_the_environment(void **state)
{
    (void)state;
    char *variables[] = {strdup("REG_SECRET=r"), strdup("ROBOT_REGISTRATION_CREDENTIALS=hidden"),
                         strdup("SECP256K1_PRIVHEX=k"), NULL};
    char *robot = variables[1];
    char *all[] = {variables[0], variables[1], variables[2]};
    environment_wipe(variables, settings_secret_variables, settings_secret_count);
    assert_null(variables[0]);
    assert_int_equal(robot[sizeof "ROBOT_REGISTRATION_CREDENTIALS"], '\0');
    for (size_t i = 0; i < 3; i++)
        free(all[i]);
}

/* Elsewhere blank is as good as unset. */
static void a_blank_version_is_warned_of_and_an_unset_one_is_not(void **state)
{
    (void)state;
    static const char *const blank[] = {"NODE_VERSION=", "NODE_VERSION= ", "NODE_VERSION=\t \n"};
    static const char *const others[] = {"NODE_VERSION_OF_ANOTHER=", "NODE_VERSION=1.2.3", "CLIENT_ID= "};
    for (size_t i = 0; i < 3; i++) {
        const char *const extra[] = {"REGISTRATION_FLOW=robot", "ROBOT_REGISTRATION_CREDENTIALS=c1", blank[i],
                                     NULL};
        assert_true(load(extra));
        assert_null(settings.node_version);
        assert_int_equal(report.warnings.count, 1);
        assert_string_equal(report.warnings.items[0].variable, "NODE_VERSION");
        assert_string_equal(report.warnings.items[0].text, "is blank: the program's own version is reported");
        settings_clear(&settings);
    }
    for (size_t i = 0; i < 3; i++) {
        const char *const extra[] = {"REGISTRATION_FLOW=robot", "ROBOT_REGISTRATION_CREDENTIALS=c1",
                                     others[i], NULL};
        assert_true(load(extra));
        assert_int_equal(report.warnings.count, 0);
        settings_clear(&settings);
    }
}

/* How many faults httpd finds, all of them NODE_URL's. It has no parser of URLs. */
static size_t faults_of_httpd(const char *url, const char *path, const char *flow)
{
    char *variables[] = {memory_copy_text(url), memory_copy_text(path), memory_copy_text(flow), NULL};
    struct error error;
    struct environment environment;
    assert_true(environment_open(&environment, variables, &error));
    settings_load(&settings, HTTPD_BIT, NULL, &environment, &report);
    environment_close(&environment);
    settings_clear(&settings);
    for (size_t i = 0; i < 3; i++)
        free(variables[i]);
    for (size_t i = 0; i < report.faults.count; i++)
        assert_string_equal(report.faults.items[i].variable, "NODE_URL");
    return report.faults.count;
}

static void httpd_needs_a_node_url_only_when_its_path_counts(void **state)
{
    (void)state;
    static const char odd[] = "NODE_URL=http://n/a/../b";
    assert_int_equal(faults_of_httpd("X=", "NODE_URL_PATH=exact", "X="), 1);
    assert_int_equal(faults_of_httpd("X=", "NODE_URL_PATH=any", "X="), 0);
    assert_int_equal(faults_of_httpd("X=", "NODE_URL_PATH=exact", "REGISTRATION_FLOW=wallet"), 0);
    assert_int_equal(faults_of_httpd("NODE_URL=http://n/a", "NODE_URL_PATH=Exact", "X="), 0);
    assert_int_equal(faults_of_httpd(odd, "NODE_URL_PATH=exact", "X="), 1);
    assert_int_equal(faults_of_httpd(odd, "X=", "X="), 0);
    assert_int_equal(faults_of_httpd(odd, "NODE_URL_PATH=exact", "REGISTRATION_FLOW=robot"), 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_robot_needs_its_credentials_and_nothing_else),
        cmocka_unit_test(a_robot_reads_no_other_secret),
        cmocka_unit_test(others_read_no_robots_credentials),
        cmocka_unit_test(a_robots_credentials_come_from_a_file_or_directly),
        cmocka_unit_test(a_flow_that_there_is_not_is_the_one_fault),
        cmocka_unit_test(a_wrong_key_in_a_file_is_told_with_its_path),
        cmocka_unit_test(all_secrets_are_taken_out_of_the_environment),
        cmocka_unit_test(httpd_needs_a_node_url_only_when_its_path_counts),
        cmocka_unit_test(a_blank_version_is_warned_of_and_an_unset_one_is_not),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
