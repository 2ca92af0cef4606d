/*
 * One file on its way to the domain server (docs/network.md 4.2): finds out what is there, chooses between
 * one request and multipart, and falls back from the one to the other when the server wants that.
 */
#ifndef STORED_ARTIFACT_UPLOAD_H
#define STORED_ARTIFACT_UPLOAD_H

#include "services/stored/artifact_file.h"
#include "services/stored/artifact_name.h"
#include "services/stored/session.h"

struct artifact_upload;

/* Once: the id of the stored data, or why there is none. The upload is gone by then. */
typedef void artifact_upload_done(void *context, const char *id, const struct error *failure);

/* Takes `file`. `name` is borrowed until the end. `existing_id` NULL: it is looked up by name and type. */
struct artifact_upload *artifact_upload_start(struct session *session, const struct artifact_name *name,
                                              const char *existing_id, const struct artifact_file *file,
                                              artifact_upload_done *on_done, void *context);

/* Without on_done; the server is told when it knows of a multipart upload. NULL is harmless. */
void artifact_upload_cancel(struct artifact_upload *upload);

#endif
