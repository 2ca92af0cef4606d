/* What domain servers say of uploads, GET /api/v1/info, remembered for 60 s (docs/network.md 4.2). Pure. */
#ifndef STORED_ARTIFACTS_UPLOAD_INFO_H
#define STORED_ARTIFACTS_UPLOAD_INFO_H

#include "libcommon/base/error.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum { UPLOAD_INFO_SERVERS = 16, UPLOAD_INFO_KEEP_MS = 60000 };

struct upload_info {
    int64_t request_max_bytes; /* 0: not known */
    bool multipart_enabled;
};

struct upload_info_entry {
    char *base_url;
    struct upload_info info;
    int64_t ends_ms;
};

/* All zero is an empty cache. */
struct upload_info_cache {
    struct upload_info_entry entries[UPLOAD_INFO_SERVERS];
};

bool upload_info_parse(const char *body, size_t body_bytes, struct upload_info *info, struct error *error);

/* Whether a form of `form_bytes` is above what the server takes while it would take parts. */
bool upload_info_demands_multipart(const struct upload_info *info, int64_t form_bytes);

/* NULL when it is not known, or no longer. */
const struct upload_info *upload_info_find(const struct upload_info_cache *cache, const char *base_url,
                                           int64_t now_ms);

/* The entry that ends first gives way when the cache is full. */
void upload_info_remember(struct upload_info_cache *cache, const char *base_url,
                          const struct upload_info *info, int64_t now_ms);
void upload_info_cache_clear(struct upload_info_cache *cache);

#endif
