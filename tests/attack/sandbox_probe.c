/*
 * Makes forbidden acts under each service's sandbox, each in a process of its own, and prints TAP: an act
 * must be refused (killed by the filter, or EPERM, EACCES from Landlock). Before that the same act is made
 * without a sandbox and must get through to the kernel's work, so that the test is known to bite. Needs root.
 */
#include "libcommon/base/log.h"
#include "libcommon/confine/landlock.h"
#include "libcommon/confine/privileges.h"
#include "tests/attack/sandbox_acts.h"

#include <errno.h>
#include <fcntl.h>
#include <ftw.h>
#include <netdb.h>
#include <netinet/in.h>
#include <signal.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <unistd.h>

struct act_places act_places = {.folder = "/tmp/posemesh-probe-XXXXXX", .given_listener = -1};

/* --- one act in a process of its own --- */

static bool confine(enum service_id service)
{
    char runtime[96];
    char work[96];
    char text[SANDBOX_TEXT_BYTES];
    struct error error;
    snprintf(runtime, sizeof runtime, "%s/run", act_places.folder);
    snprintf(work, sizeof work, "%s/work", act_places.folder);
    const struct settings settings = {.runtime_dir = runtime,
                                      .work_dir = service == SERVICE_STORED ? work : NULL};
    return sandbox_limit_sockets(service, &error) && privileges_harden(&error) &&
           sandbox_apply(service, &settings, service == SERVICE_STORED ? 0 : 1, text, &error);
}

enum { NOT_CONFINED = 255 };

/* The child's exit status is the act's outcome. */
static int run_act(const struct act *act, bool confined, enum service_id service)
{
    int status = 0;
    fflush(stdout);
    pid_t pid = fork();
    if (pid == 0) {
        if (confined && !confine(service))
            _exit(NOT_CONFINED);
        _exit(act->make());
    }
    return waitpid(pid, &status, 0) == pid ? status : -1;
}

static bool is_refusal(int status)
{
    if (WIFSIGNALED(status))
        return WTERMSIG(status) == SIGSYS;
    return WIFEXITED(status) && (WEXITSTATUS(status) == EPERM || WEXITSTATUS(status) == EACCES);
}

static const char *tell(int status, char out[64])
{
    if (WIFSIGNALED(status))
        snprintf(out, 64, "%s",
                 WTERMSIG(status) == SIGSYS ? "killed by the filter" : strsignal(WTERMSIG(status)));
    else
        snprintf(out, 64, "%s", WEXITSTATUS(status) ? strerror(WEXITSTATUS(status)) : "it got through");
    return out;
}

/* What an act uses up. */
static void make_places_anew(void)
{
    char path[96];
    snprintf(path, sizeof path, "%s/removable-%d", act_places.folder, (int)getpid());
    int fd = open(path, O_WRONLY | O_CREAT | O_CLOEXEC, 0600);
    if (fd >= 0)
        close(fd);
    struct sockaddr_in any = act_loopback(0);
    close(act_places.given_listener);
    act_places.given_listener = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    (void)bind(act_places.given_listener, (struct sockaddr *)&any, sizeof any);
    listen(act_places.given_listener, 1);
}

static int number;
static int failures;

static void report(bool ok, const char *who, const char *what, const char *how)
{
    failures += !ok;
    printf("%s %d - %s %s: %s\n", ok ? "ok" : "not ok", ++number, who, what, how);
}

/* Why this kernel cannot refuse the act; NULL when it can. */
static const char *missing_in_kernel(const struct act *act, int landlock_version, enum service_id service)
{
    enum { GET_MEMORY_DENY_WRITE_EXECUTE = 66 };
    /* httpd can make no sockets of TCP to begin with. */
    bool by_calls = service == SERVICE_HTTPD && act->landlock_version == LANDLOCK_VERSION_PORTS;
    if (landlock_version < act->landlock_version && !by_calls)
        return "its Landlock is too old";
    if (act->make == act_new_code && prctl(GET_MEMORY_DENY_WRITE_EXECUTE, 0, 0, 0, 0) < 0)
        return "it cannot deny executable memory";
    return NULL;
}

