/* posemesh-node --health: asks the five services of the node that runs in POSEMESH_RUNTIME_DIR. */
#ifndef NODE_HEALTH_H
#define NODE_HEALTH_H

/* Prints a line for each; returns the exit status (libcommon/service/health_question.h). */
int node_health(void);

#endif
