#include "services/runnerd/host/runner_folder.h"

#include "libcommon/base/limits.h"
#include "libcommon/base/log.h"
#include "libcommon/base/memory.h"
#include "libcommon/files/file.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>

/* docs/network.md 5. */
static const char *const noop_capabilities[] = {
    "/reconstruction/local-refinement/v1",
    "/reconstruction/global-refinement/v1",
    "/reconstruction/local-and-global-refinement/v1",
};

enum { NOOP_CONCURRENCY = 64 };

const struct runner *runner_folder_find(const struct runner_folder *folder, const char *capability)
{
    for (size_t i = 0; i < folder->count; i++)
        if (strcmp(folder->runners[i].capability, capability) == 0)
            return &folder->runners[i];
    return NULL;
}

/* Takes what `runner` owns. */
static void add_runner(struct runner_folder *folder, struct runner *runner, const char *source)
{
    if (runner_folder_find(folder, runner->capability))
        log_error("%s: capability: %s is taken by an earlier file; this one is skipped", source,
                  runner->capability);
    else if (folder->count == LIMIT_RUNNER_CAPABILITIES)
        log_error("%s: there are more than %d capabilities; %s is skipped", source, LIMIT_RUNNER_CAPABILITIES,
                  runner->capability);
    else {
        log_info("%s: runs %s, %lld at once", source, runner->capability, (long long)runner->max_concurrency);
        folder->runners[folder->count++] = *runner;
        return;
    }
    runner_clear(runner);
}

static void load_file(struct runner_folder *folder, const char *path, const char *name)
{
    struct error error;
    struct runner runner;
    struct runner_file_findings findings;
    size_t length;
    char *file = memory_format("%s/%s", path, name);
    char *text = file_read_text(AT_FDCWD, file, LIMIT_RUNNER_FILE_BYTES, true, &length, &error);
    free(file);
    if (!text) {
        log_error("%s: %s; it is skipped", name, error.text);
        return;
    }
    bool ok = runner_file_parse(text, length, path, &runner, &findings);
    for (size_t i = 0; i < findings.warning_count; i++)
        log_warn("%s: %s", name, findings.warnings[i]);
    for (size_t i = 0; i < findings.fault_count; i++)
        log_error("%s: %s; the file is skipped", name, findings.faults[i]);
    if (ok)
        add_runner(folder, &runner, name);
    free(text);
}

static int is_runner_file(const struct dirent *entry)
{
    const char *dot = strrchr(entry->d_name, '.');
    return entry->d_name[0] != '.' && dot && strcmp(dot, ".json") == 0;
}

static int compare_names(const struct dirent **left, const struct dirent **right)
{
    return strcmp((*left)->d_name, (*right)->d_name);
}

void runner_folder_load(struct runner_folder *folder, const char *path, bool with_noop)
{
    struct dirent **entries = NULL;
    folder->runners = memory_allocate_array(LIMIT_RUNNER_CAPABILITIES, sizeof *folder->runners);
    folder->count = 0;
    int count = scandir(path, &entries, is_runner_file, compare_names);
    if (count < 0 && !(errno == ENOENT && with_noop))
        log_warn("POSEMESH_RUNNERS_DIR: %s: %s", path, strerror(errno));
    for (int i = 0; i < count; i++) {
        load_file(folder, path, entries[i]->d_name);
        free(entries[i]);
    }
    free(entries);
    for (size_t i = 0; with_noop && i < sizeof noop_capabilities / sizeof noop_capabilities[0]; i++) {
        struct runner noop = {.capability = memory_copy_text(noop_capabilities[i]),
                              .noop = true,
                              .timeout_secs = 0,
                              .max_concurrency = NOOP_CONCURRENCY};
        add_runner(folder, &noop, "ENABLE_NOOP");
    }
    if (!folder->count)
        log_warn("this host can run nothing: no runner file in %s, and ENABLE_NOOP is not true", path);
}

void runner_folder_clear(struct runner_folder *folder)
{
    for (size_t i = 0; i < folder->count; i++)
        runner_clear(&folder->runners[i]);
    free(folder->runners);
    *folder = (struct runner_folder){NULL, 0};
}
