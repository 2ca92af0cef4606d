#include "services/runnerd/work/exec.h"

#include "libcommon/base/memory.h"
#include "services/runnerd/work/job_environment.h"
#include "services/runnerd/work/output_line.h"
#include "services/runnerd/workspace/job_files.h"

#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>

enum { LOG_PIECE_BYTES = 4096 }; /* of a long line, so that no piece is above the log's own limit */

struct exec {
    struct work work;
    struct job_process *process; /* NULL once it is gone */
    bool stopping;
};

/* --- output --- */

static void log_text(const struct exec *exec, enum log_level level, const char *text, size_t length)
{
    /* log_write() takes a string: a NUL would hide what comes after it. */
    char piece[LOG_PIECE_BYTES + 1];
    while (length) {
        size_t taken = length < LOG_PIECE_BYTES ? length : LOG_PIECE_BYTES;
        for (size_t i = 0; i < taken; i++)
            piece[i] = text[i];
        for (size_t i = 0; i < taken; i++)
            if (!piece[i])
                piece[i] = ' ';
        piece[taken] = '\0';
        log_write(level, exec->work.options.log, "%s", piece);
        text += taken;
        length -= taken;
    }
}

static void take_line(const struct exec *exec, const char *text, size_t length)
{
    struct job_updates *updates = exec->work.options.updates;
    struct output_line line;
    output_line_parse(text, length, &line);
    if (line.progress.text)
        job_updates_progress(updates, line.progress.text, line.progress.length);
    if (line.event.text)
        job_updates_event(updates, line.event.text, line.event.length);
    if (line.message)
        log_text(exec, line.level, line.message, strlen(line.message));
    else if (!line.progress.text && !line.event.text)
        log_text(exec, LOG_LEVEL_INFO, text, length);
    output_line_clear(&line);
}

static void on_line(void *context, bool is_stderr, const char *text, size_t length, bool whole)
{
    const struct exec *exec = context;
    /* Of a job that is being stopped nobody wants progress any more. */
    if (is_stderr || !whole || exec->stopping)
        log_text(exec, is_stderr ? LOG_LEVEL_WARN : LOG_LEVEL_INFO, text, length);
    else
        take_line(exec, text, length);
    if (job_updates_is_full(exec->work.options.updates))
        job_process_pause(exec->process);
}

static void exec_resume(struct work *work)
{
    struct exec *exec = (struct exec *)work;
    if (exec->process)
        job_process_resume(exec->process);
}

/* --- the end --- */

static char *describe_exit(const struct work_options *options, enum job_exit_kind kind, int value)
{
    if (kind == JOB_EXIT_NOT_STARTED)
        return memory_format("cannot start %.512s: %s", options->runner->command[0], strerror(value));
    if (kind == JOB_EXIT_UNKNOWN)
        return memory_copy_text("the process that watches over the job was killed");
    char *reason = job_files_fail_reason(options->workspace_fd);
    if (reason)
        return reason;
    if (WIFEXITED(value))
        return memory_format("exit status %d", WEXITSTATUS(value));
    const char *name = sigabbrev_np(WTERMSIG(value));
    return memory_format("killed by signal %d (SIG%s)", WTERMSIG(value), name ? name : "?");
}

static void on_gone(void *context, enum job_exit_kind kind, int value)
{
    struct exec *exec = context;
    const struct work_options *options = &exec->work.options;
    bool succeeded = kind == JOB_EXIT_STATUS && WIFEXITED(value) && WEXITSTATUS(value) == 0;
    job_process_free(exec->process);
    exec->process = NULL;
    char *reason = succeeded ? NULL : describe_exit(options, kind, value);
    options->on_done(options->context, succeeded, reason);
    free(reason);
}

static void exec_stop(struct work *work, bool hurry)
{
    struct exec *exec = (struct exec *)work;
    exec->stopping = true;
    if (!exec->process)
        return;
    job_process_resume(exec->process);
    job_process_stop(exec->process, hurry);
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
    struct exec *exec = memory_allocate(sizeof *exec);
    exec->work = (struct work){&work_exec, *options};
    char **variables = job_environment_create(options->command, options->runner);
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
