#include "services/leased/task/host_slot.h"

#include "libcommon/base/memory.h"

#include <stdlib.h>
#include <string.h>

/* The host's own grace, and aborting an upload. */
enum { CANCEL_PATIENCE_MS = 120000 };

static void on_patience_over(void *context)
{
    struct host_slot *slot = context;
    log_write(LOG_LEVEL_ERROR, slot->driver.log,
              "the runner host did not end the job in %d s: it is given up", CANCEL_PATIENCE_MS / 1000);
    host_slot_release(slot);
    slot->driver.on_event(slot->driver.context, TASK_EVENT_FAILED, NULL);
}

void host_slot_init(struct host_slot *slot, const struct task_driver *driver)
{
    *slot = (struct host_slot){.driver = *driver};
    loop_timer_init(&slot->patience, driver->around->loop, on_patience_over, slot);
}

void host_slot_clear(struct host_slot *slot)
{
    loop_timer_stop(&slot->patience);
    free(slot->capability);
    slot->capability = NULL;
    slot->host = NULL;
}

bool host_slot_take(struct host_slot *slot, struct message_host_command *start)
{
    slot->host = runner_hosts_find_slot(slot->driver.around->hosts, start->capability);
    if (!slot->host)
        return false;
    memory_replace_text(&slot->capability, start->capability);
    start->task_key = *slot->driver.key;
    runner_host_command(slot->host, COMMAND_start, start);
    return true;
}

void host_slot_cancel(struct host_slot *slot, const char *reason, int64_t grace_ms)
{
    char *why = memory_copy_text(reason);
    const struct message_host_command command = {
        .task_key = *slot->driver.key, .reason = why, .grace_ms = grace_ms};
    if (slot->host)
        runner_host_command(slot->host, COMMAND_cancel, &command);
    free(why);
    if (!loop_timer_running(&slot->patience))
        loop_timer_start(&slot->patience, CANCEL_PATIENCE_MS);
}

void host_slot_release(struct host_slot *slot)
{
    struct runner_host *host = slot->host;
    loop_timer_stop(&slot->patience);
    slot->host = NULL;
    if (host)
        runner_host_release(host, slot->capability);
}

bool host_slot_lose(struct host_slot *slot, const struct runner_host *host)
{
    if (slot->host != host)
        return false;
    loop_timer_stop(&slot->patience);
    slot->host = NULL;
    return true;
}

bool host_slot_is_at(const struct host_slot *slot, const char *host_id)
{
    return slot->host && strcmp(runner_host_id(slot->host), host_id) == 0;
}

bool host_slot_is_started(const struct host_slot *slot)
{
    return slot->host && !runner_host_has_command(slot->host, slot->driver.key);
}
