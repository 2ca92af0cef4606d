#include "services/runnerd/work/job_process.h"

#include "libcommon/base/log.h"
#include "libcommon/base/memory.h"
#include "libcommon/loop/spawn.h"
#include "services/runnerd/shim/process_tree.h"
#include "services/runnerd/work/line_splitter.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/epoll.h>
#include <sys/ioctl.h>
#include <sys/wait.h>
#include <unistd.h>

enum {
    READ_BYTES = 16 * 1024,
    BREATH_BYTES = 64 * 1024, /* after so many bytes nothing is read for a while: 16 MiB/s at most */
    BREATH_MS = 4,
    LINE_BYTES = 16, /* what a line costs more, in bytes */
    SWEEP_MS = 20,
    SHIMS_MAX = 1024
};

struct stream {
    struct job_process *process;
    int fd; /* -1: at its end */
    struct loop_watch *watch;
    size_t left; /* of the job's own output, once nothing of the job is alive */
    struct line_splitter splitter;
};

struct job_process {
    struct job_process_options options;
    pid_t shim; /* 0 once it is reaped */
    int outcome_fd;
    struct stream streams[2]; /* stdout, stderr */
    bool reading;
    size_t read_bytes; /* since the last breath */
    struct loop_timer breath;
    bool stopping;
    bool alone; /* nothing of the job is alive */
    bool lost;  /* the shim was killed: what it left is ours now */
    struct job_shim_outcome outcome;
    struct loop_timer sweep;
    struct loop_timer drain;
    struct loop_timer done;
    LIST_ENTRY(job_process) in_table;
};

/* --- output, and the end of it --- */

static void on_done(void *context)
{
    struct job_process *process = context;
    process->options.on_gone(process->options.context, process->lost ? NULL : &process->outcome);
}

static bool is_open(const struct job_process *process)
{
    return process->streams[0].fd >= 0 || process->streams[1].fd >= 0;
}

static void on_line(void *context, const char *text, size_t length, size_t piece)
{
    struct stream *stream = context;
    struct job_process *process = stream->process;
    process->read_bytes += LINE_BYTES;
    process->options.on_line(process->options.context, stream == &process->streams[1], text, length, piece);
}

static void stream_unwatch(struct stream *stream)
{
    loop_watch_remove(stream->watch);
    stream->watch = NULL;
}

static void stream_close(struct stream *stream)
{
    stream_unwatch(stream);
    if (stream->fd >= 0)
        close(stream->fd);
    stream->fd = -1;
}

/* Whether it is at its end. While something of the job lives an empty pipe is none. */
static bool stream_read(struct stream *stream)
{
    char bytes[READ_BYTES];
    size_t wanted = stream->left < sizeof bytes ? stream->left : sizeof bytes;
    ssize_t got = wanted ? read(stream->fd, bytes, wanted) : 0;
    if (got < 0 && errno == EINTR)
        return false;
    if (got < 0 && errno == EAGAIN)
        return stream->process->alone;
    if (got <= 0)
        return true;
    stream->process->read_bytes += (size_t)got;
    line_splitter_feed(&stream->splitter, bytes, (size_t)got, on_line, stream);
    if (stream->process->alone)
        stream->left -= (size_t)got;
    return stream->left == 0;
}

static void stream_end(struct stream *stream)
{
    stream_close(stream);
    line_splitter_finish(&stream->splitter, on_line, stream);
}

static void on_readable(void *context, uint32_t events);

static void watch_streams(struct job_process *process)
{
    bool wanted = process->reading && !process->alone && !loop_timer_running(&process->breath);
    for (size_t i = 0; i < 2; i++) {
        struct stream *stream = &process->streams[i];
        if (stream->fd < 0 || wanted == (stream->watch != NULL))
            continue;
        if (wanted)
            stream->watch = loop_watch_add(process->options.loop, stream->fd, EPOLLIN, on_readable, stream);
        else /* Not just masked: a hang-up would wake the loop all the same. */
            stream_unwatch(stream);
    }
}

