#include "tests/devnet/outbound.h"

#include "libcommon/base/memory.h"
#include "tests/devnet/devnet.h"
#include "tests/devnet/dms.h"
#include "tests/devnet/moment.h"
#include "tests/devnet/signature.h"

#include <curl/curl.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { TICK_MS = 100, CALL_TIMEOUT_MS = 5000, CALLBACK_TRIES = 5, ANSWER_BYTES = 4096 };

struct outbound {
    struct devnet *devnet;
    pthread_t caller, clock;
};

struct received {
    char text[ANSWER_BYTES];
    size_t length;
};

static size_t receive(char *bytes, size_t size, size_t count, void *context)
{
    struct received *received = context;
    size_t room = sizeof(received->text) - 1 - received->length, length = size * count;

    memcpy(received->text + received->length, bytes, length < room ? length : room);
    received->length += length < room ? length : room;
    return length;
}

/* One request without the lock; 0 when there was no answer. `body` NULL: a GET. */
static long call(struct devnet *devnet, const char *url, const char *body, struct received *received)
{
    CURL *curl = curl_easy_init();
    struct curl_slist *headers = curl_slist_append(NULL, "Content-Type: application/json");
    long status = 0;

    memset(received, 0, sizeof(*received));
    curl_easy_setopt(curl, CURLOPT_URL, url);
    curl_easy_setopt(curl, CURLOPT_USERAGENT, "DDS v1.0");
    curl_easy_setopt(curl, CURLOPT_TIMEOUT_MS, (long)CALL_TIMEOUT_MS);
    curl_easy_setopt(curl, CURLOPT_NOSIGNAL, 1L);
    curl_easy_setopt(curl, CURLOPT_WRITEFUNCTION, receive);
    curl_easy_setopt(curl, CURLOPT_WRITEDATA, received);
    if (body) {
        curl_easy_setopt(curl, CURLOPT_HTTPHEADER, headers);
        curl_easy_setopt(curl, CURLOPT_POSTFIELDS, body);
    }
    store_unlock(devnet->store);
    if (curl_easy_perform(curl) == CURLE_OK)
        curl_easy_getinfo(curl, CURLINFO_RESPONSE_CODE, &status);
    store_lock(devnet->store);
    curl_slist_free_all(headers);
    curl_easy_cleanup(curl);
    return status;
}

static char *node_url(const json_t *node, const char *path)
{
    const char *url = row_text(node, "url");
    size_t length = strlen(url);

    return memory_format("%.*s/%s", (int)(length && url[length - 1] == '/' ? length - 1 : length), url, path);
}

static bool is_ok_body(const char *text)
{
    json_t *body = json_loads(text, JSON_REJECT_DUPLICATES, NULL);
    bool fine = json_object_size(body) == 1 && json_is_true(json_object_get(body, "ok"));

    json_decref(body);
    return fine;
}

static void judge_callback(struct devnet *devnet, const json_t *node, const char *url, long status,
                           const struct received *received)
{
    const char *address = row_text(node, "address");
    int64_t tries = row_integer(node, "callback_tries") + 1, now = moment_now_ms();
    bool again = status == 0 && tries < CALLBACK_TRIES;

    store_run(devnet->store,
              "UPDATE nodes SET callback_status=?, callback_tries=?, callback_answered_at=?, "
              "callback_due_at=coalesce("
              "callback_due_at, ?) WHERE address=?",
              VALUES(INTEGER(status), INTEGER(tries), status ? INTEGER(now) : TEXT(NULL),
                     again ? INTEGER(now + 200 * tries) : TEXT(NULL), TEXT(address)));
    if (status != 0 && (status != 200 || !is_ok_body(received->text))) {
        char *detail = memory_format("the callback got %ld %.200s", status, received->text);

        devnet_record_violation(devnet, RULE_CALLBACK_ANSWER, detail, "POST", url, NULL);
        free(detail);
    }
    store_changed(devnet->store);
}

