#include "libcommon/node/settings.h"

#include "libcommon/base/limits.h"
#include "libcommon/base/log.h"
#include "libcommon/base/memory.h"
#include "libcommon/http/url.h"
#include "libcommon/node/settings_value.h"
#include "tests/unit/temporary_folder.h"
#include "tests/unit/vectors.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

/* --- the environments of config.json --- */

static char **environment_of(const json_t *env)
{
    char **variables = calloc(json_object_size(env) + 1, sizeof *variables);
    size_t count = 0;
    const char *name;
    const json_t *value;
    json_object_foreach((json_t *)(uintptr_t)env, name, value) variables[count++] =
        memory_format("%s=%s", name, json_string_value(value));
    return variables;
}

static void free_variables(char **variables)
{
    for (char **variable = variables; *variable; variable++)
        free(*variable);
    free(variables);
}

static bool load(char **variables, struct settings *settings, struct settings_findings *report)
{
    struct error error;
    struct environment environment;
    assert_true(environment_open(&environment, variables, &error));
    bool ok = settings_load(settings, ALL_BITS, url_is_http, &environment, report);
    environment_close(&environment);
    return ok;
}

static bool has_fault(const struct settings_findings *report, const char *variable)
{
    for (size_t i = 0; i < report->faults.count; i++)
        if (strcmp(report->faults.items[i].variable, variable) == 0)
            return true;
    return false;
}

static void check_errors(const json_t *errors, const struct settings_findings *report)
{
    size_t i;
    const json_t *name;
    json_array_foreach(errors, i, name) if (!has_fault(report, json_string_value(name)))
        fail_msg("no fault for %s", json_string_value(name));
    assert_int_equal(report->faults.count, json_array_size(errors));
}

static void check_no_secret_shown(const json_t *env, const struct settings_findings *report)
{
    for (size_t s = 0; s < settings_secret_count; s++) {
        const char *secret = json_string_value(json_object_get(env, settings_secret_variables[s]));
        for (size_t i = 0; secret && strlen(secret) > 8 && i < report->faults.count; i++)
            assert_null(strstr(report->faults.items[i].text, secret));
    }
}

static void check_integer(const char *name, int64_t got, const json_t *values)
{
    const json_t *expected = json_object_get(values, name);
    if (expected && json_integer_value(expected) != got)
        fail_msg("%s is %lld", name, (long long)got);
}

static void check_ratio(const char *name, double got, const json_t *values)
{
    const json_t *expected = json_object_get(values, name);
    if (expected && json_number_value(expected) != got)
        fail_msg("%s is %g", name, got);
}

static void check_text(const char *name, const char *got, const json_t *values)
{
    const char *expected = json_string_value(json_object_get(values, name));
    if (expected)
        assert_string_equal(got ? got : "(unset)", expected);
}

static void check_flag(const char *name, bool got, const json_t *values)
{
    const json_t *expected = json_object_get(values, name);
    if (expected)
        assert_int_equal(got, json_is_true(expected));
}

static void check_values(const json_t *values, const struct settings *s)
{
    check_integer("HEARTBEAT_JITTER_MS", s->heartbeat_jitter_ms, values);
    check_ratio("HEARTBEAT_MIN_RATIO", s->heartbeat_min_ratio, values);
    check_ratio("HEARTBEAT_MAX_RATIO", s->heartbeat_max_ratio, values);
    check_integer("POLL_BACKOFF_MS_MIN", s->poll_backoff_ms_min, values);
    check_integer("POLL_BACKOFF_MS_MAX", s->poll_backoff_ms_max, values);
    check_ratio("TOKEN_SAFETY_RATIO", s->token_safety_ratio, values);
    check_integer("TOKEN_REAUTH_MAX_RETRIES", s->token_reauth_max_retries, values);
    check_integer("TOKEN_REAUTH_JITTER_MS", s->token_reauth_jitter_ms, values);
    check_integer("REGISTER_INTERVAL_SECS", s->register_interval_secs, values);
    check_integer("REGISTER_MAX_RETRY", s->register_max_retry, values);
    check_integer("MAX_CONCURRENCY", s->max_concurrency, values);
    check_integer("NOOP_SLEEP_SECS", s->noop_sleep_secs, values);
    check_integer("POSEMESH_MULTIPART_MIN_BYTES", s->multipart_min_bytes, values);
    check_flag("ENABLE_NOOP", s->enable_noop, values);
    check_text("CLIENT_ID", s->client_id, values);
    check_text("LOG_FORMAT", s->log_format == 0 ? "json" : "text", values);
    static const char *const flows[] = {"callback", "wallet", "robot"};
    check_text("REGISTRATION_FLOW", flows[s->registration_flow], values);
}

