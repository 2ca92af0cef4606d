/*
 * A runner file: JSON that makes a program a capability.
 *
 *   {"capability": "/examples/x/v1", "command": ["python3", "./main.py"], "timeout_secs": 3600,
 *    "max_concurrency": 1, "env": {}, "domain_token": false}
 *
 * The first two are required; the others have these defaults.
 */
#ifndef RUNNERD_HOST_RUNNER_FILE_H
#define RUNNERD_HOST_RUNNER_FILE_H

#include "libcommon/base/error.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct runner {
    char *capability;
    bool noop;          /* built in: no command */
    char **command;     /* NULL-terminated */
    char **environment; /* "NAME=value", NULL-terminated; NULL when there is none */
    int64_t timeout_secs;
    int64_t max_concurrency;
};

/* Every fault of a file, each naming its field. */
struct runner_file_findings {
    char faults[16][ERROR_TEXT_BYTES];
    size_t fault_count;
    char warnings[16][ERROR_TEXT_BYTES];
    size_t warning_count;
};

/*
 * Reads a runner file's text. Elements of the command that begin with "./" or "../" become real paths, taken
 * from `folder`; such a file must be there. False when there is a fault; `runner` is then empty. End with
 * runner_clear() in both cases.
 */
bool runner_file_parse(const char *text, size_t length, const char *folder, struct runner *runner,
                       struct runner_file_findings *findings);

void runner_clear(struct runner *runner);

#endif
