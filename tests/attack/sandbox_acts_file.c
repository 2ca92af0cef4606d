/* Files: what a sandbox must refuse. */
#include "tests/attack/sandbox_acts.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

static int act_write_file_outside(void)
{
    return act_outcome(open(act_places.outside_file, O_WRONLY | O_CLOEXEC));
}

static int act_make_file_outside(void)
{
    char path[96];
    snprintf(path, sizeof path, "%s/made-%d", act_places.folder, (int)getpid());
    return act_outcome(open(path, O_WRONLY | O_CREAT | O_CLOEXEC, 0600));
}

static int act_read_file_outside(void)
{
    return act_outcome(open(act_places.outside_file, O_RDONLY | O_CLOEXEC));
}

static int act_list_folder_outside(void)
{
    return act_outcome(open("/home", O_RDONLY | O_DIRECTORY | O_CLOEXEC));
}

static int act_read_processes(void)
{
    return act_outcome(open("/proc/1/cmdline", O_RDONLY | O_CLOEXEC));
}

static int act_remove_file_outside(void)
{
    char path[96];
    snprintf(path, sizeof path, "%s/removable-%d", act_places.folder, (int)getppid());
    return act_outcome(unlink(path));
}

static int act_truncate_file_outside(void)
{
    return act_outcome(truncate(act_places.outside_file, 1));
}

static int act_make_link(void)
{
    char path[96];
    snprintf(path, sizeof path, "%s/link-%d", act_places.folder, (int)getpid());
    return act_outcome(symlink("/etc/passwd", path));
}

static int act_make_fifo(void)
{
    char path[96];
    snprintf(path, sizeof path, "%s/fifo-%d", act_places.folder, (int)getpid());
    return act_outcome(mkfifo(path, 0600));
}

static int act_change_root(void)
{
    return act_outcome(chroot("/"));
}

static int act_mount(void)
{
    int code = mount("none", "/nonexistent", "tmpfs", 0, NULL) == 0 ? 0 : errno;
    return code == ENOENT ? 0 : code;
}

static int act_open_by_handle(void)
{
    int code = syscall(SYS_open_by_handle_at, -1, NULL, 0) >= 0 ? 0 : errno;
    return code == EFAULT || code == EBADF ? 0 : code;
}

const struct act file_acts[] = {
    {"writes a file outside its folder", act_write_file_outside, CONFINED, 2},
    {"makes a file outside its folder", act_make_file_outside, CONFINED, 2},
    {"reads a file outside its folder", act_read_file_outside, CONFINED, 2},
    {"lists a folder that it does not need", act_list_folder_outside, CONFINED, 2},
    {"reads of other processes", act_read_processes, CONFINED, 2},
    {"removes a file outside its folder", act_remove_file_outside, CONFINED, 2},
    {"truncates a file by its path", act_truncate_file_outside, CONFINED, 0},
    {"makes a symbolic link", act_make_link, CONFINED, 0},
    {"makes a FIFO", act_make_fifo, CONFINED, 0},
    {"changes its root folder", act_change_root, CONFINED, 0},
    {"mounts", act_mount, ALL, 0},
    {"opens a file by its handle", act_open_by_handle, CONFINED, 0},
    {NULL, NULL, 0, 0},
};
