#include "libcommon/service/health_question.h"

#include "libcommon/base/memory.h"
#include "libcommon/base/text.h"
#include "libcommon/ipc/ipc.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

struct question {
    struct health_answer *answer;
    struct questions *all;
    uid_t owner; /* of the program that listens there */
};

struct questions {
    struct loop *loop;
    struct ipc *ipc;
    struct question *items;
    size_t open; /* not answered yet */
};

static void __attribute__((format(printf, 3, 4)))
answer(struct health_answer *answer, enum health health, const char *format, ...)
{
    char text[ERROR_TEXT_BYTES];
    va_list arguments;
    va_start(arguments, format);
    text_format_list(text, sizeof text, format, arguments);
    va_end(arguments);
    answer->health = health;
    text_one_line(text, strlen(text), answer->text, sizeof answer->text);
}

/* --- whether somebody is there --- */

/* Not blocking: a service that hangs has a full queue. */
static int try_to_connect(const char *path, uid_t *owner)
{
    struct sockaddr_un address = {.sun_family = AF_UNIX};
    struct ucred peer = {.uid = (uid_t)-1};
    socklen_t length = sizeof peer;
    int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
    if (fd < 0)
        return errno;
    memcpy(address.sun_path, path, strlen(path) + 1);
    int code = connect(fd, (const struct sockaddr *)&address, sizeof address) == 0 ? 0 : errno;
    if (code == 0 && getsockopt(fd, SOL_SOCKET, SO_PEERCRED, &peer, &length) == 0)
        *owner = peer.uid;
    close(fd);
    return code == EAGAIN ? 0 : code;
}

/* Whoever has the folder has started the node. */
static void answer_not_allowed(struct health_answer *of, const char *runtime_dir, const char *path)
{
    struct stat status;
    char other[sizeof " or as uid 4294967295"] = "";
    if (stat(runtime_dir, &status) == 0 && status.st_uid != 0 && status.st_uid != geteuid())
        snprintf(other, sizeof other, " or as uid %u", (unsigned)status.st_uid);
    answer(of, HEALTH_NOT_ALLOWED, "not allowed: uid %u may not ask at %s: ask as root%s",
           (unsigned)geteuid(), path, other);
}

/* False with the answer when there is nobody to ask. */
static bool is_there(struct question *question, const char *runtime_dir)
{
    char path[sizeof((struct sockaddr_un *)0)->sun_path];
    question->owner = (uid_t)-1;
    text_format(path, sizeof path, "%s/%s/status/sock", runtime_dir, service_name(question->answer->service));
    int code = try_to_connect(path, &question->owner);
    if (code == ENOENT || code == ENOTDIR || code == ECONNREFUSED)
        answer(question->answer, HEALTH_NOT_RUNNING,
               "not running: nobody listens at %s (POSEMESH_RUNTIME_DIR says where)", path);
    else if (code == EACCES || code == EPERM)
        answer_not_allowed(question->answer, runtime_dir, path);
    else if (code)
        answer(question->answer, HEALTH_NOT_READY, "cannot ask at %s: %s", path, strerror(code));
    return code == 0;
}

/* --- what it says --- */

/* A service hangs up on whom its role does not name, as if it were not there: to the one who asks that is
 * silence. */
static void answer_for_silence(struct question *question, const struct error *failure)
{
    bool own = geteuid() == 0 || question->owner == geteuid() || question->owner == (uid_t)-1;
    if (failure->code != ERROR_TIMEOUT)
        answer(question->answer, HEALTH_NOT_READY, "not ready: %s", failure->text);
    else if (own)
        answer(question->answer, HEALTH_NOT_READY, "not ready: it runs and does not answer");
    else
        answer(question->answer, HEALTH_NOT_ALLOWED,
               "not allowed: it runs as uid %u and does not answer uid %u (or nobody)",
               (unsigned)question->owner, (unsigned)geteuid());
}

/* Who asks why it is not ready, does not ask how it is confined. */
static void answer_as_it_says(struct health_answer *to, const struct message_status *status)
{
    if (!status->ready)
        answer(to, HEALTH_NOT_READY, "not ready: %s", status->summary);
    else
        answer(to, HEALTH_READY, "ready: %s%s%s", status->summary, status->sandbox ? "; confined: " : "",
               status->sandbox ? status->sandbox : "");
}

static void on_status(void *context, const void *message, const struct error *failure)
{
    struct question *question = context;
    const struct message_status *status = message;
    if (!status)
        answer_for_silence(question, failure);
    else
        answer_as_it_says(question->answer, status);
    if (--question->all->open == 0)
        loop_stop(question->all->loop);
}

static void ask(struct question *question)
{
    const struct message_status_get request = {0};
    struct error error;
    struct ipc_client *client =
        ipc_client_create(question->all->ipc, role_status_of(question->answer->service), &error);
    if (!client) {
        answer(question->answer, HEALTH_NOT_READY, "cannot ask: %s", error.text);
        return;
    }
    question->all->open++;
    call_status_get(client, &request, on_status, question);
}

const char *health_question_runtime_dir(void)
{
    const char *folder = getenv("POSEMESH_RUNTIME_DIR");
    return folder && *folder ? folder : "/run/posemesh";
}

void health_question_ask(const char *runtime_dir, struct health_answer *answers, size_t count)
{
    struct error error = {.text = ""};
    struct ipc_peers peers = {{0}};
    struct questions all = {.loop = loop_create(&error),
                            .items = memory_allocate_array(count, sizeof(struct question))};
    all.ipc = all.loop ? ipc_create(all.loop, SERVICE_NODE, runtime_dir, &peers, &error) : NULL;
    for (size_t i = 0; i < count; i++) {
        all.items[i] = (struct question){.answer = &answers[i], .all = &all};
        if (*runtime_dir != '/')
            answer(&answers[i], HEALTH_NOT_READY,
                   "cannot ask: POSEMESH_RUNTIME_DIR is '%.*s', expected an absolute path",
                   TEXT_CUT(runtime_dir, 128));
        else if (!all.ipc)
            answer(&answers[i], HEALTH_NOT_READY, "cannot ask: %s", error.text);
        else if (is_there(&all.items[i], runtime_dir))
            ask(&all.items[i]);
    }
    if (all.open)
        loop_run(all.loop, &error);
    ipc_free(all.ipc);
    loop_free(all.loop);
    free(all.items);
}

enum health health_question_sum(const struct health_answer *answers, size_t count)
{
    size_t ready = 0;
    size_t absent = 0;
    for (size_t i = 0; i < count; i++) {
        if (answers[i].health == HEALTH_NOT_ALLOWED)
            return HEALTH_NOT_ALLOWED;
        ready += answers[i].health == HEALTH_READY;
        absent += answers[i].health == HEALTH_NOT_RUNNING;
    }
    return ready == count ? HEALTH_READY : absent == count ? HEALTH_NOT_RUNNING : HEALTH_NOT_READY;
}
