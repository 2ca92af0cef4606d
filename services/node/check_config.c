#include "services/node/check_config.h"

#include "libcommon/base/log.h"
#include "libcommon/base/text.h"
#include "libcommon/files/disk_room.h"
#include "libcommon/files/folder_lock.h"
#include "libcommon/loop/spawn.h"
#include "libcommon/node/folder_use.h"
#include "libcommon/node/listening_socket.h"
#include "libcommon/node/settings_value.h"
#include "libcommon/service/service_command.h"
#include "services/node/child_environment.h"
#include "services/node/preflight.h"

#include <errno.h>
#include <limits.h>
#include <stdio.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

static size_t tell(const struct error *fault)
{
    log_error("%s", fault->text);
    return 1;
}

/* Said, and no fault: it is this very configuration that may be running. */
static bool tell_of_running(const struct settings *settings)
{
    bool found = false;
    for (enum folder_id id = 0; id < FOLDER_LOCKED_COUNT; id++) {
        const struct folder_use use = folder_use_of(settings, id);
        char by[FOLDER_USE_HOLDER_BYTES];
        pid_t holder;
        if (!folder_lock_is_taken(use.path, &holder))
            continue;
        folder_use_format_holder(holder, by);
        log_info("%s %.*s is used by a posemesh-node that runs%s", use.variable, TEXT_CUT(use.path, 200), by);
        found = true;
    }
    return found;
}

static size_t check_port(const struct settings *settings, bool runs)
{
    struct error error;
    if (settings->registration_flow != SETTINGS_FLOW_CALLBACK ||
        !settings_check_address(settings->http_listen, &error))
        return 0;
    int fd = listening_socket_take(settings->http_listen, &error);
    if (fd >= 0)
        close(fd);
    else if (error.code == ERROR_CONFLICT && runs)
        log_info("HTTP_LISTEN %s is taken, by that node it seems", settings->http_listen);
    else
        return tell(&error);
    return 0;
}

/* Of the disk that the folder is on, or will be. */
static struct disk_room room_of(const char *folder)
{
    char path[PATH_MAX];
    snprintf(path, sizeof path, "%s", folder);
    struct disk_room room = disk_room_look(path);
    while (room.bytes < 0 && *path == '/') {
        *strrchr(path, '/') = '\0';
        room = disk_room_look(*path ? path : "/");
    }
    return room;
}

/* No fault: there may be room when the node starts, or later. */
static void check_disk(const struct settings *settings)
{
    char text[ERROR_TEXT_BYTES];
    struct disk_room room = room_of(settings->work_dir);
    if (!disk_room_is_low(&room, settings->disk_reserve_bytes))
        return;
    disk_room_describe(&room, settings->disk_reserve_bytes, settings->work_dir, text, sizeof text);
    log_warn("a node would start and not be ready: %s", text);
}

/* In the environment and with the uid that it will have; what it finds it prints itself. */
static bool ask(enum service_id service, const struct identities *identities)
{
    static const int descriptors[] = {STDIN_FILENO, STDOUT_FILENO, STDERR_FILENO};
    char name[64];
    char path[PATH_MAX];
    char option[] = "--check-config";
    char *arguments[] = {path, option, NULL};
    struct child_environment environment;
    struct error error;
    pid_t pid;
    int status = 0;
    snprintf(name, sizeof name, "posemesh-%s", service_name(service));
    if (!spawn_find_beside(name, path, &error))
        return tell(&error) == 0;
    child_environment_make(&environment, environ, service, identities, getpid());
    int code = spawn_start(&(struct spawn){.path = path,
                                           .arguments = arguments,
                                           .variables = environment.variables,
                                           .descriptors = descriptors,
                                           .descriptor_count = 3,
                                           .folder_fd = -1},
                           &pid);
    child_environment_clear(&environment);
    if (code) {
        error_set_errno(&error, code, "cannot start %s", name);
        return tell(&error) == 0;
    }
    while (waitpid(pid, &status, 0) < 0 && errno == EINTR)
        continue;
    return WIFEXITED(status) && WEXITSTATUS(status) == SERVICE_EXIT_OK;
}

static void print_sum(size_t faults, bool runners_ok)
{
    if (faults)
        printf("node: nothing would be started: %zu %s%s\n", faults, text_plural(faults, "fault", "faults"),
               runners_ok ? "" : ", and those of runners");
    else if (!runners_ok)
        puts("node: it would start, without the runners that are at fault");
    else
        puts("node: the configuration is good");
}

int node_check_config(void)
{
    struct preflight found;
    size_t faults = preflight_look(&found, true);
    const struct settings *settings = &found.settings;
    bool runners_ok = true;
    if (settings->runtime_dir) {
        faults += check_port(settings, tell_of_running(settings));
        check_disk(settings);
        /* Of a folder that is at fault runnerd would say what was said already. */
        runners_ok = (found.bad_folders & (1U << FOLDER_RUNNERS)) || ask(SERVICE_RUNNERD, &found.identities);
    }
    preflight_clear(&found);
    print_sum(faults, runners_ok);
    return !faults && runners_ok ? SERVICE_EXIT_OK : SERVICE_EXIT_CONFIG;
}
