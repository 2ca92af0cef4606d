#include "services/leased/hosts/runner_slots.h"

#include "libcommon/base/limits.h"
#include "libcommon/base/memory.h"

#include <stdlib.h>
#include <string.h>

enum { WITHDRAWN_KEPT_MS = 60000 };

static struct runner_slot *find_among(struct runner_slot *items, size_t count, const char *capability)
{
    for (size_t i = 0; i < count; i++)
        if (strcmp(items[i].capability, capability) == 0)
            return &items[i];
    return NULL;
}

struct runner_slot *runner_slots_find(const struct runner_slots *slots, const char *capability)
{
    return find_among(slots->items, slots->count, capability);
}

static bool is_offered(const struct runner_slots *slots, const char *capability)
{
    const struct runner_slot *slot = runner_slots_find(slots, capability);
    return slot && slot->max > 0;
}

void runner_slots_clear(struct runner_slots *slots)
{
    for (size_t i = 0; i < slots->count; i++)
        free(slots->items[i].capability);
    free(slots->items);
    *slots = (struct runner_slots){.items = NULL};
}

/* One that is withdrawn and has no job: nothing but DMS may still know it. */
static bool is_idle(const struct runner_slot *slot)
{
    return slot->max == 0 && slot->used == 0;
}

static void forget(struct runner_slots *slots, struct runner_slot *slot)
{
    free(slot->capability);
    *slot = slots->items[--slots->count];
}

/* A host may withdraw new names with each hello. */
static void forget_oldest(struct runner_slots *slots)
{
    for (;;) {
        struct runner_slot *oldest = NULL;
        size_t idle = 0;
        for (size_t i = 0; i < slots->count; i++) {
            struct runner_slot *slot = &slots->items[i];
            idle += is_idle(slot);
            if (is_idle(slot) && (!oldest || slot->withdrawn_ms < oldest->withdrawn_ms))
                oldest = slot;
        }
        if (idle <= LIMIT_RUNNER_CAPABILITIES)
            return;
        forget(slots, oldest);
    }
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
        struct runner_slot *same = find_among(next.items, capabilities->count, old->capability);
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
    forget_oldest(slots);
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
    for (size_t i = slots->count; i-- > 0;)
        if (is_idle(&slots->items[i]) && now_ms - slots->items[i].withdrawn_ms >= WITHDRAWN_KEPT_MS)
            forget(slots, &slots->items[i]);
}

int64_t runner_slots_count_free(const struct runner_slots *slots, const char *capability)
{
    const struct runner_slot *slot = runner_slots_find(slots, capability);
    return slot && slot->used < slot->max ? slot->max - slot->used : 0;
}

size_t runner_slots_count_offered(const struct runner_slots *slots)
{
    size_t count = 0;
    for (size_t i = 0; i < slots->count; i++)
        count += slots->items[i].max > 0;
    return count;
}

struct text_list runner_slots_list_mended(const struct runner_slots *slots,
                                          const struct record_list *capabilities)
{
    const struct message_capability *offered = capabilities->items;
    struct text_list came = {NULL, 0};
    for (size_t i = 0; i < capabilities->count; i++)
        if (!is_offered(slots, offered[i].name))
            text_list_add(&came, offered[i].name);
    if (came.count == 0 && runner_slots_count_offered(slots) == capabilities->count)
        for (size_t i = 0; i < capabilities->count; i++)
            text_list_add(&came, offered[i].name);
    return came;
}
