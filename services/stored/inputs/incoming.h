/*
 * The parts of one input while they arrive: files in the workspace's incoming folder, moved to their places
 * only when the whole answer was right, so that a runner never sees a part of an input.
 */
#ifndef STORED_INPUTS_INCOMING_H
#define STORED_INPUTS_INCOMING_H

#include "libcommon/node/messages.h"
#include "services/stored/inputs/input_path.h"
#include "services/stored/inputs/multipart_parser.h"
#include "services/stored/workspace/workspace.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct incoming;

/* `workspace` is borrowed. `number` is the input's in its session: it keeps the files of inputs apart. */
struct incoming *incoming_create(const struct workspace *workspace, unsigned number);

/* Removes what was not placed. */
void incoming_free(struct incoming *incoming);

/* Removes all parts: a new attempt begins. */
void incoming_reset(struct incoming *incoming);

/* Where a parser delivers the parts. */
struct multipart_handler incoming_handler(struct incoming *incoming);

size_t incoming_file_count(const struct incoming *incoming);
int64_t incoming_bytes(const struct incoming *incoming);

/* With the rest of the part that arrives, as the server gives its size; -1: it does not, or none is begun. */
int64_t incoming_announced_bytes(const struct incoming *incoming);

/*
 * Gives every part a path of its own in `paths` and moves it there; `input` becomes the answer to whoever
 * asked for `cid`. On failure nothing of it stays.
 */
bool incoming_place(struct incoming *incoming, struct input_path_set *paths, const char *cid,
                    struct message_input *input, struct error *error);

#endif
