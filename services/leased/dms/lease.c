#include "services/leased/dms/lease.h"

#include "libcommon/base/limits.h"
#include "libcommon/base/memory.h"
#include "libcommon/base/rfc3339.h"
#include "libcommon/base/uuid.h"
#include "libcommon/http/url.h"
#include "libcommon/json/json_field.h"
#include "libcommon/json/json_text.h"

#include <stdlib.h>
#include <string.h>

/* Of a host_command: msgpack's head of a long text, and room for all that is not task or inputs. */
enum { INPUT_FRAMING_BYTES = 5, COMMAND_REST_BYTES = 64 * 1024 };

/* --- single fields; each leaves *slot alone when the field is absent --- */

/* Frees `value` and leaves *slot alone when it is not valid. */
static bool replace_if(bool valid, char *value, char **slot)
{
    free(valid ? *slot : value);
    if (valid)
        *slot = value;
    return valid;
}

static bool take_text(struct json_slice object, const char *name, size_t limit, char **slot,
                      struct error *error)
{
    char *value = NULL;
    if (!json_field_string(object, name, &value, error))
        return false;
    return !value || replace_if(strlen(value) <= limit, value, slot) ||
           error_set(error, ERROR_TOO_LARGE, "%s is longer than %zu bytes", name, limit);
}

/* Ids become folders' names and parts of URLs: nothing but a UUID gets that far. */
static bool take_uuid(struct json_slice object, const char *name, char **slot, struct error *error)
{
    char *value = NULL;
    if (!take_text(object, name, UUID_TEXT_BYTES, &value, error))
        return false;
    return !value || replace_if(uuid_is_valid(value), value, slot) ||
           error_set(error, ERROR_INVALID, "%s is not a UUID", name);
}

static bool take_expiry(struct json_slice object, struct lease *lease, bool *changed, struct error *error)
{
    char *text = NULL;
    int64_t unix_ns = 0;
    if (!take_text(object, "lease_expires_at", LIMIT_NAME_BYTES, &text, error))
        return false;
    if (!text)
        return true;
    bool ok = rfc3339_parse(text, &unix_ns, error);
    free(text);
    if (!ok)
        return error_prefix(error, "lease_expires_at");
    lease->has_expiry = true;
    lease->expires_at_unix_ms = unix_ns / 1000000;
    *changed = true;
    return true;
}

static bool take_token(struct json_slice object, struct lease *lease, bool *changed, struct error *error)
{
    char *token = NULL;
    if (!take_text(object, "access_token", LIMIT_TOKEN_BYTES, &token, error))
        return false;
    /* An empty token is none: it would take the place of one that works. */
    if (!token || !*token) {
        free(token);
        return true;
    }
    struct secret next = SECRET_EMPTY;
    secret_assign_locked(&next, token, strlen(token));
    secret_wipe_bytes(token, strlen(token));
    free(token);
    *changed = !secret_equal(&next, &lease->access_token);
    secret_wipe(&lease->access_token);
    lease->access_token = next;
    return true;
}

static bool take_inputs(struct json_slice task, struct text_list *inputs, struct error *error)
{
    struct json_slice array;
    struct json_slice element;
    if (!json_field_of_type(task, "inputs_cids", JSON_TEXT_ARRAY, &array, error))
        return false;
    if (!array.text)
        return true;
    text_list_clear(inputs);
    struct json_iterator iterator = json_text_elements(array);
    while (json_text_next_element(&iterator, &element)) {
        char *cid = json_text_decode_string(element, error);
        if (!cid)
            return error_prefix(error, "inputs_cids");
        bool fits = inputs->count < LIMIT_TASK_CIDS && strlen(cid) <= LIMIT_URL_BYTES;
        if (fits)
            text_list_add(inputs, cid);
        free(cid);
        if (!fits)
            return error_set(error, ERROR_TOO_LARGE,
                             "inputs_cids has more than %d entries, or one above %d bytes", LIMIT_TASK_CIDS,
                             LIMIT_URL_BYTES);
    }
    return true;
}

