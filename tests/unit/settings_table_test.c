/* libcommon/node/settings.h, the table: what README.md says of each setting, who reads it, its range. */
#include "libcommon/base/memory.h"
#include "libcommon/node/settings.h"

#include "libcommon/http/url.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* --- README.md's table: | variable | default | read by | meaning | --- */

enum { CELLS = 4 };

struct readme {
    char *text;
    size_t count;
};

/* The cells of the row that begins with the variable. free() `*row`. */
static void find_cells(const char *text, const char *variable, char **row, char *cells[CELLS])
{
    char *begin = memory_format("\n| %s | ", variable);
    const char *found = strstr(text, begin);
    free(begin);
    if (!found)
        fail_msg("README.md has no row for %s", variable);
    found = found ? found + 1 : "";
    *row = memory_copy_bytes(found, strcspn(found, "\n"));
    char *at = *row;
    for (size_t i = 0; i < CELLS; i++) {
        char *next = strchr(at + 1, '|');
        if (!next) {
            fail_msg("README.md's row for %s has too few cells", variable);
            return;
        }
        *next = '\0';
        cells[i] = at + 1;
        at = next;
    }
}

static bool cell_is(const char *cell, const char *text)
{
    size_t length = strlen(text);
    while (*cell == ' ')
        cell++;
    return strncmp(cell, text, length) == 0 && strspn(cell + length, " ") == strlen(cell + length);
}

/* "leased, node" */
static bool names_reader(const char *cell, const char *name)
{
    size_t length = strlen(name);
    for (const char *at = cell; *at; at += strcspn(at, ", "), at += strspn(at, ", "))
        if (strncmp(at, name, length) == 0 && strchr(", ", at[length]))
            return true;
    return false;
}

static void check_default(const char *variable, const char *cell, const char *default_text)
{
    char choice[64];
    snprintf(choice, sizeof choice, "%.*s", (int)strcspn(default_text, "|"), default_text);
    if (!cell_is(cell, strcmp(default_text, SETTINGS_REQUIRED) == 0 ? "required" : choice))
        fail_msg("README.md does not give %s's default %s", variable, choice);
}

static void check_meaning(const char *variable, const char *cell, const char *default_text,
                          const char *meaning)
{
    char *values = memory_copy_text("");
    for (const char *at = default_text; strchr(default_text, '|') && *at;) {
        size_t length = strcspn(at, "|");
        char *longer = memory_format("%s%s%.*s", values, *values ? ", " : " (", (int)length, at);
        free(values);
        values = longer;
        at += length + (at[length] == '|');
    }
    char *expected = memory_format("%s%s%s", meaning, values, *values ? ")" : "");
    if (!cell_is(cell, expected))
        fail_msg("README.md does not say of %s: %s", variable, expected);
    free(expected);
    free(values);
}

static void find_in_readme(void *context, const char *variable, unsigned readers, const char *default_text,
                           const char *meaning)
{
    struct readme *readme = context;
    char *row;
    char *cells[CELLS];
    find_cells(readme->text, variable, &row, cells);
    for (enum service_id id = 0; id <= SERVICE_NODE; id++)
        assert_int_equal(settings_is_read_by(variable, 1U << id), (readers & 1U << id) != 0);
    check_default(variable, cells[1], default_text);
    for (enum service_id id = 0; id <= SERVICE_NODE; id++)
        if ((readers & 1U << id) != 0 && !names_reader(cells[2], "all") &&
            !names_reader(cells[2], service_name(id)))
            fail_msg("README.md does not say that %s reads %s", service_name(id), variable);
        else if ((readers & 1U << id) == 0 &&
                 (names_reader(cells[2], "all") || names_reader(cells[2], service_name(id))))
            fail_msg("%s does not read %s as README.md says", service_name(id), variable);
    check_meaning(variable, cells[3], default_text, meaning);
    readme->count++;
    free(row);
}

static void the_readme_says_of_every_setting_what_the_table_says(void **state)
{
    (void)state;
    const char *root = getenv("POSEMESH_SOURCE_DIR");
    char *path = memory_format("%s/README.md", root ? root : ".");
    FILE *file = fopen(path, "re");
    assert_non_null(file);
    struct readme readme = {calloc(1, 65536), 0};
    assert_true(fread(readme.text, 1, 65535, file) > 0);
    fclose(file);
    settings_visit(find_in_readme, &readme);
    assert_true(readme.count > 20);
    free(readme.text);
    free(path);
}

