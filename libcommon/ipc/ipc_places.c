#include "libcommon/ipc/ipc_places.h"

#include "libcommon/base/memory.h"

/* --- who has to go --- */

static bool is_rival(const struct ipc_place *place, const struct ipc_place *newcomer)
{
    return !place->ending && place->listener == newcomer->listener && place->uid == newcomer->uid;
}

static size_t held_by_user(const struct ipc_places *places, const struct ipc_place *newcomer)
{
    size_t held = 0;
    for (size_t i = 0; i < places->count; i++)
        held += is_rival(&places->list[i], newcomer);
    return held;
}

static size_t held_by_process(const struct ipc_places *places, const struct ipc_place *of)
{
    size_t held = 0;
    for (size_t i = 0; i < places->count; i++)
        held += is_rival(&places->list[i], of) && places->list[i].pid == of->pid;
    return held;
}

static bool has_settled(const struct ipc_place *place, const struct ipc_place *newcomer)
{
    return newcomer->came_ms - place->came_ms >= IPC_PLACES_SETTLED_MS;
}

/* From the youngest on: the first with the most is the process's youngest, and of equals the last to come. */
static struct ipc_place *who_goes(const struct ipc_places *places, const struct ipc_place *newcomer)
{
    struct ipc_place *goes = NULL;
    size_t most = 0;
    for (size_t i = places->count; i-- > 0;) {
        struct ipc_place *place = &places->list[i];
        bool may_go = is_rival(place, newcomer) && has_settled(place, newcomer);
        size_t held = may_go ? held_by_process(places, place) : 0;
        if (held > most) {
            most = held;
            goes = place;
        }
    }
    return goes;
}

/* --- places --- */

static void add(struct ipc_places *places, const struct ipc_place *newcomer)
{
    if (places->count == places->capacity) {
        places->capacity = places->capacity ? 2 * places->capacity : 16;
        places->list = memory_resize_array(places->list, places->capacity, sizeof *places->list);
    }
    places->list[places->count++] = *newcomer;
}

bool ipc_places_take(struct ipc_places *places, const struct ipc_place *newcomer, size_t bound, int *goes)
{
    *goes = -1;
    if (held_by_user(places, newcomer) >= bound) {
        struct ipc_place *place = who_goes(places, newcomer);
        if (!place)
            return false;
        place->ending = true;
        *goes = place->fd;
    }
    add(places, newcomer);
    return true;
}

void ipc_places_leave(struct ipc_places *places, int fd)
{
    size_t kept = 0;
    for (size_t i = 0; i < places->count; i++) {
        const struct ipc_place *place = &places->list[i];
        if (place->fd != fd && place->listener != fd)
            places->list[kept++] = *place;
    }
    places->count = kept;
}
