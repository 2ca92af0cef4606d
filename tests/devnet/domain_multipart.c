/* Multipart uploads: start, parts, complete, abort (docs/network.md 4.2). Each part is a file until it is
 * completed. */
#include "tests/devnet/domain.h"

#include "libcommon/base/memory.h"
#include "tests/devnet/body_file.h"
#include "tests/devnet/exchange.h"
#include "tests/devnet/moment.h"
#include "tests/devnet/signature.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

enum { PART_NUMBER_MOST = 10000, COPY_BYTES = 1024 * 1024 };

static bool has_start_fields(const json_t *body)
{
    static const char base[] = "name:s data_type:s content_type:s";
    static const char *const more[] = {"", " size:i", " existing_id:s", " size:i existing_id:s"};
    json_t *known = json_deep_copy(body);
    bool fine = false;

    /* A null counts as absent, here as everywhere. */
    if (json_is_null(json_object_get(known, "size")))
        json_object_del(known, "size");
    if (json_is_null(json_object_get(known, "existing_id")))
        json_object_del(known, "existing_id");
    for (size_t i = 0; i < 4 && !fine; i++) {
        char *fields = memory_format("%s%s", base, more[i]);

        fine = object_has_exactly(known, fields);
        free(fields);
    }
    json_decref(known);
    return fine && strcmp(row_text(body, "content_type"), "application/octet-stream") == 0;
}

static bool check_start(struct exchange *exchange, const json_t *body)
{
    const json_t *size = json_object_get(body, "size");

    if (!has_start_fields(body) && !exchange_tolerates(exchange, RULE_MULTIPART_INIT,
                                                       "fields are missing, of another type, or too many"))
        return false;
    return !json_is_integer(size) || json_integer_value(size) > 0 ||
           exchange_tolerates(exchange, RULE_MULTIPART_EMPTY, "the size is %lld",
                              (long long)json_integer_value(size));
}

static void start_upload(struct exchange *exchange, const struct domain_caller *caller, const json_t *body)
{
    struct devnet *devnet = exchange->devnet;
    const json_t *size = json_object_get(body, "size");
    char id[UUID_TEXT_BYTES];

    random_uuid(id);
    store_run(devnet->store,
              "INSERT INTO uploads(id, domain_id, task, attempt, name, data_type, size, existing_id, "
              "part_size, state, "
              "created_at) VALUES(?,?,?,?,?,?,?,?,?,?,?)",
              VALUES(TEXT(id), TEXT(exchange->arguments[0]),
                     TEXT(json_string_value(json_object_get(caller->task, "id"))),
                     INTEGER(row_integer(caller->task, "attempts")), TEXT(row_text(body, "name")),
                     TEXT(row_text(body, "data_type")),
                     json_is_integer(size) ? INTEGER(json_integer_value(size)) : TEXT(NULL),
                     TEXT(json_string_value(json_object_get(body, "existing_id"))),
                     INTEGER(devnet->tuning.part_size_bytes), TEXT(exchange->has_fault ? "unheard" : "open"),
                     INTEGER(moment_now_ms())));
    exchange_answer_json(
        exchange, 200,
        json_pack("{s:s, s:I}", "upload_id", id, "part_size", (json_int_t)devnet->tuning.part_size_bytes));
}

void domain_multipart_start(struct exchange *exchange)
{
    struct domain_caller caller = {NULL, NULL};
    json_t *body = NULL;

    if (!exchange->devnet->tuning.multipart)
        exchange_decline(exchange, 404, "this server has no multipart");
    else if (domain_open(exchange, DOMAIN_WRITE, &caller) && (body = exchange_json(exchange))) {
        struct domain_item item = {.id = json_string_value(json_object_get(body, "existing_id")),
                                   .name = row_text(body, "name"),
                                   .data_type = row_text(body, "data_type")};

        if (check_start(exchange, body) && domain_check_item(exchange, &caller, &item))
            start_upload(exchange, &caller, body);
    }
    json_decref(body);
    domain_caller_clear(&caller);
}

