/*
 * What a service waits for, as lines in its log: at once, once a minute while it lasts, and when it is over.
 * Pure: the caller has the clock, the timer, the log, and the words.
 */
#ifndef LIBCOMMON_SERVICE_WAITING_LINE_H
#define LIBCOMMON_SERVICE_WAITING_LINE_H

#include <stdbool.h>
#include <stdint.h>

enum {
    WAITING_LINE_SETTLE_MS = 2000, /* a wait that is over sooner is an ordinary start, and not worth a line */
    WAITING_LINE_REPEAT_MS = 60000,
    WAITING_LINE_KIND_BYTES = 128
};

enum waiting_line_due {
    WAITING_LINE_NOTHING,
    WAITING_LINE_REASON, /* a line with the reason */
    WAITING_LINE_OVER    /* a line that nothing is waited for any more */
};

struct waiting_line {
    bool waits;
    bool owes_end; /* the next end is worth a line: the first one, and those of waits that were told */
    int64_t since_ms;
    int64_t told_ms;
    char
        told[WAITING_LINE_KIND_BYTES]; /* what was told last, without its details; "": nothing of this wait */
};

struct waiting_line_step {
    enum waiting_line_due due;
    int64_t look_ms; /* when to ask again at the latest; INT64_MAX: when something changes */
};

/* Begins with a wait, since nothing is ready before it has begun. */
void waiting_line_init(struct waiting_line *line, int64_t now_ms);

/*
 * To be called whenever the reason may have changed, and at `look_ms`. `reason` NULL: nothing is waited for.
 * What stands in it behind the first ": " are details (numbers, another error): their change alone is no
 * reason for a line. A wait is told once it has lasted the settle time, and from then on each new reason at
 * once. The line is the caller's to write now.
 */
struct waiting_line_step waiting_line_next(struct waiting_line *line, const char *reason, int64_t now_ms);

#endif
