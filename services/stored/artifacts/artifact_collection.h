/*
 * What a session has stored, asked for when its job is over: uploads that are still under way end, and the
 * answer waits until the server was told of all that the task gave up, so that no report to DMS comes before
 * it (docs/network.md 4.2, step 4). A server that does not answer holds it up for a few seconds at most.
 */
#ifndef STORED_ARTIFACTS_ARTIFACT_COLLECTION_H
#define STORED_ARTIFACTS_ARTIFACT_COLLECTION_H

#include "services/stored/artifacts/artifacts.h"

enum { ARTIFACT_COLLECTION_WAIT_MS = 5000 };

/* A value inside the session. */
struct artifact_collection {
    struct artifacts *artifacts;
    struct request_list waiting;
    struct loop_timer bound;
};

/* `artifacts` is borrowed. */
void artifact_collection_init(struct artifact_collection *collection, struct artifacts *artifacts,
                              struct loop *loop);

/* Drops who waits without answers. */
void artifact_collection_clear(struct artifact_collection *collection);

/* Ends uploads and answers `request` with message_artifacts, now or later. */
void artifact_collection_ask(struct artifact_collection *collection, struct ipc_request *request);

/* An abort of the task has ended: it may have been the last. */
void artifact_collection_on_abort_ended(struct artifact_collection *collection);

/* The session ends: who waits gets `reason`. */
void artifact_collection_fail(struct artifact_collection *collection, const struct error *reason);

#endif
