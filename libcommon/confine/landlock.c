#include "libcommon/confine/landlock.h"

#include "libcommon/base/text.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/landlock.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

/* The kernel's interface of version 7; Debian 12's header knows it up to version 2. */
struct ruleset_attributes {
    uint64_t handled_files;
    uint64_t handled_ports;
    uint64_t scoped;
};

struct port_rule {
    uint64_t allowed;
    uint64_t port;
};

enum { RULE_PORT = 2 };

static const uint64_t file_truncate = UINT64_C(1) << 14;         /* version 3 */
static const uint64_t file_device_control = UINT64_C(1) << 15;   /* version 5 */
static const uint64_t port_bind = UINT64_C(1) << 0;              /* version 4 */
static const uint64_t port_connect = UINT64_C(1) << 1;           /* version 4 */
static const uint64_t scope_abstract_sockets = UINT64_C(1) << 0; /* version 6 */
static const uint64_t scope_signals = UINT64_C(1) << 1;          /* version 6 */

enum { VERSION_TRUNCATE = 3, VERSION_DEVICE_CONTROL = 5, VERSION_SCOPES = 6 };

static uint64_t handled_files(int version)
{
    uint64_t files = (LANDLOCK_ACCESS_FS_REFER << 1) - 1;
    if (version >= VERSION_TRUNCATE)
        files |= file_truncate;
    if (version >= VERSION_DEVICE_CONTROL)
        files |= file_device_control;
    return files;
}

/* The structure grew with the versions: an older kernel wants it shorter. */
static size_t attributes_bytes(int version)
{
    if (version >= VERSION_SCOPES)
        return sizeof(struct ruleset_attributes);
    return version >= LANDLOCK_VERSION_PORTS ? 2 * sizeof(uint64_t) : sizeof(uint64_t);
}

bool landlock_begin(struct landlock *landlock, bool ports, struct error *error)
{
    long version = syscall(SYS_landlock_create_ruleset, NULL, 0, LANDLOCK_CREATE_RULESET_VERSION);
    *landlock = (struct landlock){
        .fd = -1, .version = version < 0 ? 0 : (int)version, .reason = version < 0 ? errno : 0};
    if (landlock->version < LANDLOCK_VERSION_MIN)
        return true;
    struct ruleset_attributes attributes = {.handled_files = handled_files(landlock->version)};
    landlock->ports = ports && landlock->version >= LANDLOCK_VERSION_PORTS;
    if (landlock->version >= LANDLOCK_VERSION_PORTS)
        attributes.handled_ports = ports ? port_bind | port_connect : port_bind;
    if (landlock->version >= VERSION_SCOPES)
        attributes.scoped = scope_abstract_sockets | scope_signals;
    landlock->fd =
        (int)syscall(SYS_landlock_create_ruleset, &attributes, attributes_bytes(landlock->version), 0);
    return landlock->fd >= 0 || error_set_errno(error, errno, "cannot begin Landlock's rules");
}

static uint64_t rights_of(enum landlock_grant grant, int version)
{
    const uint64_t read = LANDLOCK_ACCESS_FS_READ_FILE | LANDLOCK_ACCESS_FS_READ_DIR;
    const uint64_t folders =
        LANDLOCK_ACCESS_FS_MAKE_DIR | LANDLOCK_ACCESS_FS_REMOVE_DIR | LANDLOCK_ACCESS_FS_REMOVE_FILE;
    const uint64_t files = LANDLOCK_ACCESS_FS_WRITE_FILE | LANDLOCK_ACCESS_FS_MAKE_REG |
                           LANDLOCK_ACCESS_FS_REFER | file_truncate;
    const uint64_t rights[] = {[LANDLOCK_READ] = read,
                               [LANDLOCK_SOCKETS] =
                                   LANDLOCK_ACCESS_FS_READ_DIR | folders | LANDLOCK_ACCESS_FS_MAKE_SOCK,
                               [LANDLOCK_FILES] = read | folders | files};
    return rights[grant] & handled_files(version);
}

bool landlock_grant_path(const struct landlock *landlock, const char *path, enum landlock_grant grant,
                         struct error *error)
{
    const uint64_t of_a_file = LANDLOCK_ACCESS_FS_READ_FILE | LANDLOCK_ACCESS_FS_WRITE_FILE | file_truncate;
    if (landlock->fd < 0)
        return true;
    int fd = open(path, O_PATH | O_CLOEXEC);
    if (fd < 0)
        return true;
    struct stat status;
    struct landlock_path_beneath_attr rule = {.allowed_access = rights_of(grant, landlock->version),
                                              .parent_fd = fd};
    bool ok = fstat(fd, &status) == 0;
    if (ok && !S_ISDIR(status.st_mode))
        rule.allowed_access &= of_a_file;
    ok = ok && syscall(SYS_landlock_add_rule, landlock->fd, LANDLOCK_RULE_PATH_BENEATH, &rule, 0) == 0;
    int reason = errno;
    close(fd);
    return ok || error_set_errno(error, reason, "cannot grant access to %.*s", TEXT_CUT(path, 200));
}

bool landlock_grant_connect(const struct landlock *landlock, uint16_t port, struct error *error)
{
    const struct port_rule rule = {.allowed = port_connect, .port = port};
    if (landlock->fd < 0 || landlock->version < LANDLOCK_VERSION_PORTS)
        return true;
    return syscall(SYS_landlock_add_rule, landlock->fd, RULE_PORT, &rule, 0) == 0 ||
           error_set_errno(error, errno, "cannot grant connections to port %u", port);
}

bool landlock_enforce(const struct landlock *landlock, struct error *error)
{
    return landlock->fd < 0 || syscall(SYS_landlock_restrict_self, landlock->fd, 0) == 0 ||
           error_set_errno(error, errno, "cannot enforce Landlock's rules");
}

void landlock_end(struct landlock *landlock)
{
    if (landlock->fd >= 0)
        close(landlock->fd);
    landlock->fd = -1;
}
