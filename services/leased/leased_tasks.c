/* The tasks that leased holds. */
#include "services/leased/leased.h"

#include "libcommon/base/memory.h"

struct task *leased_next_task(const struct leased *leased, size_t *at)
{
    while (*at < leased->task_count) {
        struct task *task = leased->tasks[(*at)++];
        if (!task_has_ended(task))
            return task;
    }
    return NULL;
}

size_t leased_count(const struct leased *leased)
{
    size_t count = 0;
    for (size_t at = 0; leased_next_task(leased, &at);)
        count++;
    return count;
}

void leased_add_task(struct leased *leased, struct task *task)
{
    leased->tasks = memory_resize_array(leased->tasks, leased->task_count + 1, sizeof(struct task *));
    leased->tasks[leased->task_count++] = task;
}
