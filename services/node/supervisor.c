#include "services/node/supervisor.h"

#include "libcommon/base/clock.h"
#include "libcommon/base/log.h"
#include "libcommon/base/memory.h"
#include "libcommon/base/retry.h"
#include "libcommon/loop/spawn.h"
#include "libcommon/service/last_death.h"
#include "libcommon/service/service_command.h"
#include "services/node/child_environment.h"

#include <errno.h>
#include <limits.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

enum {
    HEALTHY_MS = 60000, /* who ran so long before it died starts without waiting */
    STOP_PATIENCE_MS = 5000
};

static const struct retry_policy restart_policy = {.base_ms = 500, .cap_ms = 30000};

struct child {
    struct supervisor *supervisor;
    enum service_id service;
    pid_t pid; /* 0: not running */
    int64_t started_boot_ms;
    int64_t deaths;         /* in a row */
    int64_t oom_kills;      /* on the machine, when it was started */
    const char *last_death; /* of the run before, static; NULL: none to be counted */
    struct loop_timer restart;
};

struct supervisor {
    struct loop *loop;
    struct supervisor_options options;
    struct child children[SERVICE_COUNT];
    bool stopping;
    int exit_status;
    const struct child *told; /* to stop, and not gone yet */
    struct loop_timer patience;
    supervisor_done_function *on_done;
    void *context;
};

/* Who needs others stops before them: jobs need stored and leased, httpd's callback and all need authd. */
static const enum service_id stop_order[SERVICE_COUNT] = {SERVICE_RUNNERD, SERVICE_LEASED, SERVICE_STORED,
                                                          SERVICE_HTTPD, SERVICE_AUTHD};

/* --- pid files --- */

static void pid_file_path(const struct child *child, char path[PATH_MAX])
{
    snprintf(path, PATH_MAX, "%s/%s.pid", child->supervisor->options.settings->runtime_dir,
             service_name(child->service));
}

/* Written aside and renamed: a reader never sees half a number. */
static void write_pid_file(const struct child *child)
{
    char path[PATH_MAX];
    char aside[PATH_MAX + 8];
    pid_file_path(child, path);
    snprintf(aside, sizeof aside, "%s.new", path);
    FILE *file = fopen(aside, "we");
    bool ok = file && fprintf(file, "%d\n", (int)child->pid) > 0;
    if (file)
        ok = fclose(file) == 0 && ok;
    if (!ok || rename(aside, path) != 0)
        log_warn("cannot write %s: %s", path, strerror(errno));
}

static void remove_pid_file(const struct child *child)
{
    char path[PATH_MAX];
    pid_file_path(child, path);
    unlink(path);
}

/* --- stopping --- */

static struct child *next_to_stop(struct supervisor *supervisor)
{
    for (size_t i = 0; i < SERVICE_COUNT; i++)
        if (supervisor->children[stop_order[i]].pid)
            return &supervisor->children[stop_order[i]];
    return NULL;
}

static void stop_next(struct supervisor *supervisor)
{
    struct child *child = next_to_stop(supervisor);
    if (!child) {
        loop_timer_stop(&supervisor->patience);
        supervisor->on_done(supervisor->context, supervisor->exit_status);
        return;
    }
    /* When another one dies meanwhile, who was told keeps its time and hears it once: a second SIGTERM means
     * more to some than the first. */
    if (child == supervisor->told)
        return;
    supervisor->told = child;
    kill(child->pid, SIGTERM);
    loop_timer_start(&supervisor->patience, STOP_PATIENCE_MS);
}

static void on_patience_over(void *context)
{
    struct child *child = next_to_stop(context);
    if (!child)
        return;
    log_warn("%s does not stop: killing it", service_name(child->service));
    kill(child->pid, SIGKILL);
}

void supervisor_stop(struct supervisor *supervisor)
{
    if (supervisor->stopping)
        return;
    supervisor->stopping = true;
    for (size_t i = 0; i < SERVICE_COUNT; i++)
        loop_timer_stop(&supervisor->children[i].restart);
    stop_next(supervisor);
}

/* --- exits --- */

static void restart_later(struct child *child)
{
    int64_t ran_ms = clock_boot_ms() - child->started_boot_ms;
    child->deaths = ran_ms >= HEALTHY_MS ? 1 : child->deaths + 1;
    int64_t wait_ms = retry_ceiling_ms(&restart_policy, child->deaths);
    log_info("starting %s again in %.1f s", service_name(child->service), (double)wait_ms / 1000);
    loop_timer_start(&child->restart, wait_ms);
}

static void log_exit(const struct child *child, pid_t pid, int status)
{
    const char *name = service_name(child->service);
    enum log_level level = child->supervisor->stopping ? LOG_LEVEL_DEBUG : LOG_LEVEL_ERROR;
    if (WIFSIGNALED(status))
        log_write(level, NULL, "%s (pid %d) was killed by signal %d (%s)", name, (int)pid, WTERMSIG(status),
                  strsignal(WTERMSIG(status)));
    else
        log_write(level, NULL, "%s (pid %d) exited with status %d", name, (int)pid, WEXITSTATUS(status));
}

