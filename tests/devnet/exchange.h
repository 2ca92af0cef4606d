/* One request and its answer, as handlers see them. Handlers run with the store's lock held. */
#ifndef DEVNET_EXCHANGE_H
#define DEVNET_EXCHANGE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <jansson.h>

#include "tests/devnet/answer.h"
#include "tests/devnet/devnet.h"
#include "tests/devnet/faults.h"

struct MHD_Connection;
struct body_file;
struct route;

enum { EXCHANGE_ARGUMENTS = 3 };

struct exchange {
    struct devnet *devnet;
    struct MHD_Connection *connection;
    const char *method; /* MHD's */
    char *target;       /* path and query as they were sent */
    char *path;         /* without the query, still encoded */
    bool trap;          /* came to the trap's origin */
    const struct route *route;
    char *arguments[EXCHANGE_ARGUMENTS]; /* the path's variable segments, decoded */
    int64_t started_ms;

    char *body; /* of BODY_MEMORY routes; NUL-terminated, never NULL there */
    size_t body_length;
    struct body_file *file; /* of BODY_FILE routes */

    bool by_app; /* the caller showed the app token: a person or a tool, not judged by the rules */
    char *task;  /* for the log of requests; owned */
    const char *broken_rule;
    bool has_fault;
    struct fault fault;
    struct answer answer;
};

const char *exchange_header(const struct exchange *exchange, const char *name); /* NULL: none */
const char *exchange_query(const struct exchange *exchange,
                           const char *name); /* decoded; NULL: none, or no value */

/* All values of a parameter as a JSON array; NULL when another one is there, or one without a value.
 * json_decref() it. */
json_t *exchange_query_list(const struct exchange *exchange, const char *name);
bool exchange_has_query(const struct exchange *exchange, const char *name);

/* The token behind `Authorization: Bearer`, NULL when there is none. */
const char *exchange_bearer(const struct exchange *exchange);

/* Answers; each replaces an earlier one. `text` and `json` are taken. */
void exchange_answer(struct exchange *exchange, int status);
void exchange_answer_text(struct exchange *exchange, int status, const char *content_type, char *text);
void exchange_answer_json(struct exchange *exchange, int status, json_t *json);

/* A refusal that a correct node may meet: {"error": ...}. Returns false. */
bool exchange_decline(struct exchange *exchange, int status, const char *format, ...)
    __attribute__((format(printf, 3, 4)));

/*
 * The refusal of a request that breaks a rule: {"error", "rule"}, recorded unless a person sent it. When the
 * rule is switched off it is a refusal all the same, as nobody could serve such a request, but blames nobody.
 * Returns false.
 */
bool exchange_refuse(struct exchange *exchange, enum rule rule, const char *format, ...)
    __attribute__((format(printf, 3, 4)));

/* The same for a request that could be served: true, and nothing else, when the rule is switched off. */
bool exchange_tolerates(struct exchange *exchange, enum rule rule, const char *format, ...)
    __attribute__((format(printf, 3, 4)));

/* Records a broken rule without refusing the request. */
void exchange_note(struct exchange *exchange, enum rule rule, const char *detail);

/* The JSON body: content type, syntax and object-ness are judged by their rules. */
bool exchange_check_json(struct exchange *exchange);
json_t *exchange_json(struct exchange *exchange); /* NULL when refused; json_decref() it */

/* True when the object has exactly these fields, each of its type: "name:s credentials:s sizes:a other:o n:i
 * any:*". */
bool object_has_exactly(const json_t *object, const char *fields);

/* The same as a judgement: false when the body was refused. */
bool exchange_check_fields(struct exchange *exchange, const json_t *body, const char *fields, enum rule rule);

/* The caller must have the app token (people, tests, tools). */
bool exchange_require_app(struct exchange *exchange);

#endif
