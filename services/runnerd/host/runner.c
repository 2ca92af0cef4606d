#include "services/runnerd/host/runner.h"

#include "libcommon/base/memory.h"

#include <stdlib.h>
#include <string.h>

static void free_texts(char **texts)
{
    for (size_t i = 0; texts && texts[i]; i++)
        free(texts[i]);
    free(texts);
}

void runner_clear(struct runner *runner)
{
    free(runner->capability);
    free_texts(runner->command);
    free_texts(runner->environment);
    free(runner->files);
    *runner = (struct runner){.capability = NULL};
}

struct runner *runner_share(struct runner *runner)
{
    struct runner *shared = memory_allocate(sizeof *shared);
    *shared = *runner;
    shared->holders = 1;
    *runner = (struct runner){.capability = NULL};
    return shared;
}

struct runner *runner_hold(struct runner *runner)
{
    runner->holders++;
    return runner;
}

void runner_drop(struct runner *runner)
{
    if (!runner || --runner->holders > 0)
        return;
    runner_clear(runner);
    free(runner);
}

/* NULL is as an empty list. */
static bool same_texts(char *const *one, char *const *other)
{
    size_t i = 0;
    while (one && one[i] && other && other[i] && strcmp(one[i], other[i]) == 0)
        i++;
    return !(one && one[i]) && !(other && other[i]);
}

bool runner_equal(const struct runner *one, const struct runner *other)
{
    return strcmp(one->capability, other->capability) == 0 && one->noop == other->noop &&
           one->timeout_secs == other->timeout_secs && one->max_concurrency == other->max_concurrency &&
           same_texts(one->command, other->command) && same_texts(one->environment, other->environment);
}
