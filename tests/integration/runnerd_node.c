#include "tests/integration/runnerd_node.h"

#include "libcommon/base/clock.h"
#include "libcommon/base/memory.h"
#include "libcommon/ipc/ipc_peers.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>
#include <signal.h>
#include <spawn.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

struct node node;

/* --- set-up --- */

void write_file(const char *name, const char *extension, const char *text)
{
    char *path = memory_format("%s/runners/%s.%s", node.folder, name, extension);
    FILE *file = fopen(path, "we");
    assert_non_null(file);
    bool written = fputs(text, file) >= 0;
    assert_int_equal(fclose(file), 0);
    assert_true(written);
    free(path);
}

void write_runner(const char *name, const char *program, const char *more)
{
    char *text = memory_format(
        "{\"capability\": \"/t/%s\", \"command\": [\"python3\", \"-u\", \"./%s.py\"]%s}", name, name, more);
    write_file(name, "py", program);
    write_file(name, "json", text);
    free(text);
}

void start_runnerd(void)
{
    char *runtime = memory_format("POSEMESH_RUNTIME_DIR=%s", node.folder);
    char *runners = memory_format("POSEMESH_RUNNERS_DIR=%s/runners", node.folder);
    char *work = memory_format("POSEMESH_WORK_DIR=%s/work", node.folder);
    char path[] = "PATH=/usr/local/bin:/usr/bin:/bin";
    char noop[] = "ENABLE_NOOP=true";
    char sleep_secs[] = "NOOP_SLEEP_SECS=1";
    char format[] = "LOG_FORMAT=text";
    char secret[] = "SECRET_X=1";
    char locale[] = "LC_ALL=C.UTF-8";
    char zone[] = "TZ=UTC";
    char user[] = "USER=somebody";
    char *environment[] = {runtime, runners, work,   path, noop, sleep_secs,
                           format,  secret,  locale, zone, user, NULL};
    char unset[] = "(POSEMESH_RUNNERD is not set)";
    char *program = getenv("POSEMESH_RUNNERD");
    program = program ? program : unset;
    char *arguments[] = {program, NULL};
    posix_spawnattr_t attributes;
    sigset_t none;
    sigemptyset(&none);
    posix_spawnattr_init(&attributes);
    posix_spawnattr_setsigmask(&attributes, &none);
    posix_spawnattr_setflags(&attributes, POSIX_SPAWN_SETSIGMASK);
    assert_int_equal(posix_spawn(&node.runnerd, program, NULL, &attributes, arguments, environment), 0);
    posix_spawnattr_destroy(&attributes);
    free(runtime);
    free(runners);
    free(work);
}

int node_set_up(void (*write_runners)(void))
{
    struct error error;
    struct ipc_peers peers;
    static const char *const folders[] = {"runners", "work"};
    node = (struct node){.sequence = 0};
    snprintf(node.folder, sizeof node.folder, "/tmp/runnerd-test-XXXXXX");
    assert_non_null(mkdtemp(node.folder));
    for (size_t i = 0; i < 2; i++) {
        char *folder = memory_format("%s/%s", node.folder, folders[i]);
        assert_int_equal(mkdir(folder, 0770), 0);
        free(folder);
    }
    write_runners();
    node.loop = loop_create(&error);
    assert_true(ipc_peers_parse(NULL, geteuid(), &peers, &error));
    node.ipc = ipc_create(node.loop, SERVICE_LEASED, node.folder, &peers, &error);
    assert_true(ipc_serve(node.ipc, ROLE_leased_runner, leased_handlers, LEASED_HANDLER_COUNT, NULL, &error));
    assert_true(ipc_serve(node.ipc, ROLE_stored_runner, stored_handlers, STORED_HANDLER_COUNT, NULL, &error));
    start_runnerd();
    wait_for_poll();
    return 0;
}

int node_tear_down(void **state)
{
    (void)state;
    /* Without a process, 0 would mean our whole group. */
    if (!node.exited && node.runnerd > 0) {
        kill(node.runnerd, SIGKILL);
        waitpid(node.runnerd, NULL, 0);
    }
    ipc_free(node.ipc);
    loop_free(node.loop);
    char *shell = memory_format("rm -rf %s", node.folder);
    int status = system(shell); /* NOLINT(cert-env33-c): a test's own folder */
    free(shell);
    return status;
}

