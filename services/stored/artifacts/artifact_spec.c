#include "services/stored/artifacts/artifact_spec.h"

#include "libcommon/base/limits.h"
#include "libcommon/base/memory.h"
#include "libcommon/base/text.h"
#include "services/stored/domain/domain_answer.h"

#include <string.h>

enum { STORED_NAME_BYTES = LIMIT_NAME_BYTES * 2 };

bool artifact_spec_name(const struct artifact_spec *spec, const char *outputs_prefix, const char *task_id,
                        struct artifact_name *name, struct error *error)
{
    if (!artifact_name_build(outputs_prefix, spec->rel_path, task_id, name, error))
        return false;
    if (spec->id && strlen(spec->id) > DOMAIN_ANSWER_ID_BYTES) {
        artifact_name_clear(name);
        return error_set(error, ERROR_TOO_LARGE, "id has more than %d bytes", DOMAIN_ANSWER_ID_BYTES);
    }
    if (!text_is_blank(spec->name))
        memory_replace_text(&name->name, spec->name);
    if (!text_is_blank(spec->data_type))
        memory_replace_text(&name->data_type, spec->data_type);
    if (strlen(name->logical_path) <= STORED_NAME_BYTES && strlen(name->name) <= STORED_NAME_BYTES &&
        strlen(name->data_type) <= LIMIT_NAME_BYTES)
        return true;
    artifact_name_clear(name);
    return error_set(error, ERROR_TOO_LARGE, "the name of output %.128s is too long", spec->rel_path);
}
