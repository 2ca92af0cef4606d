/*
 * What jobs of this uid left in workspaces that stored has set aside to be removed: folders that stored may
 * not enter or empty. A runner host that ends normally leaves none; one that is killed, or stopped in the
 * middle of a removal, does. Looked for at the start and every few seconds, since leased closes such a task's
 * session later.
 */
#ifndef RUNNERD_WORKSPACE_LEFTOVERS_H
#define RUNNERD_WORKSPACE_LEFTOVERS_H

#include "libcommon/loop/loop.h"

struct leftovers;

/* Begins at once, in the background of the loop. `work_dir` is POSEMESH_WORK_DIR, which need not be there. */
struct leftovers *leftovers_create(struct loop *loop, const char *work_dir);

/* What is left stays for the next start. NULL is harmless. */
void leftovers_free(struct leftovers *leftovers);

#endif
