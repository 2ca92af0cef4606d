/* The tables of the devnet's state (`devnet.sqlite`). Times are milliseconds since 1970. */
#ifndef DEVNET_SCHEMA_H
#define DEVNET_SCHEMA_H

enum { SCHEMA_VERSION = 1 };

/* The statements that create what is missing. */
const char *schema_text(void);

#endif
