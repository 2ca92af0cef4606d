/* libcommon/node/misspelling.h, and what settings_load() warns of: names of variables that nobody reads. */
#include "libcommon/node/misspelling.h"

#include "libcommon/base/memory.h"
#include "libcommon/node/settings.h"
#include "services/node/child_environment.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static struct settings_findings report;

/* Into `report`, for one service that reads little of it. */
static void look_at(char **variables, unsigned readers)
{
    struct settings settings;
    struct environment environment = {.variables = variables, .sealed = SECRET_EMPTY, .sealed_fd = -1};
    settings_load(&settings, readers, NULL, &environment, &report);
    settings_clear(&settings);
}

/* The warnings that one variable brings. */
static size_t warnings_of(const char *name, unsigned readers)
{
    char *variable = memory_format("%s=hidden-value", name);
    look_at((char *[]){variable, NULL}, readers);
    free(variable);
    for (size_t i = 0; i < report.warnings.count; i++)
        assert_null(strstr(report.warnings.items[i].text, "hidden"));
    return report.warnings.count;
}

static void a_misspelt_name_is_warned_of_with_the_one_that_is_meant(void **state)
{
    (void)state;
    static const char *const names[][2] = {
        {"POLL_BACKOF_MS_MIN", "POLL_BACKOFF_MS_MIN"},         /* left out */
        {"POLL_BACKOFFF_MS_MAX", "POLL_BACKOFF_MS_MAX"},       /* doubled */
        {"POLL_BACKOFV_MS_MIN", "POLL_BACKOFF_MS_MIN"},        /* wrong */
        {"REG_SECERT", "REG_SECRET"},                          /* changed with its neighbour */
        {"DDS_BASE_ULR", "DDS_BASE_URL"},                      /* in a short word */
        {"HEARTBAET_MIN_RATOI", "HEARTBEAT_MIN_RATIO"},        /* twice in a long name */
        {"POLL_BACKOFF_MIN_MS", "POLL_BACKOFF_MS_MIN"},        /* in another order */
        {"BASE_URL_DMS", "DMS_BASE_URL"},                      /* in another order */
        {"DMSBASE_URL", "DMS_BASE_URL"},                       /* no underscore */
        {"WORK_DIR", "POSEMESH_WORK_DIR"},                     /* no prefix */
        {"UID_BASE", "POSEMESH_UID_BASE"},                     /* that is no setting of a service */
        {"POSEMESH_NODE_URL", "NODE_URL"},                     /* a prefix too much */
        {"POSEMESH_LOG_LEVL", "LOG_LEVEL"},                    /* and a letter less */
        {"POSEMSH_STATE_DIR", "POSEMESH_STATE_DIR"},           /* in the prefix */
        {"Posemesh_State_Dir", "POSEMESH_STATE_DIR"},          /* in lower case */
        {"log_level", "LOG_LEVEL"},                            /* in lower case */
        {"SECP256K1_PRIVHEX_FILES", "SECP256K1_PRIVHEX_FILE"}, /* of a secret's file */
        {"SECP265K1_PRIVHEX", "SECP256K1_PRIVHEX"},            /* digits */
        {"POSEMESH_MULTIPART_MIN_BYTE", "POSEMESH_MULTIPART_MIN_BYTES"},
        {"MAX_CONCURENCY", "MAX_CONCURRENCY"},
        {"NODE_URL_PAHT", "NODE_URL_PATH"},
    };
    for (size_t i = 0; i < sizeof names / sizeof names[0]; i++) {
        char *expected = memory_format("is read by nobody: is %s meant?", names[i][1]);
        if (warnings_of(names[i][0], HTTPD_BIT) != 1)
            fail_msg("%s is not warned of", names[i][0]);
        assert_string_equal(report.warnings.items[0].variable, names[i][0]);
        assert_string_equal(report.warnings.items[0].text, expected);
        free(expected);
    }
}

