#include "services/stored/workspace/file_fingerprint.h"

#include "libcommon/base/saturate.h"

#include <errno.h>
#include <sys/stat.h>
#include <time.h>

/* A job sets its files' times as it likes, and some file systems keep any. */
static int64_t to_ns(struct timespec moment)
{
    return saturate_add(saturate_multiply(moment.tv_sec, 1000000000), moment.tv_nsec);
}

bool file_fingerprint_take(int fd, struct file_fingerprint *fingerprint, struct error *error)
{
    struct stat status;
    if (fstat(fd, &status) != 0)
        return error_set_errno(error, errno, "cannot look at the file");
    *fingerprint = (struct file_fingerprint){.device = status.st_dev,
                                             .inode = status.st_ino,
                                             .bytes = status.st_size,
                                             .modified_ns = to_ns(status.st_mtim),
                                             .changed_ns = to_ns(status.st_ctim)};
    return true;
}

bool file_fingerprint_is_same_file(const struct file_fingerprint *left, const struct file_fingerprint *right)
{
    return left->device == right->device && left->inode == right->inode;
}

bool file_fingerprint_equals(const struct file_fingerprint *left, const struct file_fingerprint *right)
{
    return file_fingerprint_is_same_file(left, right) && left->bytes == right->bytes &&
           left->modified_ns == right->modified_ns;
}

bool file_fingerprint_is_identical(const struct file_fingerprint *left, const struct file_fingerprint *right)
{
    return file_fingerprint_equals(left, right) && left->changed_ns == right->changed_ns;
}

bool file_fingerprint_is_settled(const struct file_fingerprint *fingerprint)
{
    enum { TICKS = 3 };
    struct timespec now;
    struct timespec tick;
    clock_gettime(CLOCK_REALTIME_COARSE, &now);
    clock_getres(CLOCK_REALTIME_COARSE, &tick);
    return saturate_subtract(to_ns(now), fingerprint->modified_ns) >= TICKS * to_ns(tick);
}