static void append(char *to, size_t capacity, const char *text)
{
    snprintf(to + strlen(to), capacity - strlen(to), "%s\n", text);
}

/* --- leased --- */

static void on_hello(void *context, struct ipc_request *request, const void *message)
{
    const struct message_host_welcome welcome = {.expected = node.expected};
    (void)context;
    (void)message;
    node.hello = true;
    node.hellos++;
    ipc_answer(request, &welcome);
}

static void on_next(void *context, struct ipc_request *request, const void *message)
{
    (void)context;
    (void)message;
    if (!node.hello) {
        struct error error;
        error_set(&error, ERROR_NOT_FOUND, "who are you?");
        ipc_fail(request, &error);
        return;
    }
    node.poll = request;
}

static void on_progress(void *context, struct ipc_request *request, const void *message)
{
    (void)context;
    append(node.told, sizeof node.told, ((const struct message_task_progress *)message)->progress);
    ipc_answer_done(request);
}

static void on_event(void *context, struct ipc_request *request, const void *message)
{
    (void)context;
    if (node.refuse_events > 0) {
        struct error error;
        node.refuse_events--;
        error_set(&error, ERROR_UNAVAILABLE, "too many events are held");
        ipc_fail(request, &error);
        return;
    }
    append(node.told, sizeof node.told, ((const struct message_task_event *)message)->event);
    ipc_answer_done(request);
}

static void on_finish(void *context, struct ipc_request *request, const void *message)
{
    const struct message_task_finish *finish = message;
    (void)context;
    if (node.holds_finishes) {
        struct error error;
        error_set(&error, ERROR_UNAVAILABLE, "not now");
        ipc_fail(request, &error);
        return;
    }
    node.finishes++;
    node.finished = true;
    node.succeeded = finish->succeeded;
    node.ran_ms = finish->ran_ms;
    snprintf(node.reason, sizeof node.reason, "%s", finish->reason ? finish->reason : "");
    char key[64];
    snprintf(key, sizeof key, "key-%d", node.task_number);
    if (strcmp(finish->task_key.bytes, key) == 0)
        memcpy(node.last_reason, node.reason, sizeof node.reason);
    ipc_answer_done(request);
}

/* --- stored --- */

static bool refuse_transfer(struct ipc_request *request)
{
    struct error error;
    if (node.refuse_transfers == 0)
        return false;
    node.refuse_transfers--;
    error_set(&error, ERROR_UNAVAILABLE, "too many requests wait for an answer");
    ipc_fail(request, &error);
    return true;
}

static void on_materialize(void *context, struct ipc_request *request, const void *message)
{
    const struct message_input_materialize *asked = message;
    (void)context;
    if (refuse_transfer(request))
        return;
    if (strcmp(asked->cid, "missing") == 0) {
        struct error error;
        error_set(&error, ERROR_NOT_FOUND, "no such data");
        ipc_fail(request, &error);
        return;
    }
    struct message_input input = {.cid = memory_copy_text(asked->cid),
                                  .path = memory_copy_text("datasets/x/x.ply"),
                                  .data_id = memory_copy_text("id-1"),
                                  .name = memory_copy_text("x"),
                                  .data_type = memory_copy_text("ply"),
                                  .domain_id = memory_copy_text("d")};
    ipc_answer(request, &input);
    message_clear(&message_input_type, &input);
}

static void on_put(void *context, struct ipc_request *request, const void *message)
{
    const struct message_artifact_put *put = message;
    if (refuse_transfer(request))
        return;
    char line[512];
    char content[64] = "";
    char *path = memory_format("%s/%s", node.workspace, put->path);
    FILE *file = fopen(path, "re");
    (void)context;
    assert_non_null(file);
    content[fread(content, 1, sizeof content - 1, file)] = '\0';
    fclose(file);
    free(path);
    snprintf(line, sizeof line, "%s|%s|%s|%s|%s", put->rel_path, put->name ? put->name : "",
             put->data_type ? put->data_type : "", put->id ? put->id : "", content);
    append(node.stored, sizeof node.stored, line);
    if (strcmp(put->rel_path, "refused.txt") == 0) {
        struct error error;
        error_set(&error, ERROR_FORBIDDEN, "not yours");
        ipc_fail(request, &error);
        return;
    }
    struct message_artifact artifact = {.logical_path = memory_copy_text("p"),
                                        .name = memory_copy_text("n"),
                                        .data_type = memory_copy_text("t"),
                                        .id = memory_copy_text("i")};
    ipc_answer(request, &artifact);
    message_clear(&message_artifact_type, &artifact);
}

