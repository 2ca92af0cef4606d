/*
 * The names in a folder in their order, as many as are asked for, read a bounded number of entries at a time,
 * so that the loop's thread can do it. Regular files and folders alone; memory is bounded whatever the folder
 * holds.
 */
#ifndef STORED_WORKSPACE_FOLDER_LISTING_H
#define STORED_WORKSPACE_FOLDER_LISTING_H

#include "libcommon/node/messages.h"

struct folder_listing;

enum folder_listing_state { FOLDER_LISTING_MORE, FOLDER_LISTING_DONE, FOLDER_LISTING_FAILED };

/*
 * Takes `fd`, of a folder. `after` may be NULL; names up to it are left out. At most `entries_max` names (1
 * or more) are found: the first ones. NULL when the folder cannot be read.
 */
struct folder_listing *folder_listing_create(int fd, const char *after, size_t entries_max,
                                             struct error *error);
void folder_listing_free(struct folder_listing *listing);

/* ERROR_TOO_LARGE for a folder of more than LIMIT_ENTRIES_READ entries. */
enum folder_listing_state folder_listing_step(struct folder_listing *listing, int entries_max,
                                              struct error *error);

/* What was found, once it is done; message_clear() it. */
void folder_listing_take(struct folder_listing *listing, struct message_workspace_entries *found);

#endif
