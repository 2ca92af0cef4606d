#include "services/stored/transfers/transfer_meter.h"

static void take_sample(struct transfer_meter *meter, int64_t now_ms)
{
    meter->samples[meter->next_sample].at_ms = now_ms;
    meter->samples[meter->next_sample].passed_bytes = meter->passed_bytes;
    meter->next_sample = (meter->next_sample + 1) % TRANSFER_METER_SAMPLES;
    if (meter->sample_count < TRANSFER_METER_SAMPLES)
        meter->sample_count++;
}

void transfer_meter_init(struct transfer_meter *meter, int64_t total_bytes, int64_t now_ms)
{
    *meter = (struct transfer_meter){.total_bytes = total_bytes};
    take_sample(meter, now_ms);
}

void transfer_meter_add(struct transfer_meter *meter, int64_t bytes)
{
    if (!meter || bytes == 0)
        return;
    meter->moved_bytes += bytes;
    if (bytes > 0)
        meter->passed_bytes += bytes;
    meter->moved = true;
}

void transfer_meter_set(struct transfer_meter *meter, int64_t moved_bytes)
{
    if (meter)
        transfer_meter_add(meter, moved_bytes - meter->moved_bytes);
}

void transfer_meter_restore(struct transfer_meter *meter, int64_t moved_bytes)
{
    if (meter)
        meter->moved_bytes = moved_bytes;
}

bool transfer_meter_tick(struct transfer_meter *meter, int64_t now_ms)
{
    bool moved = meter->moved;
    meter->moved = false;
    take_sample(meter, now_ms);
    return moved;
}

int64_t transfer_meter_rate(const struct transfer_meter *meter, int64_t now_ms)
{
    /* The ring's oldest; while it is not full, that is the first one taken. */
    size_t oldest = meter->sample_count < TRANSFER_METER_SAMPLES ? 0 : meter->next_sample;
    int64_t elapsed_ms = now_ms - meter->samples[oldest].at_ms;
    int64_t bytes = meter->passed_bytes - meter->samples[oldest].passed_bytes;
    if (elapsed_ms < 1)
        elapsed_ms = 1;
    return (int64_t)((double)bytes * 1000 / (double)elapsed_ms);
}
