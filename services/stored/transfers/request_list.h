/* Callers that wait for one and the same result. */
#ifndef STORED_TRANSFERS_REQUEST_LIST_H
#define STORED_TRANSFERS_REQUEST_LIST_H

#include "libcommon/ipc/ipc.h"

#include <stddef.h>

/* All zero is an empty list. */
struct request_list {
    struct ipc_request **items;
    size_t count;
};

void request_list_add(struct request_list *list, struct ipc_request *request);

/* Both leave the list empty. */
void request_list_answer(struct request_list *list, const void *answer);
void request_list_fail(struct request_list *list, const struct error *error);

/* Forgets the requests without an answer: their sockets are closing. */
void request_list_drop(struct request_list *list);

#endif
