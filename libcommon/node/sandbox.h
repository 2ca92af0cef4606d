/*
 * What a service may do once it runs, and nothing else: system calls (seccomp; what no row of sandbox_calls.c
 * allows kills the process), files and TCP ports (Landlock; sandbox_files.c). Applied in the start sequence
 * before the first thread, so that it covers all of them.
 *
 * runnerd is the exception: what it starts inherits its sandbox, and that is the operator's own program with
 * needs of its own (a GPU, a cache, a model's folder). It has a list of what no job needs, refused with
 * EPERM.
 */
#ifndef LIBCOMMON_NODE_SANDBOX_H
#define LIBCOMMON_NODE_SANDBOX_H

#include "libcommon/node/sandbox_files.h"

enum { SANDBOX_TEXT_BYTES = 128 };

/* `text` gets what is in force, for the log and the status: "system calls, files, ports". Needs no_new_privs.
 */
bool sandbox_apply(enum service_id service, const struct sandbox_places *places,
                   char text[SANDBOX_TEXT_BYTES], struct error *error);

#endif
