/* The processes of a node, as numbers, bits and names. */
#ifndef LIBCOMMON_NODE_SERVICE_ID_H
#define LIBCOMMON_NODE_SERVICE_ID_H

enum service_id {
    SERVICE_AUTHD,
    SERVICE_STORED,
    SERVICE_LEASED,
    SERVICE_HTTPD,
    SERVICE_RUNNERD,
    SERVICE_COUNT,
    SERVICE_NODE = SERVICE_COUNT /* posemesh-node itself: has no socket */
};

/* For sets of processes: who reads a setting, may call a role, or has a row of the sandbox. */
enum {
    AUTHD_BIT = 1 << SERVICE_AUTHD,
    STORED_BIT = 1 << SERVICE_STORED,
    LEASED_BIT = 1 << SERVICE_LEASED,
    HTTPD_BIT = 1 << SERVICE_HTTPD,
    RUNNERD_BIT = 1 << SERVICE_RUNNERD,
    NODE_BIT = 1 << SERVICE_NODE,
    ALL_BITS = (1 << (SERVICE_NODE + 1)) - 1,
    OUTSIDE_BITS = AUTHD_BIT | LEASED_BIT | STORED_BIT, /* resolve names and speak TLS */
    CONFINED_BITS = OUTSIDE_BITS | HTTPD_BIT            /* may make only what sandbox_calls.c lists */
};

/* "authd", ...; "node" for SERVICE_NODE. */
const char *service_name(enum service_id id);

#endif
