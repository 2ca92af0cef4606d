#include "libcommon/loop/stop_signals.h"

#include <fcntl.h>
#include <stddef.h>
#include <unistd.h>

static const int always[] = {SIGTERM, SIGINT, SIGQUIT};

static bool is_ignored(int signal_number)
{
    struct sigaction action;
    return sigaction(signal_number, NULL, &action) == 0 && action.sa_handler == SIG_IGN;
}

/* The one that would send SIGHUP, whatever stdin, stdout and stderr are. */
static bool has_terminal(void)
{
    int fd = open("/dev/tty", O_RDONLY | O_NOCTTY | O_NONBLOCK | O_CLOEXEC);
    if (fd >= 0)
        close(fd);
    return fd >= 0;
}

void stop_signals_block(struct stop_signals *signals)
{
    signals->hears_hangup = !is_ignored(SIGHUP);
    signals->hangup_stops = signals->hears_hangup && has_terminal();
    sigemptyset(&signals->stopping);
    for (size_t i = 0; i < sizeof always / sizeof always[0]; i++)
        sigaddset(&signals->stopping, always[i]);
    if (signals->hangup_stops)
        sigaddset(&signals->stopping, SIGHUP);
    sigset_t blocked = signals->stopping;
    /* One that is blocked would be heard although it is to be ignored. */
    if (signals->hears_hangup)
        sigaddset(&blocked, SIGHUP);
    sigprocmask(SIG_BLOCK, &blocked, NULL);
}

bool stop_signals_add(const struct stop_signals *signals, struct loop *loop, loop_signal_function *on_stop,
                      loop_signal_function *on_hangup, void *context, struct error *error)
{
    for (size_t i = 0; i < sizeof always / sizeof always[0]; i++)
        if (!loop_signal_add(loop, always[i], on_stop, context, error))
            return false;
    return !signals->hears_hangup ||
           loop_signal_add(loop, SIGHUP, signals->hangup_stops ? on_stop : on_hangup, context, error);
}
