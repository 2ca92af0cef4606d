/*
 * How the run of a service before this one ended, as posemesh-node tells the next: only ends that what the
 * service did may have caused. Who runs services otherwise says nothing, and nothing is counted.
 */
#ifndef LIBCOMMON_SERVICE_LAST_DEATH_H
#define LIBCOMMON_SERVICE_LAST_DEATH_H

#include <stdbool.h>
#include <stdint.h>

#define LAST_DEATH_VARIABLE "POSEMESH_LAST_DEATH"

/*
 * A name for the end of a child (`status` as of waitpid()): SEGV, ABRT and so on, OOM for a SIGKILL while the
 * kernel has killed somebody for want of memory (`oom_killed`). NULL: an end as any other.
 */
const char *last_death_name(int status, bool oom_killed);

/* How many processes the kernel has killed for want of memory; 0 where it does not say. */
int64_t last_death_oom_kills(void);

/* That of this service; NULL: none to be counted. */
const char *last_death_of_this_service(void);

#endif