/* --- ranges --- */

/* Whether a node whose other settings are right would start with this one. */
static bool starts_with(const char *variable, const char *value)
{
    static struct settings_findings report;
    struct settings settings;
    struct environment environment;
    struct error error;
    char *setting = memory_format("%s=%s", variable, value);
    char *variables[] = {
        setting,
        (char[]){"DDS_BASE_URL=https://d"},
        (char[]){"DMS_BASE_URL=http://d"},
        (char[]){"NODE_URL=http://n"},
        (char[]){"REQUEST_TIMEOUT_SECS=30"},
        (char[]){"REG_SECRET=s"},
        (char[]){"SECP256K1_PRIVHEX=f97b6f5968e67b34cb5fc9e0eb320f88e589305917cdf18015c0023891ad38c9"},
        NULL};
    assert_true(environment_open(&environment, variables, &error));
    bool ok = settings_load(&settings, ALL_BITS, url_is_http, &environment, &report);
    for (size_t i = 0; i < report.faults.count; i++)
        assert_string_equal(report.faults.items[i].variable, variable);
    environment_close(&environment);
    settings_clear(&settings);
    static const struct settings cleared;
    assert_memory_equal(&settings, &cleared, sizeof cleared);
    free(setting);
    return ok;
}

/* What is in the middle is meant; what is at the sides would make a node that never does what it should, or
 * that cannot be told from a typing mistake. */
static void a_number_that_nobody_can_mean_is_a_fault(void **state)
{
    (void)state;
    static const struct {
        const char *variable;
        const char *too_low;
        const char *lowest;
        const char *highest;
        const char *too_high;
    } settings[] = {{"REQUEST_TIMEOUT_SECS", "0", "1", "86400", "86401"},
                    {"TOKEN_REAUTH_MAX_RETRIES", "-1", "0", "1000", "1001"},
                    {"TOKEN_REAUTH_JITTER_MS", "-1", "0", "3600000", "3600001"},
                    {"REGISTER_INTERVAL_SECS", "0", "1", "31536000", "31536001"},
                    {"REGISTER_MAX_RETRY", "-2", "-1", "1000000", "1000001"},
                    {"HEARTBEAT_JITTER_MS", "-1", "0", "3600000", "3600001"},
                    {"POLL_BACKOFF_MS_MIN", "-1", "0", "86400000", "86400001"},
                    {"POLL_BACKOFF_MS_MAX", "-1", "0", "86400000", "86400001"},
                    {"MAX_CONCURRENCY", "0", "1", "256", "257"},
                    {"DRAIN_GRACE_SECS", "-1", "0", "86400", "86401"},
                    {"POSEMESH_MULTIPART_MIN_BYTES", "0", "1", "9007199254740991", "9007199254740993"},
                    {"UPLOAD_CONCURRENCY", "0", "1", "16", "17"},
                    {"POSEMESH_WORKSPACE_MAX_BYTES", "-1", "0", "9007199254740991", "9007199254740993"},
                    {"TRANSFER_MAX_BYTES_PER_SEC", "-1", "0", "1000000000000", "1000000000001"},
                    {"DISK_RESERVE_BYTES", "-1", "0", "9007199254740991", "9007199254740993"},
                    {"POSEMESH_UID_BASE", "999", "1000", "4000000000", "4000000001"},
                    {"NOOP_SLEEP_SECS", "-1", "0", "86400", "86401"},
                    {"HEARTBEAT_MIN_RATIO", "-0.01", "0", "1", "1.01"},
                    {"HEARTBEAT_MAX_RATIO", "-0.01", "0", "1", "1.01"}};
    for (size_t i = 0; i < sizeof settings / sizeof settings[0]; i++) {
        if (starts_with(settings[i].variable, settings[i].too_low) ||
            starts_with(settings[i].variable, settings[i].too_high))
            fail_msg("%s is taken beyond its range", settings[i].variable);
        if (!starts_with(settings[i].variable, settings[i].lowest) ||
            !starts_with(settings[i].variable, settings[i].highest))
            fail_msg("%s is refused within its range", settings[i].variable);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_readme_says_of_every_setting_what_the_table_says),
        cmocka_unit_test(a_number_that_nobody_can_mean_is_a_fault),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
