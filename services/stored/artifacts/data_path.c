#include "services/stored/artifacts/data_path.h"

#include "libcommon/base/memory.h"
#include "libcommon/http/url.h"

#include <stdlib.h>

char *data_path_of_domain(const char *domain_id)
{
    char *domain = url_encode_component(domain_id);
    char *path = memory_format("api/v1/domains/%s/data", domain);
    free(domain);
    return path;
}

char *data_path_of_name(const char *data_path, const char *name, const char *data_type)
{
    char *encoded_name = url_encode_component(name);
    char *encoded_type = url_encode_component(data_type);
    char *path = memory_format("%s?name=%s&data_type=%s", data_path, encoded_name, encoded_type);
    free(encoded_type);
    free(encoded_name);
    return path;
}

char *data_path_of_upload(const char *data_path, const char *upload_id)
{
    char *id = url_encode_component(upload_id);
    char *path = memory_format("%s/multipart?uploadId=%s", data_path, id);
    free(id);
    return path;
}

char *data_path_of_part(const char *data_path, const char *upload_id, size_t number)
{
    char *upload = data_path_of_upload(data_path, upload_id);
    char *path = memory_format("%s&partNumber=%zu", upload, number);
    free(upload);
    return path;
}
