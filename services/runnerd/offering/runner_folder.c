#include "services/runnerd/offering/runner_folder.h"

#include "libcommon/base/limits.h"
#include "libcommon/base/log.h"
#include "libcommon/base/memory.h"
#include "libcommon/base/text.h"
#include "libcommon/files/file.h"
#include "services/runnerd/host/runner_file.h"
#include "services/runnerd/offering/runner_look.h"
#include "services/runnerd/shim/start_fault.h"

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

enum {
    NOOP_CONCURRENCY = 64,
    NOOP_COUNT = sizeof noop_capabilities / sizeof noop_capabilities[0],
    PLACE_BYTES = ERROR_TEXT_BYTES + 300 /* a finding behind a file's name, and its line */
};

/* --- reading --- */

static void add_fault(struct runner_folder *folder, const char *text)
{
    log_error("%s", text);
    folder->fault_count++;
    if (!folder->fault)
        folder->fault = memory_copy_text(text);
}

static void tell_findings(struct runner_folder *folder, const char *name,
                          const struct runner_file_findings *findings)
{
    char place[PLACE_BYTES];
    for (size_t i = 0; i < findings->warning_count; i++)
        log_warn("%s", runner_file_finding_format(name, &findings->warnings[i], place, sizeof place));
    for (size_t i = 0; i < findings->fault_count; i++)
        add_fault(folder, runner_file_finding_format(name, &findings->faults[i], place, sizeof place));
}

