#include "libcommon/base/standard_error.h"

#include <errno.h>
#include <poll.h>
#include <unistd.h>

static bool wait_for_room(int wait_ms)
{
    struct pollfd watched = {.fd = STDERR_FILENO, .events = POLLOUT};
    return poll(&watched, 1, wait_ms) > 0;
}

bool standard_error_write(const char *bytes, size_t length)
{
    while (length) {
        ssize_t written = write(STDERR_FILENO, bytes, length);
        if (written > 0) {
            bytes += written;
            length -= (size_t)written;
        } else if (written < 0 && errno == EAGAIN) {
            /* Another program has made the descriptor that we share non-blocking. */
            wait_for_room(-1);
        } else if (written == 0 || errno != EINTR) {
            return false;
        }
    }
    return true;
}

bool standard_error_write_soon(const char *bytes, size_t length)
{
    return wait_for_room(STANDARD_ERROR_PATIENCE_MS) && standard_error_write(bytes, length);
}
