/* libcommon/message/message.h: bytes that are no message, or not the one that is expected. */
#include "libcommon/base/memory.h"
#include "libcommon/message/message_measure.h"
#include "libcommon/node/messages.h"
#include "tests/unit/message_bytes.h"

#include <setjmp.h>
#include <stdarg.h>

#include <cmocka.h>
#include <stdlib.h>

/* Decodes as drain_state and gives the error's text, "" for none. */
static const char *decode(struct bytes *bytes, struct error *error)
{
    struct message_drain_state state;
    memset(error, 0, sizeof *error);
    if (message_decode(&message_drain_state_type, &state, bytes->buffer.data, bytes->buffer.size, error))
        message_clear(&message_drain_state_type, &state);
    msgpack_sbuffer_destroy(&bytes->buffer);
    return error->text;
}

static void refuses_a_missing_field_by_name(void **state)
{
    (void)state;
    struct bytes bytes;
    struct error error;
    begin(&bytes, "drain_state", 1);
    put_text(&bytes, "drained");
    msgpack_pack_true(&bytes.packer);
    assert_string_equal(decode(&bytes, &error), "drain_state.leases is missing");
}

static void refuses_a_wrong_type_by_name(void **state)
{
    (void)state;
    struct bytes bytes;
    struct error error;
    begin(&bytes, "drain_state", 2);
    put_text(&bytes, "drained");
    put_text(&bytes, "yes");
    put_text(&bytes, "leases");
    msgpack_pack_int(&bytes.packer, 1);
    assert_string_equal(decode(&bytes, &error), "drain_state.drained must be true or false");
}

static void refuses_a_field_given_twice_and_trailing_bytes(void **state)
{
    (void)state;
    struct bytes bytes;
    struct error error;
    begin(&bytes, "drain_state", 3);
    put_text(&bytes, "leases");
    msgpack_pack_int(&bytes.packer, 1);
    put_text(&bytes, "leases");
    msgpack_pack_int(&bytes.packer, 2);
    put_text(&bytes, "drained");
    msgpack_pack_true(&bytes.packer);
    assert_string_equal(decode(&bytes, &error), "drain_state.leases is given twice");

    begin(&bytes, "drain_state", 0);
    msgpack_pack_nil(&bytes.packer);
    assert_string_equal(decode(&bytes, &error), "drain_state has 1 bytes too many");
}

static void refuses_garbage_and_other_messages(void **state)
{
    (void)state;
    struct message_drain_state drain;
    struct error error;
    char name[MESSAGE_NAME_BYTES];
    assert_false(message_decode(&message_drain_state_type, &drain, "\xc1", 1, &error));
    assert_false(message_decode(&message_drain_state_type, &drain, "", 0, &error));
    assert_null(message_peek_name("\x93\x01\x02\x03", 4, name));
    const struct message_done done = {0};
    size_t length;
    char *bytes = message_encode(&message_done_type, &done, &length, &error);
    assert_false(message_decode(&message_drain_state_type, &drain, bytes, length, &error));
    assert_string_equal(error.text, "the message is no drain_state");
    assert_string_equal(message_peek_name(bytes, length, name), "done");
    free(bytes);
}

/* --- what a hostile peer declares --- */

static void refuses_small_bytes_that_declare_large_things(void **state)
{
    (void)state;
    static const struct {
        const char *bytes;
        size_t length;
    } hostile[] = {
        {"\xdd\xff\xff\xff\xff", 5},          /* an array of 2^32 - 1 */
        {"\xdf\xff\xff\xff\xff", 5},          /* a map */
        {"\xdd\x10\x00\x00\x00\xc0", 6},      /* whose malloc would succeed */
        {"\xdc\xff\xff\xc0", 4},              /* 16 bits */
        {"\xdb\xff\xff\xff\xff", 5},          /* a text */
        {"\xc6\xff\xff\xff\xff", 5},          /* bytes */
        {"\xc9\xff\xff\xff\xff\x01", 6},      /* an extension */
        {"\x81\xa1k\xdd\x7f\xff\xff\xff", 8}, /* inside a map */
        {"\xdd\xff", 2},                      /* a head cut short */
        {"\xcf\x01", 2},                      /* a number cut short */
        {"\xc1", 1},                          /* no type at all */
    };
    struct message_done done;
    struct error error;
    char name[MESSAGE_NAME_BYTES];
    for (size_t i = 0; i < sizeof hostile / sizeof hostile[0]; i++) {
        /* In memory of just that size, so that a read behind it is seen. */
        char *bytes = memory_copy_bytes(hostile[i].bytes, hostile[i].length);
        char *exact = realloc(bytes, hostile[i].length);
        assert_false(message_measure(exact, hostile[i].length));
        assert_false(message_decode(&message_done_type, &done, exact, hostile[i].length, &error));
        assert_null(message_peek_name(exact, hostile[i].length, name));
        free(exact);
    }
}

static void refuses_what_is_too_deep_or_has_too_many_objects(void **state)
{
    (void)state;
    char deep[MESSAGE_DEPTH_MAX + 2];
    memset(deep, 0x91, sizeof deep); /* each an array of one */
    deep[MESSAGE_DEPTH_MAX] = 0x01;
    assert_true(message_measure(deep, MESSAGE_DEPTH_MAX + 1));
    deep[MESSAGE_DEPTH_MAX] = (char)0x91;
    deep[MESSAGE_DEPTH_MAX + 1] = 0x01;
    assert_false(message_measure(deep, sizeof deep));

    size_t length = 5 + MESSAGE_OBJECTS_MAX;
    uint8_t *many = memory_allocate(length);
    assert_int_equal(MESSAGE_OBJECTS_MAX, 0x40000);
    many[0] = 0xdd; /* an array of so many zeros: with itself one object too many */
    many[2] = 0x04;
    assert_false(message_measure(many, length));
    many[2] = 0x03;
    many[3] = many[4] = 0xff;
    assert_true(message_measure(many, length));
    free(many);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(refuses_a_missing_field_by_name),
        cmocka_unit_test(refuses_a_wrong_type_by_name),
        cmocka_unit_test(refuses_a_field_given_twice_and_trailing_bytes),
        cmocka_unit_test(refuses_garbage_and_other_messages),
        cmocka_unit_test(refuses_small_bytes_that_declare_large_things),
        cmocka_unit_test(refuses_what_is_too_deep_or_has_too_many_objects),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
