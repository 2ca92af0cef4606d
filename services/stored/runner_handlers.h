/* What runner hosts and jobs ask of the role stored/runner. Each answers the message that its name says. */
#ifndef STORED_RUNNER_HANDLERS_H
#define STORED_RUNNER_HANDLERS_H

#include "libcommon/ipc/ipc.h"

ipc_handle_function stored_handle_input_materialize;
ipc_handle_function stored_handle_artifact_put;
ipc_handle_function stored_handle_artifact_put_bytes;
ipc_handle_function stored_handle_artifact_open;
ipc_handle_function stored_handle_artifact_grow;
ipc_handle_function stored_handle_artifact_finish;

#endif
