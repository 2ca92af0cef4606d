/*
 * Feeds a CID and, on a second line, a lease's base URL to what makes a request of them.
 *
 * The request always goes to the lease's origin, to /domains/{domain}/data, and reads no whole domain.
 * Nothing of the CID breaks out of its place in the URL, and the request read as a CID asks for the same.
 */
#include "services/stored/inputs/cid.h"

#include "libcommon/base/limits.h"
#include "libcommon/http/url.h"
#include "tests/fuzz/fuzz.h"

#include <stdlib.h>
#include <string.h>

static const char domain[] = "aff57e44-9f1d-4b2f-9be1-f456e996b668";

static bool has_comma(const struct cid_query *query)
{
    for (size_t i = 0; i < query->id_count; i++)
        if (strchr(query->ids[i], ','))
            return true;
    return false;
}

/* An id with a comma is one in a path and two in a query. */
static void check_again(const char *url, const char *base, const struct cid_query *query)
{
    struct error error = fuzz_no_error();
    struct cid_query again;
    fuzz_expect(cid_parse(url, base, "another", &again, &error), "a request is a CID");
    fuzz_expect_same_text(again.domain, query->domain, "a request asks in the same domain");
    fuzz_expect_same_text(again.name, query->name, "a request asks for the same name");
    fuzz_expect_same_text(again.data_type, query->data_type, "a request asks for the same data type");
    fuzz_expect(!again.foreign, "a request stays with the lease's origin");
    fuzz_expect(again.id_count == query->id_count, "a request asks for as many ids");
    for (size_t i = 0; i < query->id_count; i++)
        fuzz_expect_same_text(again.ids[i], query->ids[i], "a request asks for the same ids");
    cid_query_clear(&again);
}

static void check_query(const struct cid_query *query, const char *base)
{
    fuzz_expect(query->id_count > 0 || query->name || query->data_type, "a CID does not read a whole domain");
    fuzz_expect(query->domain && *query->domain, "a CID has a domain");
    for (size_t i = 0; i < query->id_count; i++)
        fuzz_expect(query->ids[i][0] && strcmp(query->ids[i], ".") != 0 && strcmp(query->ids[i], "..") != 0,
                    "an id is not empty and not . or ..");
    char *path = cid_request_path(query);
    size_t length = strcspn(path, "?");
    size_t slashes = 0;
    for (size_t i = 0; i < length; i++)
        slashes += path[i] == '/';
    fuzz_expect(slashes == 4 && !fuzz_has_dots(path, length), "the request's path has five components");
    const char *segments[] = {path};
    char *url = url_join(base, segments, 1);
    fuzz_expect(url_is_http(url) && url_same_origin(url, base), "the request goes to the lease's origin");
    /* A base that looks like a request itself would be read for one. */
    if (!has_comma(query) && !strstr(base, "/domains/") && strlen(url) < LIMIT_URL_BYTES)
        check_again(url, base, query);
    free(url);
    free(path);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct fuzz_input input = {data, size};
    struct error error = fuzz_no_error();
    struct cid_query query;
    char *cid = fuzz_take_text(&input, '\n');
    char *given = fuzz_take_text(&input, '\n');
    /* As a session checks the server's URL before it has a CID. */
    const char *base = url_is_http(given) && !strpbrk(given, "?#") ? given : "https://ds.example.org/base";
    if (cid_parse(cid, base, domain, &query, &error)) {
        check_query(&query, base);
    } else {
        fuzz_expect_error(&error);
        fuzz_expect(!query.ids && !query.domain && !query.name && !query.data_type,
                    "what cannot be read leaves nothing");
    }
    cid_query_clear(&query);
    free(given);
    free(cid);
    return 0;
}