static struct runner *read_file(struct runner_folder *folder, const char *path, const char *name)
{
    struct runner runner;
    struct error error;
    struct runner_file_findings findings = {.fault_count = 1};
    size_t length;
    char *real = realpath(folder->path, NULL);
    char *text = file_read_text(AT_FDCWD, path, LIMIT_RUNNER_FILE_BYTES, true, &length, &error);
    bool ok = text && runner_file_parse(text, length, real ? real : folder->path, &runner, &findings);
    if (!text)
        text_format(findings.faults[0].text, sizeof findings.faults[0].text, "%s", error.text);
    tell_findings(folder, name, &findings);
    free(text);
    free(real);
    return ok ? runner_share(&runner) : NULL;
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

static struct runner_reading read_entry(struct runner_folder *folder, const char *name)
{
    char *path = memory_format("%s/%s", folder->path, name);
    struct runner_reading reading = {.file = memory_copy_text(name)};
    reading.runner = read_file(folder, path, name);
    free(path);
    return reading;
}

static struct runner_reading make_noop(const char *capability)
{
    struct runner noop = {.capability = memory_copy_text(capability),
                          .noop = true,
                          .timeout_secs = 0,
                          .max_concurrency = NOOP_CONCURRENCY};
    return (struct runner_reading){.file = memory_copy_text("ENABLE_NOOP"), .runner = runner_share(&noop)};
}

/* A folder that is not there is as an empty one. */
static bool list_files(struct runner_folder *folder, struct dirent ***entries, int *count)
{
    *entries = NULL;
    *count = scandir(folder->path, entries, is_runner_file, compare_names);
    if (*count >= 0)
        return true;
    char *text =
        errno == ENOENT ? NULL : memory_format("POSEMESH_RUNNERS_DIR: %s: %s", folder->path, strerror(errno));
    *count = 0;
    if (text)
        add_fault(folder, text);
    bool readable = !text;
    free(text);
    return readable;
}

/* A folder that cannot be listed is as a list of its own for each reason. */
static uint64_t identify_files(const struct runner_folder *folder)
{
    struct dirent **entries = NULL;
    int count = scandir(folder->path, &entries, is_runner_file, compare_names);
    uint64_t identity = count < 0 ? (uint64_t)errno : 0;
    for (int i = 0; i < count; i++) {
        char *path = memory_format("%s/%s", folder->path, entries[i]->d_name);
        identity = start_fault_identity(identity, path);
        free(path);
        free(entries[i]);
    }
    free(entries);
    return identity;
}

/* True when what is offered has changed. What changes while it is read is seen as a change later. */
static bool read_files(struct runner_folder *folder)
{
    struct dirent **entries;
    int count;
    folder->identity = identify_files(folder);
    free(folder->fault);
    folder->fault = NULL;
    folder->fault_count = 0;
    bool readable = list_files(folder, &entries, &count);
    if (!readable && folder->offers.count) {
        log_warn("what the runner files said before stays in force");
        return false;
    }
    struct runner_reading *readings = memory_allocate_array((size_t)count + NOOP_COUNT, sizeof *readings);
    size_t total = 0;
    for (int i = 0; i < count; i++) {
        readings[total++] = read_entry(folder, entries[i]->d_name);
        free(entries[i]);
    }
    free(entries);
    for (size_t i = 0; folder->with_noop && i < NOOP_COUNT; i++)
        readings[total++] = make_noop(noop_capabilities[i]);
    struct runner_offers_taken taken = runner_offers_take(&folder->offers, readings, total);
    folder->fault_count += taken.fault_count;
    free(readings);
    return taken.changed;
}

/* --- looking --- */

static bool tell_change(const struct runner_folder *folder, const struct runner_offer *offer,
                        enum runner_offer_change change)
{
    const struct runner *runner = offer->runner;
    if (change == RUNNER_OFFER_WITHDRAWN)
        log_error("%s: %s is withdrawn: %s; it is offered again when %s or %s/%s changes", offer->file,
                  runner->capability, offer->withdrawn, runner->command[0], folder->path, offer->file);
    else if (change == RUNNER_OFFER_BACK)
        log_info("%s: %s is offered again", offer->file, runner->capability);
    return change != RUNNER_OFFER_SAME;
}

static bool look_at(const struct runner_folder *folder, struct runner_offer *offer)
{
    struct runner_look look;
    runner_look(offer->runner, &look);
    return tell_change(folder, offer, runner_offer_on_look(offer, &look));
}

bool runner_folder_read(struct runner_folder *folder)
{
    bool changed = read_files(folder);
    for (size_t i = 0; i < folder->offers.count; i++)
        changed |= look_at(folder, &folder->offers.items[i]);
    return changed;
}

bool runner_folder_look(struct runner_folder *folder)
{
    bool changed = false;
    if (identify_files(folder) != folder->identity) {
        log_info("the runner files in %s have changed: they are read anew", folder->path);
        return runner_folder_read(folder);
    }
    for (size_t i = 0; i < folder->offers.count; i++)
        if (folder->offers.items[i].withdrawn)
            changed |= look_at(folder, &folder->offers.items[i]);
    return changed;
}

bool runner_folder_needs_looks(const struct runner_folder *folder)
{
    return folder->fault_count || !folder->offers.count || runner_offers_first_withdrawn(&folder->offers);
}

/* The current one, if it works. */
static struct runner *find_offered(struct runner_folder *folder, const char *capability,
                                   char reason[RUNNER_REASON_BYTES], bool *changed)
{
    struct runner_offer *offer = runner_offers_find(&folder->offers, capability);
    if (!offer) {
        text_format(reason, RUNNER_REASON_BYTES, "this runner host does not have the capability");
        return NULL;
    }
    *changed = look_at(folder, offer);
    if (!offer->withdrawn)
        return offer->runner;
    text_format(reason, RUNNER_REASON_BYTES, "%s", offer->withdrawn);
    return NULL;
}

struct runner *runner_folder_find(struct runner_folder *folder, const char *capability, bool earlier,
                                  char reason[RUNNER_REASON_BYTES], bool *changed)
{
    struct runner_look look;
    *changed = false;
    struct runner *runner = find_offered(folder, capability, reason, changed);
    if (runner || !earlier)
        return runner;
    runner = runner_offers_find_earlier(&folder->offers, capability);
    if (!runner)
        return NULL;
    runner_look(runner, &look);
    return look.works ? runner : NULL;
}

bool runner_folder_on_start_fault(struct runner_folder *folder, const struct runner *runner, int code,
                                  const char *reason)
{
    const struct runner_offer *offer =
        start_fault_lasts(code) ? runner_offers_on_start_fault(&folder->offers, runner, reason) : NULL;
    return offer && tell_change(folder, offer, RUNNER_OFFER_WITHDRAWN);
}

/* --- telling --- */

const char *runner_folder_why_nothing(const struct runner_folder *folder, char reason[RUNNER_REASON_BYTES])
{
    const struct runner_offer *withdrawn = runner_offers_first_withdrawn(&folder->offers);
    if (runner_offers_count(&folder->offers))
        return NULL;
    if (withdrawn)
        text_format(reason, RUNNER_REASON_BYTES, "no capability works: %s: %s", withdrawn->file,
                    withdrawn->withdrawn);
    else if (folder->fault)
        text_format(reason, RUNNER_REASON_BYTES, "no capability works: %s", folder->fault);
    else
        text_format(reason, RUNNER_REASON_BYTES,
                    "no capability: put a runner file into %s (POSEMESH_RUNNERS_DIR)", folder->path);
    return reason;
}

bool runner_folder_check(const char *path, bool with_noop)
{
    struct runner_folder folder = {.path = path, .with_noop = with_noop};
    read_files(&folder);
    for (size_t i = 0; i < folder.offers.count; i++) {
        const struct runner_offer *offer = &folder.offers.items[i];
        struct runner_look look;
        runner_look(offer->runner, &look);
        if (look.works)
            continue;
        log_error("%s: %s: %s", offer->file, offer->runner->capability, look.reason);
        folder.fault_count++;
    }
    bool good = folder.fault_count == 0;
    if (good && !folder.offers.count)
        log_warn("no capability: put a runner file into %s (POSEMESH_RUNNERS_DIR)", path);
    runner_folder_clear(&folder);
    return good;
}

void runner_folder_clear(struct runner_folder *folder)
{
    runner_offers_clear(&folder->offers);
    free(folder->fault);
    folder->fault = NULL;
}
