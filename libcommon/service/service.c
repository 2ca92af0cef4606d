#include "libcommon/service/service.h"

#include "libcommon/base/log.h"
#include "libcommon/base/memory.h"
#include "libcommon/confine/privileges.h"
#include "libcommon/ipc/ipc_peers.h"
#include "libcommon/service/service_command.h"

#include <curl/curl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <unistd.h>

enum { CONNECT_TIMEOUT_MS = 20000 };

/* LOG_LEVEL's choices begin with its default. */
static const enum log_level log_levels[] = {LOG_LEVEL_INFO, LOG_LEVEL_DEBUG, LOG_LEVEL_WARN, LOG_LEVEL_ERROR};

void service_stop(struct service_context *context)
{
    loop_stop(context->loop);
}

void service_log_report(const struct settings_report *report)
{
    for (size_t i = 0; i < report->warning_count; i++)
        log_warn("%s %s", report->warnings[i].variable, report->warnings[i].text);
    for (size_t i = 0; i < report->fault_count; i++)
        log_error("%s %s", report->faults[i].variable, report->faults[i].text);
}

/* --- the status role --- */

static void handle_status_get(void *opaque, struct ipc_request *request, const void *message)
{
    struct service_context *context = opaque;
    struct service_state state = {.ready = true};
    (void)message;
    context->service->describe(context, &state);
    struct message_status status = {.service = memory_copy_text(service_name(context->service->id)),
                                    .version = memory_copy_text(POSEMESH_VERSION),
                                    .pid = getpid(),
                                    .ready = state.ready,
                                    .summary = memory_copy_text(state.summary),
                                    .details = state.details,
                                    .sandbox = memory_copy_text(context->sandbox)};
    ipc_answer(request, &status);
    message_clear(&message_status_type, &status);
}

static const struct ipc_handler status_handlers[] = {{OPERATION_status_get, handle_status_get}};

/* --- the start sequence --- */

static bool load_config(struct service_context *context, struct error *error)
{
    struct environment environment;
    struct settings_report report;
    if (!environment_open(&environment, environ, error))
        return false;
    bool ok = settings_load(&context->settings, 1U << context->service->id, &environment, &report);
    log_configure(service_name(context->service->id), (enum log_format)context->settings.log_format,
                  log_levels[context->settings.log_level]);
    service_log_report(&report);
    if (environment.sealed_fd >= 0)
        close(environment.sealed_fd);
    environment_close(&environment);
    environment_wipe(environ, settings_secret_variables, settings_secret_count);
    if (!ok)
        error_set(error, ERROR_INVALID, "%zu fault%s in the configuration", report.fault_count,
                  report.fault_count == 1 ? "" : "s");
    return ok;
}

static bool take_secrets(struct service_context *context, struct error *error)
{
    return !context->service->take_secrets || context->service->take_secrets(context, error);
}

static void on_terminate_signal(void *opaque, int signal_number)
{
    struct service_context *context = opaque;
    log_info("%s: stopping", strsignal(signal_number));
    if (context->service->terminate)
        context->service->terminate(context);
    else
        service_stop(context);
}

static bool create_loop(struct service_context *context, struct error *error)
{
    signal(SIGPIPE, SIG_IGN);
    context->loop = loop_create(error);
    return context->loop && loop_signal_add(context->loop, SIGTERM, on_terminate_signal, context, error) &&
           loop_signal_add(context->loop, SIGINT, on_terminate_signal, context, error);
}

static bool open_inbound(struct service_context *context, struct error *error)
{
    return !context->service->open_inbound || context->service->open_inbound(context, error);
}

static bool drop_privileges(struct service_context *context, struct error *error)
{
    struct privileges privileges;
    const char *run_as = getenv(PRIVILEGES_VARIABLE);
    const char *supervisor = getenv("POSEMESH_SUPERVISOR_PID");
    (void)context;
    if (run_as && (!privileges_parse(run_as, &privileges, error) || !privileges_drop(&privileges, error)))
        return false;
    if (!privileges_harden(error))
        return false;
    /* A service whose posemesh-node was killed would hold the sockets that the next one needs. */
    if (supervisor) {
        prctl(PR_SET_PDEATHSIG, SIGTERM, 0, 0, 0);
        if (getppid() != (pid_t)strtol(supervisor, NULL, 10))
            return error_set(error, ERROR_UNAVAILABLE, "posemesh-node is gone");
    }
    return true;
}

