#include "libcommon/node/sandbox.h"

#include "libcommon/base/log.h"

#include <dirent.h>
#include <errno.h>
#include <linux/filter.h>
#include <stdlib.h>
#include <sys/socket.h>

/*
 * A step of TCP's handshake that only who connects is sent: SYN with ACK. The filter sees the TCP header; its
 * byte 13 has the flags. A listening socket hands it on to the connections that it accepts.
 */
enum { FLAGS_BYTE = 13, SYN_AND_ACK = 0x12, WHOLE_PACKET = 0x7fffffff };

static struct sock_filter no_answer_to_connect[] = {
    BPF_STMT(BPF_LD | BPF_B | BPF_ABS, FLAGS_BYTE),
    BPF_STMT(BPF_ALU | BPF_AND | BPF_K, SYN_AND_ACK),
    BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, SYN_AND_ACK, 0, 1),
    BPF_STMT(BPF_RET | BPF_K, 0),
    BPF_STMT(BPF_RET | BPF_K, WHOLE_PACKET),
};

static int option_of(int fd, int name)
{
    int value = -1;
    socklen_t length = sizeof value;
    return getsockopt(fd, SOL_SOCKET, name, &value, &length) == 0 ? value : -1;
}

static bool is_tcp(int fd)
{
    int domain = option_of(fd, SO_DOMAIN);
    return (domain == AF_INET || domain == AF_INET6) && option_of(fd, SO_TYPE) == SOCK_STREAM;
}

/* Some kernels let root alone do this: a service that was not started by it has what else its sandbox has. */
static bool limit_socket(int fd, struct error *error)
{
    const struct sock_fprog filter = {.len = sizeof no_answer_to_connect / sizeof no_answer_to_connect[0],
                                      .filter = no_answer_to_connect};
    if (setsockopt(fd, SOL_SOCKET, SO_ATTACH_FILTER, &filter, sizeof filter) == 0)
        return true;
    if (errno != EPERM)
        return error_set_errno(error, errno, "cannot keep a socket from connecting");
    log_info("this kernel lets root alone keep a socket from connecting");
    return true;
}

bool sandbox_limit_sockets(enum service_id service, struct error *error)
{
    bool ok = true;
    if (service != SERVICE_HTTPD)
        return true;
    DIR *descriptors = opendir("/proc/self/fd");
    if (!descriptors)
        return error_set_errno(error, errno, "cannot list the open descriptors");
    for (const struct dirent *entry = readdir(descriptors); entry && ok; entry = readdir(descriptors)) {
        int fd = (int)strtol(entry->d_name, NULL, 10);
        ok = !is_tcp(fd) || limit_socket(fd, error);
    }
    closedir(descriptors);
    return ok;
}
