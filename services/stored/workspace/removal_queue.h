/* Trees that are removed in the background of the loop, one after the other, a few entries each turn. */
#ifndef STORED_WORKSPACE_REMOVAL_QUEUE_H
#define STORED_WORKSPACE_REMOVAL_QUEUE_H

#include "libcommon/base/error.h"
#include "libcommon/loop/loop.h"

struct removal_queue;

/* After the first try. `failure` is NULL when nothing is left. A queue that is freed calls nobody. */
typedef void removal_done_function(void *context, const struct error *failure);

/* `parent_fd` is borrowed: all names lie in it. */
struct removal_queue *removal_queue_create(struct loop *loop, int parent_fd);

/* Goes on with what is left for a moment alone, however much it is. */
void removal_queue_free(struct removal_queue *queue);

/* `on_done` may be NULL. What could not be removed is tried again for a minute, then logged. */
void removal_queue_add(struct removal_queue *queue, const char *name, removal_done_function *on_done,
                       void *context);

#endif
