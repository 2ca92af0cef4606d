/*
 * Counts what folders hold on the disk, a bounded number of entries at a time, so that the loop's thread can
 * do it while jobs go on writing there. Links are counted, never followed, nor are other file systems
 * entered; what vanishes meanwhile is not there. A tree deeper than LIMIT_WORKSPACE_DEPTH, and a folder that
 * its owner closed to us, are counted as far as seen.
 */
#ifndef STORED_WORKSPACE_TREE_MEASURE_H
#define STORED_WORKSPACE_TREE_MEASURE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct tree_measure;

enum { TREE_MEASURE_FOLDERS_MAX = 2 };

/* The descriptors (TREE_MEASURE_FOLDERS_MAX at most) are borrowed and must stay open. */
struct tree_measure *tree_measure_create(const int *folder_fds, size_t count);
void tree_measure_free(struct tree_measure *measure);

/* Goes on; false when all is counted. */
bool tree_measure_step(struct tree_measure *measure, int entries_max);

/*
 * Allocated blocks so far, in bytes: a sparse file counts what it takes, and one with several names the same
 * share for each of them.
 */
int64_t tree_measure_bytes(const struct tree_measure *measure);

/* Why the first folder was not entered ("x: Permission denied"); NULL when all could be. */
const char *tree_measure_fault(const struct tree_measure *measure);

#endif
