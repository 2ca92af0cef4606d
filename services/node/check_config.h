/* posemesh-node --check-config: all that a start checks, at once, in text for people, and nothing is changed.
 */
#ifndef NODE_CHECK_CONFIG_H
#define NODE_CHECK_CONFIG_H

/* Prints what is wrong, and what is not but would keep a node from starting now. Returns an exit status of
 * libcommon/service/service_command.h. */
int node_check_config(void);

#endif
