/* How far one transfer is and how fast it goes. Pure: the time is passed in. */
#ifndef STORED_TRANSFERS_TRANSFER_METER_H
#define STORED_TRANSFERS_TRANSFER_METER_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* One for each second: the rate is the mean of so many. */
enum { TRANSFER_METER_SAMPLES = 5 };

struct transfer_meter {
    int64_t moved_bytes;  /* that the file has got so far */
    int64_t total_bytes;  /* -1: not known; its owner may set it at any time */
    int64_t passed_bytes; /* all that went by, what was repeated included: a repeat is work, too */
    bool moved;           /* since the last tick */
    struct {
        int64_t at_ms;
        int64_t passed_bytes;
    } samples[TRANSFER_METER_SAMPLES]; /* a ring */
    size_t sample_count;
    size_t next_sample;
};

void transfer_meter_init(struct transfer_meter *meter, int64_t total_bytes, int64_t now_ms);

/*
 * Where bytes pass: `moved_bytes` is where the transfer stands now, less than before when it begins anew;
 * `bytes` is by how much it went on, below 0 for a part of it that begins anew. `meter` may be NULL. Cheap:
 * no clock is read.
 */
void transfer_meter_set(struct transfer_meter *meter, int64_t moved_bytes);
void transfer_meter_add(struct transfer_meter *meter, int64_t bytes);

/* Was moved before a restart: no part of the rate. `meter` may be NULL. */
void transfer_meter_restore(struct transfer_meter *meter, int64_t moved_bytes);

/* Once a second: whether the transfer moved since the last tick, so that its progress is due. */
bool transfer_meter_tick(struct transfer_meter *meter, int64_t now_ms);

/* Bytes per second over the last TRANSFER_METER_SAMPLES ticks, or since the beginning. */
int64_t transfer_meter_rate(const struct transfer_meter *meter, int64_t now_ms);

#endif
