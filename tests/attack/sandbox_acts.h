/* What sandbox_probe.c has a process do in a sandbox: what must be refused, and what must still work. */
#ifndef TESTS_ATTACK_SANDBOX_ACTS_H
#define TESTS_ATTACK_SANDBOX_ACTS_H

#include "libcommon/node/sandbox.h"

#include <errno.h>
#include <netinet/in.h>

enum {
    ALL = AUTHD_BIT | STORED_BIT | LEASED_BIT | HTTPD_BIT | RUNNERD_BIT,
    CONFINED = ALL & ~RUNNERD_BIT,
};

struct act {
    const char *name;  /* NULL behind the last of a table */
    int (*make)(void); /* gives 0 when the call did its work, else its errno */
    unsigned services;
    int landlock_version; /* that the kernel must have for the refusal; 0: the filter refuses */
};

extern const struct act process_acts[];
extern const struct act signal_acts[];
extern const struct act file_acts[];
extern const struct act network_acts[];
extern const struct act kernel_acts[];
extern const struct act sandbox_needs[];

/* What they work on; made by main() before any sandbox. */
struct act_places {
    char folder[32];
    char outside_file[64];
    int outside_port;
    int given_listener; /* of TCP; a new one for each act */
    int caller;         /* who is written an address there connects to it */
    char abstract_name[64];
    int localhost_code; /* of getaddrinfo outside the sandboxes: a bare machine has no /etc/hosts */
};

extern struct act_places act_places;

/* 0 when the call did its work, else its errno. */
static inline int act_outcome(long result)
{
    return result >= 0 ? 0 : errno;
}

struct sockaddr_in act_loopback(int port);

/* The one that some kernels cannot refuse, whatever their Landlock. */
int act_new_code(void);

#endif
