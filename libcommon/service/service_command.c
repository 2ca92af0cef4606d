#include "libcommon/service/service_command.h"

#include "libcommon/base/log.h"
#include "libcommon/base/usage.h"
#include "libcommon/confine/privileges.h"
#include "libcommon/node/folder_use.h"
#include "libcommon/node/settings_help.h"
#include "libcommon/service/health_question.h"

#include <getopt.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

enum { SERVICE_PROGRAM_BYTES = 32 };

/* --- --health --- */

static int health(enum service_id service)
{
    struct health_answer answer = {.service = service};
    health_question_ask(health_question_runtime_dir(), &answer, 1);
    printf("%s: %s\n", service_name(service), answer.text);
    return (int)health_question_sum(&answer, 1);
}

/* --- --check-config --- */

/* As the user that the service runs as; this process ends soon. */
static bool become_service(struct error *error)
{
    struct privileges privileges;
    const char *run_as = geteuid() == 0 ? getenv(PRIVILEGES_VARIABLE) : NULL;
    return !run_as || (privileges_parse(run_as, &privileges, error) && privileges_drop(&privileges, error));
}

static bool check_folders(enum service_id service, const struct settings *settings)
{
    struct error error;
    bool ok = folder_use_check_length(settings, &error);
    if (!ok)
        log_error("%s", error.text);
    for (enum folder_id id = 0; id < FOLDER_COUNT; id++) {
        if (folder_use_check(settings, id, service, false, &error))
            continue;
        log_error("%s", error.text);
        ok = false;
    }
    return ok;
}

static int check_config(enum service_id service, settings_url_check *is_url, service_check_function *check)
{
    struct settings settings;
    struct environment environment;
    struct settings_findings findings;
    struct error error;
    /* posemesh-node has told of settings and folders, asks for the rest and sums up. */
    bool asked = getenv(SERVICE_SUPERVISOR_VARIABLE) != NULL;
    if (!environment_open(&environment, environ, &error)) {
        log_error("%s", error.text);
        return SERVICE_EXIT_CONFIG;
    }
    bool ok = settings_load(&settings, 1U << service, is_url, &environment, &findings) || asked;
    if (!asked)
        settings_log_findings(&findings);
    if (!become_service(&error)) {
        log_error("%s", error.text);
        ok = false;
    }
    /* Also with a fault in the settings: all faults are told at once. */
    ok = (asked || check_folders(service, &settings)) && ok;
    ok = (!check || check(&settings)) && ok;
    settings_clear(&settings);
    environment_close(&environment);
    if (ok && !asked)
        printf("%s: the configuration is good\n", service_name(service));
    return ok ? SERVICE_EXIT_OK : SERVICE_EXIT_CONFIG;
}

/* --- --help --- */

static void print_help(enum service_id service, const char *purpose)
{
    printf("usage: posemesh-%s [--health | --check-config | --version | --help]\n\n%s\n\n"
           "  --health        ask the running service; exit 0 when it is ready, 1 and why\n"
           "                  when not, 69 when it does not run, 77 when you may not ask\n"
           "  --check-config  check the environment and the folders; exit 0, or 78 with\n"
           "                  every fault\n\n",
           service_name(service), purpose);
    settings_help_print(stdout, 1U << service);
}

bool service_command_run(enum service_id service, const char *purpose, settings_url_check *is_url,
                         service_check_function *check, int argc, char **argv, int *status)
{
    static const struct option options[] = {{"health", no_argument, NULL, 'H'},
                                            {"check-config", no_argument, NULL, 'C'},
                                            {"version", no_argument, NULL, 'V'},
                                            {"help", no_argument, NULL, 'h'},
                                            {NULL, 0, NULL, 0}};
    char program[SERVICE_PROGRAM_BYTES];
    snprintf(program, sizeof program, "posemesh-%s", service_name(service));
    *status = SERVICE_EXIT_OK;
    opterr = 0;
    int option = getopt_long(argc, argv, "+h", options, NULL);
    if (option != -1 && option != '?' && optind < argc) {
        *status = usage_refuse_more(program, argv[optind]);
        return true;
    }
    switch (option) {
    case -1:
        if (optind >= argc)
            return false;
        *status = usage_refuse(program, argv[optind]);
        break;
    case 'H':
        *status = health(service);
        break;
    case 'C':
        *status = check_config(service, is_url, check);
        break;
    case 'V':
        printf("posemesh-%s %s\n", service_name(service), POSEMESH_VERSION);
        break;
    case 'h':
        print_help(service, purpose);
        break;
    default:
        *status = usage_refuse_option(program, option, argv);
    }
    return true;
}
