/*
 * Allocation that does not fail: a node without memory for its few control structures cannot go on, and a
 * supervisor restarts it. Sizes that come from outside are checked against limits.h before they get here.
 */
#ifndef LIBCOMMON_BASE_MEMORY_H
#define LIBCOMMON_BASE_MEMORY_H

#include <stddef.h>

/* Zeroed memory; free() it. */
void *memory_allocate(size_t bytes) __attribute__((malloc, returns_nonnull));
void *memory_allocate_array(size_t count, size_t item_bytes) __attribute__((malloc, returns_nonnull));

/* As realloc; new bytes are not zeroed. */
void *memory_resize_array(void *array, size_t count, size_t item_bytes) __attribute__((returns_nonnull));

/* A copy of a string; NULL gives NULL. free() it. */
char *memory_copy_text(const char *text);

/* A NUL-terminated copy of `length` bytes. free() it. */
char *memory_copy_bytes(const void *bytes, size_t length) __attribute__((returns_nonnull));

/* printf into new memory. free() it. */
char *memory_format(const char *format, ...) __attribute__((format(printf, 1, 2), returns_nonnull));

/* Replaces the string that `slot` owns by a copy of `text` (may be NULL, and may be *slot's own). */
void memory_replace_text(char **slot, const char *text);

void memory_exhausted(void) __attribute__((noreturn));

/* For what a library has allocated: ends the program when that is NULL, and returns it. */
void *memory_require(void *memory) __attribute__((returns_nonnull));

#endif
