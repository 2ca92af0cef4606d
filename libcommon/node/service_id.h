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

enum {
    READ_AUTHD = 1 << SERVICE_AUTHD,
    READ_STORED = 1 << SERVICE_STORED,
    READ_LEASED = 1 << SERVICE_LEASED,
    READ_HTTPD = 1 << SERVICE_HTTPD,
    READ_RUNNERD = 1 << SERVICE_RUNNERD,
    READ_NODE = 1 << SERVICE_NODE,
    READ_ALL = (1 << (SERVICE_NODE + 1)) - 1
};

/* "authd", ...; "node" for SERVICE_NODE. */
const char *service_name(enum service_id id);

#endif
