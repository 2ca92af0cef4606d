#include "services/runnerd/work/work.h"

#include "libcommon/base/clock.h"
#include "libcommon/base/limits.h"
#include "libcommon/base/memory.h"
#include "libcommon/base/text.h"
#include "services/runnerd/work/job_environment.h"
#include "services/runnerd/work/output_budget.h"
#include "services/runnerd/work/output_line.h"
#include "services/runnerd/workspace/job_files.h"

#include <inttypes.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>

/* A line that is logged piece by piece. */
struct shown {
    size_t parts; /* so far */
    bool cut;     /* the rest of it is left out */
};

struct exec {
    struct work work;
    struct job_process *process; /* NULL once it is gone */
    bool stopping;
    struct output_budget budget;
    struct shown shown[2]; /* of stdout and stderr */
    bool advised;
};

/* --- output --- */

static void tell_loss(struct exec *exec, bool at_end, int64_t now_ms)
{
    if (!output_budget_tell(&exec->budget, at_end, now_ms))
        return;
    log_write(LOG_LEVEL_WARN, exec->work.options.log,
              "the job prints more than is logged (%d KiB at once, then %d KiB/s): %" PRIu64
              " line%s of %" PRIu64 " bytes left out so far",
              LIMIT_OUTPUT_LOGGED_BYTES / 1024, LIMIT_OUTPUT_LOGGED_BYTES_PER_SEC / 1024,
              exec->budget.lost_lines, exec->budget.lost_lines == 1 ? "" : "s", exec->budget.lost_bytes);
}

/* `piece` as of line_function. */
static void log_piece(struct exec *exec, enum log_level level, const char *text, size_t length, size_t piece,
                      struct shown *shown)
{
    if (!log_enabled(level))
        return;
    int64_t now_ms = clock_boot_ms();
    if (piece <= 1)
        shown->parts = 0;
    if (output_budget_pass_piece(&exec->budget, &shown->cut, piece, length, now_ms))
        shown->parts = log_write_job(level, exec->work.options.log, text, length, shown->parts);
    else
        tell_loss(exec, false, now_ms);
}

static void log_line(struct exec *exec, enum log_level level, const char *text, size_t length)
{
    struct shown whole = {.parts = 0};
    log_piece(exec, level, text, length, 0, &whole);
}

/* Once: a job that makes a mistake makes it in each line. */
static void advise(struct exec *exec, const char *fault)
{
    if (!exec->advised)
        log_write(LOG_LEVEL_WARN, exec->work.options.log,
                  "a line that the job printed is logged as text: %s; " OUTPUT_LINE_ADVICE, fault);
    exec->advised = true;
}

static void take_line(struct exec *exec, const char *text, size_t length)
{
    struct job_updates *updates = exec->work.options.updates;
    struct output_line line;
    output_line_parse(text, length, &line);
    if (line.progress.text)
        job_updates_progress(updates, line.progress.text, line.progress.length);
    if (line.event.text)
        job_updates_event(updates, line.event.text, line.event.length);
    if (line.message)
        log_line(exec, line.level, line.message, strlen(line.message));
    else if (!line.progress.text && !line.event.text)
        log_line(exec, LOG_LEVEL_INFO, text, length);
    if (line.fault.code != ERROR_NONE)
        advise(exec, line.fault.text);
    output_line_clear(&line);
}

static void on_line(void *context, bool is_stderr, const char *text, size_t length, size_t piece)
{
    struct exec *exec = context;
    /* Of a job that is being stopped nobody wants progress any more. */
    if (is_stderr || piece || exec->stopping)
        log_piece(exec, is_stderr ? LOG_LEVEL_WARN : LOG_LEVEL_INFO, text, length, piece,
                  &exec->shown[is_stderr]);
    else
        take_line(exec, text, length);
    if (piece == 1 && !is_stderr && text[0] == '{')
        advise(exec, "it is longer than 256 KiB");
    if (job_updates_is_full(exec->work.options.updates))
        job_process_read(exec->process, false);
}

static void exec_resume(struct work *work)
{
    struct exec *exec = (struct exec *)work;
    if (exec->process)
        job_process_read(exec->process, true);
}

/* --- the end --- */

static char *describe_exit(const struct work_options *options, const struct job_shim_outcome *outcome)
{
    if (!outcome)
        return memory_copy_text("the process that watches over the job was killed");
    if (!outcome->started) {
        char *fault = text_copy_one_line(outcome->start_fault, strlen(outcome->start_fault));
        char *reason =
            memory_format("cannot start %.*s: %s", TEXT_CUT(options->runner->command[0], 512), fault);
        free(fault);
        return reason;
    }
    char *reason = job_files_fail_reason(options->workspace_fd);
    if (reason)
        return reason;
    if (WIFEXITED(outcome->wait_status))
        return memory_format("exit status %d", WEXITSTATUS(outcome->wait_status));
    int number = WTERMSIG(outcome->wait_status);
    const char *name = sigabbrev_np(number);
    return memory_format("killed by signal %d (SIG%s)", number, name ? name : "?");
}

static void on_gone(void *context, const struct job_shim_outcome *outcome)
{
    struct exec *exec = context;
    const struct work_options *options = &exec->work.options;
    bool succeeded = outcome && outcome->started && WIFEXITED(outcome->wait_status) &&
                     WEXITSTATUS(outcome->wait_status) == 0;
    char *reason = succeeded ? NULL : describe_exit(options, outcome);
    int start_code = outcome && !outcome->started ? outcome->start_code : 0; /* freed with the process */
    job_process_free(exec->process);
    exec->process = NULL;
    tell_loss(exec, true, clock_boot_ms());
    if (start_code)
        options->on_start_fault(options->context, start_code, reason);
    options->on_done(options->context, succeeded, reason);
    free(reason);
}

static void exec_stop(struct work *work, int grace_ms)
{
    struct exec *exec = (struct exec *)work;
    exec->stopping = true;
    if (!exec->process)
        return;
    job_process_read(exec->process, true);
    job_process_stop(exec->process, grace_ms);
}

/* --- the start --- */

static void exec_free(struct work *work)
{
    struct exec *exec = (struct exec *)work;
    job_process_free(exec->process);
    free(exec);
}

static struct work *exec_start(const struct work_options *options, struct error *error)
{
    if (!job_files_make_temporary(options->workspace_fd, error))
        return NULL;
    struct exec *exec = memory_allocate(sizeof *exec);
    exec->work = (struct work){&work_exec, *options};
    output_budget_init(&exec->budget, clock_boot_ms());
    char **variables = job_environment_make(options->command, options->runner);
    exec->process = job_process_start(&(struct job_process_options){.loop = options->loop,
                                                                    .table = options->processes,
                                                                    .command = options->runner->command,
                                                                    .variables = variables,
                                                                    .folder_fd = options->workspace_fd,
                                                                    .on_line = on_line,
                                                                    .on_gone = on_gone,
                                                                    .context = exec},
                                      error);
    job_environment_free(variables);
    if (exec->process)
        return &exec->work;
    free(exec);
    return NULL;
}

const struct work_kind work_exec = {
    .start = exec_start, .stop = exec_stop, .resume = exec_resume, .free = exec_free};
