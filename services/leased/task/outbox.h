/*
 * The final reports to DMS, complete or fail: each is sent until DMS takes it or refuses it for good
 * (docs/network.md, "Retries").
 */
#ifndef LEASED_TASK_OUTBOX_H
#define LEASED_TASK_OUTBOX_H

#include "services/leased/task/task_driver.h"

struct outbox_report;

/* Once, in a later turn. `refusal` is what DMS finally refused it with, NULL when it was taken. */
typedef void outbox_done_function(void *context, const char *refusal);

/* `action` is "complete" or "fail", borrowed for ever; takes `body`. `on_done` gets the driver's context. */
struct outbox_report *outbox_send(const struct task_driver *driver, const char *action, char *body,
                                  outbox_done_function *on_done);

/* Without on_done; DMS may have it already. NULL is harmless. */
void outbox_take_back(struct outbox_report *report);

#endif
