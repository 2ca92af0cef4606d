/* Small uploads: a form of one part, created or updated (docs/network.md 4.2). */
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

static bool check_fields(struct exchange *exchange, const struct form *form, bool update)
{
    if (update && (!form->id || !*form->id || (!exchange->by_app && (form->name || form->data_type))))
        return exchange_refuse(exchange, RULE_FORM_UPDATE, "an update names its id, and nothing else");
    if (!update && (form->id || !form->name || !*form->name || !form->data_type || !*form->data_type))
        return exchange_refuse(exchange, RULE_FORM_CREATE, "a create names name and data-type, and no id");
    return true;
}

static void keep_data(struct exchange *exchange, const struct domain_caller *caller, const struct form *form)
{
    struct body_file *data = body_file_create(exchange->devnet->folder);
    char sha256[SHA256_TEXT_BYTES];
    struct domain_item item = {.id = form->id,
                               .name = form->name,
                               .data_type = form->data_type,
                               .size = (int64_t)form->length,
                               .sha256 = sha256,
                               .stored_by = "small",
                               .parts = 1};
    bool written;

    store_unlock(exchange->devnet->store);
    written = body_file_write(data, form->data, form->length);
    body_file_finish(data, sha256);
    store_lock(exchange->devnet->store);
    if (written)
        domain_keep_item(exchange, caller, &item, body_file_path(data));
    else
        exchange_decline(exchange, 500, "cannot store the data");
    body_file_free(data);
}

/* The answer of both uploads is a list of the one item. */
static void wrap_answer(struct exchange *exchange)
{
    char *item;

    if (exchange->answer.status != 200)
        return;
    item = memory_format("{\"data\":[%s]}", exchange->answer.segments[0].text);
    exchange_answer_text(exchange, 200, "application/json", item);
}

static void upload(struct exchange *exchange, bool update)
{
    const struct tuning *tuning = &exchange->devnet->tuning;
    char sha256[SHA256_TEXT_BYTES];
    struct domain_caller caller;
    struct form form = {0};
    char *body = NULL;
    int64_t size = body_file_size(exchange->file);

    body_file_finish(exchange->file, sha256);
    if (!domain_open(exchange, DOMAIN_WRITE, &caller))
        goto out;
    if (size > tuning->request_max_bytes) {
        if (tuning->multipart)
            exchange_refuse(exchange, RULE_FORM_TOO_LARGE, "%lld bytes are above %lld", (long long)size,
                            (long long)tuning->request_max_bytes);
        else
            exchange_decline(exchange, 413, "more than %lld bytes", (long long)tuning->request_max_bytes);
        goto out;
    }
    body = map_body(exchange->file);
    if (form_parse(exchange, body ? body : "", body ? (size_t)size : 0, &form) &&
        check_fields(exchange, &form, update)) {
        struct domain_item item = {.id = form.id, .name = form.name, .data_type = form.data_type};

        if (domain_check_item(exchange, &caller, &item)) {
            keep_data(exchange, &caller, &form);
            wrap_answer(exchange);
        }
    }
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
    char sha256[SHA256_TEXT_BYTES];
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
    domain_keep_item(exchange, &person, &item, body_file_path(exchange->file));
    wrap_answer(exchange);
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
