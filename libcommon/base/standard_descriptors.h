/* The descriptors that every program expects to have. */
#ifndef LIBCOMMON_BASE_STANDARD_DESCRIPTORS_H
#define LIBCOMMON_BASE_STANDARD_DESCRIPTORS_H

#include <stdbool.h>

/*
 * Opens /dev/null in place of each of stdin, stdout and stderr that is closed. SECURITY: for main() before
 * anything else is opened, which would be stderr then, written to by the log and handed to other programs:
 * the secrets' memory file, too. False when it cannot be done; then the program must end.
 */
bool standard_descriptors_open(void);

#endif
