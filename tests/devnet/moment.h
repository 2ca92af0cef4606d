/* Wall-clock times as the services write them: milliseconds since 1970, and RFC 3339 in UTC. */
#ifndef DEVNET_MOMENT_H
#define DEVNET_MOMENT_H

#include <stdbool.h>
#include <stdint.h>

enum { MOMENT_TEXT_BYTES = 40 };

int64_t moment_now_ms(void);

/* `2024-01-02T03:04:05.006Z` into `text`, which is also returned. */
const char *moment_text(int64_t ms, char text[MOMENT_TEXT_BYTES]);

/* Reads exactly the form of docs/network.md 1.1, nine fraction digits and `Z`; anything else is false. */
bool moment_parse_nine_digits(const char *text, int64_t *ms);

#endif
