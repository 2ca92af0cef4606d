/* Small questions about text that the C library answers only by locale, and text that fits on one line. */
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

/*
 * Foreign text for one line of a log or message: control characters and line breaks become spaces, bytes that
 * are no UTF-8 become '?', and what does not fit into `capacity` bytes (above 0, the NUL included) is cut
 * between characters. Returns `out`.
 */
const char *text_one_line(const char *text, size_t length, char *out, size_t capacity);

/* As text_one_line, uncut and in new memory. free() it. */
char *text_copy_one_line(const char *text, size_t length);

#endif
