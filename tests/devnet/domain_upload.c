/* Small uploads: a form of one or more parts, created or updated all or none (docs/network.md 4.2). */
#include "tests/devnet/domain.h"

#include "libcommon/base/memory.h"
#include "tests/devnet/body_file.h"
#include "tests/devnet/exchange.h"
#include "tests/devnet/form.h"

#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

/* Maps what came; the kernel pages it in and out, so that no upload is ever whole in our memory. */
static char *map_body(const struct body_file *file)
{
    int descriptor = open(body_file_path(file), O_RDONLY | O_CLOEXEC);
    void *map = descriptor < 0 || body_file_size(file) == 0
                    ? MAP_FAILED
                    : mmap(NULL, (size_t)body_file_size(file), PROT_READ, MAP_PRIVATE, descriptor, 0);

    if (descriptor >= 0)
        close(descriptor);
    return map == MAP_FAILED ? NULL : map;
}

static bool check_fields(struct exchange *exchange, const struct form_part *part, bool update)
{
    if (update && (!part->id || !*part->id || (!exchange->by_app && (part->name || part->data_type))) &&
        !exchange_tolerates(exchange, RULE_FORM_UPDATE, "an update names its id, and nothing else"))
        return false;
    if (!update && (part->id || !part->name || !*part->name || !part->data_type || !*part->data_type) &&
        !exchange_tolerates(exchange, RULE_FORM_CREATE, "a create names name and data-type, and no id"))
        return false;
    return true;
}

static bool is_same(const char *one, const char *other)
{
    return one && other && strcmp(one, other) == 0;
}

/* No two parts of one form are the same object. */
static bool check_repeated(struct exchange *exchange, const struct form *form, size_t index)
{
    const struct form_part *part = &form->parts[index];

    for (size_t i = 0; i < index && !exchange->by_app; i++) {
        const struct form_part *earlier = &form->parts[i];

        if (is_same(part->id, earlier->id) &&
            !exchange_tolerates(exchange, RULE_FORM_UPDATE, "%s is updated twice", part->id))
            return false;
        if (!part->id && is_same(part->name, earlier->name) && is_same(part->data_type, earlier->data_type) &&
            !exchange_tolerates(exchange, RULE_ARTIFACT_DUPLICATE, "%s (%s) is created twice", part->name,
                                part->data_type))
            return false;
    }
    return true;
}

/* Some clients repeat the id of what they update as its name, which would rename it. */
static struct domain_item item_of(const struct form_part *part)
{
    return (struct domain_item){.id = part->id,
                                .name = is_same(part->id, part->name) ? NULL : part->name,
                                .data_type = part->data_type,
                                .size = (int64_t)part->length,
                                .stored_by = "small",
                                .parts = 1};
}

static bool check_parts(struct exchange *exchange, const struct domain_caller *caller,
                        const struct form *form, bool update)
{
    for (size_t i = 0; i < form->count; i++) {
        const struct form_part *part = &form->parts[i];
        const struct domain_item item = item_of(part);

        if (!check_fields(exchange, part, update) || !check_repeated(exchange, form, i) ||
            !domain_check_item(exchange, caller, &item))
            return false;
    }
    return true;
}

/* A part's bytes on disk, before it is anybody's data. */
struct stored {
    struct body_file *file;
    char sha256[SHA256_TEXT_BYTES];
};

/* Without the lock, as there may be much of it. */
static bool write_parts(struct devnet *devnet, const struct form *form, struct stored *stored)
{
    bool written = true;

    store_unlock(devnet->store);
    for (size_t i = 0; i < form->count; i++) {
        stored[i].file = body_file_create(devnet->folder);
        written = body_file_write(stored[i].file, form->parts[i].data, form->parts[i].length) && written;
        body_file_finish(stored[i].file, stored[i].sha256);
    }
    store_lock(devnet->store);
    return written;
}

