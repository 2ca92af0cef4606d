#include "libcommon/service/last_death.h"

#include <signal.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>

static const struct {
    int signal_number;
    const char *name;
} crashes[] = {{SIGSEGV, "SEGV"}, {SIGABRT, "ABRT"}, {SIGBUS, "BUS"}, {SIGSYS, "SYS"},
               {SIGXFSZ, "XFSZ"}, {SIGILL, "ILL"},   {SIGFPE, "FPE"}, {SIGTRAP, "TRAP"}};

const char *last_death_name(int status, bool oom_killed)
{
    if (!WIFSIGNALED(status))
        return NULL;
    for (size_t i = 0; i < sizeof crashes / sizeof crashes[0]; i++)
        if (crashes[i].signal_number == WTERMSIG(status))
            return crashes[i].name;
    return WTERMSIG(status) == SIGKILL && oom_killed ? "OOM" : NULL;
}

int64_t last_death_oom_kills(void)
{
    static const char key[] = "oom_kill ";
    char line[128];
    int64_t kills = 0;
    FILE *file = fopen("/proc/vmstat", "re");
    if (!file)
        return 0;
    while (fgets(line, sizeof line, file))
        if (strncmp(line, key, sizeof key - 1) == 0)
            kills = strtoll(line + sizeof key - 1, NULL, 10);
    fclose(file);
    return kills;
}

const char *last_death_of_this_service(void)
{
    const char *name = getenv(LAST_DEATH_VARIABLE);
    return name && *name ? name : NULL;
}
