/* A folder below /tmp for one test. Both functions fail the test when they cannot do their work. */
#ifndef TESTS_UNIT_TEMPORARY_FOLDER_H
#define TESTS_UNIT_TEMPORARY_FOLDER_H

enum { TEMPORARY_FOLDER_BYTES = 64 };

/* Makes "/tmp/posemesh-<subject>-..." and gives its path. */
void temporary_folder_make(char path[TEMPORARY_FOLDER_BYTES], const char *subject);

/* Removes the folder with all that is in it, links unfollowed. */
void temporary_folder_remove(const char *path);

#endif
