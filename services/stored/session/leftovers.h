/* What an earlier run of stored left in the work dir. */
#ifndef STORED_SESSION_LEFTOVERS_H
#define STORED_SESSION_LEFTOVERS_H

#include "services/stored/session/sessions.h"

/* Removes it, in the background, but for what belongs to `sessions`. */
bool leftovers_remove(struct work_dir *work_dir, struct removal_queue *removals,
                      const struct sessions *sessions, struct error *error);

#endif
