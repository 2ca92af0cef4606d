#include "services/leased/hosts/runner_slots.h"

#include "libcommon/base/memory.h"

#include <stdlib.h>
#include <string.h>

enum { WITHDRAWN_KEPT_MS = 600000 };

struct runner_slot *runner_slots_find(const struct runner_slots *slots, const char *capability)
{
    for (size_t i = 0; i < slots->count; i++)
        if (strcmp(slots->items[i].capability, capability) == 0)
            return &slots->items[i];
    return NULL;
}

void runner_slots_clear(struct runner_slots *slots)
{
    for (size_t i = 0; i < slots->count; i++)
        free(slots->items[i].capability);
    free(slots->items);
    *slots = (struct runner_slots){.items = NULL};
}

void runner_slots_set(struct runner_slots *slots, const struct record_list *capabilities, int64_t now_ms)
{
    const struct message_capability *offered = capabilities->items;
    struct runner_slots next = {
        .items = memory_allocate_array(capabilities->count + slots->count, sizeof *next.items)};
    for (; next.count < capabilities->count; next.count++)
        next.items[next.count] =
            (struct runner_slot){.capability = memory_copy_text(offered[next.count].name),
                                 .max = offered[next.count].max_concurrency};
    for (size_t i = 0; i < slots->count; i++) {
        struct runner_slot *old = &slots->items[i];
        struct runner_slot *same = runner_slots_find(&next, old->capability);
        if (same) {
            same->used = old->used;
            continue;
        }
        if (old->max > 0)
            old->withdrawn_ms = now_ms;
        old->max = 0;
        next.items[next.count++] = *old;
        old->capability = NULL;
    }
    runner_slots_clear(slots);
    *slots = next;
}

void runner_slots_inherit(struct runner_slots *slots, struct runner_slots *former)
{
    runner_slots_clear(slots);
    *slots = *former;
    *former = (struct runner_slots){.items = NULL};
    for (size_t i = 0; i < slots->count; i++)
        slots->items[i].used = 0;
}

void runner_slots_forget_withdrawn(struct runner_slots *slots, int64_t now_ms)
{
    size_t kept = 0;
    for (size_t i = 0; i < slots->count; i++) {
        const struct runner_slot *slot = &slots->items[i];
        if (slot->max > 0 || slot->used > 0 || now_ms - slot->withdrawn_ms < WITHDRAWN_KEPT_MS)
            slots->items[kept++] = *slot;
        else
            free(slot->capability);
    }
    slots->count = kept;
}

int64_t runner_slots_count_free(const struct runner_slots *slots, const char *capability)
{
    const struct runner_slot *slot = runner_slots_find(slots, capability);
    return slot && slot->used < slot->max ? slot->max - slot->used : 0;
}

bool runner_slots_offer_any(const struct runner_slots *slots)
{
    for (size_t i = 0; i < slots->count; i++)
        if (slots->items[i].max > 0)
            return true;
    return false;
}
