#include "services/runnerd/host/host_link.h"

#include "libcommon/base/log.h"
#include "libcommon/base/memory.h"
#include "libcommon/base/uuid.h"

#include <stdlib.h>
#include <string.h>

enum { RETRY_MS = 1000 };

struct host_link {
    struct host_link_options options;
    char host_id[UUID_TEXT_BYTES];
    int64_t acknowledged;
    bool welcome;
    bool known_silent; /* its silence was logged */
    bool renewing;     /* a hello is due though leased knows the host */
    bool stopped;
    struct ipc_call *call;
    struct loop_timer next_step;
};

static void ask_next(struct host_link *link);

static void later(struct host_link *link, const struct error *failure)
{
    if (!link->known_silent)
        log_warn("no word from leased, trying on: %s", failure->text);
    link->known_silent = true;
    loop_timer_start(&link->next_step, RETRY_MS);
}

/* --- hello --- */

static void on_welcome(void *context, const void *answer, const struct error *failure)
{
    struct host_link *link = context;
    const struct message_host_welcome *welcome = answer;
    link->call = NULL;
    if (failure) {
        later(link, failure);
        return;
    }
    if (!link->welcome)
        log_info("leased knows this host as %s", link->host_id);
    link->known_silent = false;
    link->welcome = true;
    link->renewing = false;
    link->options.on_expected(link->options.context, &welcome->expected);
    ask_next(link);
}

static void say_hello(struct host_link *link)
{
    const struct runner_offers *offers = link->options.offers;
    struct message_capability *capabilities = memory_allocate_array(offers->count + 1, sizeof *capabilities);
    size_t count = 0;
    for (size_t i = 0; i < offers->count; i++)
        if (!offers->items[i].withdrawn)
            capabilities[count++] =
                (struct message_capability){.name = offers->items[i].runner->capability,
                                            .max_concurrency = offers->items[i].runner->max_concurrency};
    struct message_host_hello hello = {
        .host_id = link->host_id, .host_name = link->options.name, .capabilities = {capabilities, count}};
    char reason[RUNNER_REASON_BYTES];
    const char *why_nothing = link->options.why_nothing(link->options.context, reason);
    hello.why_nothing = why_nothing ? reason : NULL;
    link->options.list_running(link->options.context, &hello.running);
    link->call = call_host_hello(link->options.leased, &hello, on_welcome, link);
    text_list_clear(&hello.running);
    free(capabilities);
}

/* --- commands --- */

static void handle(const struct host_link *link, const struct message_host_command *command)
{
    const struct host_link_options *options = &link->options;
    if (!command->task_key.length) {
        log_warn("a command without a task's key is ignored: %s", command->action);
        return;
    }
    for (size_t i = 0; i < COMMAND_COUNT; i++)
        if (strcmp(command->action, command_infos[i].action) == 0) {
            options->handlers[i](options->context, command);
            return;
        }
    log_warn("a command that is not known is ignored: %s", command->action);
}

static void on_command(void *context, const void *answer, const struct error *failure)
{
    struct host_link *link = context;
    const struct message_host_command *command = answer;
    link->call = NULL;
    if (failure && failure->code == ERROR_NOT_FOUND) {
        /* A leased that does not know the host counts its commands from the start. */
        link->welcome = false;
        link->acknowledged = 0;
        say_hello(link);
        return;
    }
    if (failure) {
        later(link, failure);
        return;
    }
    link->known_silent = false;
    if (command->sequence > link->acknowledged) {
        link->acknowledged = command->sequence;
        handle(link, command);
    }
    if (!link->renewing)
        ask_next(link);
}

static void ask_next(struct host_link *link)
{
    const struct message_host_next next = {.host_id = link->host_id, .acknowledged = link->acknowledged};
    link->call = call_host_next(link->options.leased, &next, on_command, link);
}

/* --- life --- */

/* After trouble the poll itself finds out whether leased still knows this host. */
static void on_next_step(void *context)
{
    struct host_link *link = context;
    if (link->welcome && !link->renewing)
        ask_next(link);
    else
        say_hello(link);
}

struct host_link *host_link_create(const struct host_link_options *options)
{
    struct host_link *link = memory_allocate(sizeof *link);
    uint8_t bytes[UUID_BYTES];
    link->options = *options;
    random_bytes(options->random, bytes, sizeof bytes);
    uuid_format_random(bytes, link->host_id);
    loop_timer_init(&link->next_step, options->loop, on_next_step, link);
    loop_timer_start(&link->next_step, 0);
    return link;
}

/*
 * The poll ends first: with both under way, a start that leased sends after its answer to the hello could be
 * heard before it, and be taken for a job that leased does not know. A command that is lost with the poll was
 * not acknowledged, and comes again. A leased that was started anew goes on from the count of this host.
 */
void host_link_renew(struct host_link *link)
{
    if (link->stopped)
        return;
    ipc_cancel(link->call);
    link->call = NULL;
    link->renewing = true;
    loop_timer_start(&link->next_step, 0);
}

void host_link_stop(struct host_link *link)
{
    link->stopped = true;
    ipc_cancel(link->call);
    link->call = NULL;
    loop_timer_stop(&link->next_step);
    link->welcome = false;
}

void host_link_free(struct host_link *link)
{
    if (!link)
        return;
    host_link_stop(link);
    free(link);
}

bool host_link_is_welcome(const struct host_link *link)
{
    return link->welcome && !link->known_silent;
}
