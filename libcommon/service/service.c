#include "libcommon/service/service.h"

#include "libcommon/base/log.h"
#include "libcommon/base/memory.h"
#include "libcommon/base/standard_descriptors.h"
#include "libcommon/base/text.h"
#include "libcommon/base/write_signals.h"
#include "libcommon/confine/privileges.h"
#include "libcommon/ipc/ipc_peers.h"
#include "libcommon/loop/stop_signals.h"
#include "libcommon/service/service_lock.h"

#include <linux/close_range.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <unistd.h>

void service_stop(struct service_context *context)
{
    loop_stop(context->loop);
}

/* --- the status role --- */

static void service_handle_status_get(void *opaque, struct ipc_request *request, const void *message)
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

static const struct ipc_handler status_handlers[] = {{OPERATION_status_get, service_handle_status_get}};

/* --- the start sequence --- */

static bool load_config(struct service_context *context, struct error *error)
{
    struct environment environment;
    struct settings_findings findings;
    if (!environment_open(&environment, environ, error))
        return false;
    const struct service_http *http = context->service->http;
    bool ok = settings_load(&context->settings, 1U << context->service->id, http ? http->is_url : NULL,
                            &environment, &findings);
    settings_configure_log(&context->settings, context->service->id);
    settings_log_findings(&findings);
    if (environment.sealed_fd >= 0)
        close(environment.sealed_fd);
    environment_close(&environment);
    environment_wipe(environ, settings_secret_variables, settings_secret_count);
    if (!ok)
        error_set(error, ERROR_INVALID, "%zu %s in the configuration", findings.faults.count,
                  text_plural(findings.faults.count, "fault", "faults"));
    return ok;
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
    struct stop_signals signals;
    stop_signals_block(&signals);
    context->loop = loop_create(error);
    return context->loop &&
           stop_signals_add(&signals, context->loop, on_terminate_signal, NULL, context, error);
}

static bool begin_as_root(struct service_context *context, struct error *error)
{
    const struct service *service = context->service;
    return (!service->begin_as_root || service->begin_as_root(context, error)) &&
           sandbox_limit_sockets(service->id, error);
}

static bool is_alone(void)
{
    return !getenv(SERVICE_SUPERVISOR_VARIABLE);
}

static bool drop_privileges(struct service_context *context, struct error *error)
{
    struct privileges privileges;
    const char *run_as = getenv(PRIVILEGES_VARIABLE);
    const char *supervisor = getenv(SERVICE_SUPERVISOR_VARIABLE);
    if (run_as && (!privileges_parse(run_as, &privileges, error) || !privileges_drop(&privileges, error)))
        return false;
    if (!privileges_harden(error))
        return false;
    /* Peers that flood must not leave none; jobs inherit runnerd's limit. */
    if (context->service->id != SERVICE_RUNNERD)
        privileges_raise_descriptors();
    /* A service whose posemesh-node was killed would hold the sockets that the next one needs. */
    if (supervisor) {
        prctl(PR_SET_PDEATHSIG, SIGTERM, 0, 0, 0);
        if (getppid() != (pid_t)strtol(supervisor, NULL, 10))
            return error_set(error, ERROR_UNAVAILABLE, "posemesh-node is gone");
    }
    return true;
}

static bool lock_folders(struct service_context *context, struct error *error)
{
    return service_lock_take(context->service->id, &context->settings, is_alone(), error);
}

/* 0 for a service that calls nobody, or whoever it is told to. */
static uint16_t port_to_call(const struct service_context *context)
{
    const struct settings *settings = &context->settings;
    const char *url = context->service->id == SERVICE_AUTHD    ? settings->dds_base_url
                      : context->service->id == SERVICE_LEASED ? settings->dms_base_url
                                                               : NULL;
    uint16_t port = 0;
    return url && context->service->http->port_of_url(url, &port) ? port : 0;
}

static bool enter_sandbox(struct service_context *context, struct error *error)
{
    return sandbox_apply(context->service->id, &context->settings, port_to_call(context), context->sandbox,
                         error);
}

static bool start_log_writer(struct service_context *context, struct error *error)
{
    (void)context;
    return log_start_writer(error);
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
    if (context->service->http)
        context->http = context->service->http->create(context->loop);
    return true;
}

static bool start_work(struct service_context *context, struct error *error)
{
    return context->service->start(context, error);
}

static bool subscribe(struct service_context *context, struct error *error)
{
    const struct service *service = context->service;
    for (size_t i = 0; i < service->event_count; i++)
        if (!ipc_subscribe(context->ipc, service->events[i].event, service->events[i].handle, context, error))
            return false;
    return true;
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
    const char *name; /* NULL: its errors say all */
    service_step_function *run;
};

static const struct step steps[] = {
    {NULL, load_config},
    {"event loop", create_loop},
    {"what root does", begin_as_root},
    {"privileges", drop_privileges},
    {NULL, lock_folders},
    {"sandbox", enter_sandbox},
    {"log", start_log_writer},
    {"clients", create_clients},
    {"start", start_work},
    {"events", subscribe},
    {"sockets", open_sockets},
    {"event loop", run_loop},
};

/* What was found before posemesh-node started the service is no fault of the configuration: it starts it
 * again. Nor is a full disk, which may have room later. */
static int exit_status_of(const struct step *step, const struct error *error)
{
    bool folders = step->run == lock_folders && is_alone() && error->code != ERROR_DISK_FULL;
    return step->run == load_config || folders ? SERVICE_EXIT_CONFIG : SERVICE_EXIT_FAILED;
}

static int run_steps(struct service_context *context)
{
    struct error error;
    for (size_t i = 0; i < sizeof steps / sizeof steps[0]; i++) {
        if (steps[i].run(context, &error))
            continue;
        if (steps[i].name)
            error_prefix(&error, "%s", steps[i].name);
        log_error("%s", error.text);
        return exit_status_of(&steps[i], &error);
    }
    log_info("stopped");
    return SERVICE_EXIT_OK;
}

static int run(const struct service *service)
{
    struct service_context context = {.service = service, .random = random_system()};
    /* Before the first line of the log, whose file may be at its limit, too. */
    write_signals_ignore();
    /* What was handed down, posemesh-node's locks among it, is this process's alone. */
    close_range(STDERR_FILENO + 1, ~0U, CLOSE_RANGE_CLOEXEC);
    if (service->http)
        service->http->prepare();
    int status = run_steps(&context);
    service->stop(&context);
    if (service->http)
        service->http->free(context.http);
    ipc_free(context.ipc);
    loop_free(context.loop);
    settings_clear(&context.settings);
    if (service->http)
        service->http->clean_up();
    log_finish();
    return status;
}

int service_main(const struct service *service, int argc, char **argv)
{
    if (!standard_descriptors_open())
        return SERVICE_EXIT_FAILED;
    log_configure(service_name(service->id), LOG_FORMAT_TEXT, LOG_LEVEL_INFO);
    settings_url_check *is_url = service->http ? service->http->is_url : NULL;
    int status;
    bool ended =
        service_command_run(service->id, service->purpose, is_url, service->check, argc, argv, &status);
    return ended ? status : run(service);
}
