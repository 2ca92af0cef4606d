#include "services/runnerd/shim/oom_score.h"

#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

enum { RAISED = 500, HIGHEST = 1000 };

static const char path[] = "/proc/self/oom_score_adj";

static int read_score(void)
{
    char text[16] = "";
    int fd = open(path, O_RDONLY | O_CLOEXEC);
    if (fd < 0)
        return 0;
    ssize_t got = read(fd, text, sizeof text - 1);
    close(fd);
    return got > 0 ? (int)strtol(text, NULL, 10) : 0;
}

void oom_score_restore(int score)
{
    int fd = open(path, O_WRONLY | O_CLOEXEC);
    if (fd < 0)
        return;
    dprintf(fd, "%d", score);
    close(fd);
}

int oom_score_raise(void)
{
    int score = read_score();
    oom_score_restore(score < RAISED ? RAISED : HIGHEST);
    return score;
}
