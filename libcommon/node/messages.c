#include "libcommon/node/messages.h"

/* Records name their type. */
#define RECORD_capability (&message_capability_type)
#define RECORD_artifact (&message_artifact_type)

MESSAGES(MESSAGE_TYPE)

#define ADDRESS(name, meaning) &message_##name##_type,
const struct message_type *const message_types[] = {MESSAGES(ADDRESS) NULL};
