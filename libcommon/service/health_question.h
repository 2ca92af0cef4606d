/*
 * Asks running services how they are, all at once: whether they are ready, and if not, why; told apart from
 * one that does not run and one that this user may not ask. Reads and writes no folder: whom a socket belongs
 * to is seen from the socket.
 */
#ifndef LIBCOMMON_SERVICE_HEALTH_QUESTION_H
#define LIBCOMMON_SERVICE_HEALTH_QUESTION_H

#include "libcommon/base/error.h"
#include "libcommon/node/service_id.h"

#include <stddef.h>

/* Also the exit status of --health; the latter two as of sysexits.h. */
enum health {
    HEALTH_READY = 0,
    HEALTH_NOT_READY = 1,    /* or it does not answer */
    HEALTH_NOT_RUNNING = 69, /* EX_UNAVAILABLE */
    HEALTH_NOT_ALLOWED = 77  /* EX_NOPERM */
};

struct health_answer {
    enum service_id service;
    enum health health;
    char text[ERROR_TEXT_BYTES]; /* "ready: 2 sessions open", "not running: ..."; one line */
};

/* Where the services are asked: POSEMESH_RUNTIME_DIR, or its default. */
const char *health_question_runtime_dir(void);

/* Fills in what is behind `service` in each answer, within seconds. */
void health_question_ask(const char *runtime_dir, struct health_answer *answers, size_t count);

/* Of all together: ready when each is, not allowed when one may not be asked, not running when none does,
 * else not ready. */
enum health health_question_sum(const struct health_answer *answers, size_t count);

#endif
