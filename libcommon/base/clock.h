/* The clocks. Logic never reads them: it takes the time as an argument. */
#ifndef LIBCOMMON_BASE_CLOCK_H
#define LIBCOMMON_BASE_CLOCK_H

#include "libcommon/base/error.h"

#include <stdbool.h>
#include <stdint.h>

/* CLOCK_BOOTTIME: runs on while the machine sleeps and does not jump when the wall clock is set. */
int64_t clock_boot_ms(void);

/* Names this boot of the machine: moments of clock_boot_ms() mean nothing in another one. */
enum { CLOCK_BOOT_ID_BYTES = 37 };
bool clock_boot_id(char id[CLOCK_BOOT_ID_BYTES], struct error *error);

/* The wall clock, as time since 1970. */
int64_t clock_unix_ms(void);
int64_t clock_unix_ns(void);

/*
 * A server's wall clock when it answered at `local_unix_ms` of ours. Its Date (-1: not given) is cut to the
 * second, which is much of a short lease: the local clock tells the rest when the two agree, and when they do
 * not the latest moment of that second counts, so that nothing seems to live longer than the server says.
 */
int64_t clock_server_unix_ms(int64_t date_unix_ms, int64_t local_unix_ms);

/* What the calling thread has used of a processor so far. */
int64_t clock_thread_cpu_us(void);

#endif
