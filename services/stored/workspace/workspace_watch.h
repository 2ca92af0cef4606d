/*
 * Watches what workspaces hold against POSEMESH_WORKSPACE_MAX_BYTES, in the background of the loop: a few
 * entries at a time, with pauses that keep the watching below 1% of a core however large the trees are.
 * Nothing is kept from growing: a job may exceed the limit until that is seen, some seconds later for a small
 * tree.
 */
#ifndef STORED_WORKSPACE_WORKSPACE_WATCH_H
#define STORED_WORKSPACE_WORKSPACE_WATCH_H

#include "libcommon/base/log.h"
#include "libcommon/loop/loop.h"
#include "services/stored/workspace/workspace.h"

#include <stdint.h>

struct workspace_watch;
struct watched_workspace;

/* Called for as long as the workspace is watched, every few seconds from the moment on that it held more than
 * the limit. May end the watching of any workspace. */
typedef void workspace_overrun_function(void *context, int64_t used_bytes);

/* `limit_bytes` 0: there is no limit, and nothing is looked at. */
struct workspace_watch *workspace_watch_create(struct loop *loop, int64_t limit_bytes);
void workspace_watch_free(struct workspace_watch *watch);

/* `workspace` and what `log` points at are borrowed until workspace_watch_remove(). NULL when there is no
 * limit. */
struct watched_workspace *workspace_watch_add(struct workspace_watch *watch,
                                              const struct workspace *workspace, const struct log_task *log,
                                              int64_t now_ms, workspace_overrun_function *on_overrun,
                                              void *context);
/* NULL is harmless. */
void workspace_watch_remove(struct watched_workspace *watched);

/* What the timer does: the step that is due now. Returns how long the next one has to wait; -1: nothing is
 * watched. */
int64_t workspace_watch_turn(struct workspace_watch *watch, int64_t now_ms);

#endif