static void on_breath(void *context)
{
    watch_streams(context);
}

static void on_readable(void *context, uint32_t events)
{
    struct stream *stream = context;
    struct job_process *process = stream->process;
    (void)events;
    if (stream_read(stream))
        stream_end(stream);
    if (process->read_bytes < BREATH_BYTES)
        return;
    process->read_bytes = 0;
    loop_timer_start(&process->breath, BREATH_MS);
    watch_streams(process);
}

/*
 * Once nothing of the job is alive its output is what lies in the pipes. Their other ends may be open all the
 * same: a job can hand them to a process outside, which might keep them, write to them or read from them for
 * as long as it likes. So neither the end of the pipe is waited for nor its next byte.
 */
static void on_drain(void *context)
{
    struct job_process *process = context;
    for (size_t i = 0; i < 2; i++) {
        struct stream *stream = &process->streams[i];
        if (process->reading && stream->fd >= 0 && stream_read(stream))
            stream_end(stream);
    }
    if (!is_open(process))
        loop_timer_start(&process->done, 0);
    else if (process->reading)
        loop_timer_start(&process->drain, 0);
}

static void on_alone(struct job_process *process)
{
    process->alone = true;
    for (size_t i = 0; i < 2; i++) {
        struct stream *stream = &process->streams[i];
        int left = 0;
        stream_unwatch(stream);
        if (stream->fd >= 0 && ioctl(stream->fd, FIONREAD, &left) == 0)
            stream->left = (size_t)left;
    }
    loop_timer_start(&process->drain, 0);
}

void job_process_read(struct job_process *process, bool wanted)
{
    process->reading = wanted;
    if (process->alone) {
        if (wanted && is_open(process))
            loop_timer_start(&process->drain, 0);
        return;
    }
    watch_streams(process);
}

/* --- the end --- */

/*
 * A killed shim leaves its job to this process, the next subreaper above it. Every child of this process is a
 * shim or such a left-over, so that nothing has to be guessed.
 */
static void on_sweep(void *context)
{
    struct job_process *process = context;
    pid_t shims[SHIMS_MAX];
    size_t count = 0;
    const struct job_process *other = LIST_FIRST(&process->options.table->processes);
    for (; other && count < SHIMS_MAX; other = LIST_NEXT(other, in_table))
        if (other->shim)
            shims[count++] = other->shim;
    if (process_tree_signal(getpid(), shims, count, SIGKILL) > 0)
        loop_timer_start(&process->sweep, SWEEP_MS);
    else
        on_alone(process);
}

static void on_shim_exit(void *context, pid_t pid, int status)
{
    struct job_process *process = context;
    (void)pid;
    process->shim = 0;
    process->lost =
        read(process->outcome_fd, &process->outcome, sizeof process->outcome) != sizeof process->outcome;
    if (!process->lost) {
        on_alone(process);
        return;
    }
    log_warn("a job's shim ended by itself (status 0x%x): what is left of the job is killed", status);
    loop_timer_start(&process->sweep, 0);
}

/* The shim takes either signal; one that the shim has not taken yet would swallow a second of its kind. */
void job_process_stop(struct job_process *process, int grace_ms)
{
    const union sigval value = {.sival_int = grace_ms};
    if (process->shim)
        sigqueue(process->shim, process->stopping ? SIGINT : SIGTERM, value);
    process->stopping = true;
}

/* --- the start --- */

/* Started by its descriptor: the way to the file may be closed to this uid. */
static const char shim_path[] = "/proc/self/fd/4";
_Static_assert(JOB_SHIM_PROGRAM_FD == 4, "the number in shim_path");

int job_process_open_shim(struct error *error)
{
    char path[PATH_MAX];
    if (!spawn_find_beside(JOB_SHIM_PROGRAM, path, error))
        return -1;
    int fd = open(path, O_PATH | O_CLOEXEC);
    if (fd < 0)
        error_set_errno(error, errno, "cannot open %s", path);
    return fd;
}

