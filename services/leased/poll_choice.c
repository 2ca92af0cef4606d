#include "services/leased/poll_choice.h"

#include <string.h>

bool poll_choice_make(const struct poll_room *rooms, size_t count, const char *last,
                      struct poll_choice *choice)
{
    const char *first = NULL; /* of those with room */
    const char *next = NULL;  /* the first of them behind `last` */
    size_t with_room = 0;
    for (size_t i = 0; i < count; i++) {
        if (rooms[i].free <= 0)
            continue;
        with_room++;
        first = first ? first : rooms[i].capability;
        if (!next && last && strcmp(rooms[i].capability, last) > 0)
            next = rooms[i].capability;
    }
    *choice = (struct poll_choice){.capability = next ? next : first, .names = with_room};
    if (with_room == count)
        *choice = (struct poll_choice){.capability = NULL, .names = 1};
    return with_room > 0;
}
