/* The whole node in the foreground: its start sequence, from a clean environment to five running services. */
#ifndef NODE_NODE_H
#define NODE_NODE_H

/* Runs until a signal has drained it, or until it cannot go on. Returns the exit status of
 * libcommon/service/service.h. */
int node_run(char **argv);

#endif
