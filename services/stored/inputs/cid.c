#include "services/stored/inputs/cid.h"

#include "libcommon/base/limits.h"
#include "libcommon/base/memory.h"
#include "libcommon/base/text.h"
#include "libcommon/http/url.h"

#include <stdlib.h>
#include <string.h>

/* A stretch of the CID's text. */
struct span {
    const char *text;
    size_t length;
};

static bool fail(const char *cid, const char *reason, struct error *error)
{
    return error_set(error, ERROR_INVALID, "CID %.*s: %s", TEXT_CUT(cid, 160), reason);
}

/* An absolute URL has "://" before anything else that a path or query could hold. */
static const char *find_authority(const char *cid)
{
    size_t scheme = strcspn(cid, ":/?#");
    return scheme > 0 && strncmp(cid + scheme, "://", 3) == 0 ? cid + scheme + 3 : NULL;
}

/* Both would leave the folder they stand in, were they put into a path. */
static bool is_dots(const char *text)
{
    return strcmp(text, ".") == 0 || strcmp(text, "..") == 0;
}

static void add_id(struct cid_query *query, char *id)
{
    query->ids = memory_resize_array(query->ids, query->id_count + 1, sizeof *query->ids);
    query->ids[query->id_count++] = id;
}

static bool take_component(struct span segment, const char *cid, char **value, struct error *error)
{
    char *decoded = url_decode_component(segment.text, segment.length);
    if (!decoded || is_dots(decoded)) {
        free(decoded);
        return fail(cid, "an id of . or .. or with a NUL is refused", error);
    }
    free(*value);
    *value = decoded;
    return true;
}

/* The next piece between slashes; false at the end of the path. Empty pieces are skipped. */
static bool next_segment(struct span *path, struct span *segment)
{
    while (path->length > 0 && *path->text == '/') {
        path->text++;
        path->length--;
    }
    size_t length = 0;
    while (length < path->length && path->text[length] != '/')
        length++;
    *segment = (struct span){path->text, length};
    path->text += length;
    path->length -= length;
    return length > 0;
}

static bool segment_is(struct span segment, const char *word)
{
    return segment.length == strlen(word) && memcmp(segment.text, word, segment.length) == 0;
}

/* Looks for /domains/{domain}/data[/{id}] wherever it begins: the prefix before it is the server's own
 * affair. */
static bool read_path(struct span path, const char *cid, struct cid_query *query, struct error *error)
{
    struct span segment;
    while (next_segment(&path, &segment)) {
        struct span rest = path;
        struct span domain;
        struct span data;
        struct span id;
        if (!segment_is(segment, "domains") || !next_segment(&rest, &domain) || !next_segment(&rest, &data) ||
            !segment_is(data, "data"))
            continue;
        if (!take_component(domain, cid, &query->domain, error))
            return false;
        if (!next_segment(&rest, &id))
            return true;
        char *decoded = NULL;
        if (!take_component(id, cid, &decoded, error))
            return false;
        add_id(query, decoded);
        return true;
    }
    return true;
}

static bool read_ids(const char *list, const char *cid, struct cid_query *query, struct error *error)
{
    while (*list) {
        size_t length = strcspn(list, ",");
        if (length > 0)
            add_id(query, memory_copy_bytes(list, length));
        if (length > 0 && is_dots(query->ids[query->id_count - 1]))
            return fail(cid, "an id of . or .. is refused", error);
        list += length + (list[length] == ',');
    }
    return true;
}

/* A filter given twice counts as given first; an empty one filters nothing. */
static void keep_first(char **slot, const char *value)
{
    if (!*slot && *value)
        *slot = memory_copy_text(value);
}

static bool read_parameter(struct span parameter, bool ids_wanted, const char *cid, struct cid_query *query,
                           struct error *error)
{
    const char *equals = memchr(parameter.text, '=', parameter.length);
    if (!equals)
        return true;
    const char *end = parameter.text + parameter.length;
    char *name = url_decode_form(parameter.text, (size_t)(equals - parameter.text));
    char *value = url_decode_form(equals + 1, (size_t)(end - equals - 1));
    bool read = true;
    if (!name || !value)
        read = fail(cid, "its query holds a NUL", error);
    else if (strcmp(name, "name") == 0)
        keep_first(&query->name, value);
    else if (strcmp(name, "data_type") == 0)
        keep_first(&query->data_type, value);
    else if (strcmp(name, "ids") == 0 && ids_wanted)
        read = read_ids(value, cid, query, error);
    free(name);
    free(value);
    return read;
}

