/* Who may use a domain, and what every write is judged by. */
#include "tests/devnet/domain.h"

#include "libcommon/base/memory.h"
#include "tests/devnet/dms.h"
#include "tests/devnet/exchange.h"
#include "tests/devnet/moment.h"
#include "tests/devnet/name_form.h"
#include "tests/devnet/signature.h"
#include "tests/devnet/token.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

void domain_info(struct exchange *exchange)
{
    const struct tuning *tuning = &exchange->devnet->tuning;

    if (exchange->by_app || !exchange_header(exchange, "Authorization") ||
        exchange_tolerates(exchange, RULE_INFO_TOKEN, "it came with an Authorization header"))
        exchange_answer_json(exchange, 200,
                             json_pack("{s:{s:I, s:{s:b}}}", "upload", "request_max_bytes",
                                       (json_int_t)tuning->request_max_bytes, "multipart", "enabled",
                                       (int)tuning->multipart));
}

/* The lease's own domain, or (to read) one that an input of the task names. */
static bool check_domain(struct exchange *exchange, enum domain_use use, const struct domain_caller *caller)
{
    const char *domain = exchange->arguments[0];

    if (strcmp(domain, row_text(caller->token, "domain_id")) == 0)
        return true;
    if (use == DOMAIN_READ && strstr(row_text(caller->task, "inputs_cids"), domain))
        return true;
    return exchange_tolerates(exchange, RULE_TOKEN_WRONG_DOMAIN, "the lease is for domain %s",
                              row_text(caller->token, "domain_id"));
}

static bool check_lease(struct exchange *exchange, enum domain_use use, const struct domain_caller *caller)
{
    const json_t *task = caller->task;
    int64_t ended = row_integer(task, "lease_ended_at"), grace = exchange->devnet->tuning.race_grace_ms;

    if (row_integer(task, "cancelled_envelope"))
        return exchange_refuse(exchange, RULE_CANCELLED_ENVELOPE, "the task was leased with cancel: true");
    /* A later lease of the task says nothing about when this one ended; the token is good for nothing new,
     * though. */
    if (row_integer(task, "attempts") != row_integer(caller->token, "attempt"))
        return use == DOMAIN_ABORT || exchange_decline(exchange, 403, "the token's lease is over");
    if (!row_integer(task, "first_heartbeat_at") &&
        !exchange_tolerates(exchange, RULE_HEARTBEAT_FIRST, "no heartbeat was sent for this lease"))
        return false;
    if (use != DOMAIN_READ && use != DOMAIN_ABORT && ended && exchange->started_ms >= ended + grace &&
        !exchange_tolerates(exchange, RULE_STORAGE_AFTER_LEASE, "the lease ended %d ms before",
                            (int)(exchange->started_ms - ended)))
        return false;
    return true;
}

bool domain_open(struct exchange *exchange, enum domain_use use, struct domain_caller *caller)
{
    *caller = (struct domain_caller){NULL, NULL};
    if (exchange->by_app)
        return true;
    caller->token = token_check_domain(exchange, use == DOMAIN_WRITE_FORM);
    if (!caller->token)
        return false;
    dms_expire_leases(exchange->devnet);
    caller->task = store_row(exchange->devnet->store, "SELECT * FROM tasks WHERE id=?",
                             VALUES(TEXT(row_text(caller->token, "task"))));
    return check_domain(exchange, use, caller) && check_lease(exchange, use, caller);
}

void domain_caller_clear(struct domain_caller *caller)
{
    json_decref(caller->token);
    json_decref(caller->task);
    *caller = (struct domain_caller){NULL, NULL};
}

static bool check_name(struct exchange *exchange, const struct domain_caller *caller, const char *name)
{
    char *suffix = memory_format("_%s", dms_artifact_suffix(caller->task));
    const char *prefix = row_text(caller->task, "outputs_prefix");
    size_t length = strlen(name), suffix_length = strlen(suffix), prefix_length;
    char *start;
    bool fine = name_is_sanitised(name) && length > suffix_length &&
                strcmp(name + length - suffix_length, suffix) == 0;

    prefix += strspn(prefix, "/");
    prefix_length = strlen(prefix);
    while (prefix_length > 0 && prefix[prefix_length - 1] == '/')
        prefix_length--;
    start = memory_copy_bytes(prefix, prefix_length);
    free(suffix);
    suffix = name_sanitise(start);
    fine = fine && strncmp(name, suffix, strlen(suffix)) == 0;
    free(start);
    free(suffix);
    return fine ||
           exchange_tolerates(exchange, RULE_ARTIFACT_NAME, "\"%s\" for task %s with prefix \"%s\"", name,
                              dms_artifact_suffix(caller->task), row_text(caller->task, "outputs_prefix"));
}

/* Something new: was an existing one looked up, and is there none? */
static bool check_new(struct exchange *exchange, const struct domain_caller *caller,
                      const struct domain_item *item)
{
    struct store *store = exchange->devnet->store;
    const char *task = row_text(caller->task, "id");

    if (!store_integer(store, 0, "SELECT count(*) FROM lookups WHERE task=? AND name=? AND data_type=?",
                       VALUES(TEXT(task), TEXT(item->name), TEXT(item->data_type))) &&
        !exchange_tolerates(exchange, RULE_ARTIFACT_LOOKUP, "%s (%s) was not looked up", item->name,
                            item->data_type))
        return false;
    /* One that this task created and never heard of (its answer went wrong) may be sent again. */
    if (store_integer(
            store, 0,
            "SELECT count(*) FROM data WHERE domain_id=? AND name=? AND data_type=? AND NOT (task IS ? AND "
            "answered=0)",
            VALUES(TEXT(exchange->arguments[0]), TEXT(item->name), TEXT(item->data_type), TEXT(task))) &&
        !exchange_tolerates(exchange, RULE_ARTIFACT_DUPLICATE, "%s (%s) exists", item->name, item->data_type))
        return false;
    return true;
}

