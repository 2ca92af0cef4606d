/*
 * Typed messages: a C struct with a field table, and what follows from the table: encoding, decoding, limits,
 * the log form with secrets masked, and docs/protocol.md. The messages themselves are in
 * libcommon/node/messages.h.
 *
 * On the wire a message is one msgpack map: {"message": <name>, <field>: <value>, ...}. Unknown fields are
 * ignored, so that a service of the next version can be restarted alone. A missing required field, a
 * duplicate, a wrong type, a value above its limit and trailing bytes are errors that name the field.
 * Decoding allocates a small multiple of the message's length, whatever the message declares.
 */
#ifndef LIBCOMMON_MESSAGE_MESSAGE_H
#define LIBCOMMON_MESSAGE_MESSAGE_H

#include "libcommon/base/error.h"
#include "libcommon/base/secret.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct message_type;

/* An owned list of texts; items are never NULL. */
struct text_list {
    char **items;
    size_t count;
};

/* Owned bytes of any value; NULL when there are none. */
struct byte_string {
    char *bytes;
    size_t length;
};

/* An owned list of records: an array of the record's struct. */
struct record_list {
    void *items;
    size_t count;
};

enum message_kind {
    MESSAGE_KIND_text,    /* char *, owned; NULL when absent. UTF-8 by custom: not checked */
    MESSAGE_KIND_json,    /* char *, opaque JSON text, owned; NULL when absent */
    MESSAGE_KIND_secret,  /* struct secret; empty when absent */
    MESSAGE_KIND_bytes,   /* struct byte_string; empty when absent */
    MESSAGE_KIND_integer, /* int64_t; 0 when absent */
    MESSAGE_KIND_boolean, /* bool; false when absent */
    MESSAGE_KIND_texts,   /* struct text_list; empty when absent */
    MESSAGE_KIND_records  /* struct record_list; empty when absent */
};

struct message_field {
    const char *name;
    enum message_kind kind;
    bool required;
    size_t offset;
    size_t limit; /* bytes of one value or of an item of texts; items of a list of records; 0 for numbers */
    const struct message_type *record;
    const char *meaning;
};

struct message_type {
    const char *name;
    size_t struct_bytes;
    const struct message_field *(*fields)(void); /* ends with a row whose name is NULL */
    const char *meaning;
};

/*
 * Encodes into new memory (wipe and free() it: it may hold a secret). Returns NULL when a value
 * breaks its own limit or a required one is missing: what we would refuse we do not send.
 */
char *message_encode(const struct message_type *type, const void *message, size_t *length,
                     struct error *error);

/*
 * Decodes into `message` (a struct of the type; what it held before is overwritten, not freed). On failure
 * `message` is left cleared. End with message_clear().
 */
bool message_decode(const struct message_type *type, void *message, const void *bytes, size_t length,
                    struct error *error);

/* Frees and wipes what the struct owns and zeroes it. */
void message_clear(const struct message_type *type, void *message);

/* Copies what `source` owns into `target`, which is overwritten. */
void message_copy(const struct message_type *type, void *target, const void *source);

/* The name in an encoded message, or NULL when the bytes are no message. Borrowed from nothing: copied into
 * `out`. */
enum { MESSAGE_NAME_BYTES = 48 };
const char *message_peek_name(const void *bytes, size_t length, char out[MESSAGE_NAME_BYTES]);

/* "name{field=value, ...}" for logs: secrets masked, bytes counted, long values cut. free() it. */
char *message_log_form(const struct message_type *type, const void *message);

/* Copies `length` bytes into an empty `string`. */
void byte_string_assign(struct byte_string *string, const void *bytes, size_t length);

/* Appends a copy of `item`. */
void text_list_add(struct text_list *list, const char *item);
void text_list_clear(struct text_list *list);

/* Sorts by bytes; of equal items one stays. */
void text_list_sort_unique(struct text_list *list);
bool text_list_contains(const struct text_list *list, const char *item);

#endif
