/*
 * How a list of fields becomes a struct and a table; libcommon/node/messages.h tells how to write the list.
 *
 *   MESSAGE_STRUCT(name, meaning)  declares struct message_<name> and message_<name>_type from FIELDS_<name>
 *   MESSAGE_TYPE(name, meaning)    defines message_<name>_type, in one .c file
 */
#ifndef LIBCOMMON_MESSAGE_MESSAGE_DEFINE_H
#define LIBCOMMON_MESSAGE_MESSAGE_DEFINE_H

#include "libcommon/message/message.h"

#define MESSAGE_C_TYPE_text char *
#define MESSAGE_C_TYPE_json char *
#define MESSAGE_C_TYPE_secret struct secret
#define MESSAGE_C_TYPE_bytes struct byte_string
#define MESSAGE_C_TYPE_integer int64_t
#define MESSAGE_C_TYPE_boolean bool
#define MESSAGE_C_TYPE_texts struct text_list
#define MESSAGE_C_TYPE_records struct record_list

#define MESSAGE_REQUIRED_optional false
#define MESSAGE_REQUIRED_required true

/* The record of fields that hold none; other records are defined beside their list. */
#define RECORD_none NULL

#define MESSAGE_MEMBER(kind, name, ...) MESSAGE_C_TYPE_##kind name;
#define MESSAGE_ROW(kind, name, requirement, limit, record, meaning)                                         \
    {#name,                                                                                                  \
     MESSAGE_KIND_##kind,                                                                                    \
     MESSAGE_REQUIRED_##requirement,                                                                         \
     offsetof(this_message, name),                                                                           \
     (limit),                                                                                                \
     RECORD_##record,                                                                                        \
     meaning},

/* A message without fields still needs a member to be a C struct. */
#define MESSAGE_STRUCT(name, meaning)                                                                        \
    struct message_##name {                                                                                  \
        FIELDS_##name(MESSAGE_MEMBER) char no_more_fields;                                                   \
    };                                                                                                       \
    extern const struct message_type message_##name##_type;

/*
 * A row needs the name of the struct that it stands in, and a list of fields does not know it: a typedef
 * inside a function of its own binds that name, so that a field stays one line. The last row is empty: C has
 * no arrays without rows.
 */
#define MESSAGE_TYPE(name, meaning)                                                                          \
    static const struct message_field *fields_of_##name(void)                                                \
    {                                                                                                        \
        typedef struct message_##name this_message;                                                          \
        static const struct message_field rows[] = {FIELDS_##name(MESSAGE_ROW){                              \
            NULL, MESSAGE_KIND_text, false, sizeof(this_message), 0, NULL, NULL}};                           \
        return rows;                                                                                         \
    }                                                                                                        \
    const struct message_type message_##name##_type = {#name, sizeof(struct message_##name),                 \
                                                       fields_of_##name, meaning};

#endif