static void a_name_with_our_prefix_that_nobody_reads_is_warned_of(void **state)
{
    (void)state;
    static const char *const names[] = {"POSEMESH_", "POSEMESH_COLOUR", "POSEMESH_DIR", "posemesh_colour"};
    for (size_t i = 0; i < sizeof names / sizeof names[0]; i++) {
        assert_int_equal(warnings_of(names[i], ALL_BITS), 1);
        assert_string_equal(report.warnings.items[0].text, "is read by nobody; --help lists what is");
    }
    /* It is cut where a line can have no more of it. */
    char *name = memory_format("POSEMESH_%0200d", 1);
    assert_int_equal(warnings_of(name, ALL_BITS), 1);
    assert_int_equal(strlen(report.warnings.items[0].variable), SETTINGS_VARIABLE_BYTES - 1);
    free(name);
}

/* A shell at a desktop and over ssh, a systemd unit, a container of Docker, Kubernetes or a cloud, a runtime.
 */
static const char *const others[] = {
    "HOME",
    "PATH",
    "PWD",
    "OLDPWD",
    "SHELL",
    "SHLVL",
    "USER",
    "LOGNAME",
    "HOSTNAME",
    "HOST",
    "HOSTTYPE",
    "TERM",
    "COLORTERM",
    "LANG",
    "LC_ALL",
    "LANGUAGE",
    "TZ",
    "TMPDIR",
    "MAIL",
    "EDITOR",
    "PAGER",
    "DISPLAY",
    "WAYLAND_DISPLAY",
    "SSH_CLIENT",
    "SSH_TTY",
    "SSH_CONNECTION",
    "SSH_AUTH_SOCK",
    "SUDO_USER",
    "SUDO_UID",
    "SUDO_COMMAND",
    "_",
    "XDG_RUNTIME_DIR",
    "XDG_STATE_HOME",
    "XDG_SESSION_ID",
    "DBUS_SESSION_BUS_ADDRESS",
    "LS_COLORS",
    "PS1",
    "UID",
    "http_proxy",
    "https_proxy",
    "HTTP_PROXY",
    "HTTPS_PROXY",
    "ALL_PROXY",
    "no_proxy",
    "NO_PROXY",
    "SSL_CERT_FILE",
    "SSL_CERT_DIR",
    "CURL_CA_BUNDLE",
    "REQUESTS_CA_BUNDLE",
    "NODE_EXTRA_CA_CERTS",
    "INVOCATION_ID",
    "JOURNAL_STREAM",
    "NOTIFY_SOCKET",
    "MAINPID",
    "LISTEN_FDS",
    "LISTEN_PID",
    "LISTEN_FDNAMES",
    "RUNTIME_DIRECTORY",
    "STATE_DIRECTORY",
    "CACHE_DIRECTORY",
    "LOGS_DIRECTORY",
    "CONFIGURATION_DIRECTORY",
    "CREDENTIALS_DIRECTORY",
    "WATCHDOG_USEC",
    "SYSTEMD_EXEC_PID",
    "MEMORY_PRESSURE_WATCH",
    "container",
    "NODE_ENV",
    "NODE_PATH",
    "NODE_NAME",
    "NODE_IP",
    "NODE_OPTIONS",
    "NODE_PORT",
    "NODE_HOME",
    "NODE_ID",
    "YARN_VERSION",
    "PYTHON_VERSION",
    "GO_VERSION",
    "APP_VERSION",
    "CODE_VERSION",
    "GPG_KEY",
    "PYTHONUNBUFFERED",
    "LOG_FILE",
    "LOG_DIR",
    "LOG_PATH",
    "LOG_COLOR",
    "LOG_TARGET",
    "RUST_LOG",
    "RUST_BACKTRACE",
    "DEBUG",
    "DDS_DOMAIN_ID",
    "DDS_ROOT",
    "CYCLONEDDS_URI",
    "FASTRTPS_DEFAULT_PROFILES_FILE",
    "RMW_IMPLEMENTATION",
    "CMS_BASE_URL",
    "SMS_BASE_URL",
    "API_BASE_URL",
    "CDN_BASE_URL",
    "DNS_BASE_URL",
    "BASE_URL",
    "NODE_URI",
    "CLIENT_IP",
    "CLIENT_KEY",
    "CLIENT_SECRET",
    "AUTH_SECRET",
    "APP_SECRET",
    "SECRET",
    "MAX_CONNECTIONS",
    "WEB_CONCURRENCY",
    "DOWNLOAD_CONCURRENCY",
    "CONCURRENCY",
    "REQUEST_TIMEOUT",
    "HTTP_PORT",
    "HTTP_TIMEOUT",
    "KUBERNETES_SERVICE_HOST",
    "KUBERNETES_PORT",
    "POD_NAME",
    "POD_IP",
    "NVIDIA_VISIBLE_DEVICES",
    "CUDA_VERSION",
    "LD_LIBRARY_PATH",
    "GITHUB_TOKEN",
    "CI",
    "DEBIAN_FRONTEND",
    "MALLOC_ARENA_MAX",
    "TERM_PROGRAM_VERSION",
    "REGISTRATION",
    "DOMAIN",
    "SITE_DOMAIN_NAME",
    "DMS",
    "DMS_DEBUG",
    "POLL_INTERVAL",
    "HEARTBEAT_INTERVAL",
    "TRANSFER_BYTES",
    "TOKEN",
    "ACCESS_TOKEN",
    "HOSTNAMES",
    "RUN_DIR",
    "WORKDIR",
    "STATEDIR",
    "RUNTIME",
    "",
    /* What posemesh-devnet writes into its devnet.env. */
    "DOMAIN_SERVER_URL",
    "ADMIN_URL",
    "TRAP_URL",
    "APP_TOKEN",
};

