/* The bodies of the final reports (docs/network.md 3.4, 3.5). Pure. */
#ifndef LEASED_DMS_REPORT_H
#define LEASED_DMS_REPORT_H

#include "libcommon/node/messages.h"
#include "services/leased/dms/lease.h"

/* Each returns new JSON text; free() it. */
char *report_compose_complete(const struct lease *lease, const struct message_artifacts *artifacts);
char *report_compose_fail(const struct lease *lease, const struct message_artifacts *artifacts,
                          const char *reason);
char *report_compose_setup_fail(const char *stage, const char *text);

/* The reason of a failure in the set-up: 3.2, 1 to 4. */
#define REPORT_SETUP_REASON "node_setup_failed"

#endif
