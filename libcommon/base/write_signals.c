#include "libcommon/base/write_signals.h"

#include <signal.h>

void write_signals_ignore(void)
{
    signal(SIGPIPE, SIG_IGN);
    signal(SIGXFSZ, SIG_IGN);
}
