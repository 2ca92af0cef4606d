#include "services/leased/poll_choice.h"

#include <string.h>

bool poll_choice_make(const struct poll_room *rooms, size_t count, const char *last, const char **capability)
{
    const char *first = NULL; /* of those with room */
    const char *next = NULL;  /* the first of them behind `last` */
    bool all = true;
    for (size_t i = 0; i < count; i++) {
        if (rooms[i].free <= 0) {
            all = false;
            continue;
        }
        first = first ? first : rooms[i].capability;
        if (!next && last && strcmp(rooms[i].capability, last) > 0)
            next = rooms[i].capability;
    }
    *capability = all ? NULL : next ? next : first;
    return first != NULL;
}
