/*
 * The final reports to DMS, complete or fail: each is sent until DMS takes it or refuses it for good
 * (docs/network.md, "Retries").
 */
#ifndef LEASED_TASK_OUTBOX_H
#define LEASED_TASK_OUTBOX_H

#include "libcommon/base/log.h"
#include "libcommon/base/random.h"
#include "services/leased/dms/dms_client.h"

struct outbox;
struct outbox_report;

/* Once, in a later turn. `refusal` is what DMS finally refused it with, NULL when it was taken. */
typedef void outbox_done_function(void *context, const char *refusal);

/* Borrows all for its life; `timeout_ms` is of one try. */
struct outbox *outbox_create(struct loop *loop, struct random *random, struct dms_client *dms,
                             int64_t timeout_ms);

/* Reports must be done or taken back. */
void outbox_free(struct outbox *outbox);

struct outbox_entry {
    const char *task_id;        /* borrowed until the end */
    const char *action;         /* "complete" or "fail"; borrowed for ever */
    char *body;                 /* taken */
    const struct log_task *log; /* borrowed until the end */
    outbox_done_function *on_done;
    void *context;
};

struct outbox_report *outbox_send(struct outbox *outbox, const struct outbox_entry *entry);

/* Without on_done; DMS may have it already. NULL is harmless. */
void outbox_take_back(struct outbox_report *report);

#endif
