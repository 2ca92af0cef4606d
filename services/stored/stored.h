/* What the service holds while it runs, and its hooks for libcommon/service/service.h. */
#ifndef STORED_STORED_H
#define STORED_STORED_H

#include "libcommon/service/service.h"
#include "services/stored/artifacts/multipart_abort.h"
#include "services/stored/artifacts/upload_info.h"
#include "services/stored/domain/domain_request.h"
#include "services/stored/transfers/transfers.h"
#include "services/stored/workspace/removal_queue.h"
#include "services/stored/workspace/workspace.h"
#include "services/stored/workspace/workspace_watch.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct session;
struct journal;

struct stored {
    struct service_context *context;
    char *client_id;
    struct domain_client client;
    struct work_dir work_dir;
    struct removal_queue *removals;
    struct journal *journal;
    struct multipart_aborts *aborts;
    struct upload_info_cache upload_infos;
    int64_t multipart_min_bytes;
    size_t upload_concurrency;
    struct transfers transfers;
    int64_t workspace_max_bytes; /* 0: no limit */
    struct workspace_watch *watch;
    struct session *sessions;
    size_t session_count;
    bool stopping;
    struct loop_timer stop_timer;
};

/* Tells leased that a task's workspace holds more than it may. */
void stored_publish_overrun(const struct stored *stored, const char *task_id, int64_t used_bytes,
                            int64_t limit_bytes);

service_step_function stored_start;
void stored_terminate(struct service_context *context);
void stored_stop(struct service_context *context);
void stored_describe(struct service_context *context, struct service_state *state);

#endif