static void every_environment_of_the_vectors_is_judged_right(void **state)
{
    (void)state;
    size_t i;
    const json_t *vector;
    json_t *cases = vectors_load("config.json");
    json_array_foreach(cases, i, vector)
    {
        struct settings settings;
        static struct settings_findings report;
        vectors_announce(vector);
        const json_t *env = json_object_get(vector, "env");
        char **variables = environment_of(env);
        bool ok = load(variables, &settings, &report);
        assert_int_equal(ok, json_is_true(json_object_get(vector, "valid")));
        check_errors(json_object_get(vector, "errors"), &report);
        check_no_secret_shown(env, &report);
        if (ok)
            check_values(json_object_get(vector, "values"), &settings);
        settings_clear(&settings);
        free_variables(variables);
    }
    json_decref(cases);
}

/* --- secrets from files --- */

#define KEY "f97b6f5968e67b34cb5fc9e0eb320f88e589305917cdf18015c0023891ad38c9"

static bool load_authd(char *const *extra, struct settings *settings, struct settings_findings *report)
{
    char *variables[16] = {(char[]){"DDS_BASE_URL=https://d.example"}, (char[]){"NODE_URL=http://n.example"},
                           (char[]){"REQUEST_TIMEOUT_SECS=30"}, (char[]){"SECP256K1_PRIVHEX=" KEY}};
    size_t count = 4;
    while (*extra)
        variables[count++] = *extra++;
    struct error error;
    struct environment environment;
    assert_true(environment_open(&environment, variables, &error));
    bool ok = settings_load(settings, AUTHD_BIT, url_is_http, &environment, report);
    environment_close(&environment);
    return ok;
}

static void a_secret_comes_from_its_file_and_not_from_both(void **state)
{
    (void)state;
    char path[] = "/tmp/posemesh-settings-XXXXXX";
    int fd = mkstemp(path);
    assert_int_equal(write(fd, " from-a-file\n", 13), 13);
    close(fd);
    char *file_variable = memory_format("REG_SECRET_FILE=%s", path);
    char direct[] = "REG_SECRET=direct";
    struct settings settings;
    static struct settings_findings report;

    assert_true(load_authd((char *[]){file_variable, NULL}, &settings, &report));
    assert_string_equal(settings.reg_secret.bytes, "from-a-file");
    settings_clear(&settings);

    assert_false(load_authd((char *[]){file_variable, direct, NULL}, &settings, &report));
    assert_true(has_fault(&report, "REG_SECRET"));
    settings_clear(&settings);

    unlink(path);
    assert_false(load_authd((char *[]){file_variable, NULL}, &settings, &report));
    assert_true(has_fault(&report, "REG_SECRET_FILE"));
    settings_clear(&settings);
    free(file_variable);
}

static bool load_secret_file(const char *path, struct settings *settings, struct settings_findings *report)
{
    char *file_variable = memory_format("REG_SECRET_FILE=%s", path);
    bool ok = load_authd((char *[]){file_variable, NULL}, settings, report);
    free(file_variable);
    return ok;
}

static void a_secret_file_that_others_can_read_is_warned_of(void **state)
{
    (void)state;
    char path[] = "/tmp/posemesh-settings-XXXXXX";
    struct settings settings;
    static struct settings_findings report;
    int fd = mkstemp(path);
    assert_int_equal(write(fd, "hidden-value", 12), 12);
    assert_true(load_secret_file(path, &settings, &report));
    assert_int_equal(report.warnings.count, 0);
    settings_clear(&settings);
    assert_int_equal(fchmod(fd, 0644), 0);
    assert_true(load_secret_file(path, &settings, &report));
    assert_int_equal(report.warnings.count, 1);
    assert_non_null(strstr(report.warnings.items[0].text, path));
    assert_null(strstr(report.warnings.items[0].text, "hidden-value"));
    settings_clear(&settings);
    char slashes[151] = "";
    memset(slashes, '/', 150);
    char *long_path = memory_format("%s%s", slashes, path);
    assert_true(load_secret_file(long_path, &settings, &report));
    char *expected = memory_format("is %.128s, which every user of this machine can read", long_path);
    assert_string_equal(report.warnings.items[0].text, expected);
    settings_clear(&settings);
    free(expected);
    free(long_path);
    close(fd);
    unlink(path);
}

