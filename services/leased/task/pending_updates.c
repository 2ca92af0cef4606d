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
    updates->events[updates->event_count++] = memory_copy_text(event);
    return true;
}

char *pending_updates_compose_heartbeat(struct pending_updates *updates)
{
    struct json_writer writer = {0};
    const char *progress = updates->progress ? updates->progress : "{}";
    size_t bytes = 0;
    json_writer_open_object(&writer);
    json_writer_key(&writer, "progress");
    json_writer_raw(&writer, progress, strlen(progress));
    json_writer_key(&writer, "events");
    json_writer_open_array(&writer);
    size_t sent = 0;
    for (; sent < updates->event_count; sent++) {
        size_t length = strlen(updates->events[sent]);
        /* At least one, however large, or the rest would never go. */
        if (sent && bytes + length > LIMIT_HEARTBEAT_EVENTS_BYTES)
            break;
        json_writer_raw(&writer, updates->events[sent], length);
        bytes += length;
    }
    json_writer_close_array(&writer);
    json_writer_close_object(&writer);
    updates->events_in_flight = sent;
    updates->progress_in_flight = true;
    return json_writer_take(&writer);
}

void pending_updates_acknowledge(struct pending_updates *updates)
{
    for (size_t i = 0; i < updates->events_in_flight; i++) {
        updates->event_bytes -= strlen(updates->events[i]);
        free(updates->events[i]);
    }
    updates->event_count -= updates->events_in_flight;
    if (updates->event_count)
        memmove(updates->events, updates->events + updates->events_in_flight,
                updates->event_count * sizeof(char *));
    updates->events_in_flight = 0;
    if (updates->progress_in_flight)
        updates->progress_told = true;
    updates->progress_in_flight = false;
}

void pending_updates_restore(struct pending_updates *updates)
{
    updates->events_in_flight = 0;
    updates->progress_in_flight = false;
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
