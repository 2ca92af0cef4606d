#include "libcommon/message/message.h"

#include "libcommon/base/limits.h"
#include "libcommon/base/memory.h"

#include <msgpack.h>
#include <string.h>

static bool pack_message(msgpack_packer *packer, const struct message_type *type, const void *message,
                         bool with_name, struct error *error);

static void pack_text(msgpack_packer *packer, const char *text, size_t length)
{
    msgpack_pack_str(packer, length);
    msgpack_pack_str_body(packer, text, length);
}

static bool is_absent(const struct message_field *field, const void *slot)
{
    switch (field->kind) {
    case MESSAGE_KIND_text:
    case MESSAGE_KIND_json:
        return *(char *const *)slot == NULL;
    case MESSAGE_KIND_secret:
        return ((const struct secret *)slot)->length == 0;
    case MESSAGE_KIND_bytes:
        return ((const struct byte_string *)slot)->length == 0;
    case MESSAGE_KIND_integer:
        return *(const int64_t *)slot == 0;
    case MESSAGE_KIND_boolean:
        return !*(const bool *)slot;
    case MESSAGE_KIND_texts:
        return ((const struct text_list *)slot)->count == 0;
    case MESSAGE_KIND_records:
        return ((const struct record_list *)slot)->count == 0;
    }
    return true;
}

static bool too_large(const struct message_type *type, const struct message_field *field, size_t size,
                      struct error *error)
{
    if (size <= field->limit)
        return false;
    error_set(error, ERROR_TOO_LARGE, "%s.%s has %zu, the limit is %zu", type->name, field->name, size,
              field->limit);
    return true;
}

static bool pack_texts(msgpack_packer *packer, const struct message_type *type,
                       const struct message_field *field, const struct text_list *list, struct error *error)
{
    if (list->count > LIMIT_LIST_ITEMS)
        return error_set(error, ERROR_TOO_LARGE, "%s.%s has too many items", type->name, field->name);
    msgpack_pack_array(packer, list->count);
    for (size_t i = 0; i < list->count; i++) {
        size_t length = strlen(list->items[i]);
        if (too_large(type, field, length, error))
            return false;
        pack_text(packer, list->items[i], length);
    }
    return true;
}

static bool pack_records(msgpack_packer *packer, const struct message_type *type,
                         const struct message_field *field, const struct record_list *list,
                         struct error *error)
{
    if (too_large(type, field, list->count, error))
        return false;
    msgpack_pack_array(packer, list->count);
    for (size_t i = 0; i < list->count; i++) {
        const char *record = (const char *)list->items + i * field->record->struct_bytes;
        if (!pack_message(packer, field->record, record, false, error))
            return false;
    }
    return true;
}

static bool pack_bytes(msgpack_packer *packer, const struct message_type *type,
                       const struct message_field *field, const char *bytes, size_t length,
                       struct error *error)
{
    if (too_large(type, field, length, error))
        return false;
    msgpack_pack_bin(packer, length);
    msgpack_pack_bin_body(packer, length ? bytes : "", length);
    return true;
}

static bool pack_field(msgpack_packer *packer, const struct message_type *type,
                       const struct message_field *field, const void *slot, struct error *error)
{
    pack_text(packer, field->name, strlen(field->name));
    switch (field->kind) {
    case MESSAGE_KIND_text:
    case MESSAGE_KIND_json: {
        const char *text = *(char *const *)slot;
        if (too_large(type, field, strlen(text), error))
            return false;
        pack_text(packer, text, strlen(text));
        return true;
    }
    case MESSAGE_KIND_secret: {
        const struct secret *secret = slot;
        return pack_bytes(packer, type, field, secret->bytes, secret->length, error);
    }
    case MESSAGE_KIND_bytes: {
        const struct byte_string *string = slot;
        return pack_bytes(packer, type, field, string->bytes, string->length, error);
    }
    case MESSAGE_KIND_integer:
        msgpack_pack_int64(packer, *(const int64_t *)slot);
        return true;
    case MESSAGE_KIND_boolean:
        if (*(const bool *)slot)
            msgpack_pack_true(packer);
        else
            msgpack_pack_false(packer);
        return true;
    case MESSAGE_KIND_texts:
        return pack_texts(packer, type, field, slot, error);
    case MESSAGE_KIND_records:
        return pack_records(packer, type, field, slot, error);
    }
    return false;
}

static bool pack_message(msgpack_packer *packer, const struct message_type *type, const void *message,
                         bool with_name, struct error *error)
{
    size_t present = with_name ? 1 : 0;
    for (const struct message_field *field = type->fields(); field->name; field++)
        if (field->required || !is_absent(field, (const char *)message + field->offset))
            present++;
    msgpack_pack_map(packer, present);
    if (with_name) {
        pack_text(packer, "message", strlen("message"));
        pack_text(packer, type->name, strlen(type->name));
    }
    for (const struct message_field *field = type->fields(); field->name; field++) {
        const void *slot = (const char *)message + field->offset;
        bool is_text = field->kind == MESSAGE_KIND_text || field->kind == MESSAGE_KIND_json;
        bool absent = is_absent(field, slot);
        if (absent && !field->required)
            continue;
        if (absent && is_text)
            return error_set(error, ERROR_INVALID, "%s.%s is required", type->name, field->name);
        if (!pack_field(packer, type, field, slot, error))
            return false;
    }
    return true;
}

char *message_encode(const struct message_type *type, const void *message, size_t *length,
                     struct error *error)
{
    msgpack_sbuffer buffer;
    msgpack_packer packer;
    msgpack_sbuffer_init(&buffer);
    msgpack_packer_init(&packer, &buffer, msgpack_sbuffer_write);
    bool ok = pack_message(&packer, type, message, true, error);
    char *bytes = ok ? memory_copy_bytes(buffer.data, buffer.size) : NULL;
    *length = ok ? buffer.size : 0;
    /* It may hold a token. What growing left in freed memory is out of reach here (docs/security.md). */
    secret_wipe_bytes(buffer.data, buffer.size);
    msgpack_sbuffer_destroy(&buffer);
    return bytes;
}
