#include "libcommon/messages.h"

enum { REQUIREMENT_optional, REQUIREMENT_required };

/* Records name their type; `none` is the record of fields that hold none. */
#define RECORD_none NULL
#define RECORD_capability (&message_capability_type)
#define RECORD_artifact (&message_artifact_type)

#define FIELD_ROW(kind, name, requirement, limit, record, meaning)                                           \
    {#name,                                                                                                  \
     MESSAGE_KIND_##kind,                                                                                    \
     REQUIREMENT_##requirement == REQUIREMENT_required,                                                      \
     offsetof(this_message, name),                                                                           \
     (limit),                                                                                                \
     RECORD_##record,                                                                                        \
     meaning},
#define COUNT_ONE(kind, name, ...) +1

/*
 * A row needs the name of the struct that it stands in, and a list of fields does not know it: a typedef
 * inside a function of its own binds that name, so that a field stays one line. The last row is empty: C has
 * no arrays without rows.
 */
#define TYPE(name, meaning)                                                                                  \
    static const struct message_field *fields_of_##name(void)                                                \
    {                                                                                                        \
        typedef struct message_##name this_message;                                                          \
        static const struct message_field rows[] = {                                                         \
            FIELDS_##name(FIELD_ROW){NULL, MESSAGE_KIND_text, false, sizeof(this_message), 0, NULL, NULL}};  \
        return rows;                                                                                         \
    }                                                                                                        \
    const struct message_type message_##name##_type = {                                                      \
        #name, sizeof(struct message_##name), fields_of_##name, 0 FIELDS_##name(COUNT_ONE), meaning};
MESSAGES(TYPE)

#define ADDRESS(name, meaning) &message_##name##_type,
const struct message_type *const message_types[] = {MESSAGES(ADDRESS) NULL};