/*
 * docs/network.md 3.1: domain_server_url, else task.meta's, else task.meta.legacy's. A heartbeat's meta does
 * not win over what the envelope said.
 */
static bool take_server_url(struct json_slice envelope, struct json_slice task, char **slot,
                            struct error *error)
{
    char *url = NULL;
    struct json_slice meta = {NULL, 0};
    struct json_slice legacy = {NULL, 0};
    bool ok = take_text(envelope, "domain_server_url", LIMIT_URL_BYTES, &url, error) &&
              json_text_member(task, "meta", &meta, error);
    if (ok && meta.length > LIMIT_TASK_META_BYTES)
        ok = error_set(error, ERROR_TOO_LARGE, "meta is longer than %d bytes", LIMIT_TASK_META_BYTES);
    bool wanted = !url && !*slot;
    if (ok && wanted && json_text_type(meta) == JSON_TEXT_OBJECT)
        ok = take_text(meta, "domain_server_url", LIMIT_URL_BYTES, &url, error) &&
             json_text_member(meta, "legacy", &legacy, error);
    if (ok && wanted && !url && json_text_type(legacy) == JSON_TEXT_OBJECT)
        ok = take_text(legacy, "domain_server_url", LIMIT_URL_BYTES, &url, error);
    if (ok && url && !url_is_http(url))
        ok = error_set(error, ERROR_INVALID, "domain_server_url is not an http or https URL");
    return url ? replace_if(ok, url, slot) : ok;
}

/* --- the two shapes: an envelope, and a heartbeat's answer that has any part of one --- */

static bool take_task(struct json_slice task, struct lease *lease, bool *expiry_changed, struct error *error)
{
    if (!take_uuid(task, "id", &lease->task_id, error) || !take_uuid(task, "job_id", &lease->job_id, error) ||
        !take_text(task, "capability", LIMIT_NAME_BYTES, &lease->capability, error) ||
        !take_text(task, "outputs_prefix", LIMIT_NAME_BYTES, &lease->outputs_prefix, error) ||
        !take_inputs(task, &lease->inputs, error) || !take_expiry(task, lease, expiry_changed, error))
        return error_prefix(error, "task");
    return true;
}

static bool take_envelope(struct json_slice envelope, struct lease *lease, struct lease_changes *changes,
                          struct error *error)
{
    struct json_slice task;
    return json_field_of_type(envelope, "task", JSON_TEXT_OBJECT, &task, error) &&
           take_task(task, lease, &changes->expiry, error) &&
           take_uuid(envelope, "task_id", &lease->task_id, error) &&
           take_uuid(envelope, "job_id", &lease->job_id, error) &&
           take_uuid(envelope, "domain_id", &lease->domain_id, error) &&
           take_server_url(envelope, task, &lease->server_url, error) &&
           take_token(envelope, lease, &changes->token, error) &&
           take_expiry(envelope, lease, &changes->expiry, error) &&
           json_field_bool(envelope, "cancel", &lease->cancel, NULL, error);
}

/* The runner host gets the task and its inputs in one message; what does not fit must not come as far as
 * that. */
static bool check_size(const struct lease *lease, struct error *error)
{
    size_t bytes = strlen(lease->task_json);
    for (size_t i = 0; i < lease->inputs.count; i++)
        bytes += strlen(lease->inputs.items[i]) + INPUT_FRAMING_BYTES;
    if (bytes > LIMIT_MESSAGE_BYTES - COMMAND_REST_BYTES)
        return error_set(error, ERROR_TOO_LARGE, "task and inputs_cids take %zu bytes, the limit is %d",
                         bytes, LIMIT_MESSAGE_BYTES - COMMAND_REST_BYTES);
    return true;
}

