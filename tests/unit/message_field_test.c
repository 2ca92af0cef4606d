/* libcommon/message/message.h: what each kind of field takes, refuses and does, both ways. */
#include "libcommon/base/memory.h"
#include "libcommon/node/messages.h"
#include "tests/unit/message_bytes.h"
#include "tests/unit/message_kinds.h"

#include <setjmp.h>
#include <stdarg.h>

#include <cmocka.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static const struct message_type *const type = &message_kinds_type;

/* --- messages written by hand --- */

static void begin_field(struct bytes *bytes, const char *name)
{
    begin(bytes, "kinds", 1);
    put_text(bytes, name);
}

/* Decodes and frees the bytes; on failure the message is left cleared. */
static bool finish(struct bytes *bytes, struct message_kinds *message, struct error *error)
{
    static const struct message_kinds cleared;
    bool ok = message_decode(type, message, bytes->buffer.data, bytes->buffer.size, error);
    msgpack_sbuffer_destroy(&bytes->buffer);
    if (!ok)
        assert_memory_equal(message, &cleared, sizeof cleared);
    return ok;
}

static void assert_refused(struct bytes *bytes, enum error_code code, const char *text)
{
    struct message_kinds message;
    struct error error;
    assert_false(finish(bytes, &message, &error));
    assert_int_equal(error.code, code);
    assert_string_equal(error.text, text);
}

static void assert_taken(struct bytes *bytes)
{
    struct message_kinds message;
    struct error error;
    if (!finish(bytes, &message, &error))
        fail_msg("%s", error.text);
    message_clear(type, &message);
}

/* One value of each type of msgpack; false behind the last. */
static bool put_value(struct bytes *bytes, int which)
{
    switch (which) {
    case 0:
        return msgpack_pack_nil(&bytes->packer) == 0;
    case 1:
        return msgpack_pack_true(&bytes->packer) == 0;
    case 2:
        return msgpack_pack_int(&bytes->packer, 7) == 0;
    case 3:
        return msgpack_pack_int(&bytes->packer, -7) == 0;
    case 4:
        return msgpack_pack_double(&bytes->packer, 7.5) == 0;
    case 5:
        put_text(bytes, "text");
        return true;
    case 6:
        return msgpack_pack_bin_with_body(&bytes->packer, "bytes", 5) == 0;
    case 7:
        return msgpack_pack_array(&bytes->packer, 0) == 0;
    case 8:
        return msgpack_pack_map(&bytes->packer, 0) == 0;
    case 9:
        return msgpack_pack_ext_with_body(&bytes->packer, "x", 1, 1) == 0;
    default:
        return false;
    }
}

static void every_kind_takes_its_own_type_and_no_other(void **state)
{
    (void)state;
    static const struct {
        const char *field;
        const char *taken; /* the places in put_value() */
        const char *refusal;
    } kinds[] = {{"text", "5", "kinds.text must be a text"},
                 {"json", "5", "kinds.json must be a text"},
                 {"secret", "6", "kinds.secret must be bytes"},
                 {"bytes", "6", "kinds.bytes must be bytes"},
                 {"integer", "23", "kinds.integer must be an integer of 64 bits"},
                 {"boolean", "1", "kinds.boolean must be true or false"},
                 {"texts", "7", "kinds.texts must be a list of texts"},
                 {"records", "7", "kinds.records must be a list"}};
    for (size_t i = 0; i < sizeof kinds / sizeof kinds[0]; i++)
        for (int which = 0; which < 10; which++) {
            struct bytes bytes;
            begin_field(&bytes, kinds[i].field);
            assert_true(put_value(&bytes, which));
            if (strchr(kinds[i].taken, '0' + which))
                assert_taken(&bytes);
            else
                assert_refused(&bytes, ERROR_INVALID, kinds[i].refusal);
        }
}

static void the_items_of_a_list_are_checked_like_fields(void **state)
{
    (void)state;
    struct bytes bytes;
    for (int which = 0; which < 10; which++) {
        begin_field(&bytes, "texts");
        msgpack_pack_array(&bytes.packer, 2);
        put_text(&bytes, "one");
        assert_true(put_value(&bytes, which));
        if (which == 5)
            assert_taken(&bytes);
        else
            assert_refused(&bytes, ERROR_INVALID, "kinds.texts must be a text");
        begin_field(&bytes, "records");
        msgpack_pack_array(&bytes.packer, 1);
        assert_true(put_value(&bytes, which));
        assert_refused(&bytes, ERROR_INVALID,
                       which == 8 ? "inner.label is missing" : "kinds.records must be a list of maps");
    }
    begin_field(&bytes, "records");
    msgpack_pack_array(&bytes.packer, 2);
    for (int i = 0; i < 2; i++) {
        msgpack_pack_map(&bytes.packer, 1);
        put_text(&bytes, "label");
        put_text(&bytes, i ? "123456789" : "12345678");
    }
    assert_refused(&bytes, ERROR_TOO_LARGE, "inner.label has 9, the limit is 8");
}

