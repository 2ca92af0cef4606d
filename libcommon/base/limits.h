/*
 * Every bound on what comes from outside, in one place, each with its reason. What exceeds one is refused
 * with an error that names it.
 */
#ifndef LIBCOMMON_BASE_LIMITS_H
#define LIBCOMMON_BASE_LIMITS_H

enum {
    /* --- HTTP answers kept in memory --- */
    LIMIT_DDS_ANSWER_BYTES = 64 * 1024,         /* six short fields, or a token */
    LIMIT_LEASE_ANSWER_BYTES = 4 * 1024 * 1024, /* `meta` is free-form and the largest part; a heartbeat's
                                                   answer is the same lease */
    LIMIT_DOMAIN_ANSWER_BYTES = 1024 * 1024,    /* metadata of one artifact, or a look-up by name */
    LIMIT_ERROR_BODY_LOGGED_BYTES = 512,        /* docs/network.md 1.2 */

    /* --- inbound HTTP --- */
    LIMIT_CALLBACK_BODY_BYTES = 64 * 1024,
    LIMIT_CALLBACK_SECRET_BYTES = 4096, /* docs/network.md 1.1 */
    LIMIT_INBOUND_CONNECTIONS = 64,
    LIMIT_INBOUND_SECONDS = 10,     /* a request, and between two of them */
    LIMIT_INBOUND_HEAD_SECONDS = 5, /* of a connection's first request */
    LIMIT_INBOUND_BACKLOG = 1024, /* connections that wait while httpd is down; the kernel may allow fewer */

    /* --- messages between processes --- */
    LIMIT_MESSAGE_BYTES = 8 * 1024 * 1024, /* above a lease with its meta; each op has a tighter one */
    LIMIT_SMALL_MESSAGE_BYTES = 16 * 1024,
    LIMIT_LIST_ITEMS = 10000,
    LIMIT_PENDING_REQUESTS = 256,     /* held by a service and not answered yet (long polls) */
    LIMIT_PENDING_TASK_REQUESTS = 64, /* of those, of one task: a job must not take other jobs' places */

    /* Connections of one user at one socket; each may keep half a message of the largest size there. */
    LIMIT_PEER_CONNECTIONS = 64,
    LIMIT_JOB_CONNECTIONS = 512,     /* where jobs call: above LIMIT_CONCURRENCY of them and their hosts */
    LIMIT_CONNECTIONS_QUEUED = 1024, /* not let in yet; the kernel's own bound (somaxconn) holds, too */

    /* --- a task --- */
    LIMIT_TOKEN_BYTES = 16 * 1024,
    LIMIT_URL_BYTES = 8 * 1024,
    LIMIT_NAME_BYTES = 1024,
    LIMIT_PATH_BYTES = 2 * LIMIT_NAME_BYTES, /* prefix and relative path, or a path below a workspace */
    LIMIT_TRANSFER_NAME_BYTES = 256, /* for people: the beginning of a CID or path tells which it is */
    LIMIT_REASON_BYTES = 4 * 1024,
    LIMIT_TASK_CIDS = 10000,
    LIMIT_TASK_META_BYTES = 2 * 1024 * 1024,
    LIMIT_PROGRESS_BYTES = 256 * 1024,
    LIMIT_EVENT_BYTES = 64 * 1024,
    LIMIT_EVENTS_HELD = 1000, /* not yet acknowledged by DMS; the runner waits when it is reached */
    LIMIT_EVENTS_HELD_BYTES = 8 * 1024 * 1024,  /* of one task: a thousand of the largest would be 64 MiB */
    LIMIT_HEARTBEAT_EVENTS_BYTES = 1024 * 1024, /* of one heartbeat; the rest goes with the next */
    LIMIT_RUNNER_CAPABILITIES = 64,
    LIMIT_RUNNER_HOSTS = 16,
    LIMIT_HOST_NAME_BYTES = 64, /* for people, in logs */
    LIMIT_CONCURRENCY = 256,
    LIMIT_JOB_GRACE_MS = 5000, /* from SIGTERM to SIGKILL; what remains of a lease may leave less */
    LIMIT_ARTIFACTS = 10000,
    LIMIT_OPEN_STREAMS = 32,        /* of a task: each has a descriptor, and is answered at once */
    LIMIT_INLINE_BYTES = 64 * 1024, /* of an artifact inside a message; more goes by a file */

    /* --- files and text --- */
    LIMIT_JSON_DEPTH = 64,
    LIMIT_RUNNER_FILE_BYTES = 64 * 1024,
    LIMIT_OUTPUTS_FILE_BYTES = 1024 * 1024,
    LIMIT_OUTPUT_LINE_BYTES =
        256 * 1024, /* of a job's stdout; a longer line is cut into pieces and logged as text */
    LIMIT_SECRET_FILE_BYTES = 64 * 1024,
    LIMIT_WORKSPACE_DEPTH = 32,

    /* --- the log --- */
    LIMIT_LOG_LINE_BYTES = 4096, /* PIPE_BUF: more is cut up by a pipe that several processes write to */
    LIMIT_LOG_MESSAGE_BYTES = 3 * 1024,      /* of a line; the rest is who, when and escapes */
    LIMIT_LOG_QUEUE_BYTES = 2 * 1024 * 1024, /* of a process, for a reader that is away; jobs' share of it is
                                                above LIMIT_OUTPUT_LOGGED_BYTES */
    LIMIT_OUTPUT_LOGGED_BYTES = 1280 * 1024, /* of a job at once: a line of a megabyte, and some more */
    LIMIT_OUTPUT_LOGGED_BYTES_PER_SEC = 32 * 1024 /* and for as long as it runs: a hundred lines a second */
};

#endif
