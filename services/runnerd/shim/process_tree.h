/* The processes below one, found in /proc. */
#ifndef RUNNERD_SHIM_PROCESS_TREE_H
#define RUNNERD_SHIM_PROCESS_TREE_H

#include <stddef.h>
#include <sys/types.h>

/*
 * Sends `signal` to every descendant of `root` but the trees below its `spared` children, and reaps those of
 * them that are dead children of the calling process. Returns how many descendants it found, dead ones
 * included. What is forked meanwhile is found by the next call.
 */
size_t process_tree_signal(pid_t root, const pid_t *spared, size_t spared_count, int signal);

#endif
