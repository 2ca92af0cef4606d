#include "libcommon/service/service_command.h"

#include "libcommon/base/log.h"
#include "libcommon/base/text.h"
#include "libcommon/ipc/ipc.h"

#include <getopt.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

/* --- --health --- */

struct question {
    struct loop *loop;
    bool ready;
    char *text;
};

static void on_status(void *context, const void *answer, const struct error *failure)
{
    struct question *question = context;
    const struct message_status *status = answer;
    if (status) {
        question->ready = status->ready;
        text_format(question->text, ERROR_TEXT_BYTES, "%s%s%s", status->summary,
                    status->sandbox ? "; confined: " : "", status->sandbox ? status->sandbox : "");
    } else {
        text_format(question->text, ERROR_TEXT_BYTES, "%s", failure->text);
    }
    loop_stop(question->loop);
}

/* Whether the running service answers that it is ready; `text` tells why not, or its summary. */
static bool ask_status(enum service_id service, const char *runtime_dir, char text[ERROR_TEXT_BYTES])
{
    struct error error = {.text = ""};
    struct ipc_peers peers = {{0}};
    struct question question = {.loop = loop_create(&error), .text = text};
    struct ipc *ipc =
        question.loop ? ipc_create(question.loop, SERVICE_NODE, runtime_dir, &peers, &error) : NULL;
    struct ipc_client *client = ipc ? ipc_client_create(ipc, role_status_of(service), &error) : NULL;
    if (client) {
        const struct message_status_get request = {0};
        call_status_get(client, &request, on_status, &question);
        loop_run(question.loop, &error);
    } else {
        text_format(text, ERROR_TEXT_BYTES, "%s", error.text);
    }
    ipc_free(ipc);
    loop_free(question.loop);
    return question.ready;
}

static int health(enum service_id service)
{
    char text[ERROR_TEXT_BYTES] = "";
    char clean[ERROR_TEXT_BYTES];
    const char *runtime_dir = getenv("POSEMESH_RUNTIME_DIR");
    bool ready = ask_status(service, runtime_dir && *runtime_dir ? runtime_dir : "/run/posemesh", text);
    printf("%s: %s\n", service_name(service), text_one_line(text, strlen(text), clean, sizeof clean));
    return ready ? SERVICE_EXIT_OK : SERVICE_EXIT_FAILED;
}

/* --- --check-config --- */

static int check_config(enum service_id service, settings_url_check *is_url, service_check_function *check)
{
    struct settings settings;
    struct environment environment;
    struct settings_findings findings;
    struct error error;
    if (!environment_open(&environment, environ, &error)) {
        log_error("%s", error.text);
        return SERVICE_EXIT_CONFIG;
    }
    bool ok = settings_load(&settings, 1U << service, is_url, &environment, &findings);
    settings_log_findings(&findings);
    /* Also with a fault in the settings: all faults are told at once. */
    ok = (!check || check(&settings)) && ok;
    settings_clear(&settings);
    environment_close(&environment);
    if (ok)
        printf("%s: the configuration is good\n", service_name(service));
    return ok ? SERVICE_EXIT_OK : SERVICE_EXIT_CONFIG;
}

/* --- --help --- */

static void print_setting(void *context, const char *variable, unsigned readers, const char *default_text,
                          const char *meaning)
{
    const enum service_id *service = context;
    if (readers & (1U << *service))
        printf("  %-29s %s%s%s%s\n", variable, meaning, *default_text ? " [" : "", default_text,
               *default_text ? "]" : "");
}

static void print_help(enum service_id service, const char *purpose)
{
    printf("usage: posemesh-%s [--health | --check-config | --version | --help]\n\n%s\n\n"
           "  --health        ask the running service; exit 0 when it is ready, else 1 with the reason\n"
           "  --check-config  check the environment; exit 0, or 78 with every fault\n\nReads from the "
           "environment:\n",
           service_name(service), purpose);
    settings_visit(print_setting, &service);
}

bool service_command_run(enum service_id service, const char *purpose, settings_url_check *is_url,
                         service_check_function *check, int argc, char **argv, int *status)
{
    static const struct option options[] = {{"health", no_argument, NULL, 'H'},
                                            {"check-config", no_argument, NULL, 'C'},
                                            {"version", no_argument, NULL, 'V'},
                                            {"help", no_argument, NULL, 'h'},
                                            {NULL, 0, NULL, 0}};
    *status = SERVICE_EXIT_OK;
    switch (getopt_long(argc, argv, "h", options, NULL)) {
    case -1:
        if (optind >= argc)
            return false;
        fprintf(stderr, "posemesh-%s takes no arguments; see --help\n", service_name(service));
        *status = SERVICE_EXIT_USAGE;
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
        *status = SERVICE_EXIT_USAGE;
    }
    return true;
}
