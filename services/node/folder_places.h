/* Where the node's folders lie: none in what a service or another node uses as it likes. */
#ifndef NODE_FOLDER_PLACES_H
#define NODE_FOLDER_PLACES_H

#include "libcommon/node/folder_use.h"

#include <stdbool.h>

/*
 * Looks at the open folder `folder_fds[id]`; those before it in the table are open, too. ERROR_INVALID: it
 * is one of them, or has one of them in it that must not be there, or lies in what one service keeps to
 * itself. ERROR_CONFLICT: a folder above it is used by another node; only such count that not everybody may
 * open and so lock. The error is the end of a sentence that begins with the variable.
 */
bool folder_places_check(const struct settings *settings, const int *folder_fds, enum folder_id id,
                         struct error *error);

#endif
