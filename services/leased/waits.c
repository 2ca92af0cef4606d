/* What leased waits for, told in the log and to --health; and whether it has room for another task. */
#include "services/leased/leased.h"

#include "libcommon/base/clock.h"
#include "libcommon/base/log.h"
#include "libcommon/base/memory.h"
#include "libcommon/base/text.h"
#include "services/leased/poll_choice.h"
#include "services/leased/wait_reason.h"

#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

/* --- the disk --- */

/* A poll may come every 20 ms; the disk does not fill as fast as that. */
static bool disk_is_low(struct leased *leased)
{
    enum { LOOK_MS = 1000 };
    const struct settings *settings = &leased->service->settings;
    int64_t now_ms = clock_boot_ms();
    if (settings->disk_reserve_bytes && now_ms >= leased->disk_look_ms) {
        leased->disk = disk_room_look(settings->work_dir);
        leased->disk_look_ms = now_ms + LOOK_MS;
    }
    return disk_room_is_low(&leased->disk, settings->disk_reserve_bytes);
}

void leased_begin_waits(struct leased *leased)
{
    const struct settings *settings = &leased->service->settings;
    waiting_line_init(&leased->waits, clock_boot_ms());
    disk_is_low(leased);
    if (settings->disk_reserve_bytes && leased->disk.bytes < 0)
        log_warn("DISK_RESERVE_BYTES does not hold: the disk of %s cannot be looked at from here",
                 settings->work_dir);
}

/* --- jobs that fail at once --- */

void leased_on_job_ended(void *context, const char *capability, bool succeeded, int64_t started_boot_ms,
                         int64_t ran_ms)
{
    struct leased *leased = context;
    if (succeeded) {
        if (capability_rests_on_success(&leased->rests, capability))
            log_info("capability %s works again", capability);
        return;
    }
    int64_t rest_ms =
        capability_rests_on_failure(&leased->rests, capability, started_boot_ms, ran_ms, clock_boot_ms());
    if (rest_ms)
        log_warn("capability %s: one job after another failed within %d s of its start; no lease of it for "
                 "%lld s",
                 capability, CAPABILITY_REST_QUICK_MS / 1000, (long long)rest_ms / 1000);
}

/* --- room --- */

static void count_waiting_and_held(const struct leased *leased, const char *capability, int64_t *waiting,
                                   int64_t *held)
{
    const struct task *task;
    *waiting = *held = 0;
    for (size_t at = 0; (task = leased_next_task(leased, &at));) {
        *waiting += task_waits_for(task, capability);
        *held += task_is_of(task, capability);
    }
}

/* Tasks that have a lease and wait for a slot are counted as if they had it. */
static int64_t room_of(const struct leased *leased, const char *capability)
{
    int64_t waiting, held;
    count_waiting_and_held(leased, capability, &waiting, &held);
    return capability_rests_room(&leased->rests, capability,
                                 runner_hosts_count_free(leased->hosts, capability) - waiting, held,
                                 clock_boot_ms());
}

/* A task that nobody here could run, or that has no slot, is better left to another node. */
bool leased_may_poll(void *context, const char **capability)
{
    struct leased *leased = context;
    if (leased_count(leased) >= (size_t)leased->service->settings.max_concurrency || disk_is_low(leased))
        return false;
    struct text_list all = runner_hosts_known(leased->hosts);
    struct poll_room *rooms = memory_allocate_array(all.count, sizeof *rooms);
    for (size_t i = 0; i < all.count; i++)
        rooms[i] = (struct poll_room){all.items[i], room_of(leased, all.items[i])};
    const char *chosen = NULL;
    bool worth = poll_choice_make(rooms, all.count, leased->polled_capability, &chosen);
    /* A capability without a name to go on from keeps its turn. */
    if (chosen)
        memory_replace_text(&leased->polled_capability, chosen);
    *capability = chosen ? leased->polled_capability : NULL;
    text_list_clear(&all);
    free(rooms);
    return worth;
}

/* --- what is told --- */