const struct ipc_handler leased_handlers[] = {
    {OPERATION_host_hello, on_hello},       {OPERATION_host_next, on_next},
    {OPERATION_task_progress, on_progress}, {OPERATION_task_event, on_event},
    {OPERATION_task_finish, on_finish},
};
const struct ipc_handler stored_handlers[] = {
    {OPERATION_input_materialize, on_materialize},
    {OPERATION_artifact_put, on_put},
};

/* --- driving --- */

void wait_until(const bool *done)
{
    struct error error;
    int64_t deadline_ms = clock_boot_ms() + WAIT_MS;
    while (!*done) {
        assert_true(clock_boot_ms() < deadline_ms);
        assert_true(loop_turn(node.loop, 50, &error));
    }
}

void wait_for_poll(void)
{
    struct error error;
    int64_t deadline_ms = clock_boot_ms() + WAIT_MS;
    while (!node.poll) {
        assert_true(clock_boot_ms() < deadline_ms);
        assert_true(loop_turn(node.loop, 50, &error));
    }
}

void command(const char *action, const char *capability, const char *cid)
{
    struct message_host_command sent = {.sequence = ++node.sequence,
                                        .action = memory_copy_text(action),
                                        .task_id = memory_format("task-%d", node.task_number),
                                        .job_id = memory_copy_text("job-1"),
                                        .domain_id = memory_copy_text("domain-1"),
                                        .capability = memory_copy_text(capability),
                                        .task =
                                            memory_copy_text("{\"meta\": {\"big\": 123456789012345678901}}"),
                                        .workspace = memory_copy_text(node.workspace),
                                        .grace_ms = node.grace_ms};
    char key[64];
    snprintf(key, sizeof key, "key-%d", node.task_number);
    secret_assign(&sent.task_key, key, strlen(key));
    if (cid)
        text_list_add(&sent.inputs, cid);
    wait_for_poll();
    struct ipc_request *poll = node.poll;
    node.poll = NULL;
    ipc_answer(poll, &sent);
    message_clear(&message_host_command_type, &sent);
}

void start_task(const char *capability, const char *cid)
{
    node.task_number++;
    node.finished = false;
    node.told[0] = '\0';
    node.stored[0] = '\0';
    snprintf(node.workspace, sizeof node.workspace, "%s/work/task-%d", node.folder, node.task_number);
    char *outputs = memory_format("%s/outputs", node.workspace);
    assert_int_equal(mkdir(node.workspace, 0770), 0);
    assert_int_equal(mkdir(outputs, 0770), 0);
    free(outputs);
    command("start", capability, cid);
}

void run_task(const char *capability, const char *cid)
{
    start_task(capability, cid);
    wait_until(&node.finished);
}

void assert_failed(const char *reason)
{
    assert_true(node.finished);
    assert_false(node.succeeded);
    assert_string_equal(node.reason, reason);
}

bool told(const char *text)
{
    return strstr(node.told, text) != NULL;
}

void wait_until_told(const char *text)
{
    struct error error;
    int64_t deadline_ms = clock_boot_ms() + WAIT_MS;
    while (!told(text)) {
        assert_true(clock_boot_ms() < deadline_ms);
        assert_true(loop_turn(node.loop, 50, &error));
    }
}

bool lives(const char *label)
{
    const char *found = strstr(node.told, label);
    assert_non_null(found);
    pid_t pid = (pid_t)strtol(found + strlen(label), NULL, 10);
    assert_true(pid > 1);
    return kill(pid, 0) == 0;
}

void assert_workspace_is_clean(void)
{
    char *shell = memory_format("test -z \"$(find %s -mindepth 1 ! -name outputs)\"", node.workspace);
    assert_int_equal(system(shell), 0); /* NOLINT(cert-env33-c): a test's own folder */
    free(shell);
}
