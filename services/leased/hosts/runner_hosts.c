#include "services/leased/hosts/runner_hosts.h"

#include "libcommon/base/limits.h"
#include "libcommon/base/log.h"
#include "libcommon/base/memory.h"
#include "libcommon/base/text.h"
#include "services/leased/hosts/runner_slots.h"

#include <stdlib.h>
#include <string.h>
#include <sys/queue.h>

enum {
    POLL_HOLD_MS = 15000,        /* well below host_next's deadline */
    HOST_GONE_MS = 30000,        /* no poll for so long: its jobs are given up */
    CAPABILITIES_KEPT_MS = 60000 /* docs/network.md 1.1 */
};

static const int64_t SEQUENCE_MAX = INT64_MAX / 2;

struct queued_command {
    struct message_host_command message;
    STAILQ_ENTRY(queued_command) link;
};

struct runner_host {
    struct runner_hosts *hosts;
    char *id;
    char *name; /* stays the same when the host is started anew */
    struct runner_slots slots;
    char *why_nothing; /* it can run; NULL: it said nothing of that */
    int64_t next_sequence;
    /* Oldest first; the first was perhaps sent, and is not acknowledged. */
    STAILQ_HEAD(queued_commands, queued_command) commands;
    struct ipc_request *poll; /* NULL: the host does not wait now */
    int64_t poll_since_ms;
    int64_t last_seen_ms;
    bool gone; /* its jobs are given up; its capabilities still count */
    LIST_ENTRY(runner_host) link;
};

struct runner_hosts {
    struct runner_hosts_events events;
    LIST_HEAD(runner_host_list, runner_host) list;
};

static void refuse(struct ipc_request *request, enum error_code code, const char *text)
{
    struct error error;
    error_set(&error, code, "%s", text);
    ipc_fail(request, &error);
}

/* --- commands --- */

static void pop_command(struct runner_host *host)
{
    struct queued_command *command = STAILQ_FIRST(&host->commands);
    STAILQ_REMOVE_HEAD(&host->commands, link);
    message_clear(&message_host_command_type, &command->message);
    free(command);
}

static void answer_poll(struct runner_host *host)
{
    static char no_command[] = "none";
    struct ipc_request *poll = host->poll;
    const struct queued_command *first = STAILQ_FIRST(&host->commands);
    const struct message_host_command nothing = {.sequence = 0, .action = no_command};
    host->poll = NULL;
    ipc_answer(poll, first ? &first->message : &nothing);
}

void runner_host_command(struct runner_host *host, enum command command,
                         const struct message_host_command *message)
{
    struct queued_command *queued = memory_allocate(sizeof *queued);
    message_copy(&message_host_command_type, &queued->message, message);
    memory_replace_text(&queued->message.action, command_infos[command].action);
    queued->message.sequence = ++host->next_sequence;
    STAILQ_INSERT_TAIL(&host->commands, queued, link);
    struct runner_slot *slot =
        command == COMMAND_start ? runner_slots_find(&host->slots, message->capability) : NULL;
    if (slot)
        slot->used++;
    if (host->poll)
        answer_poll(host);
}

bool runner_host_has_command(const struct runner_host *host, const struct secret *task_key)
{
    const struct queued_command *queued;
    STAILQ_FOREACH(queued, &host->commands, link)
    if (secret_equal(&queued->message.task_key, task_key))
        return true;
    return false;
}

void runner_host_release(struct runner_host *host, const char *capability)
{
    struct runner_slot *slot = runner_slots_find(&host->slots, capability);
    if (slot && slot->used > 0)
        slot->used--;
    host->hosts->events.slots_changed(host->hosts->events.context);
}

const char *runner_host_id(const struct runner_host *host)
{
    return host->id;
}

/* --- the table --- */

/*
 * Takes out what the host has. A host may count on from an earlier life of ours (it said hello by itself):
 * then our numbers go on from its, or it would take new commands for old ones and never run them.
 */
static void acknowledge(struct runner_host *host, int64_t acknowledged)
{
    if (acknowledged > host->next_sequence) {
        host->next_sequence = acknowledged;
        struct queued_command *queued;
        STAILQ_FOREACH(queued, &host->commands, link)
        queued->message.sequence = ++host->next_sequence;
    }
    while (!STAILQ_EMPTY(&host->commands) && STAILQ_FIRST(&host->commands)->message.sequence <= acknowledged)
        pop_command(host);
}

static void drop_poll(struct runner_host *host)
{
    if (host->poll)
        refuse(host->poll, ERROR_NOT_FOUND, "this host is not known any more");
    host->poll = NULL;
}

static void remove_host(struct runner_host *host)
{
    LIST_REMOVE(host, link);
    drop_poll(host);
    while (!STAILQ_EMPTY(&host->commands))
        pop_command(host);
    runner_slots_clear(&host->slots);
    free(host->id);
    free(host->name);
    free(host->why_nothing);
    free(host);
}

