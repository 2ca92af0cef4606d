/* What must work in a sandbox: names, certificates, output. */
#include "tests/attack/sandbox_acts.h"

#include <errno.h>
#include <fcntl.h>
#include <net/if.h>
#include <netdb.h>
#include <pthread.h>
#include <stdio.h>
#include <sys/syscall.h>
#include <unistd.h>

/* On a thread, as curl's resolver has one. */
static void *look_up(void *context)
{
    static const char *const names[] = {"localhost", "fe80::1%lo", "posemesh-probe.invalid"};
    const struct addrinfo hints = {.ai_flags = AI_ADDRCONFIG, .ai_socktype = SOCK_STREAM};
    int *failed = context;
    for (size_t i = 0; i < sizeof names / sizeof names[0]; i++) {
        struct addrinfo *found = NULL;
        int code = getaddrinfo(names[i], "80", &hints, &found);
        if (code == EAI_SYSTEM || (i == 0 && code != act_places.localhost_code))
            *failed = EACCES;
        if (found)
            freeaddrinfo(found);
    }
    return NULL;
}

static int need_names(void)
{
    pthread_t thread;
    int failed = 0;
    if (pthread_create(&thread, NULL, look_up, &failed) != 0)
        return errno;
    pthread_join(thread, NULL);
    return failed;
}

static int need_interface_number(void)
{
    return if_nametoindex("lo") ? 0 : errno;
}

static int need_certificates(void)
{
    return act_outcome(open("/etc/ssl/certs/ca-certificates.crt", O_RDONLY | O_CLOEXEC));
}

/* The C library writes to a terminal or /dev/null in its own way. */
static int need_output(void)
{
    return fputs("", stdout) < 0 || fflush(stdout) != 0 ? errno : 0;
}

static int need_future_call_to_fail_softly(void)
{
    enum { FCHMODAT2 = 452 };
    return syscall(FCHMODAT2, -1, NULL, 0, -1) < 0 && errno == ENOSYS ? 0 : errno;
}

enum { CALLS_OUTSIDE = AUTHD_BIT | STORED_BIT | LEASED_BIT };

const struct act sandbox_needs[] = {
    {"looks up names", need_names, CALLS_OUTSIDE, 0},
    {"finds an interface's number", need_interface_number, CALLS_OUTSIDE, 0},
    {"reads the authorities' certificates", need_certificates, CALLS_OUTSIDE, 0},
    {"writes by stdio", need_output, CONFINED, 0},
    {"lives on after a call of a newer C library", need_future_call_to_fail_softly, CONFINED, 0},
    {NULL, NULL, 0, 0},
};
