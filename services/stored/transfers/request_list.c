#include "services/stored/transfers/request_list.h"

#include "libcommon/base/memory.h"

#include <stdlib.h>

void request_list_add(struct request_list *list, struct ipc_request *request)
{
    list->items = memory_resize_array(list->items, list->count + 1, sizeof(struct ipc_request *));
    list->items[list->count++] = request;
}

void request_list_drop(struct request_list *list)
{
    free(list->items);
    *list = (struct request_list){0};
}

void request_list_answer(struct request_list *list, const void *answer)
{
    for (size_t i = 0; i < list->count; i++)
        ipc_answer(list->items[i], answer);
    request_list_drop(list);
}

void request_list_fail(struct request_list *list, const struct error *error)
{
    for (size_t i = 0; i < list->count; i++)
        ipc_fail(list->items[i], error);
    request_list_drop(list);
}
