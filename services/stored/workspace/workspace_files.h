/* A session's workspace as its job asks for it: what is in a folder, and pieces of files. */
#ifndef STORED_WORKSPACE_WORKSPACE_FILES_H
#define STORED_WORKSPACE_WORKSPACE_FILES_H

#include "libcommon/ipc/ipc.h"
#include "services/stored/workspace/workspace.h"

/* The listings of one session: read one after the other, so that a job gains nothing by asking for many. */
struct workspace_files;

enum { WORKSPACE_LISTS_MAX = 16 }; /* of one session, waiting; one more is refused with ERROR_UNAVAILABLE */

/* `workspace` is borrowed; it need not be made yet. */
struct workspace_files *workspace_files_create(struct loop *loop, const struct workspace *workspace);

/* Without answers. NULL is harmless. */
void workspace_files_free(struct workspace_files *files);

/* Answers `request`, whose message `asked` is, with message_workspace_entries. */
void workspace_files_list(struct workspace_files *files, const struct message_workspace_list *asked,
                          struct ipc_request *request);

/* Ends listings; who waits for them gets `reason`. */
void workspace_files_cancel(struct workspace_files *files, const struct error *reason);

/* `answer` is filled on success: message_clear() it. */
bool workspace_files_read(const struct workspace *workspace, const struct message_file_read *asked,
                          struct message_file_bytes *answer, struct error *error);

#endif
