/* The work of an exec job: its program runs, and what it prints is passed on. */
#include "libcommon/base/memory.h"
#include "services/runnerd/job/job_files.h"
#include "services/runnerd/job/job_internal.h"
#include "services/runnerd/work/job_environment.h"
#include "services/runnerd/work/output_line.h"

#include <errno.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>

enum { LOG_PIECE_BYTES = 4096 }; /* of a long line, so that no piece is above the log's own limit */

/* --- output --- */

static void log_text(const struct job *job, enum log_level level, const char *text, size_t length)
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
        log_write(level, &job->log, "%s", piece);
        text += taken;
        length -= taken;
    }
}

static void take_line(struct job *job, const char *text, size_t length)
{
    struct output_line line;
    output_line_parse(text, length, &line);
    if (line.progress.text)
        job_reports_progress(job->reports, line.progress.text, line.progress.length);
    if (line.event.text)
        job_reports_event(job->reports, line.event.text, line.event.length);
    if (line.message)
        log_text(job, line.level, line.message, strlen(line.message));
    else if (!line.progress.text && !line.event.text)
        log_text(job, LOG_LEVEL_INFO, text, length);
    output_line_clear(&line);
}

static void on_line(void *context, bool is_stderr, const char *text, size_t length, bool whole)
{
    struct job *job = context;
    /* Of a job that is being stopped nobody wants progress any more. */
    if (is_stderr || !whole || job->machine.phase != JOB_PHASE_WORKING)
        log_text(job, is_stderr ? LOG_LEVEL_WARN : LOG_LEVEL_INFO, text, length);
    else
        take_line(job, text, length);
    if (job->process && job_reports_is_full(job->reports))
        job_process_pause(job->process);
}

void job_work_resume(struct job *job)
{
    if (job->process)
        job_process_resume(job->process);
}

/* --- the end --- */

static char *describe_exit(const struct job *job, enum job_exit_kind kind, int value)
{
    if (kind == JOB_EXIT_NOT_STARTED)
        return memory_format("cannot start %.512s: %s", job->runner->command[0], strerror(value));
    if (kind == JOB_EXIT_UNKNOWN)
        return memory_copy_text("the process that watches over the job was killed");
    char *reason = job_files_fail_reason(job->workspace_fd);
    if (reason)
        return reason;
    if (WIFEXITED(value))
        return memory_format("exit status %d", WEXITSTATUS(value));
    const char *name = sigabbrev_np(WTERMSIG(value));
    return memory_format("killed by signal %d (SIG%s)", WTERMSIG(value), name ? name : "?");
}

static void on_gone(void *context, enum job_exit_kind kind, int value)
{
    struct job *job = context;
    job_process_free(job->process);
    job->process = NULL;
    if (kind == JOB_EXIT_STATUS && WIFEXITED(value) && WEXITSTATUS(value) == 0) {
        job_on(job, JOB_EVENT_WORK_SUCCEEDED, NULL);
        return;
    }
    char *reason = describe_exit(job, kind, value);
    job_on(job, JOB_EVENT_WORK_FAILED, reason);
    free(reason);
}

static void on_timeout(void *context)
{
    struct job *job = context;
    char *reason = memory_format("timed out after %lld s", (long long)job->runner->timeout_secs);
    job_stop(job, reason, false);
    free(reason);
}

/* --- the start --- */

void job_work_start(struct job *job)
{
    struct error error;
    char **variables = job_environment_create(&job->command, job->runner);
    job->process = job_process_start(&(struct job_process_options){.loop = job->host->loop,
                                                                   .table = &job->host->processes,
                                                                   .command = job->runner->command,
                                                                   .variables = variables,
                                                                   .folder_fd = job->workspace_fd,
                                                                   .on_line = on_line,
                                                                   .on_gone = on_gone,
                                                                   .context = job},
                                     &error);
    job_environment_free(variables);
    if (!job->process) {
        job_on(job, JOB_EVENT_WORK_FAILED, error.text);
        return;
    }
    loop_timer_init(&job->work_timer, job->host->loop, on_timeout, job);
    loop_timer_start(&job->work_timer, job->runner->timeout_secs * 1000);
}

void job_work_stop(struct job *job)
{
    loop_timer_stop(&job->work_timer);
    job_reports_drop(job->reports);
    if (!job->process)
        return;
    job_process_resume(job->process);
    job_process_stop(job->process, job->hurry);
}
