#include "services/leased/task/outgoing.h"

#include "libcommon/base/limits.h"
#include "libcommon/base/memory.h"
#include "libcommon/json/json_text.h"
#include "libcommon/json/json_writer.h"

#include <stdlib.h>
#include <string.h>

void outgoing_clear(struct outgoing *outgoing)
{
    free(outgoing->progress);
    for (size_t i = 0; i < outgoing->event_count; i++)
        free(outgoing->events[i]);
    free(outgoing->events);
    memset(outgoing, 0, sizeof *outgoing);
}

bool outgoing_set_progress(struct outgoing *outgoing, int64_t sequence, const char *progress,
                           struct error *error)
{
    if (outgoing_knows(outgoing, sequence))
        return true;
    if (!json_text_validate(progress, strlen(progress), error))
        return error_prefix(error, "progress");
    /* One that a heartbeat in flight carries is replaced by this one, which is news again. */
    outgoing->last_sequence = sequence;
    memory_replace_text(&outgoing->progress, progress);
    outgoing->progress_told = false;
    outgoing->progress_in_flight = false;
    return true;
}

bool outgoing_add_event(struct outgoing *outgoing, int64_t sequence, const char *event, struct error *error)
{
    if (outgoing_knows(outgoing, sequence))
        return true;
    if (!json_text_validate(event, strlen(event), error))
        return error_prefix(error, "event");
    size_t length = strlen(event);
    if (outgoing->event_count >= LIMIT_EVENTS_HELD ||
        outgoing->event_bytes + length > LIMIT_EVENTS_HELD_BYTES)
        return error_set(error, ERROR_UNAVAILABLE, "%zu events wait for DMS", outgoing->event_count);
    outgoing->event_bytes += length;
    outgoing->last_sequence = sequence;
    outgoing->events = memory_resize_array(outgoing->events, outgoing->event_count + 1, sizeof(char *));
    outgoing->events[outgoing->event_count++] = memory_copy_text(event);
    return true;
}

char *outgoing_compose_heartbeat(struct outgoing *outgoing)
{
    struct json_writer writer = {0};
    const char *progress = outgoing->progress ? outgoing->progress : "{}";
    size_t bytes = 0;
    json_writer_open_object(&writer);
    json_writer_key(&writer, "progress");
    json_writer_raw(&writer, progress, strlen(progress));
    json_writer_key(&writer, "events");
    json_writer_open_array(&writer);
    size_t sent = 0;
    for (; sent < outgoing->event_count; sent++) {
        size_t length = strlen(outgoing->events[sent]);
        /* At least one, however large, or the rest would never go. */
        if (sent && bytes + length > LIMIT_HEARTBEAT_EVENTS_BYTES)
            break;
        json_writer_raw(&writer, outgoing->events[sent], length);
        bytes += length;
    }
    json_writer_close_array(&writer);
    json_writer_close_object(&writer);
    outgoing->events_in_flight = sent;
    outgoing->progress_in_flight = true;
    return json_writer_take(&writer);
}

void outgoing_acknowledge(struct outgoing *outgoing)
{
    for (size_t i = 0; i < outgoing->events_in_flight; i++) {
        outgoing->event_bytes -= strlen(outgoing->events[i]);
        free(outgoing->events[i]);
    }
    outgoing->event_count -= outgoing->events_in_flight;
    if (outgoing->event_count)
        memmove(outgoing->events, outgoing->events + outgoing->events_in_flight,
                outgoing->event_count * sizeof(char *));
    outgoing->events_in_flight = 0;
    if (outgoing->progress_in_flight)
        outgoing->progress_told = true;
    outgoing->progress_in_flight = false;
}

void outgoing_restore(struct outgoing *outgoing)
{
    outgoing->events_in_flight = 0;
    outgoing->progress_in_flight = false;
}

bool outgoing_knows(const struct outgoing *outgoing, int64_t sequence)
{
    return sequence <= outgoing->last_sequence;
}

bool outgoing_has_news(const struct outgoing *outgoing)
{
    bool progress = outgoing->progress && !outgoing->progress_told && !outgoing->progress_in_flight;
    return progress || outgoing->event_count > outgoing->events_in_flight;
}
