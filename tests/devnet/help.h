/* What --help says. */
#ifndef DEVNET_HELP_H
#define DEVNET_HELP_H

const char *help_text(void);

#endif