static void call_back(struct devnet *devnet, const json_t *node)
{
    char secret[TOKEN_TEXT_BYTES];
    char *url = node_url(node, "internal/v1/registrations");
    char *body;
    json_t *fields;
    struct received received;
    long status;

    random_token(secret);
    fields = json_pack("{s:s, s:s, s:n, s:[], s:[]}", "id", row_text(node, "id"), "secret", secret,
                       "organization_id", "lighthouses_in_domains", "domains");
    body = json_dumps(fields, JSON_COMPACT);
    json_decref(fields);
    /* From here on the node may have the secret and log in, whether or not we hear its answer. */
    store_run(devnet->store, "UPDATE nodes SET callback_due_at=NULL, callback_started_at=? WHERE address=?",
              VALUES(INTEGER(moment_now_ms()), TEXT(row_text(node, "address"))));
    status = call(devnet, url, body, &received);
    judge_callback(devnet, node, url, status, &received);
    free(body);
    free(url);
}

static void check_health(struct devnet *devnet, const json_t *node)
{
    char *url = node_url(node, "health");
    struct received received;
    long status = call(devnet, url, NULL, &received);
    char detail[64];

    store_run(devnet->store, "UPDATE nodes SET health_at=?, health_status=? WHERE address=?",
              VALUES(INTEGER(moment_now_ms()), INTEGER(status), TEXT(row_text(node, "address"))));
    snprintf(detail, sizeof(detail), "the health check got %ld", status);
    if (status != 0 && status != 200)
        devnet_record_violation(devnet, RULE_HEALTH_ANSWER, detail, "GET", url, NULL);
    store_changed(devnet->store);
    free(url);
}

static void for_each(struct devnet *devnet, const char *sql, int64_t at,
                     void (*act)(struct devnet *devnet, const json_t *node))
{
    json_t *nodes = store_rows(devnet->store, sql, VALUES(INTEGER(at)));
    const json_t *node;
    size_t i;

    for (i = 0; (node = json_array_get(nodes, i)) != NULL; i++)
        if (!devnet->stopping)
            act(devnet, node);
    json_decref(nodes);
}

/* Leases run out on time even while a node lets its callback wait. */
static void *run_clock(void *context)
{
    struct devnet *devnet = context;

    store_lock(devnet->store);
    while (!devnet->stopping) {
        dms_expire_leases(devnet);
        store_wait(devnet->store, moment_now_ms() + TICK_MS);
    }
    store_unlock(devnet->store);
    return NULL;
}

static void *run_caller(void *context)
{
    struct devnet *devnet = context;

    store_lock(devnet->store);
    while (!devnet->stopping) {
        int64_t now = moment_now_ms();

        for_each(devnet, "SELECT * FROM nodes WHERE callback_due_at<=? AND state='registered'", now,
                 call_back);
        if (devnet->tuning.health_interval_ms > 0)
            for_each(devnet,
                     "SELECT * FROM nodes WHERE url IS NOT NULL AND callback_status=200 AND "
                     "state='registered' AND "
                     "coalesce(health_at, registered_at)<=?",
                     now - devnet->tuning.health_interval_ms, check_health);
        store_wait(devnet->store, moment_now_ms() + TICK_MS);
    }
    store_unlock(devnet->store);
    return NULL;
}

struct outbound *outbound_start(struct devnet *devnet)
{
    struct outbound *outbound = memory_allocate(sizeof(*outbound));

    curl_global_init(CURL_GLOBAL_DEFAULT);
    outbound->devnet = devnet;
    if (pthread_create(&outbound->caller, NULL, run_caller, devnet) != 0 ||
        pthread_create(&outbound->clock, NULL, run_clock, devnet) != 0)
        abort();
    return outbound;
}

void outbound_stop(struct outbound *outbound)
{
    if (!outbound)
        return;
    pthread_join(outbound->caller, NULL);
    pthread_join(outbound->clock, NULL);
    curl_global_cleanup();
    free(outbound);
}
