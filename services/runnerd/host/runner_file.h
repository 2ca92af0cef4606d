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
#include "services/runnerd/host/runner.h"

#include <stdbool.h>
#include <stddef.h>

struct runner_file_finding {
    size_t line; /* 0: of the file as a whole */
    char text[ERROR_TEXT_BYTES];
};

/* Every fault of a file, each naming its field. */
struct runner_file_findings {
    struct runner_file_finding faults[16];
    size_t fault_count;
    struct runner_file_finding warnings[16];
    size_t warning_count;
};

/*
 * Reads a runner file's text. Elements of the command that begin with "./" or "../" become paths below
 * or above `folder`, which is a real path without a '/' at its end; whether they lead anywhere is
 * runner_look()'s question. False when there is a fault; `runner` is then empty. End with runner_clear() in
 * both cases.
 */
bool runner_file_parse(const char *text, size_t length, const char *folder, struct runner *runner,
                       struct runner_file_findings *findings);

/* "file:line: text", or without a line. Returns `out`. */
const char *runner_file_finding_format(const char *file, const struct runner_file_finding *finding, char *out,
                                       size_t capacity);

#endif
