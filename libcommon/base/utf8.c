#include "libcommon/base/utf8.h"

/* The lowest code point that needs this many bytes: a lower one in so many is an overlong form. */
static const uint32_t lowest[UTF8_MAX_BYTES + 1] = {0, 0, 0x80, 0x800, 0x10000};

size_t utf8_sequence_bytes(char first)
{
    uint8_t lead = (uint8_t)first;
    if (lead < 0x80)
        return 1;
    if (lead >= 0xc2 && lead < 0xe0)
        return 2;
    if (lead >= 0xe0 && lead < 0xf0)
        return 3;
    return lead >= 0xf0 && lead < 0xf5 ? 4 : 0;
}

size_t utf8_decode(const char *bytes, size_t length, uint32_t *code_point)
{
    if (length == 0)
        return 0;
    uint8_t lead = (uint8_t)bytes[0];
    size_t count = utf8_sequence_bytes(bytes[0]);
    if (count == 0 || count > length)
        return 0;
    uint32_t value = count == 1 ? lead : lead & (0x7fU >> count);
    for (size_t i = 1; i < count; i++) {
        uint8_t byte = (uint8_t)bytes[i];
        if ((byte & 0xc0) != 0x80)
            return 0;
        value = value << 6 | (byte & 0x3f);
    }
    if (value < lowest[count] || value > 0x10ffff || (value >= 0xd800 && value < 0xe000))
        return 0;
    *code_point = value;
    return count;
}

bool utf8_is_control(uint32_t code_point)
{
    return code_point < 0x20 || (code_point >= 0x7f && code_point < 0xa0) || code_point == 0x2028 ||
           code_point == 0x2029;
}

bool utf8_is_format(uint32_t code_point)
{
    /* Unicode 15.0, the first and the last of each run */
    static const uint32_t runs[][2] = {
        {0xad, 0xad},       {0x600, 0x605},     {0x61c, 0x61c},     {0x6dd, 0x6dd},     {0x70f, 0x70f},
        {0x890, 0x891},     {0x8e2, 0x8e2},     {0x180e, 0x180e},   {0x200b, 0x200f},   {0x202a, 0x202e},
        {0x2060, 0x2064},   {0x2066, 0x206f},   {0xfeff, 0xfeff},   {0xfff9, 0xfffb},   {0x110bd, 0x110bd},
        {0x110cd, 0x110cd}, {0x13430, 0x1343f}, {0x1bca0, 0x1bca3}, {0x1d173, 0x1d17a}, {0xe0001, 0xe0001},
        {0xe0020, 0xe007f}};
    for (size_t i = 0; i < sizeof runs / sizeof runs[0]; i++)
        if (code_point >= runs[i][0] && code_point <= runs[i][1])
            return true;
    return false;
}

size_t utf8_encode(uint32_t code_point, char out[UTF8_MAX_BYTES])
{
    static const uint8_t leads[UTF8_MAX_BYTES + 1] = {0, 0, 0xc0, 0xe0, 0xf0};
    size_t count = UTF8_MAX_BYTES;
    while (count > 1 && code_point < lowest[count])
        count--;
    for (size_t i = count; i-- > 1; code_point >>= 6)
        out[i] = (char)(0x80 | (code_point & 0x3f));
    out[0] = (char)(leads[count] | code_point);
    return count;
}
