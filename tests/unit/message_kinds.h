/* A message with one field of each kind, for the tests of all that messages do by their tables. */
#ifndef TESTS_UNIT_MESSAGE_KINDS_H
#define TESTS_UNIT_MESSAGE_KINDS_H

#include "libcommon/message/message_define.h"

#define FIELDS_inner(FIELD) FIELD(text, label, required, 8, none, "a text inside")
#define FIELDS_kinds(FIELD)                                                                                  \
    FIELD(text, text, optional, 8, none, "a text")                                                           \
    FIELD(json, json, optional, 8, none, "JSON text")                                                        \
    FIELD(secret, secret, optional, 8, none, "a secret")                                                     \
    FIELD(bytes, bytes, optional, 8, none, "bytes")                                                          \
    FIELD(integer, integer, optional, 0, none, "a number")                                                   \
    FIELD(boolean, boolean, optional, 0, none, "yes or no")                                                  \
    FIELD(texts, texts, optional, 8, none, "texts")                                                          \
    FIELD(records, records, optional, 3, inner, "records")
#define RECORD_inner &message_inner_type
MESSAGE_STRUCT(inner, "a record")
MESSAGE_TYPE(inner, "a record")
MESSAGE_STRUCT(kinds, "one field of each kind")
MESSAGE_TYPE(kinds, "one field of each kind")

#endif