bool domain_check_item(struct exchange *exchange, const struct domain_caller *caller,
                       const struct domain_item *item)
{
    bool fresh = !item->id || !*item->id;

    if (!fresh &&
        !store_integer(exchange->devnet->store, 0, "SELECT count(*) FROM data WHERE id=? AND domain_id=?",
                       VALUES(TEXT(item->id), TEXT(exchange->arguments[0]))))
        return exchange_decline(exchange, 404, "no data %s in this domain", item->id);
    if (exchange->by_app)
        return true;
    if (item->data_type && !name_is_sanitised(item->data_type) &&
        !exchange_tolerates(exchange, RULE_ARTIFACT_TYPE, "\"%s\"", item->data_type))
        return false;
    if (item->name && !exchange->devnet->tuning.free_artifact_names &&
        !check_name(exchange, caller, item->name))
        return false;
    return !fresh || check_new(exchange, caller, item);
}

char *domain_metadata(struct devnet *devnet, const char *id)
{
    return store_text(
        devnet->store,
        "SELECT json_object('id', id, 'domain_id', domain_id, 'name', name, 'data_type', data_type, "
        "'size', size, 'created_at', moment(created_at), 'updated_at', moment(updated_at)) FROM data "
        "WHERE id=?",
        VALUES(TEXT(id)));
}

/* The id under which the item is stored: the given one, the one this task created unheard, or a new one. */
static void choose_id(struct exchange *exchange, const struct domain_item *item, char id[UUID_TEXT_BYTES])
{
    char *unheard;

    random_uuid(id);
    if (item->id && *item->id) {
        snprintf(id, UUID_TEXT_BYTES, "%s", item->id);
        return;
    }
    unheard =
        store_text(exchange->devnet->store,
                   "SELECT id FROM data WHERE domain_id=? AND name=? AND data_type=? AND answered=0 LIMIT 1",
                   VALUES(TEXT(exchange->arguments[0]), TEXT(item->name), TEXT(item->data_type)));
    if (unheard)
        snprintf(id, UUID_TEXT_BYTES, "%s", unheard);
    free(unheard);
}

bool domain_keep_item(struct exchange *exchange, const struct domain_caller *caller,
                      const struct domain_item *item, const char *path, char id[UUID_TEXT_BYTES])
{
    struct devnet *devnet = exchange->devnet;
    int64_t now = moment_now_ms();
    char version[UUID_TEXT_BYTES];
    char *file, *old;

    choose_id(exchange, item, id);
    random_uuid(version);
    file = memory_format("%s/data/%s", devnet->folder, version);
    if (rename(path, file) != 0) {
        unlink(path);
        free(file);
        return exchange_decline(exchange, 500, "cannot store the data");
    }
    /* Readers of the replaced version have it open or get an error; they never see a mixture. */
    old = store_text(devnet->store, "SELECT file FROM data WHERE id=?", VALUES(TEXT(id)));
    store_run(
        devnet->store,
        "INSERT INTO data(id, domain_id, name, data_type, size, sha256, stored_by, parts, file, task, "
        "attempt, "
        "answered, created_at, updated_at) VALUES(?1,?2,?3,?4,?5,?6,?7,?8,?9,?10,?11,?12,?13,?13) ON "
        "CONFLICT(id) DO UPDATE SET name=coalesce(?3, name), data_type=coalesce(?4, data_type), size=?5, "
        "sha256=?6, stored_by=?7, parts=?8, file=?9, task=?10, attempt=?11, answered=?12, updated_at=?13",
        VALUES(TEXT(id), TEXT(exchange->arguments[0]), TEXT(item->name), TEXT(item->data_type),
               INTEGER(item->size), TEXT(item->sha256), TEXT(item->stored_by), INTEGER(item->parts),
               TEXT(file), TEXT(json_string_value(json_object_get(caller->task, "id"))),
               INTEGER(row_integer(caller->task, "attempts")), INTEGER(!exchange->has_fault), INTEGER(now)));
    if (old)
        unlink(old);
    free(old);
    free(file);
    store_changed(devnet->store);
    return true;
}

/* For other clients: the compute node of the contract never deletes. */
void domain_delete(struct exchange *exchange)
{
    struct store *store = exchange->devnet->store;
    const char *domain = exchange->arguments[0], *id = exchange->arguments[1];
    struct domain_caller caller;
    char *file = NULL;

    if (!domain_open(exchange, DOMAIN_WRITE, &caller))
        goto out;
    file =
        store_text(store, "SELECT file FROM data WHERE id=? AND domain_id=?", VALUES(TEXT(id), TEXT(domain)));
    if (!file) {
        exchange_decline(exchange, 404, "no data %s in this domain", id);
        goto out;
    }
    store_run(store, "DELETE FROM data WHERE id=?", VALUES(TEXT(id)));
    unlink(file);
    store_changed(store);
    exchange_answer(exchange, 204);
out:
    free(file);
    domain_caller_clear(&caller);
}
