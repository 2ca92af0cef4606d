#include "services/stored/session/leftovers.h"

#include "libcommon/base/log.h"
#include "libcommon/base/text.h"
#include "libcommon/base/uuid.h"

#include <stdlib.h>

struct leftovers {
    const struct sessions *sessions;
    struct text_list names;
};

/* Workspaces of sessions that the journal has brought back are in use. */
static void collect(void *context, const char *name)
{
    struct leftovers *leftovers = context;
    if (!sessions_own(leftovers->sessions, name))
        text_list_add(&leftovers->names, name);
}

static void queue(struct removal_queue *removals, const char *name)
{
    log_info("removing %s, left by an earlier run", name);
    removal_queue_add(removals, name, NULL, NULL);
}

/*
 * What is in the queue is removed while sessions may already be opened, so a workspace that a session may
 * want is moved aside first.
 */
static void retire(struct work_dir *work_dir, struct removal_queue *removals, const char *task_id)
{
    struct error error;
    char *retired = NULL;
    if (!workspace_retire(work_dir, task_id, &retired, &error))
        log_warn("a left-over workspace stays: %s", error.text);
    if (retired)
        queue(removals, retired);
    free(retired);
}

bool leftovers_remove(struct work_dir *work_dir, struct removal_queue *removals,
                      const struct sessions *sessions, struct error *error)
{
    /* Collected first: moving folders while reading their folder could show some twice. */
    struct leftovers leftovers = {.sessions = sessions};
    bool ok = work_dir_visit_leftovers(work_dir, collect, &leftovers, error);
    for (size_t i = 0; ok && i < leftovers.names.count; i++) {
        const char *name = leftovers.names.items[i];
        if (uuid_is_valid(name))
            retire(work_dir, removals, name);
        else
            queue(removals, name);
    }
    text_list_clear(&leftovers.names);
    return ok;
}
