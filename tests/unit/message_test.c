#include "libcommon/message/message.h"

#include "libcommon/base/memory.h"
#include "libcommon/node/messages.h"
#include "tests/unit/message_bytes.h"

#include <setjmp.h>
#include <stdarg.h>

#include <cmocka.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* --- every message there is --- */

static void fill_field(const struct message_field *field, void *slot, int round)
{
    char text[64];
    snprintf(text, sizeof text, "{\"n\": %d}", round);
    switch (field->kind) {
    case MESSAGE_KIND_text:
    case MESSAGE_KIND_json:
        *(char **)slot = memory_copy_bytes(text, strlen(text) < field->limit ? strlen(text) : field->limit);
        break;
    case MESSAGE_KIND_secret:
        secret_assign(slot, "\0secret\xff", 8);
        break;
    case MESSAGE_KIND_bytes:
        byte_string_assign(slot, "\0bytes\xff", 7);
        break;
    case MESSAGE_KIND_integer:
        *(int64_t *)slot = round % 2 ? INT64_MIN : INT64_MAX;
        break;
    case MESSAGE_KIND_boolean:
        *(bool *)slot = true;
        break;
    case MESSAGE_KIND_texts:
        text_list_add(slot, "one");
        text_list_add(slot, "");
        break;
    case MESSAGE_KIND_records: {
        struct record_list *list = slot;
        list->items = memory_allocate_array(1, field->record->struct_bytes);
        list->count = 1;
        for (const struct message_field *inner = field->record->fields(); inner->name; inner++)
            fill_field(inner, (char *)list->items + inner->offset, round + 1);
        break;
    }
    }
}

static void fill(const struct message_type *type, void *message)
{
    int round = 0;
    memset(message, 0, type->struct_bytes);
    for (const struct message_field *field = type->fields(); field->name; field++)
        fill_field(field, (char *)message + field->offset, round++);
}

static bool decode_cut(const struct message_type *type, void *decoded, const char *bytes, size_t length)
{
    struct error error;
    message_clear(type, decoded);
    return message_decode(type, decoded, bytes, length, &error);
}

/* Encodes, decodes and encodes again: the same bytes, so no field was lost or changed. */
static void check_round_trip(const struct message_type *type)
{
    struct error error;
    size_t length;
    size_t again_length;
    void *message = calloc(1, type->struct_bytes);
    void *decoded = calloc(1, type->struct_bytes);
    fill(type, message);
    char *bytes = message_encode(type, message, &length, &error);
    assert_non_null(bytes);
    if (!message_decode(type, decoded, bytes, length, &error))
        fail_msg("%s: %s", type->name, error.text);
    char *again = message_encode(type, decoded, &again_length, &error);
    assert_non_null(again);
    assert_int_equal(length, again_length);
    assert_memory_equal(bytes, again, length);
    /* No whole message is cut short without an error. */
    for (size_t cut = 0; cut < length; cut++)
        assert_false(decode_cut(type, decoded, bytes, cut));
    message_clear(type, message);
    free(message);
    free(decoded);
    free(bytes);
    free(again);
}

static void every_message_survives_a_round_trip(void **state)
{
    (void)state;
    for (size_t i = 0; message_types[i]; i++)
        check_round_trip(message_types[i]);
}

/* Whatever a peer changes in a message, it is decoded or refused: sanitizer builds see more. */
static void any_byte_of_a_message_may_be_changed(void **state)
{
    (void)state;
    struct error error;
    for (size_t i = 0; message_types[i]; i++) {
        const struct message_type *type = message_types[i];
        size_t length;
        void *message = calloc(1, type->struct_bytes);
        fill(type, message);
        char *bytes = message_encode(type, message, &length, &error);
        message_clear(type, message);
        for (size_t at = 0; at < length; at++)
            for (int value = 0; value < 256; value += at % 8 ? 37 : 1) {
                char kept = bytes[at];
                bytes[at] = (char)value;
                if (message_decode(type, message, bytes, length, &error))
                    message_clear(type, message);
                bytes[at] = kept;
            }
        free(message);
        free(bytes);
    }
}

/* --- a message that one line makes longer --- */

#define FIELDS_probe_v1(FIELD) FIELD(text, name, required, 16, none, "a name")
#define FIELDS_probe_v2(FIELD)                                                                               \
    FIELD(text, name, required, 16, none, "a name")                                                          \
    FIELD(integer, added_by_one_line, optional, 0, none, "what version 2 adds")

MESSAGE_STRUCT(probe_v1, "version 1")
MESSAGE_STRUCT(probe_v2, "version 2")
MESSAGE_TYPE(probe_v1, "version 1")
MESSAGE_TYPE(probe_v2, "version 2")

/* The two versions have one name on the wire, as a message has whose table grew. */
static struct message_type renamed(const struct message_type *type)
{
    struct message_type copy = *type;
    copy.name = "probe";
    return copy;
}

static void a_field_added_by_one_line_round_trips_and_old_readers_ignore_it(void **state)
{
    (void)state;
    struct error error;
    size_t length;
    char name[] = "n";
    const struct message_type version1 = renamed(&message_probe_v1_type);
    const struct message_type version2 = renamed(&message_probe_v2_type);
    const struct message_probe_v2 sent = {.name = name, .added_by_one_line = 42};
    char *bytes = message_encode(&version2, &sent, &length, &error);
    assert_non_null(bytes);

    struct message_probe_v2 new_reader;
    assert_true(message_decode(&version2, &new_reader, bytes, length, &error));
    assert_int_equal(new_reader.added_by_one_line, 42);
    struct message_probe_v1 old_reader;
    assert_true(message_decode(&version1, &old_reader, bytes, length, &error));
    assert_string_equal(old_reader.name, "n");
    message_clear(&version2, &new_reader);
    message_clear(&version1, &old_reader);
    free(bytes);
}

