#include "libcommon/message/message_measure.h"

#include <stdint.h>

/* What the head of an object says: the bytes that follow it, and the objects inside it. */
struct head {
    size_t head_bytes; /* the type byte and the numbers behind it; 0 when the type is not msgpack's */
    uint64_t body_bytes;
    uint64_t objects;
};

/* A big-endian number of `count` bytes; the caller has checked that they are there. */
static uint64_t read_number(const uint8_t *bytes, size_t count)
{
    uint64_t number = 0;
    for (size_t i = 0; i < count; i++)
        number = number << 8 | bytes[i];
    return number;
}

enum shape { SHAPE_none, SHAPE_fixed, SHAPE_body, SHAPE_array, SHAPE_map };

struct form {
    enum shape shape;
    uint8_t bytes; /* fixed: of the body; else of the number that tells its size */
    uint8_t extra; /* more bytes of the body: the type of an extension */
};

/* 0xc0 to 0xdf of the msgpack specification; 0xc1 is never used. */
static const struct form forms[32] = {
    {SHAPE_fixed, 0, 0},  {SHAPE_none, 0, 0},  {SHAPE_fixed, 0, 0},
    {SHAPE_fixed, 0, 0},                                           /* nil, -, booleans */
    {SHAPE_body, 1, 0},   {SHAPE_body, 2, 0},  {SHAPE_body, 4, 0}, /* bin */
    {SHAPE_body, 1, 1},   {SHAPE_body, 2, 1},  {SHAPE_body, 4, 1}, /* ext */
    {SHAPE_fixed, 4, 0},  {SHAPE_fixed, 8, 0},                     /* float */
    {SHAPE_fixed, 1, 0},  {SHAPE_fixed, 2, 0}, {SHAPE_fixed, 4, 0},
    {SHAPE_fixed, 8, 0}, /* unsigned */
    {SHAPE_fixed, 1, 0},  {SHAPE_fixed, 2, 0}, {SHAPE_fixed, 4, 0},
    {SHAPE_fixed, 8, 0}, /* signed */
    {SHAPE_fixed, 2, 0},  {SHAPE_fixed, 3, 0}, {SHAPE_fixed, 5, 0},
    {SHAPE_fixed, 9, 0}, /* fixext */
    {SHAPE_fixed, 17, 0}, {SHAPE_body, 1, 0},  {SHAPE_body, 2, 0},
    {SHAPE_body, 4, 0}, /* fixext, str */
    {SHAPE_array, 2, 0},  {SHAPE_array, 4, 0}, {SHAPE_map, 2, 0},
    {SHAPE_map, 4, 0},
};

static struct head read_form(const struct form *form, const uint8_t *bytes, size_t length)
{
    struct head none = {0, 0, 0};
    if (form->shape == SHAPE_none)
        return none;
    if (form->shape == SHAPE_fixed)
        return (struct head){1, form->bytes, 0};
    if (length < 1U + form->bytes)
        return none;
    struct head head = {1U + form->bytes, 0, 0};
    uint64_t number = read_number(bytes + 1, form->bytes);
    if (form->shape == SHAPE_body)
        head.body_bytes = number + form->extra;
    else
        head.objects = form->shape == SHAPE_map ? 2 * number : number;
    return head;
}

static struct head read_head(const uint8_t *bytes, size_t length)
{
    uint8_t type = bytes[0];
    if (type < 0x80 || type >= 0xe0) /* small integers */
        return (struct head){1, 0, 0};
    if (type < 0x90) /* a small map: keys and values */
        return (struct head){1, 0, UINT64_C(2) * (type & 0x0fU)};
    if (type < 0xa0) /* a small array */
        return (struct head){1, 0, type & 0x0fU};
    if (type < 0xc0) /* a short text */
        return (struct head){1, type & 0x1fU, 0};
    return read_form(&forms[type - 0xc0], bytes, length);
}

bool message_measure(const void *bytes, size_t length)
{
    const uint8_t *next = bytes;
    uint64_t open[MESSAGE_DEPTH_MAX + 1] = {1}; /* objects that each level still wants */
    size_t depth = 0;
    size_t seen = 0;
    for (;;) {
        while (open[depth] == 0) {
            if (depth == 0)
                return true;
            depth--;
        }
        if (length == 0 || ++seen > MESSAGE_OBJECTS_MAX)
            return false;
        struct head head = read_head(next, length);
        if (head.head_bytes == 0 || head.body_bytes > length - head.head_bytes)
            return false;
        next += head.head_bytes + head.body_bytes;
        length -= head.head_bytes + (size_t)head.body_bytes;
        open[depth]--;
        if (head.objects == 0)
            continue;
        /* Each object has a byte at least: what declares more is cut short or lies. */
        if (head.objects > length || depth == MESSAGE_DEPTH_MAX)
            return false;
        open[++depth] = head.objects;
    }
}
