/*
 * Feeds lines, each a domain server's GET /api/v1/info, to the reader of it and to the cache.
 *
 * Multipart is demanded only where it is enabled and a bound is known; the cache gives what was remembered
 * last for a server, for as long as it counts and no longer.
 */
#include "services/stored/artifacts/upload_info.h"

#include "tests/fuzz/fuzz.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static void check_info(const struct upload_info *info)
{
    static const int64_t sizes[] = {0, 1, 1024, INT64_MAX};
    for (size_t i = 0; i < sizeof sizes / sizeof sizes[0]; i++) {
        bool demanded =
            info->multipart_enabled && info->request_max_bytes > 0 && sizes[i] > info->request_max_bytes;
        fuzz_expect(upload_info_demands_multipart(info, sizes[i]) == demanded,
                    "multipart is demanded where it helps, and only there");
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct fuzz_input input = {data, size};
    struct upload_info_cache cache = {0};
    for (int64_t now_ms = 0; input.length > 0; now_ms += 1000) {
        struct upload_info info;
        struct error error = fuzz_no_error();
        struct fuzz_input body = fuzz_take_bytes(&input, '\n');
        char base_url[64];
        snprintf(base_url, sizeof base_url, "https://ds%zu.example.org", body.length % 40);
        if (!upload_info_parse((const char *)body.bytes, body.length, &info, &error)) {
            fuzz_expect_error(&error);
            continue;
        }
        check_info(&info);
        upload_info_remember(&cache, base_url, &info, now_ms);
        const struct upload_info *found =
            upload_info_find(&cache, base_url, now_ms + UPLOAD_INFO_KEEP_MS - 1);
        fuzz_expect(found && found->request_max_bytes == info.request_max_bytes &&
                        found->multipart_enabled == info.multipart_enabled,
                    "what is remembered is found");
        fuzz_expect(!upload_info_find(&cache, base_url, now_ms + UPLOAD_INFO_KEEP_MS),
                    "it does not count longer");
    }
    upload_info_cache_clear(&cache);
    return 0;
}
