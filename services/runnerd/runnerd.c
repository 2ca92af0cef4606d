#include "services/runnerd/runnerd.h"

#include "libcommon/base/limits.h"
#include "libcommon/base/log.h"
#include "libcommon/base/memory.h"
#include "libcommon/base/text.h"
#include "services/runnerd/host/host_link.h"
#include "services/runnerd/job/job.h"
#include "services/runnerd/offering/offering.h"
#include "services/runnerd/workspace/leftovers.h"

#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <unistd.h>

enum {
    STOP_MS = 1800, /* service.h: a service leaves within 2 s */
    JOB_UMASK =
        0007, /* stored reads, and after a crash removes, what jobs write through the workspace's group */
    JOBS_MAX = 2 * LIMIT_CONCURRENCY
};

struct runnerd {
    struct service_context *service;
    struct offering *offering;
    struct job_host host;
    struct host_link *link;
    struct leftovers *leftovers;
    struct job **jobs; /* those that are refused, too, until leased has heard of it */
    size_t job_count;
    size_t job_capacity;
    /* Keys of tasks whose start leased sent before it heard the last hello, and which come behind it: they
     * are judged by what was offered then. */
    struct text_list due;
    bool stopping;
    struct loop_timer stop_timer;
};

/* --- jobs --- */

static struct job *find_job(const struct runnerd *runnerd, const struct secret *key)
{
    for (size_t i = 0; i < runnerd->job_count; i++)
        if (secret_equal(job_key(runnerd->jobs[i]), key))
            return runnerd->jobs[i];
    return NULL;
}

static size_t count_active(const struct runnerd *runnerd, const char *capability)
{
    size_t count = 0;
    for (size_t i = 0; i < runnerd->job_count; i++)
        if (job_is_active(runnerd->jobs[i]) && strcmp(job_capability(runnerd->jobs[i]), capability) == 0)
            count++;
    return count;
}

static void add_job(struct runnerd *runnerd, struct job *job)
{
    if (runnerd->job_count == runnerd->job_capacity) {
        runnerd->job_capacity += JOBS_MAX;
        runnerd->jobs = memory_resize_array(runnerd->jobs, runnerd->job_capacity, sizeof(struct job *));
    }
    runnerd->jobs[runnerd->job_count++] = job;
}

static void on_job_ended(void *context, struct job *job)
{
    struct runnerd *runnerd = context;
    size_t i = 0;
    while (runnerd->jobs[i] != job)
        i++;
    runnerd->jobs[i] = runnerd->jobs[--runnerd->job_count];
    job_free(job);
    if (runnerd->stopping && !runnerd->job_count)
        service_stop(runnerd->service);
}

/* leased keeps to the limits by itself; this host checks them once more. A start that was due kept to those
 * that held when it was sent. */
static const char *refusal_of(const struct runnerd *runnerd, const struct message_host_command *command,
                              const struct runner *runner, bool due)
{
    if (!command->workspace || !command->task_id)
        return "the start command names no workspace or no task";
    if (runnerd->job_count >= JOBS_MAX)
        return "this runner host has as many jobs as it may already";
    if (!due && count_active(runnerd, runner->capability) >= (size_t)runner->max_concurrency)
        return "this runner host runs as many jobs of the capability as it may already";
    return NULL;
}

void runnerd_handle_start(void *context, const struct message_host_command *command)
{
    struct runnerd *runnerd = context;
    char reason[RUNNER_REASON_BYTES];
    if (find_job(runnerd, &command->task_key))
        return;
    const char *capability = command->capability ? command->capability : "";
    bool due = text_list_contains(&runnerd->due, command->task_key.bytes);
    struct runner *runner = offering_find(runnerd->offering, capability, due, reason);
    const char *refusal = runner ? refusal_of(runnerd, command, runner, due) : reason;
    add_job(runnerd, job_create(&runnerd->host, command, runner, refusal));
}

static void on_start_fault(void *context, const struct runner *runner, int code, const char *reason)
{
    const struct runnerd *runnerd = context;
    offering_on_start_fault(runnerd->offering, runner, code, reason);
}

