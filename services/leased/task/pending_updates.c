#include "services/leased/task/pending_updates.h"

#include "libcommon/base/limits.h"
#include "libcommon/base/memory.h"
#include "libcommon/json/json_text.h"
#include "libcommon/json/json_writer.h"

#include <stdlib.h>
#include <string.h>

void pending_updates_clear(struct pending_updates *updates)
{
    free(updates->progress);
    for (size_t i = 0; i < updates->event_count; i++)
        free(updates->events[i]);
    free(updates->events);
    memset(updates, 0, sizeof *updates);
}

bool pending_updates_set_progress(struct pending_updates *updates, int64_t sequence, const char *progress,
                                  struct error *error)
{
    if (pending_updates_know(updates, sequence))
        return true;
    if (!json_text_parse(progress, strlen(progress), NULL, error))
        return error_prefix(error, "progress");
    /* One that a heartbeat in flight carries is replaced by this one, which is pending again. */
    updates->last_sequence = sequence;
    memory_replace_text(&updates->progress, progress);
    json_text_replace_lone_surrogates(updates->progress);
    updates->progress_told = false;
    updates->progress_in_flight = false;
    return true;
}

bool pending_updates_add_event(struct pending_updates *updates, int64_t sequence, const char *event,
                               struct error *error)
{
    if (pending_updates_know(updates, sequence))
        return true;
    if (!json_text_parse(event, strlen(event), NULL, error))
        return error_prefix(error, "event");
    size_t length = strlen(event);
    if (updates->event_count >= LIMIT_EVENTS_HELD || updates->event_bytes + length > LIMIT_EVENTS_HELD_BYTES)
        return error_set(error, ERROR_UNAVAILABLE, "%zu events wait for DMS", updates->event_count);
    updates->event_bytes += length;
    updates->last_sequence = sequence;
    updates->events = memory_resize_array(updates->events, updates->event_count + 1, sizeof(char *));
    updates->events[updates->event_count] = memory_copy_text(event);
    json_text_replace_lone_surrogates(updates->events[updates->event_count++]);
    return true;
}

/* How many of the events the next heartbeat carries: at least one, however large, or the rest would never go.
 */
static size_t count_events_to_send(const struct pending_updates *updates)
{
    size_t most = updates->apart ? updates->events_at_once : updates->event_count;
    size_t count = 0;
    for (size_t bytes = 0; count < most && count < updates->event_count; count++) {
        bytes += strlen(updates->events[count]);
        if (count && bytes > LIMIT_HEARTBEAT_EVENTS_BYTES)
            break;
    }
    return count;
}

char *pending_updates_compose_heartbeat(struct pending_updates *updates)
{
    struct json_writer writer = {0};
    bool progress_alone = updates->apart && updates->progress && !updates->progress_told;
    bool carries_progress =
        updates->progress && !updates->renew && (!updates->apart || !updates->progress_told);
    const char *progress = carries_progress ? updates->progress : "{}";
    size_t count = updates->renew || progress_alone ? 0 : count_events_to_send(updates);
    json_writer_open_object(&writer);
    json_writer_key(&writer, "progress");
    json_writer_raw(&writer, progress, strlen(progress));
    json_writer_key(&writer, "events");
    json_writer_open_array(&writer);
    for (size_t i = 0; i < count; i++)
        json_writer_raw(&writer, updates->events[i], strlen(updates->events[i]));
    json_writer_close_array(&writer);
    json_writer_close_object(&writer);
    updates->events_in_flight = count;
    updates->progress_in_flight = updates->progress_carried = carries_progress;
    return json_writer_take(&writer);
}

/* The first events are told, or dropped. */
static void forget_events(struct pending_updates *updates, size_t count)
{
    for (size_t i = 0; i < count; i++) {
        updates->event_bytes -= strlen(updates->events[i]);
        free(updates->events[i]);
    }
    updates->event_count -= count;
    if (updates->event_count)
        memmove(updates->events, updates->events + count, updates->event_count * sizeof(char *));
    updates->suspects -= count < updates->suspects ? count : updates->suspects;
}

void pending_updates_forget_events(struct pending_updates *updates)
{
    updates->events_in_flight = 0;
    forget_events(updates, updates->event_count);
    updates->progress_told = updates->progress != NULL;
}

static void clear_suspicion(struct pending_updates *updates)
{
    bool progress = updates->progress && !updates->progress_told;
    if (!progress && updates->suspects == 0)
        updates->apart = false;
}

void pending_updates_acknowledge(struct pending_updates *updates)
{
    forget_events(updates, updates->events_in_flight);
    updates->events_in_flight = 0;
    if (updates->progress_in_flight)
        updates->progress_told = true;
    updates->progress_in_flight = false;
    updates->renew = false;
    clear_suspicion(updates);
}

void pending_updates_restore(struct pending_updates *updates)
{
    updates->events_in_flight = 0;
    updates->progress_in_flight = false;
}

const char *pending_updates_refuse(struct pending_updates *updates)
{
    size_t events = updates->events_in_flight;
    bool progress = updates->progress_carried;
    bool replaced = !updates->progress_in_flight;
    const char *dropped = NULL;
    pending_updates_restore(updates);
    updates->renew = true;
    if (events == 0 && !replaced) {
        dropped = "the progress";
        memory_replace_text(&updates->progress, NULL);
        updates->progress_told = false;
    } else if (events == 1 && !progress) {
        dropped = "an event";
        forget_events(updates, 1);
    } else if (events > 0) {
        updates->apart = true;
        updates->suspects = events > updates->suspects ? events : updates->suspects;
        updates->events_at_once = progress ? events : (events + 1) / 2;
    }
    clear_suspicion(updates);
    return dropped;
}

bool pending_updates_are_in_flight(const struct pending_updates *updates)
{
    return updates->progress_carried || updates->events_in_flight;
}

bool pending_updates_know(const struct pending_updates *updates, int64_t sequence)
{
    return sequence <= updates->last_sequence;
}

bool pending_updates_any(const struct pending_updates *updates)
{
    bool progress = updates->progress && !updates->progress_told && !updates->progress_in_flight;
    return progress || updates->event_count > updates->events_in_flight;
}
