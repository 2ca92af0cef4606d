/* libcommon/node/settings_help.h: what --help says of the variables, and libcommon/base/usage.h: what is said
 * of an option that there is not. */
#include "libcommon/node/settings_help.h"

#include "libcommon/base/usage.h"
#include "libcommon/node/settings.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <getopt.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

/* free() it. */
static char *help_of(unsigned readers)
{
    char *text = NULL;
    size_t length = 0;
    FILE *out = open_memstream(&text, &length);
    settings_help_print(out, readers);
    fclose(out);
    return text;
}

static void assert_says(const char *help, const char *lines)
{
    if (!strstr(help, lines))
        fail_msg("not there:\n%s\nbut:\n%s", lines, help);
}

static void no_line_has_more_than_80_columns_or_ends_in_a_blank(void **state)
{
    (void)state;
    for (enum service_id id = 0; id <= SERVICE_NODE; id++) {
        char *help = help_of(1U << id);
        for (const char *line = help; *line;) {
            size_t length = strcspn(line, "\n");
            if (length > 80 || (length && line[length - 1] == ' '))
                fail_msg("%.*s", (int)length, line);
            line += length + 1;
        }
        free(help);
    }
}

static void count_setting(void *context, const char *variable, unsigned readers, const char *default_text,
                          const char *meaning)
{
    const char *help = context;
    (void)readers;
    (void)default_text;
    (void)meaning;
    assert_non_null(strstr(help, variable));
}

static void every_kind_of_setting_is_told(void **state)
{
    (void)state;
    char *help = help_of(ALL_BITS);
    settings_visit(count_setting, help);
    assert_int_equal(strncmp(help, "Reads from the environment:\n  DDS_BASE_URL ", 43), 0);
    assert_says(help, "\n  REQUEST_TIMEOUT_SECS          required: bound of each JSON call\n");
    assert_says(help, "\n  REGISTRATION_FLOW             how to register (callback, wallet, robot;\n"
                      "                                default: callback)\n");
    assert_says(help, "\n  REG_SECRET or REG_SECRET_FILE\n"
                      "                                required: registration credentials; not read in\n"
                      "                                the robot flow\n");
    assert_says(help, "\n  ROBOT_REGISTRATION_CREDENTIALS or ROBOT_REGISTRATION_CREDENTIALS_FILE\n");
    assert_says(help, "\n  MAX_CONCURRENCY               tasks at once (default: 1)\n");
    assert_says(help, "\n  NODE_VERSION                  version to report; unset: the program's own\n");
    assert_says(help, "\n  POSEMESH_WORKSPACE_MAX_BYTES  what one task's workspace may hold; 0: no limit\n"
                      "                                (default: 0)\n");
    /* A default stands beside its word. */
    assert_says(help, "\n  POLL_BACKOFF_MS_MIN           shortest wait when there is no work\n"
                      "                                (default: 1000)\n");
    assert_null(strstr(help, "(required)"));
    assert_null(strstr(help, "|"));
    free(help);
}

static void a_service_names_what_it_reads_alone(void **state)
{
    (void)state;
    char *help = help_of(HTTPD_BIT);
    assert_non_null(strstr(help, "HTTP_LISTEN"));
    assert_null(strstr(help, "REG_SECRET"));
    free(help);
}

/* --- options that there are not --- */

/* What is written to stderr meanwhile. */
static FILE *caught;
static int kept;

static void begin_catching(void)
{
    fflush(stderr);
    kept = dup(STDERR_FILENO);
    caught = tmpfile();
    assert_non_null(caught);
    dup2(fileno(caught), STDERR_FILENO);
}

static void assert_caught(const char *expected)
{
    char text[512] = "";
    fflush(stderr);
    dup2(kept, STDERR_FILENO);
    close(kept);
    rewind(caught);
    assert_int_equal(fread(text, 1, sizeof text - 1, caught), strlen(expected));
    assert_string_equal(text, expected);
    fclose(caught);
}

static void what_cannot_be_taken_is_named(void **state)
{
    (void)state;
    begin_catching();
    assert_int_equal(usage_refuse("posemesh-x", "--foo"), 64);
    assert_int_equal(usage_refuse("posemesh-x", "bar"), 64);
    assert_int_equal(usage_refuse("posemesh-x", "-\033[31m\n"), 64);
    assert_int_equal(usage_refuse_more("posemesh-x", "--foo"), 64);
    assert_caught("posemesh-x: unknown option --foo; see --help\n"
                  "posemesh-x: unexpected argument bar; see --help\n"
                  "posemesh-x: unknown option - [31m ; see --help\n"
                  "posemesh-x: unexpected argument --foo; see --help\n");
}

static void what_getopt_refuses_is_named(void **state)
{
    (void)state;
    static const struct option known[] = {
        {"quiet", no_argument, NULL, 'q'}, {"state", required_argument, NULL, 's'}, {NULL, 0, NULL, 0}};
    static const char *const refused[][2] = {{"--foo", "unknown option --foo"},
                                             {"--foo=1", "unknown option --foo=1"},
                                             {"--quiet=1", "unknown option --quiet=1"},
                                             {"-x", "unknown option -x"},
                                             {"-xy", "unknown option -x"},
                                             {"--state", "--state needs a value"}};
    for (size_t i = 0; i < sizeof refused / sizeof refused[0]; i++) {
        char expected[128];
        char argument[16];
        snprintf(argument, sizeof argument, "%s", refused[i][0]);
        char *argv[] = {(char[]){"posemesh-x"}, argument, NULL};
        snprintf(expected, sizeof expected, "posemesh-x: %s; see --help\n", refused[i][1]);
        begin_catching();
        optind = 0;
        opterr = 0;
        assert_int_equal(usage_refuse_option("posemesh-x", getopt_long(2, argv, ":", known, NULL), argv), 64);
        assert_caught(expected);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(no_line_has_more_than_80_columns_or_ends_in_a_blank),
        cmocka_unit_test(every_kind_of_setting_is_told),
        cmocka_unit_test(a_service_names_what_it_reads_alone),
        cmocka_unit_test(what_cannot_be_taken_is_named),
        cmocka_unit_test(what_getopt_refuses_is_named),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
