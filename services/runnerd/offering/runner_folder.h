/*
 * The runners of this host: the files of POSEMESH_RUNNERS_DIR and, with ENABLE_NOOP, the built-in three; as
 * they are on the disk, and whether their programs are there.
 */
#ifndef RUNNERD_OFFERING_RUNNER_FOLDER_H
#define RUNNERD_OFFERING_RUNNER_FOLDER_H

#include "services/runnerd/host/runner_offers.h"

struct runner_folder {
    const char *path; /* absolute; borrowed */
    bool with_noop;
    struct runner_offers offers;
    uint64_t identity; /* of the files before they were read last */
    char *fault;       /* the first one of the last reading; NULL: there was none */
    size_t fault_count;
};

/*
 * Reads *.json in the order of their names, and looks at each program. Faults are logged with file and line;
 * that file is skipped, or what it said before stays in force. So does everything when the folder cannot be
 * read. True when what is offered has changed.
 */
bool runner_folder_read(struct runner_folder *folder);

/* Reads the files anew when one came, went or changed, else looks at what is withdrawn. True when what is
 * offered has changed. */
bool runner_folder_look(struct runner_folder *folder);

/* Whether a look may find something mended: a file is faulty, a runner is withdrawn, or nothing is there. */
bool runner_folder_needs_looks(const struct runner_folder *folder);

/*
 * The runner of a capability as it is on the disk now; NULL with the reason why there is none to start.
 * *changed becomes true when that is news. With `earlier`, what was offered before is good, too, as long as
 * it works.
 */
struct runner *runner_folder_find(struct runner_folder *folder, const char *capability, bool earlier,
                                  char reason[RUNNER_REASON_BYTES], bool *changed);

/* A start failed, `code` as of errno. True when what is offered has changed. */
bool runner_folder_on_start_fault(struct runner_folder *folder, const struct runner *runner, int code,
                                  const char *reason);

/* Why nothing is offered, in `reason`; NULL when something is. */
const char *runner_folder_why_nothing(const struct runner_folder *folder, char reason[RUNNER_REASON_BYTES]);

/* For --check-config: reads a folder of that path and tells every fault of every file, and every program that
 * cannot be started. False when there is one. */
bool runner_folder_check(const char *path, bool with_noop);

void runner_folder_clear(struct runner_folder *folder);

#endif