static void odd_secret_files_are_faults_and_never_hang(void **state)
{
    (void)state;
    char folder[TEMPORARY_FOLDER_BYTES];
    temporary_folder_make(folder, "settings");
    char *path = memory_format("%s/secret", folder);
    struct settings settings;
    static struct settings_findings report;
    static char large[LIMIT_SECRET_FILE_BYTES + 1];
    memset(large, 'x', sizeof large);
    const struct {
        const char *bytes;
        size_t length;
    } contents[] = {{"", 0}, {" \n\t", 3}, {"a\0b", 3}, {large, sizeof large}};

    assert_false(load_secret_file(folder, &settings, &report));
    settings_clear(&settings);
    assert_int_equal(mkfifo(path, 0600), 0);
    assert_false(load_secret_file(path, &settings, &report));
    assert_true(has_fault(&report, "REG_SECRET_FILE"));
    settings_clear(&settings);
    unlink(path);
    for (size_t i = 0; i < sizeof contents / sizeof contents[0]; i++) {
        FILE *file = fopen(path, "we");
        fwrite(contents[i].bytes, 1, contents[i].length, file);
        fclose(file);
        assert_false(load_secret_file(path, &settings, &report));
        assert_true(has_fault(&report, "REG_SECRET_FILE"));
        settings_clear(&settings);
    }
    temporary_folder_remove(folder);
    free(path);
}

static void numbers_beyond_any_type_are_faults(void **state)
{
    (void)state;
    static const char *const odd[] = {"99999999999999999999999",
                                      "-9223372036854775809",
                                      "9007199254740992",
                                      "1e3",
                                      "+1",
                                      "0x10",
                                      "1 2",
                                      "--1"};
    for (size_t i = 0; i < sizeof odd / sizeof odd[0]; i++) {
        struct settings settings;
        static struct settings_findings report;
        char *variable = memory_format("REGISTER_INTERVAL_SECS=%s", odd[i]);
        char direct[] = "REG_SECRET=direct";
        assert_false(load_authd((char *[]){variable, direct, NULL}, &settings, &report));
        assert_true(has_fault(&report, "REGISTER_INTERVAL_SECS"));
        settings_clear(&settings);
        free(variable);
    }
}

static void a_reversed_pair_is_swapped_with_a_warning(void **state)
{
    (void)state;
    char *variables[] = {(char[]){"DMS_BASE_URL=http://d.example"}, (char[]){"REQUEST_TIMEOUT_SECS=30"},
                         (char[]){"HEARTBEAT_MIN_RATIO=0.9"}, (char[]){"HEARTBEAT_MAX_RATIO=0.1"}, NULL};
    struct settings settings;
    struct error error;
    struct environment environment;
    static struct settings_findings report;
    assert_true(environment_open(&environment, variables, &error));
    assert_true(settings_load(&settings, LEASED_BIT, url_is_http, &environment, &report));
    assert_true(settings.heartbeat_min_ratio == 0.1 && settings.heartbeat_max_ratio == 0.9);
    assert_int_equal(report.warnings.count, 1);
    settings_clear(&settings);
}

static void a_service_reads_only_its_own_variables(void **state)
{
    (void)state;
    assert_true(settings_is_read_by("REG_SECRET", AUTHD_BIT));
    assert_true(settings_is_read_by("REG_SECRET_FILE", AUTHD_BIT));
    assert_false(settings_is_read_by("REG_SECRET", LEASED_BIT | STORED_BIT | HTTPD_BIT | RUNNERD_BIT));
    assert_false(settings_is_read_by("SECP256K1_PRIVHEX_FILE", LEASED_BIT));
    assert_true(settings_is_read_by("LOG_LEVEL", RUNNERD_BIT));
    assert_false(settings_is_read_by("HOME", ALL_BITS));
}

/* The least level that each word lets through; without one it is info. */
static void log_level_is_the_least_that_is_logged(void **state)
{
    (void)state;
    static const struct {
        const char *variable;
        enum log_level least;
    } levels[] = {{"X=", LOG_LEVEL_INFO},
                  {"LOG_LEVEL=debug", LOG_LEVEL_DEBUG},
                  {"LOG_LEVEL=info", LOG_LEVEL_INFO},
                  {"LOG_LEVEL=warn", LOG_LEVEL_WARN},
                  {"LOG_LEVEL=error", LOG_LEVEL_ERROR}};
    for (size_t i = 0; i < sizeof levels / sizeof levels[0]; i++) {
        char *variables[] = {memory_copy_text(levels[i].variable), NULL};
        struct settings settings;
        static struct settings_findings report;
        load(variables, &settings, &report);
        settings_configure_log(&settings, SERVICE_AUTHD);
        for (enum log_level level = LOG_LEVEL_DEBUG; level <= LOG_LEVEL_ERROR; level++)
            assert_int_equal(log_enabled(level), level >= levels[i].least);
        settings_clear(&settings);
        free(variables[0]);
    }
}

