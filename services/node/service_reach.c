#include "services/node/service_reach.h"

#include "libcommon/confine/privileges.h"
#include "libcommon/files/file.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <sys/wait.h>
#include <unistd.h>

/* In a process of its own. */
static void look_as(const struct identities *identities, const struct settings *settings, enum folder_id id,
                    enum service_id service, struct error *error)
{
    char run_as[IDENTITIES_TEXT_BYTES];
    struct privileges privileges;
    identities_format_run_as(identities, service, run_as);
    if (privileges_parse(run_as, &privileges, error) && privileges_drop(&privileges, error) &&
        folder_use_check(settings, id, service, true, error))
        error_set(error, ERROR_NONE, "it can");
}

static bool read_verdict(int fd, struct error *error)
{
    size_t used = 0;
    ssize_t got = 1;
    while (got > 0 && used < sizeof *error) {
        got = read(fd, (char *)error + used, sizeof *error - used);
        used += got > 0 ? (size_t)got : 0;
        if (got < 0 && errno == EINTR)
            got = 1;
    }
    if (used == sizeof *error)
        return error->code == ERROR_NONE;
    return error_set(error, ERROR_SYSTEM, "the look at a folder as another user ended early");
}

static bool check_as(const struct identities *identities, const struct settings *settings, enum folder_id id,
                     enum service_id service, struct error *error)
{
    int ends[2];
    if (pipe2(ends, O_CLOEXEC) != 0)
        return error_set_errno(error, errno, "cannot look at folders as another user");
    pid_t pid = fork();
    if (pid == 0) {
        struct error verdict;
        look_as(identities, settings, id, service, &verdict);
        (void)!file_write(ends[1], &verdict, sizeof verdict);
        _exit(EXIT_SUCCESS);
    }
    close(ends[1]);
    bool ok = pid > 0 ? read_verdict(ends[0], error)
                      : error_set_errno(error, errno, "cannot look at folders as another user");
    close(ends[0]);
    if (pid > 0)
        waitpid(pid, NULL, 0);
    return ok;
}

bool service_reach_check(const struct identities *identities, const struct settings *settings,
                         enum folder_id id, struct error *error)
{
    const struct folder_use use = folder_use_of(settings, id);
    for (enum service_id service = 0; service < SERVICE_COUNT; service++) {
        if (!(use.users & (1U << service)))
            continue;
        bool ok = identities->separate ? check_as(identities, settings, id, service, error)
                                       : folder_use_check(settings, id, service, true, error);
        if (!ok)
            return false;
    }
    return true;
}
