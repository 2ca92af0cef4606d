/* A request's body on its way to disk: written as it comes, hashed meanwhile, gone when nobody keeps it. */
#ifndef DEVNET_BODY_FILE_H
#define DEVNET_BODY_FILE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "tests/devnet/signature.h"

struct body_file;

/* Opens a new file in `<folder>/incoming`. */
struct body_file *body_file_create(const char *folder);

/* Removes the file unless it was kept. */
void body_file_free(struct body_file *file);

bool body_file_write(struct body_file *file, const void *bytes, size_t length);

/* Call once, after the last write. */
void body_file_finish(struct body_file *file, char sha256[SHA256_TEXT_BYTES]);

int64_t body_file_size(const struct body_file *file);
const char *body_file_path(const struct body_file *file);

/* Moves it to `path`. */
bool body_file_keep_as(struct body_file *file, const char *path);

#endif
