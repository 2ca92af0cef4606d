/*
 * Feeds bytes to the decoder of messages between the processes; the first byte picks the message's type.
 *
 * What decodes encodes again, and decoding that gives the same message: the same bytes when it is encoded
 * once more. Its name can be peeked at, a copy of it is equal, and its log form is one line.
 */
#include "libcommon/message/message.h"

#include "libcommon/base/memory.h"
#include "libcommon/node/messages.h"
#include "tests/fuzz/fuzz.h"

#include <stdlib.h>
#include <string.h>

static const struct message_type *pick_type(uint8_t byte)
{
    size_t count = 0;
    while (message_types[count])
        count++;
    fuzz_expect(count > 0, "there are messages");
    return message_types[byte % count];
}

static void expect_encodes_as(const struct message_type *type, const void *message, const char *bytes,
                              size_t length)
{
    struct error error = fuzz_no_error();
    size_t again_length;
    char *again = message_encode(type, message, &again_length, &error);
    fuzz_expect(again && again_length == length && memcmp(again, bytes, length) == 0,
                "a message encodes to the same bytes again");
    free(again);
}

static void check_decoded(const struct message_type *type, const void *message)
{
    struct error error = fuzz_no_error();
    size_t length;
    void *other = memory_allocate(type->struct_bytes);
    char *bytes = message_encode(type, message, &length, &error);
    fuzz_expect(bytes != NULL, "what decodes encodes");
    fuzz_expect(message_decode(type, other, bytes, length, &error), "what we encode decodes");
    expect_encodes_as(type, other, bytes, length);
    message_clear(type, other);
    message_copy(type, other, message);
    expect_encodes_as(type, other, bytes, length);
    message_clear(type, other);
    char *form = message_log_form(type, message);
    fuzz_expect(fuzz_is_one_line(form), "a log form is one line");
    free(form);
    free(bytes);
    free(other);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct fuzz_input input = {data, size};
    const struct message_type *type = pick_type(fuzz_take_byte(&input));
    char name[MESSAGE_NAME_BYTES];
    const char *peeked = message_peek_name(input.bytes, input.length, name);
    void *message = memory_allocate(type->struct_bytes);
    struct error error = fuzz_no_error();
    if (message_decode(type, message, input.bytes, input.length, &error)) {
        fuzz_expect_same_text(peeked, type->name, "the name of a whole message can be peeked at");
        check_decoded(type, message);
    } else {
        fuzz_expect_error(&error);
    }
    message_clear(type, message);
    free(message);
    return 0;
}
