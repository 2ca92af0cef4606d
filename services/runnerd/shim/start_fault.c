#include "services/runnerd/shim/start_fault.h"

#include "libcommon/base/text.h"

#include <elf.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <link.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/statvfs.h>
#include <unistd.h>

enum { SHOWN_BYTES = 200, SCRIPT_LINE_BYTES = 256 /* as the kernel reads */, SEGMENTS_MAX = 64 };

/* --- what it needs to run --- */

/* The first word behind "#!", as the kernel reads it: a carriage return is part of it. */
static bool read_script_interpreter(const char *head, size_t length, char interpreter[PATH_MAX])
{
    if (length < 2 || memcmp(head, "#!", 2) != 0)
        return false;
    const char *text = head + 2;
    size_t left = length - 2;
    const char *end = memchr(text, '\n', left);
    left = end ? (size_t)(end - text) : left;
    for (; left && (*text == ' ' || *text == '\t'); left--)
        text++;
    size_t word = 0;
    while (word < left && text[word] != ' ' && text[word] != '\t' && text[word])
        word++;
    memcpy(interpreter, text, word);
    interpreter[word] = '\0';
    return word > 0;
}

/* The dynamic loader of a program of this machine's own kind. */
static bool read_program_interpreter(int fd, const char *head, size_t length, char interpreter[PATH_MAX])
{
    ElfW(Ehdr) header;
    ElfW(Phdr) segment;
    if (length < sizeof header)
        return false;
    memcpy(&header, head, sizeof header);
    if (memcmp(header.e_ident, ELFMAG, SELFMAG) != 0 || header.e_phentsize != sizeof segment)
        return false;
    for (size_t i = 0; i < header.e_phnum && i < SEGMENTS_MAX; i++) {
        off_t at = (off_t)(header.e_phoff + i * sizeof segment);
        if (pread(fd, &segment, sizeof segment, at) != (ssize_t)sizeof segment)
            return false;
        if (segment.p_type != PT_INTERP || segment.p_filesz >= PATH_MAX)
            continue;
        ssize_t got = pread(fd, interpreter, segment.p_filesz, (off_t)segment.p_offset);
        interpreter[got > 0 ? got : 0] = '\0';
        return interpreter[0] != '\0';
    }
    return false;
}

/* False for a file that needs none, or cannot be read; an empty one counts as none. */
static bool read_interpreter(const char *path, char interpreter[PATH_MAX])
{
    char head[SCRIPT_LINE_BYTES];
    int fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK);
    if (fd < 0)
        return false;
    ssize_t got = pread(fd, head, sizeof head, 0);
    bool found = got > 0 && (read_script_interpreter(head, (size_t)got, interpreter) ||
                             read_program_interpreter(fd, head, (size_t)got, interpreter));
    close(fd);
    return found;
}

/* --- why --- */

static bool may_execute_nothing(const char *path)
{
    struct statvfs file_system;
    return statvfs(path, &file_system) == 0 && (file_system.f_flag & ST_NOEXEC) != 0;
}

/* NULL when it looks as if it could be executed, or cannot be looked at. */
static const char *refusal_of(const char *path)
{
    struct stat status;
    if (stat(path, &status) != 0)
        return errno == ENOENT ? "is missing" : NULL;
    if (S_ISDIR(status.st_mode))
        return "is a folder";
    if (!S_ISREG(status.st_mode))
        return "is no regular file";
    if (may_execute_nothing(path))
        return "is on a file system that is mounted noexec";
    return access(path, X_OK) == 0 ? NULL : "is not executable for this user";
}

/* --- which file it was --- */

static bool is_there(const char *path)
{
    struct stat status;
    return stat(path, &status) == 0;
}

static bool is_script(const char *path)
{
    char head[2];
    int fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK);
    bool script = fd >= 0 && pread(fd, head, sizeof head, 0) == (ssize_t)sizeof head && head[0] == '#';
    if (fd >= 0)
        close(fd);
    return script;
}

/*
 * What a start of a file that is there would run into, as far as it tells; 0: nothing. The kernel may have
 * ways of its own to run a program of another machine: its loader decides nothing here.
 */
static int foresee_fault(const char *path)
{
    char interpreter[PATH_MAX];
    if (refusal_of(path))
        return EACCES;
    bool lacks = is_script(path) && read_interpreter(path, interpreter) && interpreter[0] == '/' &&
                 refusal_of(interpreter);
    return lacks ? ENOENT : 0;
}

/* As posix_spawnp() looks, which goes on behind a folder or a script without its interpreter: the first that
 * may be started, else the first that is there. */
