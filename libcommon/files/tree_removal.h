/*
 * Removes a folder with all that is in it, a bounded number of entries at a time, so that the loop's thread
 * can do it. Links are removed, never followed; folders on another file system are not entered. A tree deeper
 * than LIMIT_WORKSPACE_DEPTH is flattened on the way. Whatever the modes of our own folders are, they can be
 * entered; those of another uid cannot.
 */
#ifndef LIBCOMMON_FILES_TREE_REMOVAL_H
#define LIBCOMMON_FILES_TREE_REMOVAL_H

#include "libcommon/base/error.h"

struct tree_removal;

enum tree_removal_state { TREE_REMOVAL_MORE, TREE_REMOVAL_DONE, TREE_REMOVAL_FAILED };

/*
 * `parent_fd` is borrowed and must stay open. `name` is one component in it; nothing there is success. With
 * `kept` (NULL-terminated names, borrowed) the folder itself stays, and those of its entries; anything but a
 * folder in its place goes.
 */
struct tree_removal *tree_removal_create(int parent_fd, const char *name, const char *const *kept);
void tree_removal_free(struct tree_removal *removal);

/* What cannot be removed is left behind, the rest goes; the first fault is reported at the end. */
enum tree_removal_state tree_removal_step(struct tree_removal *removal, int entries_max, struct error *error);

#endif