static bool enter_sandbox(struct service_context *context, struct error *error)
{
    const struct settings *settings = &context->settings;
    enum service_id id = context->service->id;
    struct sandbox_places places = {.runtime_dir = settings->runtime_dir, .state_dir = settings->state_dir};
    if (id == SERVICE_STORED)
        places.work_dir = settings->work_dir;
    else if (id == SERVICE_AUTHD)
        places.peer_url = settings->dds_base_url;
    else if (id == SERVICE_LEASED)
        places.peer_url = settings->dms_base_url;
    return sandbox_apply(id, &places, context->sandbox, error);
}

static bool create_clients(struct service_context *context, struct error *error)
{
    struct ipc_peers peers;
    if (!ipc_peers_parse(getenv(IPC_PEERS_VARIABLE), geteuid(), &peers, error))
        return false;
    context->ipc =
        ipc_create(context->loop, context->service->id, context->settings.runtime_dir, &peers, error);
    if (!context->ipc)
        return false;
    if (context->service->uses_http)
        context->http = http_client_create(context->loop, CONNECT_TIMEOUT_MS, error);
    return !context->service->uses_http || context->http;
}

static bool start_work(struct service_context *context, struct error *error)
{
    return context->service->start(context, error);
}

/* Closed until ready: nobody can ask before start_work() has made all that handlers need. */
static bool open_sockets(struct service_context *context, struct error *error)
{
    const struct service *service = context->service;
    enum role status_role = role_status_of(service->id);
    if (service->publishes_events && !ipc_open_events(context->ipc, error))
        return false;
    for (size_t i = 0; i < service->role_count; i++)
        if (!ipc_serve(context->ipc, service->roles[i].role, service->roles[i].handlers,
                       service->roles[i].handler_count, context, error))
            return false;
    return ipc_serve(context->ipc, status_role, status_handlers, 1, context, error);
}

static bool run_loop(struct service_context *context, struct error *error)
{
    log_info("started: version %s, pid %d", POSEMESH_VERSION, (int)getpid());
    return loop_run(context->loop, error);
}

struct step {
    const char *name;
    service_step_function *run;
};

static const struct step steps[] = {
    {"configuration", load_config},     {"secrets", take_secrets},       {"event loop", create_loop},
    {"inbound listener", open_inbound}, {"privileges", drop_privileges}, {"sandbox", enter_sandbox},
    {"clients", create_clients},        {"start", start_work},           {"sockets", open_sockets},
    {"event loop", run_loop},
};

static int run_steps(struct service_context *context)
{
    struct error error;
    for (size_t i = 0; i < sizeof steps / sizeof steps[0]; i++) {
        if (steps[i].run(context, &error))
            continue;
        log_error("%s: %s", steps[i].name, error.text);
        return steps[i].run == load_config ? SERVICE_EXIT_CONFIG : SERVICE_EXIT_FAILED;
    }
    log_info("stopped");
    return SERVICE_EXIT_OK;
}

static int run(const struct service *service)
{
    struct service_context context = {.service = service, .random = random_system()};
    curl_global_init(CURL_GLOBAL_DEFAULT);
    int status = run_steps(&context);
    service->stop(&context);
    http_client_free(context.http);
    ipc_free(context.ipc);
    loop_free(context.loop);
    settings_clear(&context.settings);
    curl_global_cleanup();
    return status;
}

int service_main(const struct service *service, int argc, char **argv)
{
    log_configure(service_name(service->id), LOG_FORMAT_TEXT, LOG_LEVEL_INFO);
    int status;
    if (service_command_run(service, argc, argv, &status))
        return status;
    return run(service);
}
