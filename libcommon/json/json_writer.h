/*
 * Writes JSON text front to back. The caller keeps the grammar (a key before each value of an object, as many
 * closings as openings); commas, quotes and escapes come by themselves. Buffers are wiped when they grow and
 * when cleared, so that a body may hold a secret.
 */
#ifndef LIBCOMMON_JSON_JSON_WRITER_H
#define LIBCOMMON_JSON_JSON_WRITER_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct json_writer {
    char *text; /* NUL-terminated once anything was written */
    size_t length;
    size_t capacity;
};

#define JSON_WRITER_EMPTY ((struct json_writer){NULL, 0, 0})

void json_writer_open_object(struct json_writer *writer);
void json_writer_close_object(struct json_writer *writer);
void json_writer_open_array(struct json_writer *writer);
void json_writer_close_array(struct json_writer *writer);

void json_writer_key(struct json_writer *writer, const char *name);

/* NULL becomes null; a byte that is not valid UTF-8 becomes U+FFFD. */
void json_writer_string(struct json_writer *writer, const char *text);
void json_writer_string_bytes(struct json_writer *writer, const char *bytes, size_t length);
void json_writer_int64(struct json_writer *writer, int64_t number);
void json_writer_bool(struct json_writer *writer, bool truth);

/* A value that is JSON already, byte for byte. */
void json_writer_raw(struct json_writer *writer, const char *json, size_t length);

/* Key and value in one. */
void json_writer_string_member(struct json_writer *writer, const char *name, const char *text);
void json_writer_int64_member(struct json_writer *writer, const char *name, int64_t number);

/* Hands over the text and leaves the writer empty. free() it, after secret_wipe_bytes() when it holds a
 * secret. */
char *json_writer_take(struct json_writer *writer);

/* Wipes and frees what is held. */
void json_writer_clear(struct json_writer *writer);

#endif