static bool keep_part(struct exchange *exchange, const struct domain_caller *caller,
                      const struct form_part *part, const struct stored *stored, json_t *rows)
{
    struct domain_item item = item_of(part);
    char id[UUID_TEXT_BYTES];

    item.sha256 = stored->sha256;
    if (!domain_keep_item(exchange, caller, &item, body_file_path(stored->file), id))
        return false;
    json_array_append_new(rows, json_pack("{s:s}", "id", id));
    return true;
}

static void keep_parts(struct exchange *exchange, const struct domain_caller *caller, const struct form *form)
{
    struct stored *stored = memory_allocate_array(form->count, sizeof(*stored));
    bool fine = write_parts(exchange->devnet, form, stored);
    json_t *rows = json_array();

    if (!fine)
        exchange_decline(exchange, 500, "cannot store the data");
    for (size_t i = 0; i < form->count && fine; i++)
        fine = keep_part(exchange, caller, &form->parts[i], &stored[i], rows);
    if (fine)
        domain_answer_list(exchange, rows);
    for (size_t i = 0; i < form->count; i++)
        body_file_free(stored[i].file);
    json_decref(rows);
    free(stored);
}

static bool check_size(struct exchange *exchange, int64_t size)
{
    const struct tuning *tuning = &exchange->devnet->tuning;

    if (size <= tuning->request_max_bytes)
        return true;
    if (tuning->multipart)
        return exchange_tolerates(exchange, RULE_FORM_TOO_LARGE, "%lld bytes are above %lld", (long long)size,
                                  (long long)tuning->request_max_bytes);
    return exchange_decline(exchange, 413, "more than %lld bytes", (long long)tuning->request_max_bytes);
}

static void upload(struct exchange *exchange, bool update)
{
    char sha256[SHA256_TEXT_BYTES];
    struct domain_caller caller;
    struct form form = {0};
    char *body = NULL;
    int64_t size = body_file_size(exchange->file);

    body_file_finish(exchange->file, sha256);
    if (!domain_open(exchange, DOMAIN_WRITE_FORM, &caller) || !check_size(exchange, size))
        goto out;
    body = map_body(exchange->file);
    if (form_parse(exchange, body ? body : "", body ? (size_t)size : 0, &form) &&
        check_parts(exchange, &caller, &form, update))
        keep_parts(exchange, &caller, &form);
out:
    if (body)
        munmap(body, (size_t)size);
    form_clear(&form);
    domain_caller_clear(&caller);
}

/* For people: `curl -T file ".../data?name=N&data_type=T"` with the app token stores a file of any size as it
 * is. */
static void keep_plain_file(struct exchange *exchange, const char *name, const char *data_type)
{
    const struct domain_caller person = {NULL, NULL};
    char sha256[SHA256_TEXT_BYTES], id[UUID_TEXT_BYTES];
    json_t *rows;
    char *existing = store_text(exchange->devnet->store,
                                "SELECT id FROM data WHERE domain_id=? AND name=? AND data_type=? LIMIT 1",
                                VALUES(TEXT(exchange->arguments[0]), TEXT(name), TEXT(data_type)));
    struct domain_item item = {.id = existing,
                               .name = name,
                               .data_type = data_type,
                               .sha256 = sha256,
                               .size = body_file_size(exchange->file),
                               .stored_by = "small",
                               .parts = 1};

    body_file_finish(exchange->file, sha256);
    if (domain_keep_item(exchange, &person, &item, body_file_path(exchange->file), id)) {
        rows = json_pack("[{s:s}]", "id", id);
        domain_answer_list(exchange, rows);
        json_decref(rows);
    }
    free(existing);
}

void domain_create(struct exchange *exchange)
{
    upload(exchange, false);
}

void domain_update(struct exchange *exchange)
{
    const char *name = exchange_query(exchange, "name"), *data_type = exchange_query(exchange, "data_type");

    if (exchange->by_app && name && data_type)
        keep_plain_file(exchange, name, data_type);
    else
        upload(exchange, true);
}
