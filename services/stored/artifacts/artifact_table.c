#include "services/stored/artifacts/artifact_table.h"

#include "libcommon/base/limits.h"
#include "libcommon/base/memory.h"
#include "libcommon/base/text.h"
#include "services/stored/domain/domain_answer.h"

#include <stdlib.h>
#include <string.h>

/* The texts of all artifacts go into one answer of LIMIT_MESSAGE_BYTES. */
enum { TEXT_BYTES_MAX = 6 * 1024 * 1024 };

/* What an artifact adds to the answer of session_artifacts; its id is not known before it is stored. */
static size_t text_bytes(const struct artifact_name *name)
{
    return strlen(name->logical_path) + strlen(name->name) + strlen(name->data_type) + DOMAIN_ANSWER_ID_BYTES;
}

void artifact_table_init(struct artifact_table *table)
{
    *table = (struct artifact_table){.count = 0};
    TAILQ_INIT(&table->list);
}

struct artifact *artifact_table_find(const struct artifact_table *table, const char *logical_path)
{
    struct artifact *artifact = TAILQ_FIRST(&table->list);
    while (artifact && strcmp(artifact->name.logical_path, logical_path) != 0)
        artifact = TAILQ_NEXT(artifact, link);
    return artifact;
}

/* The server knows name and type alone: the later output would silently overwrite the first. */
bool artifact_table_check_collisions(const struct artifact_table *table, const struct artifact_name *name,
                                     struct error *error)
{
    for (const struct artifact *other = TAILQ_FIRST(&table->list); other; other = TAILQ_NEXT(other, link))
        if (artifact_name_collides(&other->name, name))
            return error_set(error, ERROR_CONFLICT, "outputs %.*s and %.*s would be one artifact, %.*s",
                             TEXT_CUT(other->name.logical_path, 120), TEXT_CUT(name->logical_path, 120),
                             TEXT_CUT(name->name, 60));
    return true;
}

bool artifact_table_check_room(const struct artifact_table *table, const struct artifact_name *name,
                               struct error *error)
{
    if (table->count < LIMIT_ARTIFACTS && table->text_bytes + text_bytes(name) <= TEXT_BYTES_MAX)
        return true;
    return error_set(error, ERROR_TOO_LARGE,
                     "the task has %zu artifacts already; more, or longer names, do not fit", table->count);
}

struct artifact *artifact_table_append(struct artifact_table *table, struct artifact_name *name)
{
    struct artifact *artifact = memory_allocate(sizeof *artifact);
    *artifact = (struct artifact){.name = *name};
    *name = (struct artifact_name){0};
    TAILQ_INSERT_TAIL(&table->list, artifact, link);
    table->count++;
    table->text_bytes += text_bytes(&artifact->name);
    return artifact;
}

bool artifact_is_named(const struct artifact *artifact, const char *name, const char *data_type)
{
    return strcmp(artifact->name.name, name) == 0 && strcmp(artifact->name.data_type, data_type) == 0;
}

/* A known output under a new name is other data at the server. */
static void rename_artifact(struct artifact_table *table, struct artifact *artifact,
                            struct artifact_name *name)
{
    if (!artifact_is_named(artifact, name->name, name->data_type)) {
        free(artifact->id);
        artifact->id = NULL;
        artifact->stored = false;
    }
    table->text_bytes += text_bytes(name) - text_bytes(&artifact->name);
    artifact_name_clear(&artifact->name);
    artifact->name = *name;
    *name = (struct artifact_name){0};
}

struct artifact *artifact_table_enter(struct artifact_table *table, struct artifact_name *name)
{
    struct artifact *artifact = artifact_table_find(table, name->logical_path);
    if (!artifact)
        return artifact_table_append(table, name);
    rename_artifact(table, artifact, name);
    return artifact;
}

void artifact_table_remove(struct artifact_table *table, struct artifact *artifact)
{
    TAILQ_REMOVE(&table->list, artifact, link);
    table->count--;
    table->text_bytes -= text_bytes(&artifact->name);
    request_list_drop(&artifact->waiting);
    artifact_name_clear(&artifact->name);
    free(artifact->id);
    free(artifact);
}

void artifact_describe(const struct artifact *artifact, struct message_artifact *message)
{
    *message = (struct message_artifact){.logical_path = memory_copy_text(artifact->name.logical_path),
                                         .name = memory_copy_text(artifact->name.name),
                                         .data_type = memory_copy_text(artifact->name.data_type),
                                         .id = memory_copy_text(artifact->id)};
}

void artifact_table_list(const struct artifact_table *table, struct message_artifacts *list)
{
    struct message_artifact *items = memory_allocate_array(table->count + 1, sizeof *items);
    size_t count = 0;
    const struct artifact *artifact;
    TAILQ_FOREACH(artifact, &table->list, link)
    if (artifact->stored)
        artifact_describe(artifact, &items[count++]);
    *list = (struct message_artifacts){.artifacts = {.items = items, .count = count}};
}
