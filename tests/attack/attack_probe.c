/*
 * One attempt to get at what another process keeps: attack-probe TRICK TARGET SECRET. Run by
 * tests/attack/attack.py as the attacker's user, against authd and against an unprotected dummy.
 *
 * Exit status 0: it succeeded. 1: refused; the reason is printed. 2: it could not be tried.
 */
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ptrace.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/uio.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <unistd.h>

enum { SUCCEEDED = 0, REFUSED = 1, NOT_TRIED = 2, READ_BYTES = 1 << 20, LINE_BYTES = 512 };

static const char *secret;

static int refused(const char *what)
{
    printf("%s: %s", what, strerror(errno));
    return REFUSED;
}

static int judge(const void *bytes, size_t length)
{
    if (memmem(bytes, length, secret, strlen(secret)))
        return SUCCEEDED;
    printf("read %zu bytes, the secret is not there", length);
    return REFUSED;
}

/* -1 when it cannot be opened or read; errno tells. */
static ssize_t read_file(const char *path, char bytes[READ_BYTES])
{
    int fd = open(path, O_RDONLY);
    if (fd < 0)
        return -1;
    ssize_t length = read(fd, bytes, READ_BYTES);
    int reason = errno;
    close(fd);
    errno = reason;
    return length;
}

/* --- /proc --- */

static int read_proc(const char *pid, const char *name, bool any_content)
{
    static char bytes[READ_BYTES];
    char path[128];
    snprintf(path, sizeof path, "/proc/%s/%s", pid, name);
    ssize_t length = read_file(path, bytes);
    if (length < 0)
        return refused(path);
    return any_content && length > 0 ? SUCCEEDED : judge(bytes, (size_t)length);
}

static int try_environ(const char *pid)
{
    return read_proc(pid, "environ", false);
}

static int try_cmdline(const char *pid)
{
    return read_proc(pid, "cmdline", false);
}

static int try_maps(const char *pid)
{
    return read_proc(pid, "maps", true);
}

/* Every descriptor of the target that can be opened again, sealed memory files among them. */
static int try_descriptors(const char *pid)
{
    char path[384];
    static char bytes[READ_BYTES];
    int outcome = REFUSED;
    snprintf(path, sizeof path, "/proc/%s/fd", pid);
    DIR *folder = opendir(path);
    if (!folder)
        return refused(path);
    for (struct dirent *entry = readdir(folder); entry && outcome != SUCCEEDED; entry = readdir(folder)) {
        snprintf(path, sizeof path, "/proc/%s/fd/%s", pid, entry->d_name);
        int fd = open(path, O_RDONLY | O_NONBLOCK);
        ssize_t length = fd < 0 ? -1 : pread(fd, bytes, sizeof bytes, 0);
        if (length > 0 && memmem(bytes, (size_t)length, secret, strlen(secret)))
            outcome = SUCCEEDED;
        if (fd >= 0)
            close(fd);
    }
    closedir(folder);
    if (outcome != SUCCEEDED)
        printf("no descriptor held the secret");
    return outcome;
}

typedef ssize_t read_range_function(void *context, unsigned long from, char *bytes, size_t length);

/* Looks for the secret in all writable memory of the target. */
static int search_memory(const char *pid, read_range_function *read_range, void *context)
{
    char path[128];
    char line[LINE_BYTES];
    static char bytes[READ_BYTES];
    snprintf(path, sizeof path, "/proc/%s/maps", pid);
    FILE *maps = fopen(path, "r");
    if (!maps)
        return refused(path);
    int outcome = REFUSED;
    while (outcome != SUCCEEDED && fgets(line, sizeof line, maps)) {
        /* "55d0c0000000-55d0c0021000 rw-p ..." */
        char *end = line;
        unsigned long from = strtoul(line, &end, 16);
        unsigned long to = *end == '-' ? strtoul(end + 1, &end, 16) : 0;
        if (strlen(end) < 3 || end[2] != 'w')
            continue;
        for (; from < to && outcome != SUCCEEDED; from += READ_BYTES) {
            size_t want = to - from < READ_BYTES ? to - from : READ_BYTES;
            ssize_t length = read_range(context, from, bytes, want);
            if (length > 0 && memmem(bytes, (size_t)length, secret, strlen(secret)))
                outcome = SUCCEEDED;
        }
    }
    fclose(maps);
    if (outcome != SUCCEEDED)
        printf("its memory does not show the secret");
    return outcome;
}

