#include "services/stored/transfers/transfers.h"

#include "libcommon/base/clock.h"
#include "libcommon/base/limits.h"
#include "libcommon/base/memory.h"
#include "libcommon/base/text.h"

#include <stdlib.h>
#include <string.h>

enum { TICK_MS = 1000 };

struct transfer {
    struct transfers *transfers;
    struct transfer_meter meter;
    struct pacer_share share;
    char *task_id;
    char *direction; /* static */
    char *name;
    LIST_ENTRY(transfer) link;
};

static void publish(struct transfer *transfer, int64_t now_ms, bool ended)
{
    const struct message_transfer_progress progress = {.task_id = transfer->task_id,
                                                       .direction = transfer->direction,
                                                       .name = transfer->name,
                                                       .moved_bytes = transfer->meter.moved_bytes,
                                                       .total_bytes = transfer->meter.total_bytes,
                                                       .bytes_per_second =
                                                           transfer_meter_rate(&transfer->meter, now_ms),
                                                       .ended = ended};
    transfer->transfers->publish(transfer->transfers->context, &progress);
}

static void on_timer(void *context)
{
    transfers_tick(context, clock_boot_ms());
}

void transfers_init(struct transfers *transfers, struct loop *loop, transfers_publish_function *publish_one,
                    void *context)
{
    *transfers = (struct transfers){.publish = publish_one, .context = context};
    loop_timer_init(&transfers->timer, loop, on_timer, transfers);
    pacer_init(&transfers->pacer, loop, 0);
}

void transfers_cap(struct transfers *transfers, int64_t bytes_per_sec)
{
    pacer_init(&transfers->pacer, transfers->timer.loop, bytes_per_sec);
}

struct transfer *transfer_begin(struct transfers *transfers, const char *task_id,
                                enum transfer_direction direction, const char *name, int64_t total_bytes,
                                int64_t now_ms)
{
    struct transfer *transfer = memory_allocate(sizeof *transfer);
    static char in[] = "in";
    static char out[] = "out";
    char cut[LIMIT_TRANSFER_NAME_BYTES + 1];
    *transfer =
        (struct transfer){.transfers = transfers,
                          .task_id = memory_copy_text(task_id),
                          .direction = direction == TRANSFER_IN ? in : out,
                          .name = memory_copy_text(text_one_line(name, strlen(name), cut, sizeof cut))};
    transfer_meter_init(&transfer->meter, total_bytes, now_ms);
    pacer_share_init(&transfer->share, &transfers->pacer);
    LIST_INSERT_HEAD(&transfers->list, transfer, link);
    if (transfers->count++ == 0)
        loop_timer_start(&transfers->timer, TICK_MS);
    return transfer;
}

struct transfer_meter *transfer_meter_of(struct transfer *transfer)
{
    return &transfer->meter;
}

struct pacer_share *transfer_share_of(struct transfer *transfer)
{
    return &transfer->share;
}

void transfer_end(struct transfer *transfer, int64_t now_ms)
{
    if (!transfer)
        return;
    publish(transfer, now_ms, true);
    pacer_share_clear(&transfer->share);
    LIST_REMOVE(transfer, link);
    if (--transfer->transfers->count == 0)
        loop_timer_stop(&transfer->transfers->timer);
    free(transfer->task_id);
    free(transfer->name);
    free(transfer);
}

void transfers_tick(struct transfers *transfers, int64_t now_ms)
{
    for (struct transfer *transfer = LIST_FIRST(&transfers->list); transfer;
         transfer = LIST_NEXT(transfer, link))
        if (transfer_meter_tick(&transfer->meter, now_ms))
            publish(transfer, now_ms, false);
    loop_timer_start(&transfers->timer, TICK_MS);
}

int64_t transfers_rate(const struct transfers *transfers, int64_t now_ms)
{
    int64_t rate = 0;
    for (const struct transfer *transfer = LIST_FIRST(&transfers->list); transfer;
         transfer = LIST_NEXT(transfer, link))
        rate += transfer_meter_rate(&transfer->meter, now_ms);
    return rate;
}

void transfers_write(const struct transfers *transfers, int64_t now_ms, struct json_writer *writer)
{
    int shown = 0;
    json_writer_open_array(writer);
    for (const struct transfer *transfer = LIST_FIRST(&transfers->list);
         transfer && shown < TRANSFERS_SHOWN_MAX; transfer = LIST_NEXT(transfer, link), shown++) {
        json_writer_open_object(writer);
        json_writer_string_member(writer, "task_id", transfer->task_id);
        json_writer_string_member(writer, "direction", transfer->direction);
        json_writer_string_member(writer, "name", transfer->name);
        json_writer_int64_member(writer, "moved_bytes", transfer->meter.moved_bytes);
        if (transfer->meter.total_bytes >= 0)
            json_writer_int64_member(writer, "total_bytes", transfer->meter.total_bytes);
        json_writer_int64_member(writer, "bytes_per_second", transfer_meter_rate(&transfer->meter, now_ms));
        json_writer_close_object(writer);
    }
    json_writer_close_array(writer);
}
