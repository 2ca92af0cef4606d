#include "libcommon/message/message.h"

#include "libcommon/base/limits.h"
#include "libcommon/base/memory.h"
#include "libcommon/message/message_measure.h"

#include <msgpack.h>
#include <string.h>

/* Maps with more keys than any message has are refused before each field searches through them. */
enum { KEYS_MAX = 64 };

static bool take_map(const struct message_type *type, void *message, const msgpack_object_map *map,
                     struct error *error);

static bool wrong_type(const struct message_type *type, const struct message_field *field,
                       const char *expected, struct error *error)
{
    return error_set(error, ERROR_INVALID, "%s.%s must be %s", type->name, field->name, expected);
}

static bool within_limit(const struct message_type *type, const struct message_field *field, size_t size,
                         struct error *error)
{
    if (size > field->limit)
        return error_set(error, ERROR_TOO_LARGE, "%s.%s has %zu, the limit is %zu", type->name, field->name,
                         size, field->limit);
    return true;
}

/* Texts become C strings, so a NUL inside would cut them silently. */
static bool take_text(const struct message_type *type, const struct message_field *field,
                      const msgpack_object *value, char **slot, struct error *error)
{
    if (value->type != MSGPACK_OBJECT_STR)
        return wrong_type(type, field, "a text", error);
    if (!within_limit(type, field, value->via.str.size, error))
        return false;
    if (memchr(value->via.str.ptr, '\0', value->via.str.size))
        return wrong_type(type, field, "a text without NUL", error);
    *slot = memory_copy_bytes(value->via.str.ptr, value->via.str.size);
    return true;
}

static bool take_texts(const struct message_type *type, const struct message_field *field,
                       const msgpack_object *value, struct text_list *list, struct error *error)
{
    if (value->type != MSGPACK_OBJECT_ARRAY)
        return wrong_type(type, field, "a list of texts", error);
    if (value->via.array.size > LIMIT_LIST_ITEMS)
        return error_set(error, ERROR_TOO_LARGE, "%s.%s has too many items", type->name, field->name);
    list->items = memory_allocate_array(value->via.array.size, sizeof *list->items);
    for (uint32_t i = 0; i < value->via.array.size; i++) {
        if (!take_text(type, field, &value->via.array.ptr[i], &list->items[i], error))
            return false;
        list->count++;
    }
    return true;
}

static bool take_records(const struct message_type *type, const struct message_field *field,
                         const msgpack_object *value, struct record_list *list, struct error *error)
{
    if (value->type != MSGPACK_OBJECT_ARRAY)
        return wrong_type(type, field, "a list", error);
    if (!within_limit(type, field, value->via.array.size, error))
        return false;
    size_t item_bytes = field->record->struct_bytes;
    list->items = memory_allocate_array(value->via.array.size, item_bytes);
    for (uint32_t i = 0; i < value->via.array.size; i++) {
        const msgpack_object *item = &value->via.array.ptr[i];
        if (item->type != MSGPACK_OBJECT_MAP)
            return wrong_type(type, field, "a list of maps", error);
        void *record = (char *)list->items + i * item_bytes;
        list->count++;
        if (!take_map(field->record, record, &item->via.map, error))
            return false;
    }
    return true;
}

static bool take_integer(const struct message_type *type, const struct message_field *field,
                         const msgpack_object *value, int64_t *slot, struct error *error)
{
    if (value->type == MSGPACK_OBJECT_POSITIVE_INTEGER && value->via.u64 <= INT64_MAX)
        *slot = (int64_t)value->via.u64;
    else if (value->type == MSGPACK_OBJECT_NEGATIVE_INTEGER)
        *slot = value->via.i64;
    else
        return wrong_type(type, field, "an integer of 64 bits", error);
    return true;
}

static bool check_bytes(const struct message_type *type, const struct message_field *field,
                        const msgpack_object *value, struct error *error)
{
    if (value->type != MSGPACK_OBJECT_BIN)
        return wrong_type(type, field, "bytes", error);
    return within_limit(type, field, value->via.bin.size, error);
}

static bool take_field(const struct message_type *type, const struct message_field *field,
                       const msgpack_object *value, void *slot, struct error *error)
{
    switch (field->kind) {
    case MESSAGE_KIND_text:
    case MESSAGE_KIND_json:
        return take_text(type, field, value, slot, error);
    case MESSAGE_KIND_secret:
        if (!check_bytes(type, field, value, error))
            return false;
        secret_assign(slot, value->via.bin.ptr, value->via.bin.size);
        return true;
    case MESSAGE_KIND_bytes:
        if (!check_bytes(type, field, value, error))
            return false;
        byte_string_assign(slot, value->via.bin.ptr, value->via.bin.size);
        return true;
    case MESSAGE_KIND_integer:
        return take_integer(type, field, value, slot, error);
    case MESSAGE_KIND_boolean:
        if (value->type != MSGPACK_OBJECT_BOOLEAN)
            return wrong_type(type, field, "true or false", error);
        *(bool *)slot = value->via.boolean;
        return true;
    case MESSAGE_KIND_texts:
        return take_texts(type, field, value, slot, error);
    case MESSAGE_KIND_records:
        return take_records(type, field, value, slot, error);
    }
    return false;
}

