#include "libcommon/base/standard_descriptors.h"

#include <errno.h>
#include <fcntl.h>
#include <unistd.h>

bool standard_descriptors_open(void)
{
    /* The lowest that is free is taken, which is the one: those below it are open. */
    for (int fd = STDIN_FILENO; fd <= STDERR_FILENO; fd++)
        /* NOLINTNEXTLINE(android-cloexec-open): others are to inherit it, as what it stands for */
        if (fcntl(fd, F_GETFD) < 0 && errno == EBADF && open("/dev/null", O_RDWR | O_NOCTTY) != fd)
            return false;
    return true;
}