static ssize_t read_by_file(void *context, unsigned long from, char *bytes, size_t length)
{
    return pread(*(int *)context, bytes, length, (off_t)from);
}

static int try_memory_file(const char *pid)
{
    char path[128];
    snprintf(path, sizeof path, "/proc/%s/mem", pid);
    int fd = open(path, O_RDONLY);
    if (fd < 0)
        return refused(path);
    int outcome = search_memory(pid, read_by_file, &fd);
    close(fd);
    return outcome;
}

static ssize_t read_by_call(void *context, unsigned long from, char *bytes, size_t length)
{
    struct iovec local = {bytes, length};
    struct iovec remote = {0};
    memcpy(&remote.iov_base, &from, sizeof from);
    remote.iov_len = length;
    return process_vm_readv(*(pid_t *)context, &local, 1, &remote, 1, 0);
}

static int try_memory_call(const char *text)
{
    pid_t pid = (pid_t)strtol(text, NULL, 10);
    char byte;
    struct iovec local = {&byte, 1};
    /* Without rights the kernel refuses before it looks at the address; with them this one is a fault. */
    struct iovec remote = {(void *)16, 1};
    if (process_vm_readv(pid, &local, 1, &remote, 1, 0) < 0 && errno != EFAULT)
        return refused("process_vm_readv");
    return search_memory(text, read_by_call, &pid);
}

/* --- other ways in --- */

static int try_trace(const char *text)
{
    pid_t pid = (pid_t)strtol(text, NULL, 10);
    if (ptrace(PTRACE_SEIZE, pid, NULL, NULL) != 0)
        return refused("ptrace");
    ptrace(PTRACE_DETACH, pid, NULL, NULL);
    return SUCCEEDED;
}

static int try_descriptor_call(const char *text)
{
    int pid_fd = (int)syscall(SYS_pidfd_open, (pid_t)strtol(text, NULL, 10), 0);
    if (pid_fd < 0)
        return refused("pidfd_open");
    for (int fd = 0; fd < 64; fd++) {
        if (syscall(SYS_pidfd_getfd, pid_fd, fd, 0) >= 0)
            return SUCCEEDED;
        if (errno != EBADF)
            return refused("pidfd_getfd");
    }
    return NOT_TRIED;
}

/* A signal that would make it dump its memory into a file. */
static int try_core(const char *text)
{
    return kill((pid_t)strtol(text, NULL, 10), SIGQUIT) == 0 ? SUCCEEDED : refused("kill");
}

static int try_file(const char *path)
{
    static char bytes[READ_BYTES];
    ssize_t length = read_file(path, bytes);
    return length < 0 ? refused("open") : judge(bytes, (size_t)length);
}

static int try_socket(const char *path)
{
    struct sockaddr_un address = {.sun_family = AF_UNIX};
    snprintf(address.sun_path, sizeof address.sun_path, "%s", path);
    int fd = socket(AF_UNIX, SOCK_STREAM, 0);
    if (fd < 0 || connect(fd, (struct sockaddr *)&address, sizeof address) != 0)
        return refused("connect");
    return SUCCEEDED;
}

static const struct {
    const char *name;
    int (*attempt)(const char *target);
} tricks[] = {
    {"environ", try_environ}, {"cmdline", try_cmdline},
    {"maps", try_maps},       {"mem", try_memory_file},
    {"fd", try_descriptors},  {"process_vm_readv", try_memory_call},
    {"ptrace", try_trace},    {"pidfd_getfd", try_descriptor_call},
    {"core", try_core},       {"file", try_file},
    {"socket", try_socket},
};

int main(int argc, char **argv)
{
    if (argc != 4)
        return NOT_TRIED;
    secret = argv[3];
    for (size_t i = 0; i < sizeof tricks / sizeof tricks[0]; i++)
        if (strcmp(argv[1], tricks[i].name) == 0)
            return tricks[i].attempt(argv[2]);
    return NOT_TRIED;
}
