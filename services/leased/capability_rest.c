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
                                    int64_t started_ms, int64_t ran_ms, int64_t now_ms)
{
    int64_t since_start_ms = now_ms - started_ms;
    bool is_told = ran_ms > 0 && ran_ms < since_start_ms;
    if ((is_told ? ran_ms : since_start_ms) > CAPABILITY_REST_QUICK_MS) {
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

/* Once in ten minutes: one that comes and goes is spaced as any other. The next rests begin small again: who
 * mends by trying does not wait long. */
static void cut(struct capability_rest *rest, int64_t now_ms)
{
    if (now_ms >= rest->until_ms || (rest->was_cut && now_ms - rest->cut_ms < CAPABILITY_REST_MAX_MS))
        return;
    rest->was_cut = true;
    rest->cut_ms = now_ms;
    rest->until_ms = now_ms;
    rest->failures = CAPABILITY_REST_FAILURES;
}

void capability_rests_on_hosts(struct capability_rests *rests, const struct text_list *mended,
                               const struct text_list *known, int64_t now_ms)
{
    for (size_t i = rests->count; i-- > 0;) {
        struct capability_rest *rest = &rests->items[i];
        if (!text_list_contains(known, rest->capability))
            forget(rests, rest);
        else if (text_list_contains(mended, rest->capability))
            cut(rest, now_ms);
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

struct capability_rests_seen capability_rests_look(const struct capability_rests *rests,
                                                   const struct text_list *offered, int64_t now_ms)
{
    struct capability_rests_seen seen = {.next = NULL, .all = offered->count > 0};
    for (size_t i = 0; i < offered->count; i++) {
        const struct capability_rest *rest = find(rests, offered->items[i]);
        if (!rest || now_ms >= rest->until_ms)
            seen.all = false;
        else if (!seen.next || rest->until_ms < seen.next->until_ms)
            seen.next = rest;
    }
    return seen;
}
