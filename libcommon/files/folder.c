#include "libcommon/files/folder.h"

#include "libcommon/base/text.h"

#include <errno.h>
#include <fcntl.h>
#include <sys/stat.h>

bool folder_make_at(int parent_fd, const char *name, mode_t mode, struct error *error)
{
    if (mkdirat(parent_fd, name, mode) == 0 || errno == EEXIST)
        return true;
    return error_set_errno(error, errno, "cannot make the folder %.*s", TEXT_CUT(name, 200));
}

bool folder_make(const char *path, mode_t mode, struct error *error)
{
    return folder_make_at(AT_FDCWD, path, mode, error);
}
