/*
 * The ways to register at DDS and to log in there (docs/network.md 1), behind one interface: what keeps a
 * node registered and what keeps a token at hand know none of them.
 */
#ifndef AUTHD_DDS_DDS_FLOW_H
#define AUTHD_DDS_DDS_FLOW_H

#include "services/authd/dds/dds_call.h"

struct dds_flow {
    bool calls_back; /* DDS calls the node back and asks for its health (1.1); the others are let be */

    /* Begins a registration; a robot's brings a token. NULL when it cannot be composed. `capabilities` are
     * borrowed until it ends. */
    struct dds_call *(*register_node)(const struct dds_client *client, const struct text_list *capabilities,
                                      dds_done_function *on_done, void *context, struct error *error);

    /* Begins a login, which brings a token when it is accepted. NULL as above. */
    struct dds_call *(*log_in)(const struct dds_client *client, dds_done_function *on_done, void *context,
                               struct error *error);
};

extern const struct dds_flow dds_flow_callback; /* 1.1 and 2 */
extern const struct dds_flow dds_flow_wallet;   /* 1.3 and 2 */
extern const struct dds_flow dds_flow_robot;    /* 1.4 */

#endif
