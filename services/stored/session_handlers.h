/* What leased asks of the role stored/session. Each answers the message that its name says. */
#ifndef STORED_SESSION_HANDLERS_H
#define STORED_SESSION_HANDLERS_H

#include "libcommon/ipc/ipc.h"

ipc_handle_function stored_handle_session_open;
ipc_handle_function stored_handle_session_update;
ipc_handle_function stored_handle_session_cancel;
ipc_handle_function stored_handle_session_close;
ipc_handle_function stored_handle_sessions_close_others;
ipc_handle_function stored_handle_session_artifacts;

#endif