/* The upload of the query, of this domain and this task; NULL when there is none. */
static json_t *find_upload(struct exchange *exchange, const struct domain_caller *caller)
{
    return store_row(exchange->devnet->store,
                     "SELECT * FROM uploads WHERE id=? AND domain_id=? AND task IS ?",
                     VALUES(TEXT(exchange_query(exchange, "uploadId")), TEXT(exchange->arguments[0]),
                            TEXT(json_string_value(json_object_get(caller->task, "id")))));
}

/* A part that was under way while its upload was aborted is no fault of the node. */
static bool check_open(struct exchange *exchange, const json_t *upload)
{
    const char *state = row_text(upload, "state");

    if (!upload)
        return exchange_refuse(exchange, RULE_MULTIPART_UNKNOWN, "no upload of this task has that id");
    if (strcmp(state, "open") == 0 || strcmp(state, "unheard") == 0)
        return true;
    if (exchange->started_ms < row_integer(upload, "ended_at") + exchange->devnet->tuning.race_grace_ms)
        return exchange_decline(exchange, 404, "the upload was %s", state);
    return exchange_refuse(exchange, RULE_MULTIPART_FINISHED, "the upload was %s", state);
}

static bool check_part(struct exchange *exchange, const json_t *upload, int64_t number)
{
    int64_t size = body_file_size(exchange->file), part_size = row_integer(upload, "part_size");
    const char *type = exchange_header(exchange, "Content-Type");
    int64_t total = row_integer(upload, "size");
    bool last = total ? number * part_size >= total : size < part_size;

    if ((!type || strcmp(type, "application/octet-stream") != 0) &&
        !exchange_tolerates(exchange, RULE_MULTIPART_CONTENT_TYPE, "Content-Type is %s",
                            type ? type : "missing"))
        return false;
    if ((number < 1 || number > PART_NUMBER_MOST) &&
        !exchange_tolerates(exchange, RULE_MULTIPART_NUMBER, "partNumber is %lld", (long long)number))
        return false;
    if ((size == 0 || size > part_size || (!last && size != part_size)) &&
        !exchange_tolerates(exchange, RULE_MULTIPART_SIZE, "part %lld has %lld bytes, part_size is %lld",
                            (long long)number, (long long)size, (long long)part_size))
        return false;
    return true;
}

static void keep_part(struct exchange *exchange, const json_t *upload, int64_t number, const char *sha256)
{
    struct devnet *devnet = exchange->devnet;
    char *etag = memory_format("%.32s", sha256);
    char *old = store_text(devnet->store, "SELECT file FROM parts WHERE upload=? AND number=?",
                           VALUES(TEXT(row_text(upload, "id")), INTEGER(number)));
    char name[UUID_TEXT_BYTES];
    char *file;

    random_uuid(name);
    file = memory_format("%s/parts/%s", devnet->folder, name);
    if (!body_file_keep_as(exchange->file, file)) {
        exchange_decline(exchange, 500, "cannot store the part");
    } else {
        store_run(devnet->store, "REPLACE INTO parts(upload, number, size, etag, file) VALUES(?,?,?,?,?)",
                  VALUES(TEXT(row_text(upload, "id")), INTEGER(number),
                         INTEGER(body_file_size(exchange->file)), TEXT(etag), TEXT(file)));
        if (old)
            unlink(old);
        exchange_answer_json(exchange, 200, json_pack("{s:s}", "etag", etag));
    }
    free(file);
    free(old);
    free(etag);
}

void domain_multipart_part(struct exchange *exchange)
{
    const char *text = exchange_query(exchange, "partNumber");
    int64_t number = text && strspn(text, "0123456789") == strlen(text) ? strtoll(text, NULL, 10) : 0;
    struct domain_caller caller;
    json_t *upload = NULL;
    char sha256[SHA256_TEXT_BYTES];

    body_file_finish(exchange->file, sha256);
    if (domain_open(exchange, DOMAIN_WRITE, &caller)) {
        upload = find_upload(exchange, &caller);
        if (check_open(exchange, upload) && check_part(exchange, upload, number))
            keep_part(exchange, upload, number, sha256);
    }
    json_decref(upload);
    domain_caller_clear(&caller);
}

/* The part of that number among those that came; NULL when it never did. */
static const json_t *find_part(const json_t *stored, int64_t number)
{
    const json_t *part;
    size_t i;

    for (i = 0; (part = json_array_get(stored, i)) != NULL; i++)
        if (row_integer(part, "number") == number)
            return part;
    return NULL;
}