/* --- limits and log forms --- */

static void refuses_to_send_what_is_above_a_limit(void **state)
{
    (void)state;
    struct error error;
    size_t length;
    struct message_failure failure = {.code = memory_allocate(100), .text = memory_copy_text("t")};
    memset(failure.code, 'x', 99);
    assert_null(message_encode(&message_failure_type, &failure, &length, &error));
    assert_int_equal(error.code, ERROR_TOO_LARGE);
    assert_non_null(strstr(error.text, "failure.code"));
    message_clear(&message_failure_type, &failure);
}

static void the_log_form_masks_secrets(void **state)
{
    (void)state;
    struct message_token token = {.token_number = 7};
    secret_assign(&token.access_token, "do-not-show", 11);
    char *form = message_log_form(&message_token_type, &token);
    assert_null(strstr(form, "do-not-show"));
    assert_non_null(strstr(form, "access_token=(secret, 11 bytes)"));
    assert_non_null(strstr(form, "token_number=7"));
    free(form);
    message_clear(&message_token_type, &token);
}

/* --- bytes --- */

#define FIELDS_probe_bytes(FIELD)                                                                            \
    FIELD(bytes, body, required, 8, none, "bytes")                                                           \
    FIELD(bytes, more, optional, 8, none, "bytes that may be missing")
MESSAGE_STRUCT(probe_bytes, "bytes")
MESSAGE_TYPE(probe_bytes, "bytes")

static void bytes_of_any_value_arrive_and_are_copied(void **state)
{
    (void)state;
    struct error error;
    size_t length;
    char content[] = "\0\xff\xc1\n{}";
    const size_t content_length = sizeof content - 1;
    const struct message_probe_bytes sent = {.body = {content, content_length}};
    struct message_probe_bytes got;
    struct message_probe_bytes copy;
    char *bytes = message_encode(&message_probe_bytes_type, &sent, &length, &error);
    assert_non_null(bytes);
    assert_true(message_decode(&message_probe_bytes_type, &got, bytes, length, &error));
    free(bytes);
    message_copy(&message_probe_bytes_type, &copy, &got);
    message_clear(&message_probe_bytes_type, &got);
    assert_null(got.body.bytes);
    assert_int_equal(copy.body.length, content_length);
    assert_memory_equal(copy.body.bytes, content, content_length);
    assert_null(copy.more.bytes);
    message_clear(&message_probe_bytes_type, &copy);
}

static void required_bytes_may_be_none(void **state)
{
    (void)state;
    struct error error;
    size_t length;
    const struct message_probe_bytes sent = {0};
    struct message_probe_bytes got;
    char *bytes = message_encode(&message_probe_bytes_type, &sent, &length, &error);
    assert_non_null(bytes);
    assert_true(message_decode(&message_probe_bytes_type, &got, bytes, length, &error));
    assert_int_equal(got.body.length, 0);
    message_clear(&message_probe_bytes_type, &got);
    free(bytes);
}

static void bytes_above_their_limit_are_neither_sent_nor_taken(void **state)
{
    (void)state;
    struct error error;
    size_t length;
    char content[] = "123456789";
    const struct message_probe_bytes sent = {.body = {content, 9}};
    assert_null(message_encode(&message_probe_bytes_type, &sent, &length, &error));
    assert_int_equal(error.code, ERROR_TOO_LARGE);
    assert_string_equal(error.text, "probe_bytes.body has 9, the limit is 8");

    struct message_probe_bytes got;
    struct bytes bytes;
    begin(&bytes, "probe_bytes", 1);
    put_text(&bytes, "body");
    msgpack_pack_bin_with_body(&bytes.packer, content, 9);
    assert_false(
        message_decode(&message_probe_bytes_type, &got, bytes.buffer.data, bytes.buffer.size, &error));
    assert_int_equal(error.code, ERROR_TOO_LARGE);
    assert_string_equal(error.text, "probe_bytes.body has 9, the limit is 8");
    msgpack_sbuffer_destroy(&bytes.buffer);
}

static void a_text_is_no_bytes(void **state)
{
    (void)state;
    struct error error;
    struct message_probe_bytes got;
    struct bytes bytes;
    begin(&bytes, "probe_bytes", 1);
    put_text(&bytes, "body");
    put_text(&bytes, "text");
    assert_false(
        message_decode(&message_probe_bytes_type, &got, bytes.buffer.data, bytes.buffer.size, &error));
    assert_string_equal(error.text, "probe_bytes.body must be bytes");
    msgpack_sbuffer_destroy(&bytes.buffer);
}

static void the_log_form_counts_bytes(void **state)
{
    (void)state;
    char content[] = "do-not";
    const struct message_probe_bytes message = {.body = {content, 6}};
    char *form = message_log_form(&message_probe_bytes_type, &message);
    assert_string_equal(form, "probe_bytes{body=(6 bytes), more=(0 bytes)}");
    free(form);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_message_survives_a_round_trip),
        cmocka_unit_test(any_byte_of_a_message_may_be_changed),
        cmocka_unit_test(a_field_added_by_one_line_round_trips_and_old_readers_ignore_it),
        cmocka_unit_test(refuses_to_send_what_is_above_a_limit),
        cmocka_unit_test(the_log_form_masks_secrets),
        cmocka_unit_test(bytes_of_any_value_arrive_and_are_copied),
        cmocka_unit_test(required_bytes_may_be_none),
        cmocka_unit_test(bytes_above_their_limit_are_neither_sent_nor_taken),
        cmocka_unit_test(a_text_is_no_bytes),
        cmocka_unit_test(the_log_form_counts_bytes),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
