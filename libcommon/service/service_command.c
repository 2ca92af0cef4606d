#include "libcommon/service/service_command.h"

#include "libcommon/base/log.h"

#include <getopt.h>
#include <stdio.h>
#include <stdlib.h>
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
        snprintf(question->text, ERROR_TEXT_BYTES, "%s%s%s", status->summary,
                 status->sandbox ? "; confined: " : "", status->sandbox ? status->sandbox : "");
    } else {
        snprintf(question->text, ERROR_TEXT_BYTES, "%s", failure->text);
    }
    loop_stop(question->loop);
}

bool service_ask_status(enum service_id service, const char *runtime_dir, char text[ERROR_TEXT_BYTES])
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
        snprintf(text, ERROR_TEXT_BYTES, "%s", error.text);
    }
    ipc_free(ipc);
    loop_free(question.loop);
    return question.ready;
}

static int health(const struct service *service)
{
    char text[ERROR_TEXT_BYTES];
    const char *runtime_dir = getenv("POSEMESH_RUNTIME_DIR");
    bool ready =
        service_ask_status(service->id, runtime_dir && *runtime_dir ? runtime_dir : "/run/posemesh", text);
    printf("%s: %s\n", service_name(service->id), text);
    return ready ? SERVICE_EXIT_OK : SERVICE_EXIT_FAILED;
}

/* --- --check-config --- */

static int check_config(const struct service *service)
{
    struct settings settings;
    struct environment environment;
    struct settings_report report;
    struct error error;
    if (!environment_open(&environment, environ, &error)) {
        log_error("%s", error.text);
        return SERVICE_EXIT_CONFIG;
    }
    bool ok = settings_load(&settings, 1U << service->id, &environment, &report);
    service_log_report(&report);
    settings_clear(&settings);
    environment_close(&environment);
    if (ok)
        printf("%s: the configuration is good\n", service_name(service->id));
    return ok ? SERVICE_EXIT_OK : SERVICE_EXIT_CONFIG;
}

/* --- --help --- */

struct help {
    unsigned readers;
};

static void print_setting(void *context, const char *variable, unsigned readers, const char *default_text,
                          const char *meaning)
{
    const struct help *help = context;
    if (readers & help->readers)
        printf("  %-29s %s%s%s%s\n", variable, meaning, *default_text ? " [" : "", default_text,
               *default_text ? "]" : "");
}

static void print_help(const struct service *service)
{
    struct help help = {1U << service->id};
    printf("usage: posemesh-%s [--health | --check-config | --version | --help]\n\n%s\n\n"
           "  --health        ask the running service; exit 0 when it is ready, else 1 with the reason\n"
           "  --check-config  check the environment; exit 0, or 78 with every fault\n\nReads from the "
           "environment:\n",
           service_name(service->id), service->purpose);
    settings_visit(print_setting, &help);
}

bool service_command_run(const struct service *service, int argc, char **argv, int *status)
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
        fprintf(stderr, "posemesh-%s takes no arguments; see --help\n", service_name(service->id));
        *status = 64;
        return true;
    case 'H':
        *status = health(service);
        return true;
    case 'C':
        *status = check_config(service);
        return true;
    case 'V':
        printf("posemesh-%s %s\n", service_name(service->id), POSEMESH_VERSION);
        return true;
    case 'h':
        print_help(service);
        return true;
    default:
        *status = 64;
        return true;
    }
}
