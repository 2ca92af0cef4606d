/* The transfers that are under way: published once a second while they move, and once at their end. */
#ifndef STORED_TRANSFERS_TRANSFERS_H
#define STORED_TRANSFERS_TRANSFERS_H

#include "libcommon/json/json_writer.h"
#include "libcommon/loop/loop.h"
#include "libcommon/node/messages.h"
#include "services/stored/transfers/pacer.h"
#include "services/stored/transfers/transfer_meter.h"

#include <stddef.h>
#include <stdint.h>
#include <sys/queue.h>

enum transfer_direction { TRANSFER_IN, TRANSFER_OUT };

struct transfer;

typedef void transfers_publish_function(void *context, const struct message_transfer_progress *progress);

/* The timer runs only while there are transfers. */
struct transfers {
    struct loop_timer timer;
    struct pacer pacer;
    transfers_publish_function *publish;
    void *context;
    LIST_HEAD(transfer_list, transfer) list;
    size_t count;
};

void transfers_init(struct transfers *transfers, struct loop *loop, transfers_publish_function *publish,
                    void *context);

/* Before the first begins: all together pass no more than so much; 0: as much as goes. */
void transfers_cap(struct transfers *transfers, int64_t bytes_per_sec);

/* `name` (a CID, a logical path) is copied, and cut when it is long. `total_bytes` -1: not known. End it by
 * transfer_end(). */
struct transfer *transfer_begin(struct transfers *transfers, const char *task_id,
                                enum transfer_direction direction, const char *name, int64_t total_bytes,
                                int64_t now_ms);
struct transfer_meter *transfer_meter_of(struct transfer *transfer);

/* For the requests of the transfer, which have left it when it ends. */
struct pacer_share *transfer_share_of(struct transfer *transfer);

/* Publishes its progress once more and frees. NULL is harmless. */
void transfer_end(struct transfer *transfer, int64_t now_ms);

/* What the timer does: the progress of each transfer that moved. */
void transfers_tick(struct transfers *transfers, int64_t now_ms);

/* All transfers together. */
int64_t transfers_rate(const struct transfers *transfers, int64_t now_ms);

/* Writes an array of the latest ones, TRANSFERS_SHOWN_MAX at most. */
enum { TRANSFERS_SHOWN_MAX = 32 };
void transfers_write(const struct transfers *transfers, int64_t now_ms, struct json_writer *writer);

#endif