/* A command may shorten the grace, and not lengthen it. */
static int grace_of(const struct message_host_command *command)
{
    bool shorter = command->grace_ms > 0 && command->grace_ms < LIMIT_JOB_GRACE_MS;
    return shorter ? (int)command->grace_ms : LIMIT_JOB_GRACE_MS;
}

void runnerd_handle_cancel(void *context, const struct message_host_command *command)
{
    const struct runnerd *runnerd = context;
    struct job *job = find_job(runnerd, &command->task_key);
    if (job)
        job_stop(job, "cancelled", grace_of(command));
}

static void list_running(void *context, struct text_list *keys)
{
    const struct runnerd *runnerd = context;
    for (size_t i = 0; i < runnerd->job_count; i++)
        text_list_add(keys, job_key(runnerd->jobs[i])->bytes);
}

static void note_due(struct runnerd *runnerd, const struct text_list *expected)
{
    struct text_list running = {NULL, 0};
    list_running(runnerd, &running);
    text_list_clear(&runnerd->due);
    for (size_t i = 0; i < expected->count; i++)
        if (!text_list_contains(&running, expected->items[i]))
            text_list_add(&runnerd->due, expected->items[i]);
    text_list_clear(&running);
    if (!runnerd->due.count)
        offering_forget_earlier(runnerd->offering);
}

static const char *why_nothing(void *context, char reason[RUNNER_REASON_BYTES])
{
    const struct runnerd *runnerd = context;
    return offering_why_nothing(runnerd->offering, reason);
}

/* Then leased tells it, as the node's centre. */
static bool is_told_by_leased(void *context)
{
    const struct runnerd *runnerd = context;
    return runnerd->link && host_link_is_welcome(runnerd->link);
}

static void on_expected(void *context, const struct text_list *keys)
{
    struct runnerd *runnerd = context;
    note_due(runnerd, keys);
    for (size_t i = 0; i < runnerd->job_count; i++)
        if (!text_list_contains(keys, job_key(runnerd->jobs[i])->bytes))
            job_stop(runnerd->jobs[i], "the node does not know the task any more", LIMIT_JOB_GRACE_MS);
}

static void on_offers_changed(void *context)
{
    const struct runnerd *runnerd = context;
    host_link_renew(runnerd->link);
}

/* --- hooks --- */

static void on_hangup(void *context, int signal_number)
{
    const struct runnerd *runnerd = ((struct service_context *)context)->state;
    (void)signal_number;
    offering_reload(runnerd->offering);
}

static void on_stop_timer(void *context)
{
    struct runnerd *runnerd = context;
    log_warn("%zu %s not ended in time: left to the shim", runnerd->job_count,
             text_plural(runnerd->job_count, "job has", "jobs have"));
    service_stop(runnerd->service);
}

void runnerd_terminate(struct service_context *context)
{
    struct runnerd *runnerd = context->state;
    if (runnerd->stopping)
        return;
    runnerd->stopping = true;
    host_link_stop(runnerd->link);
    if (!runnerd->job_count) {
        service_stop(context);
        return;
    }
    log_info("stopping %zu %s", runnerd->job_count, text_plural(runnerd->job_count, "job", "jobs"));
    loop_timer_start(&runnerd->stop_timer, STOP_MS);
    for (size_t i = 0; i < runnerd->job_count; i++)
        job_stop(runnerd->jobs[i], "runner host stopped", JOB_SHIM_HURRIED_GRACE_MS);
}

bool runnerd_open_shim(struct service_context *context, struct error *error)
{
    struct runnerd *runnerd = memory_allocate(sizeof *runnerd);
    context->state = runnerd;
    runnerd->service = context;
    runnerd->host.processes.shim_fd = job_process_open_shim(error);
    return runnerd->host.processes.shim_fd >= 0 &&
           loop_signal_add(context->loop, SIGHUP, on_hangup, context, error);
}