/* ends[0] is ours to read, ends[1] the shim's. */
static bool open_pipe(int ends[2], struct error *error)
{
    if (pipe2(ends, O_CLOEXEC) != 0)
        return error_set_errno(error, errno, "cannot make a pipe");
    fcntl(ends[0], F_SETFL, O_NONBLOCK);
    return true;
}

static int spawn_shim(struct job_process *process, int pipes[3][2])
{
    const struct job_process_options *options = &process->options;
    char shim[] = JOB_SHIM_PROGRAM;
    char parent[16];
    size_t count = 0;
    while (options->command[count])
        count++;
    char **arguments = memory_allocate_array(count + 3, sizeof *arguments);
    const int descriptors[JOB_SHIM_DESCRIPTORS] = {SPAWN_NO_INPUT, pipes[0][1], pipes[1][1], pipes[2][1],
                                                   options->table->shim_fd};
    snprintf(parent, sizeof parent, "%d", (int)getpid());
    arguments[0] = shim;
    arguments[1] = parent;
    for (size_t i = 0; i < count; i++)
        arguments[2 + i] = options->command[i];
    int code = spawn_start(&(struct spawn){.path = shim_path,
                                           .arguments = arguments,
                                           .variables = options->variables,
                                           .descriptors = descriptors,
                                           .descriptor_count = JOB_SHIM_DESCRIPTORS,
                                           .folder_fd = options->folder_fd,
                                           .new_session = true},
                           &process->shim);
    free(arguments);
    return code;
}

static bool start(struct job_process *process, struct error *error)
{
    int pipes[3][2] = {{-1, -1}, {-1, -1}, {-1, -1}};
    bool ok = true;
    for (size_t i = 0; ok && i < 3; i++)
        ok = open_pipe(pipes[i], error);
    int code = ok ? spawn_shim(process, pipes) : 0;
    for (size_t i = 0; i < 3; i++)
        if (pipes[i][1] >= 0)
            close(pipes[i][1]);
    process->streams[0].fd = pipes[0][0];
    process->streams[1].fd = pipes[1][0];
    process->outcome_fd = pipes[2][0];
    if (code)
        ok = error_set_errno(error, code, "cannot start a process for the job");
    if (!ok || loop_child_add(process->options.loop, process->shim, on_shim_exit, process, error))
        return ok;
    kill(process->shim, SIGKILL);
    waitpid(process->shim, NULL, 0);
    process->shim = 0;
    return false;
}

struct job_process *job_process_start(const struct job_process_options *options, struct error *error)
{
    struct job_process *process = memory_allocate(sizeof *process);
    *process = (struct job_process){.options = *options, .outcome_fd = -1};
    LIST_INSERT_HEAD(&options->table->processes, process, in_table);
    loop_timer_init(&process->breath, options->loop, on_breath, process);
    loop_timer_init(&process->sweep, options->loop, on_sweep, process);
    loop_timer_init(&process->drain, options->loop, on_drain, process);
    loop_timer_init(&process->done, options->loop, on_done, process);
    for (size_t i = 0; i < 2; i++)
        process->streams[i] = (struct stream){.process = process, .fd = -1, .left = SIZE_MAX};
    if (start(process, error)) {
        job_process_read(process, true);
        return process;
    }
    job_process_free(process);
    return NULL;
}

void job_process_free(struct job_process *process)
{
    if (!process)
        return;
    LIST_REMOVE(process, in_table);
    loop_timer_stop(&process->breath);
    loop_timer_stop(&process->sweep);
    loop_timer_stop(&process->drain);
    loop_timer_stop(&process->done);
    for (size_t i = 0; i < 2; i++) {
        stream_close(&process->streams[i]);
        line_splitter_clear(&process->streams[i].splitter);
    }
    if (process->outcome_fd >= 0)
        close(process->outcome_fd);
    free(process);
}
