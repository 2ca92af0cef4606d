/*
 * The signals by which people and service managers stop a program. SIGTERM, SIGINT and SIGQUIT do. SIGHUP
 * does where there is a terminal, which has closed; where there is none it is a wish to read files anew; and
 * who was told to ignore it (nohup) does.
 */
#ifndef LIBCOMMON_LOOP_STOP_SIGNALS_H
#define LIBCOMMON_LOOP_STOP_SIGNALS_H

#include "libcommon/loop/loop.h"

#include <signal.h>

struct stop_signals {
    sigset_t stopping; /* for sigtimedwait() before there is a loop */
    bool hears_hangup;
    bool hangup_stops;
};

/* Blocks them all: none is lost from here on, nor does one end the program. Call it once and early: when the
 * terminal has closed, none is found any more. */
void stop_signals_block(struct stop_signals *signals);

/* Hands them to a loop. `on_hangup`, where SIGHUP does not stop, may be NULL: then it does nothing. */
bool stop_signals_add(const struct stop_signals *signals, struct loop *loop, loop_signal_function *on_stop,
                      loop_signal_function *on_hangup, void *context, struct error *error);

#endif
