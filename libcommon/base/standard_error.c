#include "libcommon/base/standard_error.h"

#include <errno.h>
#include <poll.h>
#include <stdatomic.h>
#include <unistd.h>

/* The last write failed: there may be a fragment without a line feed. */
static atomic_bool broken_off;

static bool wait_for_room(int wait_ms)
{
    struct pollfd watched = {.fd = STDERR_FILENO, .events = POLLOUT};
    return poll(&watched, 1, wait_ms) > 0;
}

/* Returns how many bytes were written. */
static size_t write_all(const char *bytes, size_t length)
{
    size_t done = 0;
    while (done < length) {
        ssize_t written = write(STDERR_FILENO, bytes + done, length - done);
        if (written > 0) {
            done += (size_t)written;
        } else if (written < 0 && errno == EAGAIN) {
            /* Another program has made the descriptor that we share non-blocking. */
            wait_for_room(-1);
        } else if (written == 0 || errno != EINTR) {
            break;
        }
    }
    return done;
}

size_t standard_error_write(const char *lines, size_t length)
{
    /* By a write of its own: a pipe takes PIPE_BUF bytes at once, and a line may have as many. */
    if (atomic_load(&broken_off) && write_all("\n", 1) == 0)
        return 0;
    size_t done = write_all(lines, length);
    atomic_store(&broken_off, done < length);
    while (done && lines[done - 1] != '\n')
        done--;
    return done;
}

size_t standard_error_write_soon(const char *lines, size_t length)
{
    return wait_for_room(STANDARD_ERROR_PATIENCE_MS) ? standard_error_write(lines, length) : 0;
}

bool standard_error_has_room(void)
{
    return wait_for_room(0);
}
