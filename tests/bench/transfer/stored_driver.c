/*
 * Makes stored transfer, as leased and a runner host would.
 *
 * bench-stored-driver RUNTIME_DIR SERVER_URL upload BYTES      one artifact of so many bytes
 * bench-stored-driver RUNTIME_DIR SERVER_URL hole BYTES        the same, of a file that is all hole
 * bench-stored-driver RUNTIME_DIR SERVER_URL download COUNT    so many inputs, some at a time
 *
 * Opens a session, makes the file and says "ready". A line on its stdin starts the transfer; it prints the
 * seconds from the request to its answer. The end of its stdin closes the session.
 */
#include "libcommon/base/clock.h"
#include "libcommon/base/log.h"
#include "libcommon/base/memory.h"
#include "libcommon/ipc/ipc.h"
#include "libcommon/ipc/ipc_peers.h"

#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

enum { BLOCK_BYTES = 1024 * 1024, IN_FLIGHT = 8 };

struct driver {
    struct loop *loop;
    struct ipc *ipc;
    struct ipc_client *session;
    struct ipc_client *runner;
    bool done;
    bool failed;
    char workspace[1024];
    int64_t inputs_left;
    int64_t inputs_waiting;
    int64_t next_input;
};

static char task_key[] = "0123456789abcdef0123456789abcdef";

static struct secret borrowed_key(void)
{
    return (struct secret){.bytes = task_key, .length = sizeof task_key - 1};
}

static void finish(struct driver *driver, const struct error *failure)
{
    driver->done = true;
    if (failure) {
        driver->failed = true;
        fprintf(stderr, "bench-stored-driver: %s\n", failure->text);
    }
}

static void run(struct driver *driver)
{
    struct error error;
    while (!driver->done)
        if (!loop_turn(driver->loop, -1, &error))
            exit(1);
    driver->done = false;
    if (driver->failed)
        exit(1);
}

static void on_opened(void *context, const void *answer, const struct error *failure)
{
    struct driver *driver = context;
    const struct message_session_opened *opened = answer;
    if (opened)
        snprintf(driver->workspace, sizeof driver->workspace, "%s", opened->workspace);
    finish(driver, failure);
}

static void on_answered(void *context, const void *answer, const struct error *failure)
{
    (void)answer;
    finish(context, failure);
}

static void open_session(struct driver *driver, char *server_url)
{
    char task_id[] = "5b1f2c3d-0000-4000-8000-000000000001";
    char domain_id[] = "5b1f2c3d-0000-4000-8000-0000000000d1";
    char token[] = "bench";
    const struct message_session_open open = {.task_key = borrowed_key(),
                                              .dms_is_private = true,
                                              .task_id = task_id,
                                              .domain_id = domain_id,
                                              .server_url = server_url,
                                              .access_token = {token, sizeof token - 1}};
    call_session_open(driver->session, &open, on_opened, driver);
    run(driver);
}

static void close_session(struct driver *driver)
{
    const struct message_session_close close_it = {.task_key = borrowed_key()};
    call_session_close(driver->session, &close_it, on_answered, driver);
    run(driver);
}

/* --- upload --- */

static void make_file(const struct driver *driver, int64_t bytes, bool hole)
{
    char path[1200];
    char *block = memory_allocate(BLOCK_BYTES);
    memset(block, 'b', BLOCK_BYTES);
    snprintf(path, sizeof path, "%s/outputs/bench.bin", driver->workspace);
    int fd = open(path, O_WRONLY | O_CREAT | O_EXCL, 0640);
    for (int64_t at = 0; fd >= 0 && at < bytes && !hole; at += BLOCK_BYTES)
        if (pwrite(fd, block, bytes - at < BLOCK_BYTES ? (size_t)(bytes - at) : BLOCK_BYTES, at) < 0)
            exit(1);
    if (fd < 0 || ftruncate(fd, bytes) != 0)
        exit(1);
    close(fd);
    free(block);
}

static void upload(struct driver *driver)
{
    char path[] = "outputs/bench.bin";
    char rel_path[] = "bench.bin";
    const struct message_artifact_put put = {.task_key = borrowed_key(), .path = path, .rel_path = rel_path};
    call_artifact_put(driver->runner, &put, on_answered, driver);
    run(driver);
}

/* --- download --- */

static void ask_for_input(struct driver *driver);

static void on_input(void *context, const void *answer, const struct error *failure)
{
    struct driver *driver = context;
    (void)answer;
    driver->inputs_waiting--;
    if (failure)
        finish(driver, failure);
    else if (driver->inputs_left > 0)
        ask_for_input(driver);
    else if (driver->inputs_waiting == 0)
        finish(driver, NULL);
}

static void ask_for_input(struct driver *driver)
{
    char cid[64];
    snprintf(cid, sizeof cid, "input-%lld", (long long)++driver->next_input);
    const struct message_input_materialize materialize = {.task_key = borrowed_key(), .cid = cid};
    driver->inputs_left--;
    driver->inputs_waiting++;
    call_input_materialize(driver->runner, &materialize, on_input, driver);
}

static void download(struct driver *driver, int64_t count)
{
    driver->inputs_left = count;
    for (int i = 0; i < IN_FLIGHT && driver->inputs_left > 0; i++)
        ask_for_input(driver);
    run(driver);
}

int main(int argc, char **argv)
{
    struct error error;
    struct ipc_peers peers;
    struct driver driver = {.done = false};
    if (argc != 5)
        return 64;
    signal(SIGPIPE, SIG_IGN);
    log_configure("driver", LOG_FORMAT_TEXT, LOG_LEVEL_WARN);
    driver.loop = loop_create(&error);
    if (!driver.loop || !ipc_peers_parse(NULL, geteuid(), &peers, &error) ||
        !(driver.ipc = ipc_create(driver.loop, SERVICE_LEASED, argv[1], &peers, &error)) ||
        !(driver.session = ipc_client_create(driver.ipc, ROLE_stored_session, &error)) ||
        !(driver.runner = ipc_client_create(driver.ipc, ROLE_stored_runner, &error))) {
        fprintf(stderr, "bench-stored-driver: %s\n", error.text);
        return 1;
    }
    open_session(&driver, argv[2]);
    bool downloads = strcmp(argv[3], "download") == 0;
    int64_t number = strtoll(argv[4], NULL, 10);
    if (!downloads)
        make_file(&driver, number, strcmp(argv[3], "hole") == 0);
    printf("ready\n");
    fflush(stdout);
    (void)getchar();
    int64_t began_ms = clock_boot_ms();
    if (downloads)
        download(&driver, number);
    else
        upload(&driver);
    printf("%.3f\n", (double)(clock_boot_ms() - began_ms) / 1000);
    fflush(stdout);
    while (getchar() != EOF)
        continue;
    close_session(&driver);
    ipc_free(driver.ipc);
    loop_free(driver.loop);
    return 0;
}