/* --- limits --- */

static void a_value_at_its_limit_is_taken_and_one_above_is_not(void **state)
{
    (void)state;
    static const char *const texts[] = {"text", "json", "texts"};
    static const char *const binaries[] = {"secret", "bytes"};
    for (size_t length = 8; length <= 9; length++) {
        char refusal[64];
        struct bytes bytes;
        for (size_t i = 0; i < 5; i++) {
            const char *name = i < 3 ? texts[i] : binaries[i - 3];
            begin_field(&bytes, name);
            if (i == 2)
                msgpack_pack_array(&bytes.packer, 1);
            if (i < 3)
                msgpack_pack_str_with_body(&bytes.packer, "123456789", length);
            else
                msgpack_pack_bin_with_body(&bytes.packer, "123456789", length);
            snprintf(refusal, sizeof refusal, "kinds.%s has 9, the limit is 8", name);
            if (length == 8)
                assert_taken(&bytes);
            else
                assert_refused(&bytes, ERROR_TOO_LARGE, refusal);
        }
    }
}

static void put_records(struct bytes *bytes, size_t count)
{
    begin_field(bytes, "records");
    msgpack_pack_array(&bytes->packer, count);
    for (size_t i = 0; i < count; i++) {
        msgpack_pack_map(&bytes->packer, 1);
        put_text(bytes, "label");
        put_text(bytes, "x");
    }
}

static void a_list_of_records_has_its_own_limit(void **state)
{
    (void)state;
    struct bytes bytes;
    put_records(&bytes, 3);
    assert_taken(&bytes);
    put_records(&bytes, 4);
    assert_refused(&bytes, ERROR_TOO_LARGE, "kinds.records has 4, the limit is 3");
}

/* docs/protocol.md: 10,000 of a list. */
static void a_list_of_texts_has_ten_thousand_at_most_both_ways(void **state)
{
    (void)state;
    for (size_t count = 10000; count <= 10001; count++) {
        struct bytes bytes;
        struct error error;
        size_t length;
        struct message_kinds message = {0};
        begin_field(&bytes, "texts");
        msgpack_pack_array(&bytes.packer, count);
        for (size_t i = 0; i < count; i++) {
            put_text(&bytes, "");
            text_list_add(&message.texts, "");
        }
        char *encoded = message_encode(type, &message, &length, &error);
        if (count == 10000) {
            assert_taken(&bytes);
            assert_non_null(encoded);
        } else {
            assert_refused(&bytes, ERROR_TOO_LARGE, "kinds.texts has too many items");
            assert_null(encoded);
            assert_int_equal(error.code, ERROR_TOO_LARGE);
            assert_string_equal(error.text, "kinds.texts has too many items");
        }
        free(encoded);
        message_clear(type, &message);
    }
}

static void nothing_above_a_limit_is_sent(void **state)
{
    (void)state;
    char at_limit[] = "12345678";
    char above[] = "123456789";
    struct message_inner inner[] = {
        {.label = at_limit}, {.label = at_limit}, {.label = at_limit}, {.label = at_limit}};
    struct message_inner long_label = {.label = above};
    const struct {
        struct message_kinds message;
        const char *refusal;
    } cases[] = {{{.text = at_limit, .json = at_limit, .bytes = {at_limit, 8}, .records = {inner, 3}}, NULL},
                 {{.text = above}, "kinds.text has 9, the limit is 8"},
                 {{.json = above}, "kinds.json has 9, the limit is 8"},
                 {{.bytes = {above, 9}}, "kinds.bytes has 9, the limit is 8"},
                 {{.secret = {above, 9}}, "kinds.secret has 9, the limit is 8"},
                 {{.texts = {(char *[]){at_limit, above}, 2}}, "kinds.texts has 9, the limit is 8"},
                 {{.records = {inner, 4}}, "kinds.records has 4, the limit is 3"},
                 {{.records = {&long_label, 1}}, "inner.label has 9, the limit is 8"},
                 {{.records = {&(struct message_inner){NULL}, 1}}, "inner.label is required"}};
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        struct error error = {.text = ""};
        size_t length = 77;
        char *bytes = message_encode(type, &cases[i].message, &length, &error);
        assert_int_equal(bytes != NULL, cases[i].refusal == NULL);
        assert_string_equal(error.text, cases[i].refusal ? cases[i].refusal : "");
        assert_int_equal(length > 0, cases[i].refusal == NULL);
        free(bytes);
    }
}

/* --- values --- */

static void a_text_with_a_nul_would_be_cut_and_is_refused(void **state)
{
    (void)state;
    struct bytes bytes;
    begin_field(&bytes, "text");
    msgpack_pack_str_with_body(&bytes.packer, "a\0b", 3);
    assert_refused(&bytes, ERROR_INVALID, "kinds.text must be a text without NUL");
    begin_field(&bytes, "texts");
    msgpack_pack_array(&bytes.packer, 1);
    msgpack_pack_str_with_body(&bytes.packer, "\0", 1);
    assert_refused(&bytes, ERROR_INVALID, "kinds.texts must be a text without NUL");
}