static void every_finding_is_logged(void **state)
{
    (void)state;
    static struct settings_findings report = {
        .warnings = {{{"FIRST", "is odd"}, {"SECOND", "is odd, too"}}, 2},
        .faults = {{{"THIRD", "is wrong"}, {"FOURTH", "is wrong, too"}}, 2},
    };
    char lines[1024] = "";
    int kept = dup(STDERR_FILENO);
    int fd = memfd_create("log", MFD_CLOEXEC);
    log_configure("test", LOG_FORMAT_TEXT, LOG_LEVEL_WARN);
    dup2(fd, STDERR_FILENO);
    settings_log_findings(&report);
    dup2(kept, STDERR_FILENO);
    close(kept);
    assert_true(pread(fd, lines, sizeof lines - 1, 0) > 0);
    close(fd);
    assert_non_null(strstr(lines, "FIRST is odd\n"));
    assert_non_null(strstr(lines, "SECOND is odd, too\n"));
    assert_non_null(strstr(lines, "THIRD is wrong\n"));
    assert_non_null(strstr(lines, "FOURTH is wrong, too\n"));
}

static void a_url_or_address_that_nothing_could_use_is_a_fault(void **state)
{
    (void)state;
    static const char *const urls[] = {"http:/h", "http://h/a b", "http://\xc3\xb6.example/",
                                       "http://a%41b/"};
    static const char *const addresses[] = {"[]:80", ":80", "h", "h:", "h:65536"};
    struct error error;
    for (size_t i = 0; i < sizeof urls / sizeof urls[0]; i++)
        assert_false(url_is_http(urls[i]));
    for (size_t i = 0; i < sizeof addresses / sizeof addresses[0]; i++)
        assert_false(settings_check_address(addresses[i], &error));
    assert_true(url_is_http("https://h:1/a"));
    assert_true(settings_check_address("[::1]:80", &error));
}

static void says_what_is_wrong_with_a_secret_and_not_what_it_is(void **state)
{
    (void)state;
    static const char *const cases[][4] = {
        {"REG_SECRET=s", "SECP256K1_PRIVHEX=hidden",
         "is no key: expected 64 hexadecimal digits, with or without 0x", "SECP256K1_PRIVHEX"},
        {"REG_SECRET=s", "X=", "is required (or SECP256K1_PRIVHEX_FILE, the name of a file that holds it)",
         "SECP256K1_PRIVHEX"},
        {"REG_SECRET=s", "SECP256K1_PRIVHEX_FILE=/no/such/file",
         "is /no/such/file: cannot open it: No such file or directory", "SECP256K1_PRIVHEX_FILE"}};
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        char *variables[] = {memory_copy_text(cases[i][0]),
                             memory_copy_text(cases[i][1]),
                             (char[]){"DDS_BASE_URL=https://d.example"},
                             (char[]){"NODE_URL=http://n.example"},
                             (char[]){"REQUEST_TIMEOUT_SECS=30"},
                             NULL};
        struct settings settings;
        struct error error;
        struct environment environment;
        static struct settings_findings report;
        assert_true(environment_open(&environment, variables, &error));
        assert_false(settings_load(&settings, AUTHD_BIT, url_is_http, &environment, &report));
        assert_int_equal(report.faults.count, 1);
        assert_string_equal(report.faults.items[0].variable, cases[i][3]);
        assert_string_equal(report.faults.items[0].text, cases[i][2]);
        settings_clear(&settings);
        free(variables[0]);
        free(variables[1]);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_environment_of_the_vectors_is_judged_right),
        cmocka_unit_test(a_secret_comes_from_its_file_and_not_from_both),
        cmocka_unit_test(a_secret_file_that_others_can_read_is_warned_of),
        cmocka_unit_test(odd_secret_files_are_faults_and_never_hang),
        cmocka_unit_test(numbers_beyond_any_type_are_faults),
        cmocka_unit_test(a_reversed_pair_is_swapped_with_a_warning),
        cmocka_unit_test(a_service_reads_only_its_own_variables),
        cmocka_unit_test(log_level_is_the_least_that_is_logged),
        cmocka_unit_test(every_finding_is_logged),
        cmocka_unit_test(a_url_or_address_that_nothing_could_use_is_a_fault),
        cmocka_unit_test(says_what_is_wrong_with_a_secret_and_not_what_it_is),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
