/* The folders that settings name: by which variable, for whom, and what each needs of them. */
#ifndef LIBCOMMON_NODE_FOLDER_USE_H
#define LIBCOMMON_NODE_FOLDER_USE_H

#include "libcommon/base/error.h"
#include "libcommon/node/settings.h"

#include <stdbool.h>
#include <sys/types.h>

enum folder_id {
    FOLDER_RUNTIME,
    FOLDER_STATE,
    FOLDER_WORK,
    FOLDER_RUNNERS,
    FOLDER_COUNT,
    FOLDER_LOCKED_COUNT = FOLDER_RUNNERS /* those before it are the node's alone */
};

struct folder_use {
    const char *variable;
    const char *path; /* borrowed of the settings; NULL in those of who does not read it */
    unsigned users;   /* bits of services */
};

struct folder_use folder_use_of(const struct settings *settings, enum folder_id id);

/*
 * Whether `service`, which this process is or has the uid of, can use the folder. `is_made`: by
 * posemesh-node, with the owner and mode that are needed, so that only the way to it counts; so
 * that it does where it lies in another one of posemesh-node's. The error is a
 * sentence with variable, uid and remedy.
 */
bool folder_use_check(const struct settings *settings, enum folder_id id, enum service_id service,
                      bool is_made, struct error *error);

/* ", pid 17", or nothing where that is not known. */
enum { FOLDER_USE_HOLDER_BYTES = 24 };
void folder_use_format_holder(pid_t holder, char out[FOLDER_USE_HOLDER_BYTES]);

/* Whether a socket's path fits what the system has for it. */
bool folder_use_check_length(const struct settings *settings, struct error *error);

#endif
