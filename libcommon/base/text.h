/* Small questions about ASCII text that the C library answers only by locale. */
#ifndef LIBCOMMON_BASE_TEXT_H
#define LIBCOMMON_BASE_TEXT_H

#include <stdbool.h>
#include <stddef.h>

/* Space, tab, LF, VT, FF and CR. */
bool text_is_space(char character);

/* Moves *text and *length past white space at both ends. */
void text_trim(const char **text, size_t *length);

/* A trimmed copy; NULL gives NULL. free() it. */
char *text_copy_trimmed(const char *text);

/* True for NULL, "" and white space alone. */
bool text_is_blank(const char *text);

char text_lower(char character);
bool text_is_digit(char character);

/* ASCII letters compare without regard to case, other bytes as they are. */
bool text_starts_with_any_case(const char *text, const char *prefix);
bool text_equal_any_case(const char *text, size_t length, const char *other);

/* A copy that may stand on one log line: at most `max_bytes` bytes, control characters become spaces. free()
 * it. */
char *text_copy_one_line(const char *text, size_t length, size_t max_bytes);

#endif
