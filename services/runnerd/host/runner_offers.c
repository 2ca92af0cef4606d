#include "services/runnerd/host/runner_offers.h"

#include "libcommon/base/limits.h"
#include "libcommon/base/log.h"
#include "libcommon/base/memory.h"

#include <stdlib.h>
#include <string.h>

/* --- asking --- */

struct runner_offer *runner_offers_find(const struct runner_offers *offers, const char *capability)
{
    for (size_t i = 0; i < offers->count; i++)
        if (strcmp(offers->items[i].runner->capability, capability) == 0)
            return &offers->items[i];
    return NULL;
}

size_t runner_offers_count(const struct runner_offers *offers)
{
    size_t count = 0;
    for (size_t i = 0; i < offers->count; i++)
        count += !offers->items[i].withdrawn;
    return count;
}

const struct runner_offer *runner_offers_first_withdrawn(const struct runner_offers *offers)
{
    for (size_t i = 0; i < offers->count; i++)
        if (offers->items[i].withdrawn)
            return &offers->items[i];
    return NULL;
}

/* --- withdrawing --- */

static void withdraw(struct runner_offer *offer, const char *reason)
{
    memory_replace_text(&offer->withdrawn, reason);
}

enum runner_offer_change runner_offer_on_look(struct runner_offer *offer, const struct runner_look *look)
{
    bool was_withdrawn = offer->withdrawn != NULL;
    bool is_other = look->identity != offer->identity;
    bool comes_back = was_withdrawn && look->works && (offer->looks_broken || is_other);
    offer->identity = look->identity;
    offer->looks_broken = !look->works;
    if (!look->works) {
        withdraw(offer, look->reason);
        return was_withdrawn ? RUNNER_OFFER_SAME : RUNNER_OFFER_WITHDRAWN;
    }
    if (!comes_back)
        return RUNNER_OFFER_SAME;
    withdraw(offer, NULL);
    return RUNNER_OFFER_BACK;
}

/* The identity stays that of the look before the start: a program that was changed since is another. */
struct runner_offer *runner_offers_on_start_fault(struct runner_offers *offers, const struct runner *runner,
                                                  const char *reason)
{
    struct runner_offer *offer = runner_offers_find(offers, runner->capability);
    if (!offer || offer->runner != runner || offer->withdrawn || !offer->identity)
        return NULL;
    withdraw(offer, reason);
    return offer;
}

/* --- what was offered before --- */

static size_t find_earlier_at(const struct runner_offers *offers, const char *capability)
{
    size_t i = 0;
    while (i < offers->earlier_count && strcmp(offers->earlier[i]->capability, capability) != 0)
        i++;
    return i;
}

struct runner *runner_offers_find_earlier(const struct runner_offers *offers, const char *capability)
{
    size_t at = find_earlier_at(offers, capability);
    return at < offers->earlier_count ? offers->earlier[at] : NULL;
}

void runner_offers_forget_earlier(struct runner_offers *offers)
{
    for (size_t i = 0; i < offers->earlier_count; i++)
        runner_drop(offers->earlier[i]);
    free(offers->earlier);
    offers->earlier = NULL;
    offers->earlier_count = 0;
}

/* In place of the capability's one before it, or of the oldest when there are too many. */
static void keep_earlier(struct runner_offers *offers, const struct runner_offer *offer)
{
    if (offer->withdrawn)
        return;
    if (!offers->earlier)
        offers->earlier = memory_allocate_array(LIMIT_RUNNER_CAPABILITIES, sizeof(struct runner *));
    size_t at = find_earlier_at(offers, offer->runner->capability);
    if (at == LIMIT_RUNNER_CAPABILITIES)
        at = 0;
    if (at < offers->earlier_count) {
        runner_drop(offers->earlier[at]);
        offers->earlier_count--;
        memmove(offers->earlier + at, offers->earlier + at + 1,
                (offers->earlier_count - at) * sizeof(struct runner *));
    }
    offers->earlier[offers->earlier_count++] = runner_hold(offer->runner);
}

/* --- going over to what was read --- */

