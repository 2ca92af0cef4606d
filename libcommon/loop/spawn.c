#include "libcommon/loop/spawn.h"

#include <assert.h>
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <spawn.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

/* Nothing here can fail: all that is set is valid. */
static void set_attributes(posix_spawnattr_t *attributes, bool new_session)
{
    sigset_t none;
    sigset_t all;
    int group = new_session ? POSIX_SPAWN_SETSID : POSIX_SPAWN_SETPGROUP;
    sigemptyset(&none);
    sigfillset(&all);
    posix_spawnattr_setsigmask(attributes, &none);
    posix_spawnattr_setsigdefault(attributes, &all);
    posix_spawnattr_setflags(attributes, (short)(POSIX_SPAWN_SETSIGMASK | POSIX_SPAWN_SETSIGDEF | group));
}

/* `sources` lie above all places, so that no place is taken before its own turn. */
static int set_actions(posix_spawn_file_actions_t *actions, const struct spawn *spawn, const int *sources)
{
    int code = spawn->folder_fd < 0 ? 0 : posix_spawn_file_actions_addfchdir_np(actions, spawn->folder_fd);
    for (int place = 0; !code && place < (int)spawn->descriptor_count; place++) {
        int given = spawn->descriptors[place];
        if (given == SPAWN_NO_INPUT)
            code = posix_spawn_file_actions_addopen(actions, place, "/dev/null", O_RDONLY, 0);
        else if (sources[place] >= 0 || given != place) /* else closed, here and there */
            code = posix_spawn_file_actions_adddup2(actions, sources[place], place);
    }
    return code ? code : posix_spawn_file_actions_addclosefrom_np(actions, (int)spawn->descriptor_count);
}

static int start(const struct spawn *spawn, const int *sources, pid_t *pid)
{
    posix_spawn_file_actions_t actions;
    posix_spawnattr_t attributes;
    posix_spawn_file_actions_init(&actions);
    posix_spawnattr_init(&attributes);
    set_attributes(&attributes, spawn->new_session);
    int code = set_actions(&actions, spawn, sources);
    if (!code)
        code = (spawn->search_path ? posix_spawnp : posix_spawn)(pid, spawn->path, &actions, &attributes,
                                                                 spawn->arguments, spawn->variables);
    posix_spawnattr_destroy(&attributes);
    posix_spawn_file_actions_destroy(&actions);
    return code;
}

int spawn_start(const struct spawn *spawn, pid_t *pid)
{
    int sources[SPAWN_DESCRIPTORS_MAX];
    assert(spawn->descriptor_count <= SPAWN_DESCRIPTORS_MAX);
    int code = 0;
    for (size_t i = 0; i < spawn->descriptor_count; i++) {
        sources[i] = fcntl(spawn->descriptors[i], F_DUPFD_CLOEXEC, SPAWN_DESCRIPTORS_MAX);
        if (sources[i] < 0 && errno != EBADF) /* a place that is closed in the child, too */
            code = errno;
    }
    if (!code)
        code = start(spawn, sources, pid);
    for (size_t i = 0; i < spawn->descriptor_count; i++)
        if (sources[i] >= 0)
            close(sources[i]);
    if (code)
        *pid = 0;
    return code;
}

bool spawn_find_beside(const char *name, char path[PATH_MAX], struct error *error)
{
    ssize_t length = readlink("/proc/self/exe", path, PATH_MAX - 1);
    if (length <= 0)
        return error_set_errno(error, errno, "cannot find the folder of this program");
    path[length] = '\0';
    char *behind = strrchr(path, '/') + 1;
    size_t room = PATH_MAX - (size_t)(behind - path);
    if ((size_t)snprintf(behind, room, "%s", name) >= room)
        return error_set(error, ERROR_TOO_LARGE, "the path of %s is too long", name);
    return true;
}
