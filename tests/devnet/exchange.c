#include "tests/devnet/exchange.h"

#include "libcommon/base/memory.h"

#include <microhttpd.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

const char *exchange_header(const struct exchange *exchange, const char *name)
{
    return MHD_lookup_connection_value(exchange->connection, MHD_HEADER_KIND, name);
}

const char *exchange_query(const struct exchange *exchange, const char *name)
{
    return MHD_lookup_connection_value(exchange->connection, MHD_GET_ARGUMENT_KIND, name);
}

bool exchange_has_query(const struct exchange *exchange, const char *name)
{
    const char *value;
    size_t length;

    return MHD_lookup_connection_value_n(exchange->connection, MHD_GET_ARGUMENT_KIND, name, strlen(name),
                                         &value, &length) == MHD_YES;
}

struct query_list {
    const char *name;
    json_t *values; /* NULL: something else was there */
};

static enum MHD_Result collect_query(void *context, enum MHD_ValueKind kind, const char *name,
                                     const char *value)
{
    struct query_list *list = context;
    json_t *text = value && *value && strcmp(name, list->name) == 0 ? json_string(value) : NULL;

    (void)kind;
    if (text && json_array_append_new(list->values, text) == 0)
        return MHD_YES;
    json_decref(list->values);
    list->values = NULL;
    return MHD_NO;
}

json_t *exchange_query_list(const struct exchange *exchange, const char *name)
{
    struct query_list list = {name, json_array()};

    MHD_get_connection_values(exchange->connection, MHD_GET_ARGUMENT_KIND, collect_query, &list);
    return list.values;
}

const char *exchange_bearer(const struct exchange *exchange)
{
    const char *header = exchange_header(exchange, MHD_HTTP_HEADER_AUTHORIZATION);

    return header && strncmp(header, "Bearer ", 7) == 0 && header[7] ? header + 7 : NULL;
}

void exchange_answer(struct exchange *exchange, int status)
{
    answer_clear(&exchange->answer);
    exchange->answer.status = status;
}

void exchange_answer_text(struct exchange *exchange, int status, const char *content_type, char *text)
{
    exchange_answer(exchange, status);
    exchange->answer.content_type = memory_copy_text(content_type);
    answer_add_text(&exchange->answer, text);
}

void exchange_answer_json(struct exchange *exchange, int status, json_t *json)
{
    char *text = json_dumps(json, JSON_COMPACT);

    json_decref(json);
    exchange_answer_text(exchange, status, "application/json", text ? text : memory_copy_text("null"));
}

bool exchange_decline(struct exchange *exchange, int status, const char *format, ...)
{
    va_list arguments;
    char text[512];

    va_start(arguments, format);
    vsnprintf(text, sizeof(text), format, arguments);
    va_end(arguments);
    exchange_answer_json(exchange, status, json_pack("{s:s+}", "error", text, ""));
    return false;
}

void exchange_note(struct exchange *exchange, enum rule rule, const char *detail)
{
    if (exchange->by_app || exchange->devnet->allowed[rule])
        return;
    exchange->broken_rule = rule_of(rule)->name;
    devnet_record_violation(exchange->devnet, rule, detail, exchange->method, exchange->target,
                            exchange->task);
}

static void refuse(struct exchange *exchange, enum rule rule, const char *text)
{
    if (exchange->devnet->allowed[rule]) {
        exchange_decline(exchange, rule_of(rule)->status, "%s", text);
        return;
    }
    exchange_note(exchange, rule, text);
    exchange_answer_json(exchange, rule_of(rule)->status,
                         json_pack("{s:s+, s:s}", "error", text, "", "rule", rule_of(rule)->name));
}

bool exchange_refuse(struct exchange *exchange, enum rule rule, const char *format, ...)
{
    va_list arguments;
    char text[512];

    va_start(arguments, format);
    vsnprintf(text, sizeof(text), format, arguments);
    va_end(arguments);
    refuse(exchange, rule, text);
    return false;
}

bool exchange_tolerates(struct exchange *exchange, enum rule rule, const char *format, ...)
{
    va_list arguments;
    char text[512];

    if (exchange->devnet->allowed[rule])
        return true;
    va_start(arguments, format);
    vsnprintf(text, sizeof(text), format, arguments);
    va_end(arguments);
    refuse(exchange, rule, text);
    return false;
}

static bool is_utf8(const char *text, size_t length)
{
    json_t *value = json_stringn(text, length);

    json_decref(value);
    return value != NULL;
}

bool exchange_check_json(struct exchange *exchange)
{
    const char *type = exchange_header(exchange, MHD_HTTP_HEADER_CONTENT_TYPE);
    size_t length = strlen("application/json");
    struct store *store = exchange->devnet->store;

    if ((!type || strncasecmp(type, "application/json", length) != 0 ||
         (type[length] && !strchr("; ", type[length]))) &&
        !exchange_tolerates(exchange, RULE_JSON_CONTENT_TYPE, "Content-Type is %s", type ? type : "missing"))
        return false;
    /* SQLite judges the syntax, as it does not care how large a number in opaque JSON is. */
    if (!is_utf8(exchange->body, exchange->body_length) || strlen(exchange->body) != exchange->body_length ||
        !store_integer(store, 0, "SELECT json_valid(?)", VALUES(TEXT(exchange->body))) ||
        !store_integer(store, 0, "SELECT json_type(?) = 'object'", VALUES(TEXT(exchange->body))))
        return exchange_refuse(exchange, RULE_JSON_BODY, "the body is not a JSON object");
    return true;
}

json_t *exchange_json(struct exchange *exchange)
{
    json_t *object;

    if (!exchange_check_json(exchange))
        return NULL;
    object = json_loads(exchange->body, JSON_REJECT_DUPLICATES, NULL);
    if (!object)
        exchange_refuse(exchange, RULE_JSON_BODY,
                        "the body has a field twice, or a number or text out of range");
    return object;
}

static bool has_type(const json_t *value, char type)
{
    switch (type) {
    case 's':
        return json_is_string(value);
    case 'i':
        return json_is_integer(value);
    case 'a':
        return json_is_array(value);
    case 'o':
        return json_is_object(value);
    default:
        return value != NULL;
    }
}

bool object_has_exactly(const json_t *object, const char *fields)
{
    size_t count = 0;

    if (!json_is_object(object))
        return false;
    while (*fields) {
        size_t length = strcspn(fields, ":");
        char name[64];

        snprintf(name, sizeof(name), "%.*s", (int)length, fields);
        if (!has_type(json_object_get(object, name), fields[length + 1]))
            return false;
        fields += length + 2;
        fields += strspn(fields, " ");
        count++;
    }
    return json_object_size(object) == count;
}

bool exchange_check_fields(struct exchange *exchange, const json_t *body, const char *fields, enum rule rule)
{
    return object_has_exactly(body, fields) ||
           exchange_tolerates(exchange, rule, "fields are missing, of another type, or too many");
}

bool exchange_require_app(struct exchange *exchange)
{
    if (exchange->by_app)
        return true;
    return exchange_decline(exchange, 401, "this needs the app token: Authorization: Bearer $APP_TOKEN");
}