static struct runner_host *find_host(const struct runner_hosts *hosts, const char *id)
{
    for (struct runner_host *host = LIST_FIRST(&hosts->list); host; host = LIST_NEXT(host, link))
        if (!host->gone && strcmp(host->id, id) == 0)
            return host;
    return NULL;
}

static struct text_list list_slots(const struct runner_hosts *hosts, bool withdrawn_too)
{
    struct text_list all = {NULL, 0};
    for (const struct runner_host *host = LIST_FIRST(&hosts->list); host; host = LIST_NEXT(host, link))
        for (size_t i = 0; i < host->slots.count; i++)
            if (withdrawn_too || host->slots.items[i].max > 0)
                text_list_add(&all, host->slots.items[i].capability);
    text_list_sort_unique(&all);
    return all;
}

struct text_list runner_hosts_capabilities(const struct runner_hosts *hosts)
{
    return list_slots(hosts, false);
}

struct text_list runner_hosts_known(const struct runner_hosts *hosts)
{
    return list_slots(hosts, true);
}

static void tell_capabilities(struct runner_hosts *hosts, const struct text_list *mended)
{
    struct text_list all = runner_hosts_capabilities(hosts);
    hosts->events.capabilities_changed(hosts->events.context, &all, mended);
    text_list_clear(&all);
}

/* It stays in the table until its capabilities stop to count (docs/network.md 1.1). */
static void give_up_jobs(struct runner_host *host)
{
    host->gone = true;
    drop_poll(host);
    host->hosts->events.host_gone(host->hosts->events.context, host);
}

/* A new start of the same host replaces the one before: whatever that one ran died with it. */
static void replace_former_start(struct runner_hosts *hosts, struct runner_host *new_host)
{
    for (struct runner_host *host = LIST_FIRST(&hosts->list), *next; host; host = next) {
        next = LIST_NEXT(host, link);
        if (strcmp(host->name, new_host->name) != 0)
            continue;
        if (!host->gone)
            give_up_jobs(host);
        runner_slots_inherit(&new_host->slots, &host->slots);
        remove_host(host);
    }
}

static struct runner_host *add_host(struct runner_hosts *hosts, const struct message_host_hello *hello)
{
    struct runner_host *host = memory_allocate(sizeof *host);
    host->hosts = hosts;
    host->id = memory_copy_text(hello->host_id);
    host->name = memory_copy_text(hello->host_name);
    STAILQ_INIT(&host->commands);
    replace_former_start(hosts, host);
    LIST_INSERT_HEAD(&hosts->list, host, link);
    log_info("runner host %s connected with %zu %s", host->name, hello->capabilities.count,
             text_plural(hello->capabilities.count, "capability", "capabilities"));
    return host;
}

static size_t count_others(const struct runner_hosts *hosts, const char *name)
{
    size_t count = 0;
    for (const struct runner_host *host = LIST_FIRST(&hosts->list); host; host = LIST_NEXT(host, link))
        count += !host->gone && strcmp(host->name, name) != 0;
    return count;
}

/* Before anything changes. A capability without a slot would let its tasks wait for ever. */
static bool check_hello(const struct runner_hosts *hosts, const struct message_host_hello *hello,
                        struct error *error)
{
    const struct message_capability *items = hello->capabilities.items;
    if (!find_host(hosts, hello->host_id) && count_others(hosts, hello->host_name) >= LIMIT_RUNNER_HOSTS)
        return error_set(error, ERROR_UNAVAILABLE, "%d runner hosts are connected already",
                         LIMIT_RUNNER_HOSTS);
    for (size_t i = 0; i < hello->capabilities.count; i++)
        if (!*items[i].name || items[i].max_concurrency < 1)
            return error_set(error, ERROR_INVALID,
                             "capability '%.*s' needs a name and a max_concurrency above 0",
                             TEXT_CUT(items[i].name, 256));
    return true;
}

static char *clean_reason(const char *text)
{
    return text && *text ? text_copy_one_line(text, strlen(text)) : NULL;
}

void runner_hosts_hello(struct runner_hosts *hosts, struct ipc_request *request,
                        const struct message_host_hello *hello, const struct text_list *expected,
                        int64_t now_ms)
{
    struct error error;
    if (!check_hello(hosts, hello, &error)) {
        log_warn("runner host %s is refused: %s", hello->host_name, error.text);
        ipc_fail(request, &error);
        return;
    }
    struct runner_host *host = find_host(hosts, hello->host_id);
    struct text_list mended =
        runner_slots_list_mended(host ? &host->slots : &(struct runner_slots){NULL, 0}, &hello->capabilities);
    if (!host)
        host = add_host(hosts, hello);
    host->last_seen_ms = now_ms;
    free(host->why_nothing);
    host->why_nothing = clean_reason(hello->why_nothing);
    runner_slots_set(&host->slots, &hello->capabilities, now_ms);
    ipc_answer(request, &(struct message_host_welcome){.expected = *expected});
    tell_capabilities(hosts, &mended);
    hosts->events.slots_changed(hosts->events.context);
    text_list_clear(&mended);
}