/* A heartbeat may bring the task anew as a whole; one that only renames it leaves the text as it was. */
static bool replace_task_text(struct json_slice envelope, struct lease *lease, struct error *error)
{
    struct json_slice task;
    struct json_slice id = {NULL, 0};
    struct json_slice capability = {NULL, 0};
    if (!json_field_of_type(envelope, "task", JSON_TEXT_OBJECT, &task, error) ||
        !json_text_member(task, "id", &id, error) ||
        !json_text_member(task, "capability", &capability, error))
        return false;
    if (id.text && capability.text) {
        free(lease->task_json);
        lease->task_json = json_text_copy(task);
    }
    return check_size(lease, error);
}

static bool keep_task_text(struct json_slice envelope, struct lease *lease, struct error *error)
{
    struct json_slice task;
    if (!json_field_of_type(envelope, "task", JSON_TEXT_OBJECT, &task, error))
        return false;
    if (!task.text || !lease->task_id || !lease->capability || !*lease->capability)
        return error_set(error, ERROR_INVALID, "task.id and task.capability are required");
    lease->task_json = json_text_copy(task);
    return check_size(lease, error);
}

bool lease_decode(struct lease *lease, const char *text, size_t length, struct error *error)
{
    struct json_slice envelope;
    struct lease_changes changes = {0};
    memset(lease, 0, sizeof *lease);
    bool ok = json_field_parse_object(text, length, &envelope, error) &&
              take_envelope(envelope, lease, &changes, error) && keep_task_text(envelope, lease, error);
    if (!ok)
        lease_clear(lease);
    return ok;
}

static void copy_lease(struct lease *target, const struct lease *source)
{
    *target = *source;
    target->task_id = memory_copy_text(source->task_id);
    target->job_id = memory_copy_text(source->job_id);
    target->capability = memory_copy_text(source->capability);
    target->domain_id = memory_copy_text(source->domain_id);
    target->server_url = memory_copy_text(source->server_url);
    target->outputs_prefix = memory_copy_text(source->outputs_prefix);
    target->task_json = memory_copy_text(source->task_json);
    target->inputs = (struct text_list){NULL, 0};
    for (size_t i = 0; i < source->inputs.count; i++)
        text_list_add(&target->inputs, source->inputs.items[i]);
    target->access_token = SECRET_EMPTY;
    if (source->access_token.bytes)
        secret_assign_locked(&target->access_token, source->access_token.bytes, source->access_token.length);
}

bool lease_merge(struct lease *lease, const char *text, size_t length, struct lease_changes *changes,
                 struct error *error)
{
    struct json_slice answer;
    *changes = (struct lease_changes){false, false, false};
    if (length == 0)
        return true;
    /* Merged into a copy: an answer that turns out bad halfway changes nothing. */
    struct lease merged;
    copy_lease(&merged, lease);
    if (!json_field_parse_object(text, length, &answer, error) ||
        !take_envelope(answer, &merged, changes, error) || !replace_task_text(answer, &merged, error)) {
        lease_clear(&merged);
        *changes = (struct lease_changes){false, false, false};
        return false;
    }
    changes->renamed = strcmp(merged.task_id, lease->task_id) != 0;
    lease_clear(lease);
    *lease = merged;
    return true;
}

void lease_clear(struct lease *lease)
{
    free(lease->task_id);
    free(lease->job_id);
    free(lease->capability);
    free(lease->domain_id);
    free(lease->server_url);
    free(lease->outputs_prefix);
    free(lease->task_json);
    text_list_clear(&lease->inputs);
    secret_wipe(&lease->access_token);
    memset(lease, 0, sizeof *lease);
}

char *lease_peek_task_id(const char *text, size_t length)
{
    struct error ignored;
    struct json_slice envelope;
    struct json_slice task;
    char *id = NULL;
    if (json_field_parse_object(text, length, &envelope, &ignored) &&
        json_field_of_type(envelope, "task", JSON_TEXT_OBJECT, &task, &ignored) && task.text)
        take_uuid(task, "id", &id, &ignored);
    return id;
}