static void names_of_other_programs_are_not_taken_for_ours(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof others / sizeof others[0]; i++)
        if (warnings_of(others[i], LEASED_BIT))
            fail_msg("%s: %s", others[i], report.warnings.items[0].text);
}

/* The value that it is given may be worth another warning. */
static void expect_known(void *context, const char *variable, unsigned readers, const char *default_text,
                         const char *meaning)
{
    (void)readers;
    (void)default_text;
    (void)meaning;
    size_t count = warnings_of(variable, 1U << *(const enum service_id *)context);
    for (size_t i = 0; i < count; i++)
        assert_null(strstr(report.warnings.items[i].text, "read by nobody"));
}

static void what_another_service_reads_is_known(void **state)
{
    (void)state;
    for (enum service_id id = 0; id <= SERVICE_NODE; id++)
        settings_visit(expect_known, &id);
    assert_int_equal(warnings_of("REG_SECRET_FILE", STORED_BIT), 0);
    assert_int_equal(warnings_of("POSEMESH_UID_BASE", ALL_BITS), 0);
}

static void what_the_node_gives_its_services_is_known(void **state)
{
    (void)state;
    static const struct identities identities = {.separate = true};
    for (enum service_id id = 0; id < SERVICE_COUNT; id++) {
        struct child_environment environment;
        child_environment_make(&environment, (char *[]){NULL}, id, &identities, 1);
        child_environment_add_last_death(&environment, "stored");
        child_environment_add_listener(&environment);
        look_at(environment.variables, 1U << id);
        assert_true(environment.count > 4);
        assert_int_equal(report.warnings.count, 0);
        child_environment_clear(&environment);
    }
}

static void the_nearest_is_meant(void **state)
{
    (void)state;
    static const char *const known[] = {"HEARTBEAT_MAX_RATIO", "HEARTBEAT_MIN_RATIO"};
    assert_ptr_equal(misspelling_meant("HEARTBEAT_MIN_RATIOS", known, 2), known[1]);
    assert_ptr_equal(misspelling_meant("HEARTBEAT_MAX_RATIOS", known, 2), known[0]);
    assert_null(misspelling_meant("HEARTBEAT_RATIO", known, 2));
    assert_null(misspelling_meant("HEARTBEAT_MIN_RATIO", known, 0));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_misspelt_name_is_warned_of_with_the_one_that_is_meant),
        cmocka_unit_test(a_name_with_our_prefix_that_nobody_reads_is_warned_of),
        cmocka_unit_test(names_of_other_programs_are_not_taken_for_ours),
        cmocka_unit_test(what_another_service_reads_is_known),
        cmocka_unit_test(what_the_node_gives_its_services_is_known),
        cmocka_unit_test(the_nearest_is_meant),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
