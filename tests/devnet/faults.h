/*
 * Faults on request: what a test or a person asks the network to do wrong. They live in memory and are set at
 * run time (POST /admin/faults, an array of objects; see fault_parse for the fields).
 */
#ifndef DEVNET_FAULTS_H
#define DEVNET_FAULTS_H

#include <stdbool.h>
#include <stdint.h>

#include <jansson.h>

#include "libcommon/base/error.h"

enum fault_kind { FAULT_LATENCY, FAULT_STATUS, FAULT_CUT, FAULT_SLOW, FAULT_MALFORMED, FAULT_REDIRECT };

struct fault {
    enum fault_kind kind;
    char method[16]; /* "": any */
    char path[256];  /* prefix of the path, or a glob (with `*`) of the path or of path and query; "": any */
    int64_t skip;    /* matches that pass first */
    int64_t count;   /* matches left; -1: no end */
    double probability; /* of a match to count */
    bool after;         /* the request takes effect first, then its answer goes wrong */
    int64_t latency_ms;
    int status;
    int64_t retry_after_secs;
    int64_t bytes;         /* cut: of the answer's body that still go out */
    int64_t request_bytes; /* cut: of the request's body that are read before, -1: all of it */
    int64_t bytes_per_second;
    char location[512];     /* redirect */
    char content_type[128]; /* of a status or redirect answer; "": application/json */
    char body[16384];
};

struct faults;

struct faults *faults_create(void);
void faults_free(struct faults *faults);

/* Replaces or adds faults from a JSON array; nothing changes when one is refused. Caller holds the lock. */
bool faults_set(struct faults *faults, const json_t *array, bool replace, struct error *error);
json_t *faults_json(const struct faults *faults);

/* The first fault for this request (path, and target with its query), counted down, copied to `fault`; false
 * when there is none. Caller holds the lock. */
bool faults_take(struct faults *faults, const char *method, const char *path, const char *target,
                 struct fault *fault);

const char *fault_kind_name(enum fault_kind kind);

#endif