static void on_exit_of_child(void *context, pid_t pid, int status)
{
    struct child *child = context;
    struct supervisor *supervisor = child->supervisor;
    child->pid = 0;
    remove_pid_file(child);
    log_exit(child, pid, status);
    child->last_death = last_death_name(status, last_death_oom_kills() > child->oom_kills);
    if (supervisor->stopping) {
        stop_next(supervisor);
    } else if (WIFEXITED(status) && WEXITSTATUS(status) == SERVICE_EXIT_CONFIG) {
        /* It would find the same fault again; the others stop in order, so that no task is torn apart. */
        supervisor->exit_status = SERVICE_EXIT_CONFIG;
        supervisor_stop(supervisor);
    } else {
        restart_later(child);
    }
}

/* --- starting --- */

/* What a service alone is handed; -1: nothing. */
static int handed_to(const struct child *child)
{
    const struct supervisor_options *options = &child->supervisor->options;
    return child->service == SERVICE_AUTHD   ? options->secrets_fd
           : child->service == SERVICE_HTTPD ? options->listen_fd
                                             : -1;
}

/* Who does not use a folder has nothing to read in it: the runtime folder again fills the place. */
static int lock_for(const struct child *child, enum folder_id id)
{
    const struct supervisor_options *options = &child->supervisor->options;
    bool uses = folder_use_of(options->settings, id).users & (1U << child->service);
    return options->lock_fds[uses ? id : FOLDER_RUNTIME];
}

static void make_environment(const struct child *child, struct child_environment *environment)
{
    child_environment_make(environment, environ, child->service, &child->supervisor->options.identities,
                           getpid());
    if (child->last_death)
        child_environment_add_last_death(environment, child->last_death);
    if (child->service == SERVICE_HTTPD && handed_to(child) >= 0)
        child_environment_add_listener(environment);
}

/* A session of its own: what a terminal sends reaches posemesh-node alone, which drains first, and one that
 * stops who writes to it from behind (stty tostop) stops no service. */
static bool spawn(struct child *child, struct error *error)
{
    _Static_assert(CHILD_LOCKS_FD == 3 && CHILD_SECRETS_FD == 6 && CHILD_LISTEN_FD == 6, "as listed here");
    const int descriptors[] = {STDIN_FILENO,
                               STDOUT_FILENO,
                               STDERR_FILENO,
                               lock_for(child, FOLDER_RUNTIME),
                               lock_for(child, FOLDER_STATE),
                               lock_for(child, FOLDER_WORK),
                               handed_to(child)};
    char name[64];
    char path[PATH_MAX];
    char *arguments[] = {path, NULL};
    struct child_environment environment;
    snprintf(name, sizeof name, "posemesh-%s", service_name(child->service));
    if (!spawn_find_beside(name, path, error))
        return false;
    make_environment(child, &environment);
    int code = spawn_start(
        &(struct spawn){.path = path,
                        .arguments = arguments,
                        .variables = environment.variables,
                        .descriptors = descriptors,
                        .descriptor_count = handed_to(child) < 0 ? CHILD_SECRETS_FD : CHILD_SECRETS_FD + 1,
                        .folder_fd = -1,
                        .new_session = true},
        &child->pid);
    child_environment_clear(&environment);
    return !code || error_set_errno(error, code, "cannot start %s", name);
}

static bool start_child(struct child *child, struct error *error)
{
    child->started_boot_ms = clock_boot_ms();
    child->oom_kills = last_death_oom_kills();
    if (!spawn(child, error))
        return false;
    /* One that nobody watches would run beside the next that is started. */
    if (!loop_child_add(child->supervisor->loop, child->pid, on_exit_of_child, child, error)) {
        kill(child->pid, SIGKILL);
        waitpid(child->pid, NULL, 0);
        child->pid = 0;
        return false;
    }
    write_pid_file(child);
    return true;
}

static void on_restart(void *context)
{
    struct child *child = context;
    struct error error;
    if (start_child(child, &error))
        return;
    log_error("%s", error.text);
    restart_later(child);
}

/* --- life --- */

struct supervisor *supervisor_create(struct loop *loop, const struct supervisor_options *options,
                                     supervisor_done_function *on_done, void *context)
{
    struct supervisor *supervisor = memory_allocate(sizeof *supervisor);
    supervisor->loop = loop;
    supervisor->options = *options;
    supervisor->on_done = on_done;
    supervisor->context = context;
    loop_timer_init(&supervisor->patience, loop, on_patience_over, supervisor);
    for (enum service_id id = 0; id < SERVICE_COUNT; id++) {
        struct child *child = &supervisor->children[id];
        child->supervisor = supervisor;
        child->service = id;
        loop_timer_init(&child->restart, loop, on_restart, child);
    }
    return supervisor;
}

bool supervisor_start(struct supervisor *supervisor, struct error *error)
{
    for (enum service_id id = 0; id < SERVICE_COUNT; id++)
        if (!start_child(&supervisor->children[id], error))
            return false;
    return true;
}

void supervisor_signal(const struct supervisor *supervisor, enum service_id service, int signal_number)
{
    if (supervisor->children[service].pid)
        kill(supervisor->children[service].pid, signal_number);
}

void supervisor_free(struct supervisor *supervisor)
{
    if (!supervisor)
        return;
    loop_timer_stop(&supervisor->patience);
    for (size_t i = 0; i < SERVICE_COUNT; i++) {
        struct child *child = &supervisor->children[i];
        loop_timer_stop(&child->restart);
        if (child->pid) {
            kill(child->pid, SIGKILL);
            waitpid(child->pid, NULL, 0);
            remove_pid_file(child);
        }
    }
    free(supervisor);
}