static void every_integer_of_64_bits_arrives(void **state)
{
    (void)state;
    static const int64_t numbers[] = {1, -1, 127, 128, -32, -33, 255, 65536, INT64_MAX, INT64_MIN};
    for (size_t i = 0; i < sizeof numbers / sizeof numbers[0]; i++) {
        const struct message_kinds sent = {.integer = numbers[i]};
        struct message_kinds got;
        struct error error;
        size_t length;
        char *bytes = message_encode(type, &sent, &length, &error);
        assert_true(message_decode(type, &got, bytes, length, &error));
        assert_int_equal(got.integer, numbers[i]);
        free(bytes);
    }
    struct bytes bytes;
    begin_field(&bytes, "integer");
    msgpack_pack_uint64(&bytes.packer, (uint64_t)INT64_MAX + 1);
    assert_refused(&bytes, ERROR_INVALID, "kinds.integer must be an integer of 64 bits");
}

/* What is not there takes no bytes: an empty message is its name. */
static void what_is_absent_is_not_sent(void **state)
{
    (void)state;
    const struct message_kinds nothing = {0};
    struct error error;
    size_t length;
    char *bytes = message_encode(type, &nothing, &length, &error);
    assert_int_equal(length, 1 + 8 + 6); /* a map of one: "message", "kinds" */
    assert_memory_equal(bytes, "\x81\xa7message\xa5kinds", length);
    free(bytes);
    char empty[] = "";
    const struct message_kinds some = {.text = empty, .boolean = true};
    bytes = message_encode(type, &some, &length, &error);
    assert_memory_equal(bytes,
                        "\x83\xa7message\xa5kinds\xa4text\xa0\xa7"
                        "boolean\xc3",
                        length);
    assert_int_equal(length, 1 + 8 + 6 + 5 + 1 + 8 + 1);
    free(bytes);
}

static void fields_and_keys_of_other_versions_are_ignored(void **state)
{
    (void)state;
    struct bytes bytes;
    struct message_kinds message;
    struct error error;
    begin(&bytes, "kinds", 4);
    put_text(&bytes, "texT");
    msgpack_pack_int(&bytes.packer, 1);
    put_text(&bytes, "tex");
    msgpack_pack_int(&bytes.packer, 1);
    msgpack_pack_int(&bytes.packer, 3);
    msgpack_pack_int(&bytes.packer, 1);
    put_text(&bytes, "text");
    put_text(&bytes, "kept");
    assert_true(finish(&bytes, &message, &error));
    assert_string_equal(message.text, "kept");
    message_clear(type, &message);
}

static void a_map_of_more_keys_than_any_message_has_is_refused(void **state)
{
    (void)state;
    for (size_t more = 63; more <= 64; more++) {
        struct bytes bytes;
        begin(&bytes, "kinds", more);
        for (size_t i = 0; i < more; i++) {
            msgpack_pack_int(&bytes.packer, 1);
            msgpack_pack_int(&bytes.packer, 1);
        }
        char name[MESSAGE_NAME_BYTES];
        bool known = message_peek_name(bytes.buffer.data, bytes.buffer.size, name) != NULL;
        assert_int_equal(known, more == 63);
        if (more == 63)
            assert_taken(&bytes);
        else
            assert_refused(&bytes, ERROR_INVALID, "kinds has more than 64 fields");
    }
}

static void a_required_field_is_sent_whatever_its_value(void **state)
{
    (void)state;
    const struct message_drain_state sent = {.drained = false, .leases = 0};
    struct message_drain_state got = {.drained = true, .leases = 7};
    struct error error;
    size_t length;
    char *bytes = message_encode(&message_drain_state_type, &sent, &length, &error);
    assert_true(message_decode(&message_drain_state_type, &got, bytes, length, &error));
    assert_false(got.drained);
    assert_int_equal(got.leases, 0);
    free(bytes);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_kind_takes_its_own_type_and_no_other),
        cmocka_unit_test(the_items_of_a_list_are_checked_like_fields),
        cmocka_unit_test(a_value_at_its_limit_is_taken_and_one_above_is_not),
        cmocka_unit_test(a_list_of_records_has_its_own_limit),
        cmocka_unit_test(a_list_of_texts_has_ten_thousand_at_most_both_ways),
        cmocka_unit_test(nothing_above_a_limit_is_sent),
        cmocka_unit_test(a_text_with_a_nul_would_be_cut_and_is_refused),
        cmocka_unit_test(every_integer_of_64_bits_arrives),
        cmocka_unit_test(what_is_absent_is_not_sent),
        cmocka_unit_test(fields_and_keys_of_other_versions_are_ignored),
        cmocka_unit_test(a_map_of_more_keys_than_any_message_has_is_refused),
        cmocka_unit_test(a_required_field_is_sent_whatever_its_value),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