static void try_act(const struct act *act, int landlock_version)
{
    char text[64];
    make_places_anew();
    int control = run_act(act, false, SERVICE_NODE);
    report(WIFEXITED(control) && WEXITSTATUS(control) == 0, "control", act->name, tell(control, text));
    for (enum service_id service = 0; service < SERVICE_COUNT; service++) {
        char who[32];
        if (!(act->services & (1U << service)))
            continue;
        snprintf(who, sizeof who, "%s never", service_name(service));
        const char *missing = missing_in_kernel(act, landlock_version, service);
        if (missing) {
            printf("ok %d - %s %s # SKIP this kernel: %s\n", ++number, who, act->name, missing);
            continue;
        }
        make_places_anew();
        int status = run_act(act, true, service);
        report(is_refusal(status), who, act->name, tell(status, text));
    }
}

static void try_need(const struct act *need)
{
    char text[64];
    char who[32];
    for (enum service_id service = 0; service < SERVICE_COUNT; service++) {
        if (!(need->services & (1U << service)))
            continue;
        snprintf(who, sizeof who, "%s still", service_name(service));
        int status = run_act(need, true, service);
        report(WIFEXITED(status) && WEXITSTATUS(status) == 0, who, need->name,
               WIFEXITED(status) && WEXITSTATUS(status) == 0 ? "it works" : tell(status, text));
    }
}

/* --- what the acts work on --- */

static int listen_at_loopback(void)
{
    struct sockaddr_in address = act_loopback(0);
    socklen_t length = sizeof address;
    int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    if (fd < 0 || bind(fd, (struct sockaddr *)&address, sizeof address) != 0 || listen(fd, 64) != 0 ||
        getsockname(fd, (struct sockaddr *)&address, &length) != 0) {
        if (fd >= 0)
            close(fd);
        return -1;
    }
    act_places.outside_port = ntohs(address.sin_port);
    return fd;
}

/* A process that connects to the addresses which it is told, until this one ends. */
static int start_caller(void)
{
    int ends[2];
    struct sockaddr_in address;
    if (pipe2(ends, O_CLOEXEC) != 0)
        return -1;
    if (fork() != 0) {
        close(ends[0]);
        return ends[1];
    }
    close(ends[1]);
    while (read(ends[0], &address, sizeof address) == sizeof address)
        (void)connect(socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0), (struct sockaddr *)&address,
                      sizeof address);
    _exit(0);
}

static int listen_at_abstract_name(void)
{
    struct sockaddr_un address = {.sun_family = AF_UNIX};
    snprintf(act_places.abstract_name, sizeof act_places.abstract_name, "posemesh-probe-%d", (int)getpid());
    size_t length = strlen(act_places.abstract_name);
    memcpy(address.sun_path + 1, act_places.abstract_name, length);
    int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
    socklen_t bytes = (socklen_t)(offsetof(struct sockaddr_un, sun_path) + 1 + length);
    return bind(fd, (struct sockaddr *)&address, bytes) == 0 && listen(fd, 64) == 0 ? fd : -1;
}

static int remove_entry(const char *path, const struct stat *status, int type, struct FTW *place)
{
    (void)status;
    (void)type;
    (void)place;
    return remove(path);
}

int main(void)
{
    static const struct act *const tables[] = {process_acts, signal_acts, file_acts, network_acts,
                                               kernel_acts};
    struct landlock landlock;
    struct error error;
    log_configure("probe", LOG_FORMAT_TEXT, LOG_LEVEL_ERROR);
    if (!landlock_begin(&landlock, false, &error) || !mkdtemp(act_places.folder) ||
        listen_at_loopback() < 0 || listen_at_abstract_name() < 0 ||
        (act_places.caller = start_caller()) < 0) {
        printf("not ok 1 - the probe can be set up\n");
        return 1;
    }
    landlock_end(&landlock);
    snprintf(act_places.outside_file, sizeof act_places.outside_file, "%s/outside", act_places.folder);
    int fd = open(act_places.outside_file, O_WRONLY | O_CREAT | O_CLOEXEC, 0600);
    if (fd >= 0)
        close(fd);
    for (size_t i = 0; i < sizeof tables / sizeof tables[0]; i++)
        for (const struct act *act = tables[i]; act->name; act++)
            try_act(act, landlock.version);
    /* One short question, as a machine without a name server has to wait for its end. */
    setenv("RES_OPTIONS", "timeout:1 attempts:1", 1);
    act_places.localhost_code = getaddrinfo("localhost", "80", NULL, &(struct addrinfo *){NULL});
    for (const struct act *need = sandbox_needs; need->name; need++)
        try_need(need);
    nftw(act_places.folder, remove_entry, 16, FTW_DEPTH | FTW_PHYS);
    printf("1..%d\n", number);
    return failures ? 1 : 0;
}
