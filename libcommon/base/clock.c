#include "libcommon/base/clock.h"

#include "libcommon/base/saturate.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <time.h>

static int64_t read_ns(clockid_t id)
{
    struct timespec now;
    clock_gettime(id, &now);
    return (int64_t)now.tv_sec * 1000000000 + now.tv_nsec;
}

int64_t clock_boot_ms(void)
{
    return read_ns(CLOCK_BOOTTIME) / 1000000;
}

int64_t clock_unix_ms(void)
{
    return read_ns(CLOCK_REALTIME) / 1000000;
}

int64_t clock_unix_ns(void)
{
    return read_ns(CLOCK_REALTIME);
}

int64_t clock_server_unix_ms(int64_t date_unix_ms, int64_t local_unix_ms)
{
    if (date_unix_ms < 0)
        return local_unix_ms;
    int64_t latest_ms = saturate_add(date_unix_ms, 999);
    return local_unix_ms >= date_unix_ms && local_unix_ms <= latest_ms ? local_unix_ms : latest_ms;
}

bool clock_boot_id(char id[CLOCK_BOOT_ID_BYTES], struct error *error)
{
    static const char path[] = "/proc/sys/kernel/random/boot_id";
    FILE *file = fopen(path, "re");
    bool ok = file && fgets(id, CLOCK_BOOT_ID_BYTES, file) && strlen(id) == CLOCK_BOOT_ID_BYTES - 1;
    int errno_value = errno;
    if (file)
        fclose(file);
    return ok || error_set_errno(error, errno_value, "cannot read %s", path);
}

int64_t clock_thread_cpu_us(void)
{
    return read_ns(CLOCK_THREAD_CPUTIME_ID) / 1000;
}
