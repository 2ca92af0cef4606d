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

/* Of equals the one whose connection was the last to come. */
static pid_t who_has_most(const struct ipc_places *places, const struct ipc_place *newcomer)
{
    pid_t pid = 0;
    size_t most = 0;
    for (size_t i = places->count; i-- > 0;) {
        const struct ipc_place *place = &places->list[i];
        size_t held = is_rival(place, newcomer) ? held_by_process(places, place) : 0;
        if (held > most) {
            most = held;
            pid = place->pid;
        }
    }
    return pid;
}

/* The youngest that has settled, of the process with most and of nobody else: a flood that is younger than
 * that costs others nothing. */
static struct ipc_place *who_goes(const struct ipc_places *places, const struct ipc_place *newcomer)
{
    pid_t pid = who_has_most(places, newcomer);
    for (size_t i = places->count; i-- > 0;) {
        struct ipc_place *place = &places->list[i];
        if (is_rival(place, newcomer) && place->pid == pid && has_settled(place, newcomer))
            return place;
    }
    return NULL;
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

bool ipc_places_leave(struct ipc_places *places, int fd)
{
    size_t kept = 0;
    size_t before = places->count;
    for (size_t i = 0; i < places->count; i++) {
        const struct ipc_place *place = &places->list[i];
        if (place->fd != fd && place->listener != fd)
            places->list[kept++] = *place;
    }
    places->count = kept;
    return kept < before;
}