/* An id in the path wins over those of the query. */
static bool read_query(struct span text, const char *cid, struct cid_query *query, struct error *error)
{
    bool ids_wanted = query->id_count == 0;
    const char *at = text.text;
    const char *end = text.text + text.length;
    while (at < end) {
        const char *separator = memchr(at, '&', (size_t)(end - at));
        const char *stop = separator ? separator : end;
        if (!read_parameter((struct span){at, (size_t)(stop - at)}, ids_wanted, cid, query, error))
            return false;
        at = stop + 1;
    }
    return true;
}

static bool read_path_and_query(const char *text, const char *cid, struct cid_query *query,
                                struct error *error)
{
    size_t path_length = strcspn(text, "?#");
    const char *question = text[path_length] == '?' ? text + path_length + 1 : "";
    struct span query_text = {question, strcspn(question, "#")};
    return read_path((struct span){text, path_length}, cid, query, error) &&
           read_query(query_text, cid, query, error);
}

static bool read_cid(const char *cid, const char *lease_base, struct cid_query *query, struct error *error)
{
    if (*cid == '\0')
        return error_set(error, ERROR_INVALID, "a CID is empty");
    if (strlen(cid) > LIMIT_URL_BYTES)
        return error_set(error, ERROR_TOO_LARGE, "a CID has more than %d bytes", LIMIT_URL_BYTES);
    const char *authority = find_authority(cid);
    if (authority) {
        if (!url_is_http(cid))
            return fail(cid, "not an http or https URL with a host", error);
        query->foreign = !url_same_origin(cid, lease_base);
        return read_path_and_query(authority + strcspn(authority, "/?#"), cid, query, error);
    }
    if (strchr(cid, '/') || *cid == '?')
        return read_path_and_query(cid, cid, query, error);
    if (is_dots(cid))
        return fail(cid, "an id of . or .. is refused", error);
    add_id(query, memory_copy_text(cid));
    return true;
}

bool cid_parse(const char *cid, const char *lease_base, const char *lease_domain, struct cid_query *query,
               struct error *error)
{
    char *trimmed = text_copy_trimmed(cid);
    *query = (struct cid_query){0};
    bool parsed = read_cid(trimmed, lease_base, query, error);
    if (parsed && query->id_count == 0 && !query->name && !query->data_type)
        parsed = fail(trimmed, "it names nothing to read: no id, name or data type", error);
    if (parsed && !query->domain)
        query->domain = memory_copy_text(lease_domain);
    if (!parsed)
        cid_query_clear(query);
    free(trimmed);
    return parsed;
}

void cid_query_clear(struct cid_query *query)
{
    for (size_t i = 0; i < query->id_count; i++)
        free(query->ids[i]);
    free(query->ids);
    free(query->domain);
    free(query->name);
    free(query->data_type);
    *query = (struct cid_query){0};
}

/* Appends `between` and the encoded value. */
static void append_encoded(char **path, const char *between, const char *value)
{
    char *encoded = url_encode_component(value);
    char *longer = memory_format("%s%s%s", *path, between, encoded);
    free(encoded);
    free(*path);
    *path = longer;
}

char *cid_request_path(const struct cid_query *query)
{
    char *path = memory_copy_text("api/v1/domains/");
    append_encoded(&path, "", query->domain);
    append_encoded(&path, "/data", "");
    for (size_t i = 0; i < query->id_count; i++)
        append_encoded(&path, i == 0 ? "?ids=" : ",", query->ids[i]);
    if (query->name)
        append_encoded(&path, query->id_count > 0 ? "&name=" : "?name=", query->name);
    if (query->data_type)
        append_encoded(&path,
                       query->id_count > 0 || query->name ? "&data_type=" : "?data_type=", query->data_type);
    return path;
}
