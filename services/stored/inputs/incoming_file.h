/* The file of one part of an input while it arrives. */
#ifndef STORED_INPUTS_INCOMING_FILE_H
#define STORED_INPUTS_INCOMING_FILE_H

#include "libcommon/base/error.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct incoming_file {
    int fd;                 /* -1: none is open */
    int64_t expected_bytes; /* as the server says it; -1: it does not */
    int64_t bytes;          /* received so far */
    int64_t reserved_bytes; /* blocks reserved up to here */
    char *held;             /* the last bytes, less than a block, not written yet */
    size_t held_bytes;
};

void incoming_file_init(struct incoming_file *file);

/* Closes what is open, without writing what is held, and frees. */
void incoming_file_clear(struct incoming_file *file);

/* Takes `fd`, an empty file. */
void incoming_file_begin(struct incoming_file *file, int fd, int64_t expected_bytes);

/* ERROR_DISK_FULL among others. */
bool incoming_file_write(struct incoming_file *file, const void *bytes, size_t length, struct error *error);

/* Writes what is held and closes. */
bool incoming_file_end(struct incoming_file *file, struct error *error);

/* Closes it unfinished; harmless when none is open. */
void incoming_file_drop(struct incoming_file *file);

#endif