static bool find_in_path(const char *name, const char *search_path, char path[PATH_MAX])
{
    char candidate[PATH_MAX];
    bool found = false;
    for (const char *folder = search_path; folder;) {
        size_t length = strcspn(folder, ":");
        int bytes =
            snprintf(candidate, sizeof candidate, "%.*s%s%s", (int)length, folder, length ? "/" : "", name);
        bool there = bytes > 0 && (size_t)bytes < sizeof candidate && is_there(candidate);
        bool good = there && foresee_fault(candidate) == 0;
        if (good || (there && !found)) {
            memcpy(path, candidate, sizeof candidate);
            found = true;
        }
        if (good)
            return true;
        folder = folder[length] ? folder + length + 1 : NULL;
    }
    return found;
}

/* --- telling --- */

static bool describe_interpreter(const char *path, char *out, size_t capacity)
{
    char interpreter[PATH_MAX];
    const char *refusal = read_interpreter(path, interpreter) ? refusal_of(interpreter) : NULL;
    if (!refusal)
        return false;
    char *end = interpreter + strlen(interpreter) - 1;
    bool returns = *end == '\r';
    if (returns)
        *end = '\0';
    text_format(out, capacity, "its interpreter %.*s %s%s", TEXT_CUT(interpreter, SHOWN_BYTES), refusal,
                returns ? ": its first line ends with a carriage return" : "");
    return true;
}

void start_fault_describe(const char *program, const char *search_path, int code, char *out, size_t capacity)
{
    char path[PATH_MAX];
    bool named = strchr(program, '/') != NULL;
    text_format(path, sizeof path, "%s", program);
    if (named ? is_there(path) : find_in_path(program, search_path, path)) {
        const char *refusal = refusal_of(path);
        if (refusal) {
            text_format(out, capacity, "it %s", refusal);
            return;
        }
        if (describe_interpreter(path, out, capacity))
            return;
        if (code == ENOEXEC) {
            text_format(out, capacity, "it is no program of this machine, and no script that begins with #!");
            return;
        }
    }
    text_format(out, capacity, "%s", strerror(code));
}

bool start_fault_lasts(int code)
{
    static const int lasting[] = {ENOENT, EACCES, EPERM,  ENOEXEC,      ENOTDIR,
                                  ELOOP,  EISDIR, EINVAL, ENAMETOOLONG, ELIBBAD};
    for (size_t i = 0; i < sizeof lasting / sizeof lasting[0]; i++)
        if (code == lasting[i])
            return true;
    return false;
}

/* --- before a start --- */

/* FNV-1a: chosen values are no danger here, as who may change the program need not pretend. */
static void add_number(uint64_t *identity, uint64_t number)
{
    if (!*identity)
        *identity = 0xcbf29ce484222325U;
    for (int shift = 0; shift < 64; shift += 8)
        *identity = (*identity ^ (number >> shift & 0xff)) * 0x100000001b3U;
}

static bool add_file(uint64_t *identity, const char *path)
{
    struct stat status;
    if (stat(path, &status) != 0)
        return false;
    const uint64_t numbers[] = {status.st_dev,
                                status.st_ino,
                                (uint64_t)status.st_size,
                                status.st_mode,
                                (uint64_t)status.st_mtim.tv_sec,
                                (uint64_t)status.st_mtim.tv_nsec,
                                (uint64_t)status.st_ctim.tv_sec,
                                (uint64_t)status.st_ctim.tv_nsec};
    for (size_t i = 0; i < sizeof numbers / sizeof numbers[0]; i++)
        add_number(identity, numbers[i]);
    return true;
}

uint64_t start_fault_identity(uint64_t before, const char *path)
{
    uint64_t identity = before;
    if (!add_file(&identity, path))
        add_number(&identity, (uint64_t)errno);
    return identity;
}

/* A relative interpreter is looked for in the folder of the start: what is there is not known here. */
static uint64_t identify_program(const char *path)
{
    char interpreter[PATH_MAX];
    uint64_t identity = 0;
    add_file(&identity, path);
    if (!read_interpreter(path, interpreter))
        return identity;
    if (interpreter[0] != '/')
        return 0;
    add_file(&identity, interpreter);
    return identity;
}

static bool is_absolute_search_path(const char *search_path)
{
    for (const char *folder = search_path; folder; folder = strchr(folder, ':')) {
        folder += *folder == ':';
        if (*folder != '/')
            return false;
    }
    return true;
}

void start_fault_look(const char *program, const char *search_path, struct start_look *look)
{
    char path[PATH_MAX];
    bool named = strchr(program, '/') != NULL;
    *look = (struct start_look){.fault = false};
    if (named ? program[0] != '/' : !is_absolute_search_path(search_path))
        return;
    text_format(path, sizeof path, "%s", program);
    bool found = named ? is_there(path) : find_in_path(program, search_path, path);
    int code = found ? foresee_fault(path) : named && errno ? errno : ENOENT;
    look->identity = found ? identify_program(path) : 0;
    look->fault = code != 0;
    if (look->fault)
        start_fault_describe(program, search_path, code, look->text, sizeof look->text);
}
