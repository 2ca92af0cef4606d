/* What goes back to a client: a status, a few headers, and a body made of texts and files, sent piece by
 * piece. */
#ifndef DEVNET_ANSWER_H
#define DEVNET_ANSWER_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct MHD_Connection;
struct MHD_Response;
struct fault;

struct segment {
    char *text; /* owned; NULL: the whole of `file` */
    char *file; /* owned */
    int64_t size;
};

struct answer {
    int status; /* 0: no answer yet */
    char *content_type;
    char *location;
    int64_t retry_after_secs; /* 0: none */
    struct segment *segments;
    size_t segment_count;
};

void answer_clear(struct answer *answer);

/* Adds to the body; `text` and `path` are taken. */
void answer_add_text(struct answer *answer, char *text);
void answer_add_file(struct answer *answer, char *path, int64_t size);

/*
 * Queues the answer on the connection, bent by `fault` (may be NULL): cut after some bytes, slowed down, or
 * malformed. Takes what is in `answer`. False closes the connection.
 */
bool answer_send(struct answer *answer, struct MHD_Connection *connection, const struct fault *fault);

#endif