static bool key_is(const msgpack_object *key, const char *name)
{
    return key->type == MSGPACK_OBJECT_STR && key->via.str.size == strlen(name) &&
           memcmp(key->via.str.ptr, name, key->via.str.size) == 0;
}

/* The value of `name`, NULL when the map has none; `*count` tells how often it stands there. */
static const msgpack_object *find_value(const msgpack_object_map *map, const char *name, int *count)
{
    const msgpack_object *found = NULL;
    *count = 0;
    for (uint32_t i = 0; i < map->size; i++) {
        if (!key_is(&map->ptr[i].key, name))
            continue;
        found = &map->ptr[i].val;
        (*count)++;
    }
    return found;
}

static bool take_map(const struct message_type *type, void *message, const msgpack_object_map *map,
                     struct error *error)
{
    if (map->size > KEYS_MAX)
        return error_set(error, ERROR_INVALID, "%s has more than %d fields", type->name, KEYS_MAX);
    for (const struct message_field *field = type->fields(); field->name; field++) {
        int count;
        const msgpack_object *value = find_value(map, field->name, &count);
        if (count > 1)
            return error_set(error, ERROR_INVALID, "%s.%s is given twice", type->name, field->name);
        if (!value && field->required)
            return error_set(error, ERROR_INVALID, "%s.%s is missing", type->name, field->name);
        if (value && !take_field(type, field, value, (char *)message + field->offset, error))
            return false;
    }
    return true;
}

static bool take_message(const struct message_type *type, void *message, const msgpack_object *object,
                         struct error *error)
{
    int count;
    if (object->type != MSGPACK_OBJECT_MAP)
        return error_set(error, ERROR_INVALID, "%s must be a map", type->name);
    const msgpack_object *name = find_value(&object->via.map, "message", &count);
    if (count != 1 || !key_is(name, type->name))
        return error_set(error, ERROR_INVALID, "the message is no %s", type->name);
    return take_map(type, message, &object->via.map, error);
}

/*
 * The unpacker allocates an array or map when it reads the head that declares it, before it has seen one
 * item: five bytes could ask for gigabytes. So the bytes are measured first. Strings stay where they are.
 */
static bool unpack(msgpack_unpacked *unpacked, const void *bytes, size_t length, size_t *offset)
{
    return message_measure(bytes, length) &&
           msgpack_unpack_next(unpacked, bytes, length, offset) == MSGPACK_UNPACK_SUCCESS;
}

bool message_decode(const struct message_type *type, void *message, const void *bytes, size_t length,
                    struct error *error)
{
    memset(message, 0, type->struct_bytes);
    msgpack_unpacked unpacked;
    msgpack_unpacked_init(&unpacked);
    size_t offset = 0;
    bool ok = unpack(&unpacked, bytes, length, &offset);
    if (!ok)
        error_set(error, ERROR_INVALID, "%s is not whole msgpack", type->name);
    else if (offset != length)
        ok = error_set(error, ERROR_INVALID, "%s has %zu bytes too many", type->name, length - offset);
    else
        ok = take_message(type, message, &unpacked.data, error);
    msgpack_unpacked_destroy(&unpacked);
    if (!ok)
        message_clear(type, message);
    return ok;
}

const char *message_peek_name(const void *bytes, size_t length, char out[MESSAGE_NAME_BYTES])
{
    msgpack_unpacked unpacked;
    msgpack_unpacked_init(&unpacked);
    size_t offset = 0;
    const char *found = NULL;
    if (unpack(&unpacked, bytes, length, &offset) && unpacked.data.type == MSGPACK_OBJECT_MAP &&
        unpacked.data.via.map.size <= KEYS_MAX) {
        int count;
        const msgpack_object *name = find_value(&unpacked.data.via.map, "message", &count);
        if (count == 1 && name->type == MSGPACK_OBJECT_STR && name->via.str.size < MESSAGE_NAME_BYTES) {
            memcpy(out, name->via.str.ptr, name->via.str.size);
            out[name->via.str.size] = '\0';
            found = out;
        }
    }
    msgpack_unpacked_destroy(&unpacked);
    return found;
}
