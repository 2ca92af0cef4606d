/*
 * A text without its escapes, of URLs (%2f) and of JSON (\/, \n, \u002f, pairs of surrogates) alike, that
 * knows where each of its bytes came from. What is no whole escape stays as it is. Pure.
 */
#ifndef LIBCOMMON_HTTP_UNESCAPED_H
#define LIBCOMMON_HTTP_UNESCAPED_H

#include <stddef.h>

/* Where a byte came from: the bytes [from, to) of the first text. */
struct unescaped_origin {
    size_t from;
    size_t to;
};

struct unescaped {
    char *bytes;
    struct unescaped_origin *origins;
    size_t length;
};

/* Nothing is unescaped yet. */
void unescaped_init(struct unescaped *unescaped, const char *text, size_t length);

/* Takes one layer of escapes off. */
void unescaped_peel(struct unescaped *unescaped);

/* Wipes and frees. */
void unescaped_clear(struct unescaped *unescaped);

#endif
