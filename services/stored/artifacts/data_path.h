/* Where a domain's data is at its server, below server_url and encoded (docs/network.md 4.2). free() them. */
#ifndef STORED_ARTIFACTS_DATA_PATH_H
#define STORED_ARTIFACTS_DATA_PATH_H

#include <stddef.h>

/* api/v1/domains/{domain}/data, which the others begin with. */
char *data_path_of_domain(const char *domain_id);

/* The look-up of a name and type. */
char *data_path_of_name(const char *data_path, const char *name, const char *data_type);

/* A multipart upload as a whole. */
char *data_path_of_upload(const char *data_path, const char *upload_id);
char *data_path_of_part(const char *data_path, const char *upload_id, size_t number);

#endif
