/* Messages written by hand, right or wrong. */
#ifndef TESTS_UNIT_MESSAGE_BYTES_H
#define TESTS_UNIT_MESSAGE_BYTES_H

#include <msgpack.h>
#include <string.h>

struct bytes {
    msgpack_sbuffer buffer;
    msgpack_packer packer;
};

static inline void put_text(struct bytes *bytes, const char *text)
{
    msgpack_pack_str_with_body(&bytes->packer, text, strlen(text));
}

/* A message of that name, of whose fields the caller writes so many. */
static inline void begin(struct bytes *bytes, const char *message, size_t fields)
{
    msgpack_sbuffer_init(&bytes->buffer);
    msgpack_packer_init(&bytes->packer, &bytes->buffer, msgpack_sbuffer_write);
    msgpack_pack_map(&bytes->packer, fields + 1);
    put_text(bytes, "message");
    put_text(bytes, message);
}

#endif