/* Compares an entry of the node's list with the part that came. */
static bool check_entry(struct exchange *exchange, const json_t *entry, int64_t number, const json_t *part)
{
    if (!object_has_exactly(entry, "part_number:i etag:s") &&
        !exchange_tolerates(exchange, RULE_MULTIPART_COMPLETE,
                            "entry %lld must have part_number and etag, only", (long long)number))
        return false;
    if ((row_integer(entry, "part_number") != number || !part) &&
        !exchange_tolerates(exchange, RULE_MULTIPART_ORDER,
                            "entry %lld is part %lld, or that part never came", (long long)number,
                            (long long)row_integer(entry, "part_number")))
        return false;
    return strcmp(row_text(entry, "etag"), row_text(part, "etag")) == 0 ||
           exchange_tolerates(exchange, RULE_MULTIPART_ETAG, "part %lld got another etag", (long long)number);
}

static bool check_sizes(struct exchange *exchange, const json_t *upload, const json_t *stored)
{
    int64_t part_size = row_integer(upload, "part_size"), total = row_integer(upload, "size"), sum = 0;
    size_t count = json_array_size(stored);

    for (size_t i = 0; i < count; i++) {
        int64_t size = row_integer(json_array_get(stored, i), "size");

        if (i + 1 < count && size != part_size &&
            !exchange_tolerates(exchange, RULE_MULTIPART_SIZE, "part %zu is not the last and has %lld bytes",
                                i + 1, (long long)size))
            return false;
        sum += size;
    }
    return !total || sum == total ||
           exchange_tolerates(exchange, RULE_MULTIPART_TOTAL,
                              "the parts have %lld bytes, %lld were announced", (long long)sum,
                              (long long)total);
}

static bool check_parts(struct exchange *exchange, const json_t *listed, const json_t *upload,
                        const json_t *stored)
{
    size_t count = json_array_size(stored);

    for (size_t i = 0; i < json_array_size(listed); i++) {
        const json_t *entry = json_array_get(listed, i);

        if (!check_entry(exchange, entry, (int64_t)i + 1,
                         find_part(stored, row_integer(entry, "part_number"))))
            return false;
    }
    if ((json_array_size(listed) != count || count == 0) &&
        !exchange_tolerates(exchange, RULE_MULTIPART_ORDER, "%zu parts are listed, %zu came",
                            json_array_size(listed), count))
        return false;
    return check_sizes(exchange, upload, stored);
}

static bool append_file(struct body_file *whole, const char *path, char *buffer)
{
    FILE *part = fopen(path, "re");
    size_t got = 0;
    bool fine = part != NULL;

    while (fine && (got = fread(buffer, 1, COPY_BYTES, part)) > 0)
        fine = body_file_write(whole, buffer, got);
    if (part)
        fclose(part);
    return fine;
}

/* Puts the parts together without the lock: gigabytes take a while. */
static struct body_file *join_parts(struct devnet *devnet, const json_t *parts,
                                    char sha256[SHA256_TEXT_BYTES])
{
    struct body_file *whole = body_file_create(devnet->folder);
    char *buffer = memory_allocate(COPY_BYTES);
    const json_t *part;
    bool fine = true;
    size_t i;

    store_unlock(devnet->store);
    for (i = 0; (part = json_array_get(parts, i)) != NULL; i++)
        fine = fine && append_file(whole, row_text(part, "file"), buffer);
    body_file_finish(whole, sha256);
    store_lock(devnet->store);
    free(buffer);
    if (fine)
        return whole;
    body_file_free(whole);
    return NULL;
}

static void end_upload(struct devnet *devnet, const char *id, const char *state)
{
    json_t *parts = store_rows(devnet->store, "SELECT file FROM parts WHERE upload=?", VALUES(TEXT(id)));
    const json_t *part;
    size_t i;

    for (i = 0; (part = json_array_get(parts, i)) != NULL; i++)
        unlink(row_text(part, "file"));
    json_decref(parts);
    store_run(devnet->store, "DELETE FROM parts WHERE upload=?", VALUES(TEXT(id)));
    store_run(devnet->store, "UPDATE uploads SET state=?, ended_at=? WHERE id=?",
              VALUES(TEXT(state), INTEGER(moment_now_ms()), TEXT(id)));
    store_changed(devnet->store);
}

