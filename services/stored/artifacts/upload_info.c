/* A handful of servers at most are in use at once, so a fixed table does. */
#include "services/stored/artifacts/upload_info.h"

#include "libcommon/base/memory.h"
#include "libcommon/json/json_field.h"

#include <stdlib.h>
#include <string.h>

bool upload_info_parse(const char *body, size_t body_bytes, struct upload_info *info, struct error *error)
{
    struct json_slice object;
    struct json_slice upload;
    struct json_slice multipart;
    *info = (struct upload_info){0};
    return json_field_parse_object(body, body_bytes, &object, error) &&
           json_field_of_type(object, "upload", JSON_TEXT_OBJECT, &upload, error) &&
           json_field_int64(upload, "request_max_bytes", &info->request_max_bytes, NULL, error) &&
           json_field_of_type(upload, "multipart", JSON_TEXT_OBJECT, &multipart, error) &&
           json_field_bool(multipart, "enabled", &info->multipart_enabled, NULL, error);
}

bool upload_info_demands_multipart(const struct upload_info *info, int64_t form_bytes)
{
    return info->multipart_enabled && info->request_max_bytes > 0 && form_bytes > info->request_max_bytes;
}

static bool is_for(const struct upload_info_entry *entry, const char *base_url)
{
    return entry->base_url && strcmp(entry->base_url, base_url) == 0;
}

const struct upload_info *upload_info_find(const struct upload_info_cache *cache, const char *base_url,
                                           int64_t now_ms)
{
    for (size_t i = 0; i < UPLOAD_INFO_SERVERS; i++)
        if (is_for(&cache->entries[i], base_url) && now_ms < cache->entries[i].ends_ms)
            return &cache->entries[i].info;
    return NULL;
}

void upload_info_remember(struct upload_info_cache *cache, const char *base_url,
                          const struct upload_info *info, int64_t now_ms)
{
    struct upload_info_entry *target = &cache->entries[0];
    for (size_t i = 0; i < UPLOAD_INFO_SERVERS; i++) {
        struct upload_info_entry *entry = &cache->entries[i];
        if (is_for(entry, base_url)) {
            target = entry;
            break;
        }
        if (entry->ends_ms < target->ends_ms) /* an empty one's is 0 */
            target = entry;
    }
    memory_replace_text(&target->base_url, base_url);
    target->info = *info;
    target->ends_ms = now_ms + UPLOAD_INFO_KEEP_MS;
}

void upload_info_cache_clear(struct upload_info_cache *cache)
{
    for (size_t i = 0; i < UPLOAD_INFO_SERVERS; i++)
        free(cache->entries[i].base_url);
    *cache = (struct upload_info_cache){0};
}
