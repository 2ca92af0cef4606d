#include "libcommon/base/log_queue.h"

#include <string.h>

enum { REOPEN_BYTES = LIMIT_LOG_QUEUE_BYTES / 4, JOBS_BYTES = LIMIT_LOG_QUEUE_BYTES - REOPEN_BYTES };

static const size_t room_of[LOG_ORIGIN_COUNT] = {
    [LOG_ORIGIN_NODE] = LIMIT_LOG_QUEUE_BYTES, [LOG_ORIGIN_JOB] = JOBS_BYTES};

void log_queue_put(struct log_queue *queue, enum log_origin origin, const char *line, size_t length)
{
    if (queue->closed[origin] || queue->length + length > room_of[origin]) {
        queue->closed[origin] = true;
        queue->dropped++;
        return;
    }
    size_t at = (queue->first + queue->length) % sizeof queue->bytes;
    size_t to_end = sizeof queue->bytes - at;
    size_t head = length < to_end ? length : to_end;
    memcpy(queue->bytes + at, line, head);
    memcpy(queue->bytes, line + head, length - head);
    queue->length += length;
}

static void copy_out(const struct log_queue *queue, char *out, size_t length)
{
    size_t to_end = sizeof queue->bytes - queue->first;
    size_t head = length < to_end ? length : to_end;
    memcpy(out, queue->bytes + queue->first, head);
    memcpy(out + head, queue->bytes, length - head);
}

size_t log_queue_take(struct log_queue *queue, char *out, size_t capacity)
{
    size_t length = queue->length < capacity ? queue->length : capacity;
    copy_out(queue, out, length);
    while (length && out[length - 1] != '\n')
        length--;
    queue->length -= length;
    /* From the beginning, when it can: a log that is read touches few pages of all these. */
    queue->first = queue->length ? (queue->first + length) % sizeof queue->bytes : 0;
    return length;
}

static bool reopen(struct log_queue *queue)
{
    if (queue->length > REOPEN_BYTES)
        return false;
    memset(queue->closed, 0, sizeof queue->closed);
    return true;
}

void log_queue_lose(struct log_queue *queue, const char *bytes, size_t length)
{
    for (size_t i = 0; i < length; i++)
        queue->dropped += bytes[i] == '\n';
    reopen(queue);
}

uint64_t log_queue_gap(struct log_queue *queue)
{
    uint64_t dropped = reopen(queue) ? queue->dropped : 0;
    queue->dropped -= dropped;
    return dropped;
}
