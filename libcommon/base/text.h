/*
 * Small questions about text that the C library answers only by locale, text that fits on one line, and text
 * that is too long: it is cut between characters, here and nowhere else.
 */
#ifndef LIBCOMMON_BASE_TEXT_H
#define LIBCOMMON_BASE_TEXT_H

#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <string.h>

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

/* `one` for 1, else `many`: of "1 input" and "0 inputs". */
const char *text_plural(size_t count, const char *one, const char *many);

/*
 * How many of a text's `length` bytes remain when it may have `limit`: all, or as many as do not end in the
 * middle of a character. Bytes that are no UTF-8 count as characters. Behind `limit` nothing is read, so that
 * `text` may be what is left of a longer one.
 */
size_t text_cut(const char *text, size_t length, size_t limit);

/* Two arguments for "%.*s": no more than `limit` bytes of a string. `text` is evaluated twice. */
#define TEXT_CUT(text, limit) (int)text_cut((text), strlen(text), (limit)), (text)

/* As snprintf and vsnprintf, but that what does not fit is cut as by text_cut(). */
void text_format(char *out, size_t capacity, const char *format, ...) __attribute__((format(printf, 3, 4)));
void text_format_list(char *out, size_t capacity, const char *format, va_list arguments)
    __attribute__((format(printf, 3, 0)));

/*
 * Foreign text for people, on one line of a log, a message or a terminal: control characters, line breaks and
 * format characters (which turn the text around them the other way, or hide) become spaces, bytes that are no
 * UTF-8 become '?', and what does not fit into `capacity` bytes (above 0, the NUL included) is cut between
 * characters. Returns `out`.
 */
const char *text_one_line(const char *text, size_t length, char *out, size_t capacity);

/* As text_one_line, uncut and in new memory. free() it. */
char *text_copy_one_line(const char *text, size_t length);

#endif
