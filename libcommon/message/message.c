#include "libcommon/message/message.h"

#include "libcommon/base/memory.h"
#include "libcommon/base/text.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* --- ownership --- */

static void records_clear(const struct message_type *record, struct record_list *list)
{
    for (size_t i = 0; i < list->count; i++)
        message_clear(record, (char *)list->items + i * record->struct_bytes);
    free(list->items);
}

void message_clear(const struct message_type *type, void *message)
{
    for (const struct message_field *field = type->fields(); field->name; field++) {
        void *slot = (char *)message + field->offset;
        switch (field->kind) {
        case MESSAGE_KIND_text:
        case MESSAGE_KIND_json:
            free(*(char **)slot);
            break;
        case MESSAGE_KIND_secret:
            secret_wipe(slot);
            break;
        case MESSAGE_KIND_bytes:
            free(((struct byte_string *)slot)->bytes);
            break;
        case MESSAGE_KIND_texts:
            text_list_clear(slot);
            break;
        case MESSAGE_KIND_records:
            records_clear(field->record, slot);
            break;
        case MESSAGE_KIND_integer:
        case MESSAGE_KIND_boolean:
            break;
        }
    }
    memset(message, 0, type->struct_bytes);
}

static void copy_records(const struct message_type *record, struct record_list *target,
                         const struct record_list *source)
{
    target->items = memory_allocate_array(source->count, record->struct_bytes);
    target->count = source->count;
    for (size_t i = 0; i < source->count; i++)
        message_copy(record, (char *)target->items + i * record->struct_bytes,
                     (const char *)source->items + i * record->struct_bytes);
}

/* `target` is all zero. */
static void copy_field(const struct message_field *field, void *target, const void *source)
{
    const struct secret *secret = source;
    const struct byte_string *string = source;
    const struct text_list *list = source;
    switch (field->kind) {
    case MESSAGE_KIND_text:
    case MESSAGE_KIND_json:
        *(char **)target = memory_copy_text(*(char *const *)source);
        break;
    case MESSAGE_KIND_secret:
        if (secret->bytes)
            secret_assign(target, secret->bytes, secret->length);
        break;
    case MESSAGE_KIND_bytes:
        if (string->bytes)
            byte_string_assign(target, string->bytes, string->length);
        break;
    case MESSAGE_KIND_texts:
        for (size_t i = 0; i < list->count; i++)
            text_list_add(target, list->items[i]);
        break;
    case MESSAGE_KIND_records:
        copy_records(field->record, target, source);
        break;
    case MESSAGE_KIND_integer:
        *(int64_t *)target = *(const int64_t *)source;
        break;
    case MESSAGE_KIND_boolean:
        *(bool *)target = *(const bool *)source;
        break;
    }
}

void message_copy(const struct message_type *type, void *target, const void *source)
{
    memset(target, 0, type->struct_bytes);
    for (const struct message_field *field = type->fields(); field->name; field++)
        copy_field(field, (char *)target + field->offset, (const char *)source + field->offset);
}

/* --- log form --- */

static void print_text(FILE *out, const char *text)
{
    char line[96];
    size_t length = strlen(text);
    fprintf(out, "\"%s%s\"", text_one_line(text, length, line, sizeof line),
            length >= sizeof line ? "..." : "");
}

static void print_field(FILE *out, const struct message_field *field, const void *slot)
{
    char masked[SECRET_LOG_FORM_BYTES];
    fprintf(out, "%s=", field->name);
    switch (field->kind) {
    case MESSAGE_KIND_text:
    case MESSAGE_KIND_json:
        if (*(char *const *)slot)
            print_text(out, *(char *const *)slot);
        else
            fputs("none", out);
        break;
    case MESSAGE_KIND_secret:
        fputs(secret_log_form(slot, masked), out);
        break;
    case MESSAGE_KIND_bytes:
        fprintf(out, "(%zu bytes)", ((const struct byte_string *)slot)->length);
        break;
    case MESSAGE_KIND_integer:
        fprintf(out, "%" PRId64, *(const int64_t *)slot);
        break;
    case MESSAGE_KIND_boolean:
        fputs(*(const bool *)slot ? "true" : "false", out);
        break;
    case MESSAGE_KIND_texts:
        fprintf(out, "[%zu]", ((const struct text_list *)slot)->count);
        break;
    case MESSAGE_KIND_records:
        fprintf(out, "[%zu]", ((const struct record_list *)slot)->count);
        break;
    }
}

char *message_log_form(const struct message_type *type, const void *message)
{
    char *text = NULL;
    size_t length = 0;
    FILE *out = memory_require(open_memstream(&text, &length));
    const char *separator = "";
    fprintf(out, "%s{", type->name);
    for (const struct message_field *field = type->fields(); field->name; field++) {
        fputs(separator, out);
        separator = ", ";
        print_field(out, field, (const char *)message + field->offset);
    }
    fputc('}', out);
    fclose(out);
    return text;
}

/* --- bytes --- */

void byte_string_assign(struct byte_string *string, const void *bytes, size_t length)
{
    *string = (struct byte_string){memory_copy_bytes(bytes, length), length};
}

/* --- lists of texts --- */

void text_list_add(struct text_list *list, const char *item)
{
    list->items = memory_resize_array(list->items, list->count + 1, sizeof(char *));
    list->items[list->count++] = memory_copy_text(item);
}

void text_list_clear(struct text_list *list)
{
    for (size_t i = 0; i < list->count; i++)
        free(list->items[i]);
    free(list->items);
    *list = (struct text_list){NULL, 0};
}

static int compare_texts(const void *left, const void *right)
{
    return strcmp(*(char *const *)left, *(char *const *)right);
}

void text_list_sort_unique(struct text_list *list)
{
    size_t kept = 0;
    if (list->count)
        qsort(list->items, list->count, sizeof *list->items, compare_texts);
    for (size_t i = 0; i < list->count; i++)
        if (kept && strcmp(list->items[kept - 1], list->items[i]) == 0)
            free(list->items[i]);
        else
            list->items[kept++] = list->items[i];
    list->count = kept;
}

bool text_list_contains(const struct text_list *list, const char *item)
{
    for (size_t i = 0; i < list->count; i++)
        if (strcmp(list->items[i], item) == 0)
            return true;
    return false;
}