bool runnerd_start(struct service_context *context, host_command_function *const handlers[COMMAND_COUNT],
                   struct error *error)
{
    struct runnerd *runnerd = context->state;
    umask(JOB_UMASK);
    /* What a killed shim leaves behind becomes a child of this process: see job_process.c. */
    if (prctl(PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0) != 0)
        return error_set_errno(error, errno, "cannot become the reaper of jobs");
    runnerd->offering = offering_create(&(struct offering_options){.loop = context->loop,
                                                                   .path = context->settings.runners_dir,
                                                                   .with_noop = context->settings.enable_noop,
                                                                   .on_changed = on_offers_changed,
                                                                   .is_told = is_told_by_leased,
                                                                   .context = runnerd});
    runnerd->host = (struct job_host){.loop = context->loop,
                                      .random = &context->random,
                                      .leased = ipc_client_create(context->ipc, ROLE_leased_runner, error),
                                      .processes = {.shim_fd = runnerd->host.processes.shim_fd},
                                      .noop_sleep_secs = context->settings.noop_sleep_secs,
                                      .on_start_fault = on_start_fault,
                                      .on_ended = on_job_ended,
                                      .context = runnerd};
    if (runnerd->host.leased)
        runnerd->host.stored = ipc_client_create(context->ipc, ROLE_stored_runner, error);
    if (!runnerd->host.stored)
        return false;
    loop_timer_init(&runnerd->stop_timer, context->loop, on_stop_timer, runnerd);
    runnerd->leftovers = leftovers_create(context->loop, context->settings.work_dir);
    runnerd->link = host_link_create(&(struct host_link_options){.name = context->settings.host_name,
                                                                 .loop = context->loop,
                                                                 .leased = runnerd->host.leased,
                                                                 .offers = offering_list(runnerd->offering),
                                                                 .random = &context->random,
                                                                 .why_nothing = why_nothing,
                                                                 .list_running = list_running,
                                                                 .on_expected = on_expected,
                                                                 .handlers = handlers,
                                                                 .context = runnerd});
    return true;
}

void runnerd_stop(struct service_context *context)
{
    struct runnerd *runnerd = context->state;
    if (!runnerd)
        return;
    loop_timer_stop(&runnerd->stop_timer);
    for (size_t i = 0; i < runnerd->job_count; i++)
        job_free(runnerd->jobs[i]);
    leftovers_free(runnerd->leftovers);
    host_link_free(runnerd->link);
    offering_free(runnerd->offering);
    text_list_clear(&runnerd->due);
    free(runnerd->jobs);
    free(runnerd);
    context->state = NULL;
}

void runnerd_describe(struct service_context *context, struct service_state *state)
{
    const struct runnerd *runnerd = context->state;
    char reason[RUNNER_REASON_BYTES];
    const char *nothing = offering_why_nothing(runnerd->offering, reason);
    const struct runner_offers *offers = offering_list(runnerd->offering);
    size_t count = runner_offers_count(offers);
    bool welcome = host_link_is_welcome(runnerd->link);
    state->ready = welcome && !nothing;
    int length = snprintf(state->summary, sizeof state->summary, "%zu capabilit%s, %zu job%s%s", count,
                          count == 1 ? "y" : "ies", runnerd->job_count, runnerd->job_count == 1 ? "" : "s",
                          welcome ? "" : "; leased does not answer");
    size_t used = (size_t)length;
    const struct runner_offer *withdrawn = runner_offers_first_withdrawn(offers);
    if (nothing)
        text_format(state->summary + used, sizeof state->summary - used, "; %s", nothing);
    else if (withdrawn)
        text_format(state->summary + used, sizeof state->summary - used, "; withdrawn: %s: %s",
                    withdrawn->file, withdrawn->withdrawn);
}

bool runnerd_check(const struct settings *settings)
{
    if (geteuid() == 0)
        log_warn("programs are looked at as root, who may start more than the user that jobs will run as");
    return !settings->runners_dir || runner_folder_check(settings->runners_dir, settings->enable_noop);
}