void runner_hosts_next(struct runner_hosts *hosts, struct ipc_request *request,
                       const struct message_host_next *next, int64_t now_ms)
{
    struct runner_host *host = find_host(hosts, next->host_id);
    if (!host) {
        struct error error;
        error_set(&error, ERROR_NOT_FOUND, "host %s has not said hello", next->host_id);
        ipc_fail(request, &error);
        return;
    }
    if (next->acknowledged < 0 || next->acknowledged > SEQUENCE_MAX) {
        refuse(request, ERROR_INVALID, "acknowledged is out of range");
        return;
    }
    host->last_seen_ms = now_ms;
    acknowledge(host, next->acknowledged);
    /* A repeat of a poll that still waits: its answer would go to nobody. */
    if (host->poll)
        answer_poll(host);
    host->poll = request;
    host->poll_since_ms = now_ms;
    if (!STAILQ_EMPTY(&host->commands))
        answer_poll(host);
}

void runner_hosts_tick(struct runner_hosts *hosts, int64_t now_ms)
{
    bool capabilities_changed = false;
    for (struct runner_host *host = LIST_FIRST(&hosts->list), *next; host; host = next) {
        next = LIST_NEXT(host, link);
        runner_slots_forget_withdrawn(&host->slots, now_ms);
        /* A host that waits is there; the hold's end finds out whether it comes back. */
        if (host->poll) {
            host->last_seen_ms = now_ms;
            if (now_ms - host->poll_since_ms >= POLL_HOLD_MS)
                answer_poll(host);
        }
        int64_t away_ms = now_ms - host->last_seen_ms;
        if (!host->gone && away_ms >= HOST_GONE_MS) {
            log_warn("runner host %s has not been heard of for %d s", host->name, HOST_GONE_MS / 1000);
            give_up_jobs(host);
        }
        if (host->gone && away_ms >= CAPABILITIES_KEPT_MS) {
            remove_host(host);
            capabilities_changed = true;
        }
    }
    if (!capabilities_changed)
        return;
    tell_capabilities(hosts, &(struct text_list){NULL, 0});
    /* Tasks that waited for the host's return have nobody to wait for any more. */
    hosts->events.slots_changed(hosts->events.context);
}

struct runner_host *runner_hosts_find_slot(struct runner_hosts *hosts, const char *capability)
{
    for (struct runner_host *host = LIST_FIRST(&hosts->list); host; host = LIST_NEXT(host, link))
        if (!host->gone && runner_slots_count_free(&host->slots, capability) > 0)
            return host;
    return NULL;
}

int64_t runner_hosts_count_free(const struct runner_hosts *hosts, const char *capability)
{
    int64_t count = 0;
    for (const struct runner_host *host = LIST_FIRST(&hosts->list); host; host = LIST_NEXT(host, link))
        count += host->gone ? 0 : runner_slots_count_free(&host->slots, capability);
    return count;
}

bool runner_hosts_offer(const struct runner_hosts *hosts, const char *capability)
{
    for (const struct runner_host *host = LIST_FIRST(&hosts->list); host; host = LIST_NEXT(host, link)) {
        const struct runner_slot *slot = runner_slots_find(&host->slots, capability);
        if (slot && slot->max > 0)
            return true;
    }
    return false;
}

size_t runner_hosts_count(const struct runner_hosts *hosts)
{
    size_t count = 0;
    for (const struct runner_host *host = LIST_FIRST(&hosts->list); host; host = LIST_NEXT(host, link))
        count += host->gone ? 0 : 1;
    return count;
}

bool runner_hosts_can_work(const struct runner_hosts *hosts)
{
    for (const struct runner_host *host = LIST_FIRST(&hosts->list); host; host = LIST_NEXT(host, link))
        if (!host->gone && runner_slots_count_offered(&host->slots) > 0)
            return true;
    return false;
}

const char *runner_hosts_why_nothing(const struct runner_hosts *hosts)
{
    for (struct runner_host *host = LIST_FIRST(&hosts->list); host; host = LIST_NEXT(host, link))
        if (!host->gone && host->why_nothing)
            return host->why_nothing;
    return NULL;
}

struct runner_hosts *runner_hosts_create(const struct runner_hosts_events *events)
{
    struct runner_hosts *hosts = memory_allocate(sizeof *hosts);
    hosts->events = *events;
    return hosts;
}

void runner_hosts_free(struct runner_hosts *hosts)
{
    if (!hosts)
        return;
    for (struct runner_host *host = LIST_FIRST(&hosts->list), *next; host; host = next) {
        next = LIST_NEXT(host, link);
        remove_host(host);
    }
    free(hosts);
}
