/* How programs of the node end. */
#ifndef LIBCOMMON_SERVICE_EXIT_STATUS_H
#define LIBCOMMON_SERVICE_EXIT_STATUS_H

enum {
    SERVICE_EXIT_OK = 0, /* stopped on request */
    SERVICE_EXIT_FAILED = 1,
    SERVICE_EXIT_USAGE = 64, /* EX_USAGE of sysexits.h */
    SERVICE_EXIT_CONFIG = 78 /* a fault in the configuration (EX_CONFIG) */
};

#endif