static void complete_upload(struct exchange *exchange, const struct domain_caller *caller,
                            const json_t *upload, const json_t *parts)
{
    struct devnet *devnet = exchange->devnet;
    const char *id = row_text(upload, "id");
    char sha256[SHA256_TEXT_BYTES];
    struct body_file *whole;
    struct domain_item item = {.id = json_string_value(json_object_get(upload, "existing_id")),
                               .name = row_text(upload, "name"),
                               .data_type = row_text(upload, "data_type"),
                               .sha256 = sha256,
                               .stored_by = "multipart",
                               .parts = (int64_t)json_array_size(parts)};
    char data_id[UUID_TEXT_BYTES];
    bool kept;

    store_run(devnet->store, "UPDATE uploads SET state='completing' WHERE id=?", VALUES(TEXT(id)));
    whole = join_parts(devnet, parts, sha256);
    if (!whole) {
        store_run(devnet->store, "UPDATE uploads SET state='open' WHERE id=?", VALUES(TEXT(id)));
        exchange_decline(exchange, 500, "cannot put the parts together");
        return;
    }
    item.size = body_file_size(whole);
    kept = domain_keep_item(exchange, caller, &item, body_file_path(whole), data_id);
    body_file_free(whole);
    if (!kept) {
        store_run(devnet->store, "UPDATE uploads SET state='open' WHERE id=?", VALUES(TEXT(id)));
        return;
    }
    end_upload(devnet, id, "completed");
    store_run(devnet->store, "UPDATE uploads SET data_id=?, parts_text=? WHERE id=?",
              VALUES(TEXT(data_id), TEXT(exchange->body), TEXT(id)));
    exchange_answer_text(exchange, 200, "application/json", domain_metadata(devnet, data_id));
}

void domain_multipart_complete(struct exchange *exchange)
{
    struct devnet *devnet = exchange->devnet;
    struct domain_caller caller;
    json_t *upload = NULL, *body = NULL, *parts = NULL;

    if (!domain_open(exchange, DOMAIN_WRITE, &caller) || !(body = exchange_json(exchange)))
        goto out;
    upload = find_upload(exchange, &caller);
    /* The same complete again: the answer to the first got lost, so it is given once more. */
    if (strcmp(row_text(upload, "state"), "completed") == 0 &&
        strcmp(row_text(upload, "parts_text"), exchange->body) == 0) {
        exchange_answer_text(exchange, 200, "application/json",
                             domain_metadata(devnet, row_text(upload, "data_id")));
        goto out;
    }
    if (!check_open(exchange, upload))
        goto out;
    parts = store_rows(devnet->store, "SELECT * FROM parts WHERE upload=? ORDER BY number",
                       VALUES(TEXT(row_text(upload, "id"))));
    if (exchange_check_fields(exchange, body, "parts:a", RULE_MULTIPART_COMPLETE) &&
        check_parts(exchange, json_object_get(body, "parts"), upload, parts))
        complete_upload(exchange, &caller, upload, parts);
out:
    json_decref(parts);
    json_decref(upload);
    json_decref(body);
    domain_caller_clear(&caller);
}

void domain_multipart_abort(struct exchange *exchange)
{
    struct domain_caller caller;
    json_t *upload = NULL;

    if (!domain_open(exchange, DOMAIN_ABORT, &caller))
        goto out;
    upload = find_upload(exchange, &caller);
    if (!upload) {
        exchange_refuse(exchange, RULE_MULTIPART_UNKNOWN, "no upload of this task has that id");
    } else if (strcmp(row_text(upload, "state"), "open") != 0 &&
               strcmp(row_text(upload, "state"), "unheard") != 0) {
        exchange_decline(exchange, 404, "the upload was %s", row_text(upload, "state"));
    } else {
        end_upload(exchange->devnet, row_text(upload, "id"), "aborted");
        exchange_answer(exchange, 204);
    }
out:
    json_decref(upload);
    domain_caller_clear(&caller);
}