static void clear_offer(struct runner_offer *offer)
{
    free(offer->file);
    free(offer->withdrawn);
    runner_drop(offer->runner);
}

/* Of the same file; those of ENABLE_NOOP are several. NULL: it was not there, or is taken already. */
static struct runner_offer *find_former(const struct runner_offers *former,
                                        const struct runner_reading *reading)
{
    for (size_t i = 0; i < former->count; i++) {
        struct runner_offer *offer = &former->items[i];
        if (!offer->file || strcmp(offer->file, reading->file) != 0)
            continue;
        if (!reading->runner || !reading->runner->noop ||
            strcmp(offer->runner->capability, reading->runner->capability) == 0)
            return offer;
    }
    return NULL;
}

static bool has_place(const struct runner_offers *offers, const char *file, const char *capability)
{
    if (runner_offers_find(offers, capability))
        log_error("%s: capability: %s is taken by an earlier file; this one is skipped", file, capability);
    else if (offers->count == LIMIT_RUNNER_CAPABILITIES)
        log_error("%s: there are more than %d capabilities; %s is skipped", file, LIMIT_RUNNER_CAPABILITIES,
                  capability);
    else
        return true;
    return false;
}

/* What the reading makes of the former offer of its file, if there was one; without one it is not faulty. */
static void make_offer(struct runner_offers *offers, struct runner_reading *reading,
                       struct runner_offer *former, bool *changed)
{
    struct runner_offer *offer = &offers->items[offers->count++];
    bool same = former && (!reading->runner || runner_equal(former->runner, reading->runner));
    if (!reading->runner)
        log_warn("%s: what it said before stays in force, until its faults are mended", reading->file);
    if (same) {
        *offer = *former;
        *former = (struct runner_offer){.file = NULL};
    } else {
        log_info("%s: runs %s, %lld at once%s", reading->file, reading->runner->capability,
                 (long long)reading->runner->max_concurrency, former ? ": it has changed" : "");
        *offer = (struct runner_offer){.file = memory_copy_text(reading->file),
                                       .runner = runner_hold(reading->runner)};
        *changed = true;
        if (former) { /* known; the rest of it goes with the list */
            keep_earlier(offers, former);
            free(former->file);
            former->file = NULL;
        }
    }
}

static void take(struct runner_offers *offers, struct runner_offers *former, struct runner_reading *reading,
                 struct runner_offers_taken *taken)
{
    struct runner_offer *before = find_former(former, reading);
    const struct runner *runner = reading->runner ? reading->runner : before ? before->runner : NULL;
    if (!runner)
        log_warn("%s: nothing of it is offered, until its faults are mended", reading->file);
    else if (!has_place(offers, reading->file, runner->capability))
        taken->fault_count++;
    else
        make_offer(offers, reading, before, &taken->changed);
}

struct runner_offers_taken runner_offers_take(struct runner_offers *offers, struct runner_reading *readings,
                                              size_t count)
{
    struct runner_offers_taken taken = {.changed = false};
    struct runner_offers former = *offers;
    *offers = (struct runner_offers){
        .items = memory_allocate_array(LIMIT_RUNNER_CAPABILITIES, sizeof *offers->items),
        .earlier = former.earlier,
        .earlier_count = former.earlier_count};
    former.earlier = NULL;
    former.earlier_count = 0;
    for (size_t i = 0; i < count; i++) {
        take(offers, &former, &readings[i], &taken);
        runner_drop(readings[i].runner);
        free(readings[i].file);
    }
    for (size_t i = 0; i < former.count; i++)
        if (former.items[i].file) {
            log_info("%s: does not run %s any more", former.items[i].file,
                     former.items[i].runner->capability);
            keep_earlier(offers, &former.items[i]);
            taken.changed = true;
        }
    runner_offers_clear(&former);
    return taken;
}

void runner_offers_clear(struct runner_offers *offers)
{
    for (size_t i = 0; i < offers->count; i++)
        clear_offer(&offers->items[i]);
    free(offers->items);
    runner_offers_forget_earlier(offers);
    *offers = (struct runner_offers){.items = NULL};
}
