#include "services/runnerd/offering/offering.h"

#include "libcommon/base/clock.h"
#include "libcommon/base/log.h"
#include "libcommon/base/memory.h"
#include "libcommon/base/text.h"
#include "libcommon/service/waiting_line.h"

#include <stdlib.h>
#include <string.h>

enum { LOOK_MS = 2000 };

struct offering {
    struct offering_options options;
    struct runner_folder folder;
    struct loop_timer look; /* runs only while a look may find something mended */
    struct loop_timer line;
    struct waiting_line waiting;
    char why_nothing[RUNNER_REASON_BYTES]; /* as it was last; "": something is offered */
};

static bool learns_other_reason(struct offering *offering)
{
    char text[RUNNER_REASON_BYTES];
    const char *reason = runner_folder_why_nothing(&offering->folder, text);
    bool other = strcmp(reason ? reason : "", offering->why_nothing) != 0;
    text_format(offering->why_nothing, sizeof offering->why_nothing, "%s", reason ? reason : "");
    return other;
}

static void say(struct offering *offering)
{
    char text[RUNNER_REASON_BYTES];
    int64_t now_ms = clock_boot_ms();
    const char *reason = runner_folder_why_nothing(&offering->folder, text);
    struct waiting_line_step step = waiting_line_next(&offering->waiting, reason, now_ms);
    size_t count = runner_offers_count(&offering->folder.offers);
    if (step.due == WAITING_LINE_REASON && !offering->options.is_told(offering->options.context))
        log_warn("%s", reason);
    else if (step.due == WAITING_LINE_OVER)
        log_info("%zu capabilit%s offered", count, count == 1 ? "y is" : "ies are");
    if (step.look_ms == INT64_MAX)
        loop_timer_stop(&offering->line);
    else
        loop_timer_start(&offering->line, step.look_ms - now_ms);
}

static void on_line(void *context)
{
    say(context);
}

static void settle(struct offering *offering, bool changed)
{
    if (runner_folder_needs_looks(&offering->folder))
        loop_timer_start(&offering->look, LOOK_MS);
    else
        loop_timer_stop(&offering->look);
    say(offering);
    if (changed || learns_other_reason(offering))
        offering->options.on_changed(offering->options.context);
}

static void on_look(void *context)
{
    struct offering *offering = context;
    settle(offering, runner_folder_look(&offering->folder));
}

void offering_reload(struct offering *offering)
{
    log_info("reading the runner files in %s anew", offering->folder.path);
    bool changed = runner_folder_read(&offering->folder);
    if (!changed)
        log_info("what this host offers stays as it was");
    settle(offering, changed);
}

struct runner *offering_find(struct offering *offering, const char *capability, bool earlier,
                             char reason[RUNNER_REASON_BYTES])
{
    bool changed;
    struct runner *runner = runner_folder_find(&offering->folder, capability, earlier, reason, &changed);
    if (changed)
        settle(offering, true);
    return runner;
}

void offering_forget_earlier(struct offering *offering)
{
    runner_offers_forget_earlier(&offering->folder.offers);
}

void offering_on_start_fault(struct offering *offering, const struct runner *runner, int code,
                             const char *reason)
{
    if (runner_folder_on_start_fault(&offering->folder, runner, code, reason))
        settle(offering, true);
}

const struct runner_offers *offering_list(const struct offering *offering)
{
    return &offering->folder.offers;
}

const char *offering_why_nothing(const struct offering *offering, char reason[RUNNER_REASON_BYTES])
{
    return runner_folder_why_nothing(&offering->folder, reason);
}

struct offering *offering_create(const struct offering_options *options)
{
    struct offering *offering = memory_allocate(sizeof *offering);
    offering->options = *options;
    offering->folder = (struct runner_folder){.path = options->path, .with_noop = options->with_noop};
    loop_timer_init(&offering->look, options->loop, on_look, offering);
    loop_timer_init(&offering->line, options->loop, on_line, offering);
    waiting_line_init(&offering->waiting, clock_boot_ms());
    runner_folder_read(&offering->folder);
    learns_other_reason(offering);
    settle(offering, false);
    return offering;
}

void offering_free(struct offering *offering)
{
    if (!offering)
        return;
    loop_timer_stop(&offering->look);
    loop_timer_stop(&offering->line);
    runner_folder_clear(&offering->folder);
    free(offering);
}
