/*
 * Talk between the processes: nng stands behind this header. One folder and one socket for each role, mode
 * 0660 (the folder's group decides who reaches it), and the peer's uid is checked when its pipe is added,
 * before its first byte is read; events, which hold no secrets, go to whoever the folder lets in. A message
 * that breaks its definition is answered with a failure that names the field, and logged (one line a second
 * for each socket). A peer that sends more than its role allows is hung up on.
 *
 * nng delivers a request at least once: it is sent again when the peer comes back.
 * libcommon/node/operations.h says for each operation what a repeat does.
 */
#ifndef LIBCOMMON_IPC_IPC_H
#define LIBCOMMON_IPC_IPC_H

#include "libcommon/ipc/ipc_client.h"
#include "libcommon/ipc/ipc_context.h"
#include "libcommon/ipc/ipc_events.h"
#include "libcommon/ipc/ipc_server.h"

#endif