static struct wait_facts look_around(struct leased *leased)
{
    const struct settings *settings = &leased->service->settings;
    int64_t now_ms = clock_boot_ms();
    struct text_list all = runner_hosts_capabilities(leased->hosts);
    const struct capability_rests_seen rests = capability_rests_look(&leased->rests, &all, now_ms);
    const struct capability_rest *rest = rests.next;
    struct wait_facts facts = {.draining = leased->drain.begun,
                               .leases = leased_count(leased),
                               .hosts = runner_hosts_count(leased->hosts),
                               .hosts_can_work = runner_hosts_can_work(leased->hosts),
                               .why_nothing = runner_hosts_why_nothing(leased->hosts),
                               .disk_is_low = disk_is_low(leased),
                               .disk = leased->disk,
                               .disk_reserve_bytes = settings->disk_reserve_bytes,
                               .work_dir = settings->work_dir,
                               .all_rest = rests.all,
                               .rests = rest ? rest->capability : NULL,
                               .rest_failures = rest ? rest->failures : 0,
                               .rest_ms = rest ? rest->until_ms - now_ms : 0,
                               .poll = poller_state(leased->poller),
                               .dms = &leased->reach,
                               .login = leased->login.reason};
    text_list_clear(&all);
    return facts;
}

static void log_ready(const struct leased *leased)
{
    char names[512] = "";
    struct text_list all = runner_hosts_capabilities(leased->hosts);
    size_t length = 0;
    for (size_t i = 0; i < all.count && length + 1 < sizeof names; i++) {
        text_format(names + length, sizeof names - length, "%s%s", i ? ", " : "", all.items[i]);
        length = strlen(names);
    }
    log_info("node ready: %zu capabilit%s (%s), DMS answers", all.count, all.count == 1 ? "y" : "ies", names);
    text_list_clear(&all);
}

void leased_look_at_waits(struct leased *leased)
{
    char reason[WAIT_REASON_BYTES];
    struct wait_facts facts = look_around(leased);
    bool waits = wait_reason_find(&facts, reason);
    login_watch_look(&leased->login, wait_reason_is_login(&facts));
    switch (waiting_line_next(&leased->waits, waits ? reason : NULL, clock_boot_ms()).due) {
    case WAITING_LINE_REASON:
        log_write(leased->drain.begun ? LOG_LEVEL_INFO : LOG_LEVEL_WARN, NULL, "node not ready: %s", reason);
        break;
    case WAITING_LINE_OVER:
        log_ready(leased);
        break;
    default:
        break;
    }
}

/* --- for --health --- */

static void add_text(struct service_state *state, const char *format, ...)
    __attribute__((format(printf, 2, 3)));

static void add_text(struct service_state *state, const char *format, ...)
{
    size_t length = strlen(state->summary);
    va_list arguments;
    va_start(arguments, format);
    text_format_list(state->summary + length, sizeof state->summary - length, format, arguments);
    va_end(arguments);
}

void leased_describe(struct service_context *context, struct service_state *state)
{
    struct leased *leased = context->state;
    char reason[WAIT_REASON_BYTES];
    size_t at = 0;
    size_t leases = leased_count(leased);
    int64_t now_ms = clock_boot_ms();
    const struct task *first = leased_next_task(leased, &at);
    struct text_list all = runner_hosts_capabilities(leased->hosts);
    const struct capability_rest *rest = capability_rests_look(&leased->rests, &all, now_ms).next;
    text_list_clear(&all);
    struct wait_facts facts = look_around(leased);
    state->ready = !wait_reason_find(&facts, reason);
    add_text(state, "%.*s", TEXT_CUT(state->ready ? first ? "working" : "waiting for work" : reason, 320));
    if (first && state->ready)
        add_text(state, ": %zu task%s, one %s", leases, leases == 1 ? "" : "s", task_describe(first));
    else if (first)
        add_text(state, "; one task is %s", task_describe(first));
    if (state->ready && rest)
        add_text(state, "; %.*s rests for %lld s more, as its jobs failed at once",
                 TEXT_CUT(rest->capability, 100), (long long)(rest->until_ms - now_ms + 999) / 1000);
}
