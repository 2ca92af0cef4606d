#include "services/leased/capability_rest.h"

#include "libcommon/base/memory.h"
#include "libcommon/base/retry.h"

#include <stdlib.h>
#include <string.h>

static const struct retry_policy rest_policy = {.base_ms = CAPABILITY_REST_MIN_MS,
                                                .cap_ms = CAPABILITY_REST_MAX_MS};

static struct capability_rest *find(const struct capability_rests *rests, const char *capability)
{
    for (size_t i = 0; i < rests->count; i++)
        if (strcmp(rests->items[i].capability, capability) == 0)
            return &rests->items[i];
    return NULL;
}

static struct capability_rest *find_or_add(struct capability_rests *rests, const char *capability)
{
    struct capability_rest *found = find(rests, capability);
    if (found)
        return found;
    rests->items = memory_resize_array(rests->items, rests->count + 1, sizeof *rests->items);
    found = &rests->items[rests->count++];
    *found = (struct capability_rest){.capability = memory_copy_text(capability)};
    return found;
}

static void forget(struct capability_rests *rests, struct capability_rest *rest)
{
    free(rest->capability);
    *rest = rests->items[--rests->count];
}

void capability_rests_clear(struct capability_rests *rests)
{
    while (rests->count)
        forget(rests, &rests->items[rests->count - 1]);
    free(rests->items);
    *rests = (struct capability_rests){NULL, 0};
}

int64_t capability_rests_on_failure(struct capability_rests *rests, const char *capability,
                                    int64_t started_ms, int64_t now_ms)
{
    if (now_ms - started_ms > CAPABILITY_REST_QUICK_MS) {
        capability_rests_on_success(rests, capability);
        return 0;
    }
    struct capability_rest *rest = find_or_add(rests, capability);
    bool was_under_way = rest->failures >= CAPABILITY_REST_FAILURES && started_ms <= rest->began_ms;
    if (was_under_way || ++rest->failures < CAPABILITY_REST_FAILURES)
        return 0;
    int64_t rest_ms = retry_ceiling_ms(&rest_policy, rest->failures - CAPABILITY_REST_FAILURES + 1);
    rest->began_ms = now_ms;
    rest->until_ms = now_ms + rest_ms;
    return rest_ms;
}

bool capability_rests_on_success(struct capability_rests *rests, const char *capability)
{
    struct capability_rest *rest = find(rests, capability);
    bool rested = rest && rest->failures >= CAPABILITY_REST_FAILURES;
    if (rest)
        forget(rests, rest);
    return rested;
}

void capability_rests_on_hosts(struct capability_rests *rests, const struct text_list *offered)
{
    for (size_t i = rests->count; i-- > 0;) {
        rests->items[i].until_ms = rests->items[i].began_ms;
        if (!text_list_contains(offered, rests->items[i].capability))
            forget(rests, &rests->items[i]);
    }
}

int64_t capability_rests_room(const struct capability_rests *rests, const char *capability, int64_t free,
                              int64_t held, int64_t now_ms)
{
    const struct capability_rest *rest = find(rests, capability);
    if (!rest || rest->failures < CAPABILITY_REST_FAILURES || free <= 0)
        return free;
    return now_ms >= rest->until_ms && held == 0 ? 1 : 0;
}

const struct capability_rest *capability_rests_next(const struct capability_rests *rests, int64_t now_ms)
{
    const struct capability_rest *next = NULL;
    for (size_t i = 0; i < rests->count; i++)
        if (now_ms < rests->items[i].until_ms && (!next || rests->items[i].until_ms < next->until_ms))
            next = &rests->items[i];
    return next;
}

size_t capability_rests_count(const struct capability_rests *rests, int64_t now_ms)
{
    size_t count = 0;
    for (size_t i = 0; i < rests->count; i++)
        count += now_ms < rests->items[i].until_ms;
    return count;
}
