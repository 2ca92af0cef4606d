#include "services/stored/inputs/cid.h"

#include "libcommon/base/memory.h"
#include "tests/unit/vectors.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

static const char base[] = "https://ds.example.org";
static const char domain[] = "aff57e44-9f1d-4b2f-9be1-f456e996b668";

static void assert_optional(const char *value, const char *expected)
{
    if (expected)
        assert_string_equal(value, expected);
    else
        assert_null(value);
}

static void check(const json_t *expected, const struct cid_query *query)
{
    const json_t *ids = json_object_get(expected, "ids");
    assert_string_equal(query->domain, vectors_text(expected, "domain"));
    assert_int_equal(query->id_count, json_array_size(ids));
    for (size_t i = 0; i < query->id_count; i++)
        assert_string_equal(query->ids[i], json_string_value(json_array_get(ids, i)));
    assert_optional(query->name, vectors_text(expected, "name"));
    assert_optional(query->data_type, vectors_text(expected, "data_type"));
    assert_int_equal(query->foreign, json_is_true(json_object_get(expected, "foreign")));
}

static void reads_and_refuses_every_golden_cid(void **state)
{
    (void)state;
    size_t index;
    json_t *vector;
    json_t *cases = vectors_load("urls.json");
    json_array_foreach(cases, index, vector)
    {
        struct cid_query query;
        struct error error;
        if (!vectors_is_kind(vector, "cid"))
            continue;
        vectors_announce(vector);
        bool parsed = cid_parse(vectors_text(vector, "cid"), vectors_text(vector, "lease_base"),
                                vectors_text(vector, "lease_domain"), &query, &error);
        assert_int_equal(parsed, json_object_get(vector, "error") == NULL);
        if (parsed)
            check(json_object_get(vector, "expected"), &query);
        else
            assert_int_equal(error.code, ERROR_INVALID);
        cid_query_clear(&query);
    }
    json_decref(cases);
}

static void assert_request(const char *cid, const char *expected)
{
    struct cid_query query;
    struct error error;
    assert_true(cid_parse(cid, base, domain, &query, &error));
    char *path = cid_request_path(&query);
    assert_string_equal(path, expected);
    free(path);
    cid_query_clear(&query);
}

static void asks_the_lease_server_with_encoded_values(void **state)
{
    (void)state;
    assert_request(" id 1,\xc3\xb6\n",
                   "api/v1/domains/aff57e44-9f1d-4b2f-9be1-f456e996b668/data?ids=id%201%2C%C3%B6");
    assert_request("/domains/D/data?ids=a,b&name=x+y%26&data_type=ply",
                   "api/v1/domains/D/data?ids=a,b&name=x%20y%26&data_type=ply");
    assert_request("/domains/a%2Fb/data?name=n", "api/v1/domains/a%2Fb/data?name=n");
    assert_request("/domains/D/data?data_type=n", "api/v1/domains/D/data?data_type=n");
    assert_request("/domains/D/data/a%20b", "api/v1/domains/D/data?ids=a%20b");
}

static void a_bare_id_is_opaque_and_one_value_of_the_query(void **state)
{
    (void)state;
    static const char *const ids[][2] = {
        {"a%2Fb", "a%252Fb"},
        {"%2e%2e", "%252e%252e"},
        {"a\\b", "a%5Cb"},
        {"a&ids=b", "a%26ids%3Db"},
        {"a#b", "a%23b"},
        {"a?b", "a%3Fb"},
        {"a+b c", "a%2Bb%20c"},
        {"\"'<>", "%22%27%3C%3E"},
        {"\xe6\x97\xa5\xe2\x80\xa8", "%E6%97%A5%E2%80%A8"},
        {"\xff", "%FF"},
        {"a\r\nb", "a%0D%0Ab"},
        {"\x7f\x1b", "%7F%1B"},
        {"...", "..."},
        {"a:b", "a%3Ab"},
        {"%", "%25"},
    };
    for (size_t i = 0; i < sizeof ids / sizeof ids[0]; i++) {
        char *expected =
            memory_format("api/v1/domains/aff57e44-9f1d-4b2f-9be1-f456e996b668/data?ids=%s", ids[i][1]);
        assert_request(ids[i][0], expected);
        free(expected);
    }
    /* The same ids, encoded as a path has to: a slash in one stays in it. */
    assert_request("/domains/a%2F..%2Fb/data/..%2Fx", "api/v1/domains/a%2F..%2Fb/data?ids=..%2Fx");
    assert_request("/domains/D/data?ids=..%2Fx,%2F", "api/v1/domains/D/data?ids=..%2Fx,%2F");
}

static void refuses_ids_that_lead_elsewhere(void **state)
{
    (void)state;
    static const char *const cids[] = {".",
                                       "..",
                                       "/domains/../data/x",
                                       "/domains/D/data/..",
                                       "../x",
                                       "a/b",
                                       "../../domains/D/data/.",
                                       "/domains/D/data/%2e%2E",
                                       "/domains/D/data?ids=a,..",
                                       "/domains/D/data/a%00b",
                                       "/domains/D/data?name=%00",
                                       "ftp://ds.example.org/domains/D/data/x",
                                       "https://ds.example.org:99999/domains/D/data/x"};
    for (size_t i = 0; i < sizeof cids / sizeof cids[0]; i++) {
        struct cid_query query;
        struct error error;
        assert_false(cid_parse(cids[i], base, domain, &query, &error));
        assert_int_equal(error.code, ERROR_INVALID);
        assert_null(query.domain);
    }
}

static void a_url_inside_a_query_does_not_make_a_path_absolute(void **state)
{
    (void)state;
    struct cid_query query;
    struct error error;
    assert_true(cid_parse("/domains/D/data?name=https://evil.example/x", base, domain, &query, &error));
    assert_string_equal(query.name, "https://evil.example/x");
    assert_false(query.foreign);
    cid_query_clear(&query);
}

static void assert_refused(const char *cid, enum error_code code, const char *expected)
{
    struct cid_query query;
    struct error error;
    assert_false(cid_parse(cid, base, domain, &query, &error));
    assert_int_equal(error.code, code);
    assert_string_equal(error.text, expected);
}

static void says_why_a_cid_is_refused(void **state)
{
    (void)state;
    assert_refused("", ERROR_INVALID, "a CID is empty");
    assert_refused(" \n", ERROR_INVALID, "a CID is empty");
    assert_refused("..", ERROR_INVALID, "CID ..: an id of . or .. is refused");
    assert_refused("?ids=.", ERROR_INVALID, "CID ?ids=.: an id of . or .. is refused");
    assert_refused("/domains/D/data/..", ERROR_INVALID,
                   "CID /domains/D/data/..: an id of . or .. or with a NUL is refused");
    assert_refused("?name=%00", ERROR_INVALID, "CID ?name=%00: its query holds a NUL");
    assert_refused("?%00=a", ERROR_INVALID, "CID ?%00=a: its query holds a NUL");
    assert_refused("ftp://h/x", ERROR_INVALID, "CID ftp://h/x: not an http or https URL with a host");
    assert_refused("/domains/D/data", ERROR_INVALID,
                   "CID /domains/D/data: it names nothing to read: no id, name or data type");
}

static void a_cid_of_8_kib_is_the_longest(void **state)
{
    (void)state;
    char *cid = memory_allocate(8194);
    memset(cid, 'x', 8193);
    assert_refused(cid, ERROR_TOO_LARGE, "a CID has more than 8192 bytes");
    cid[8192] = '\0';
    struct cid_query query;
    struct error error;
    assert_true(cid_parse(cid, base, domain, &query, &error));
    assert_string_equal(query.ids[0], cid);
    cid_query_clear(&query);
    free(cid);
}

static void reads_queries_as_servers_do(void **state)
{
    (void)state;
    assert_request("?ids=a,,b,&ids=c", "api/v1/domains/aff57e44-9f1d-4b2f-9be1-f456e996b668/data?ids=a,b,c");
    assert_request("?name=n&name=m&data_type=&data_type=t",
                   "api/v1/domains/aff57e44-9f1d-4b2f-9be1-f456e996b668/data?name=n&data_type=t");
    assert_request("/domains/D/data/x?ids=y&name=n", "api/v1/domains/D/data?ids=x&name=n");
    assert_request("/domains/D/data/x?data_type=t", "api/v1/domains/D/data?ids=x&data_type=t");
    assert_request("/domains/D/data?&&name&data_type=t&=v&other=w#name=x",
                   "api/v1/domains/D/data?data_type=t");
    assert_request("/domains/D/data/x#?name=n", "api/v1/domains/D/data?ids=x");
    assert_request("https://ds.example.org?ids=a",
                   "api/v1/domains/aff57e44-9f1d-4b2f-9be1-f456e996b668/data?ids=a");
    assert_request("?n%61me=a%2Bb+c",
                   "api/v1/domains/aff57e44-9f1d-4b2f-9be1-f456e996b668/data?name=a%2Bb%20c");
}

static void finds_the_domain_and_id_wherever_they_stand_in_a_path(void **state)
{
    (void)state;
    assert_request("/api/v1/domains/D/data/x", "api/v1/domains/D/data?ids=x");
    assert_request("//domains//D//data//x//more", "api/v1/domains/D/data?ids=x");
    assert_request("domains/D/data/x", "api/v1/domains/D/data?ids=x");
    assert_request("/domains/domains/D/data/x", "api/v1/domains/D/data?ids=x");
    assert_request("/domains/D/other/data?ids=x",
                   "api/v1/domains/aff57e44-9f1d-4b2f-9be1-f456e996b668/data?ids=x");
    assert_request("/Domains/D/data?ids=x", "api/v1/domains/aff57e44-9f1d-4b2f-9be1-f456e996b668/data?ids=x");
    assert_request("/domains/D?ids=x", "api/v1/domains/aff57e44-9f1d-4b2f-9be1-f456e996b668/data?ids=x");
    assert_request("/domain/D/data?ids=x", "api/v1/domains/aff57e44-9f1d-4b2f-9be1-f456e996b668/data?ids=x");
}

static void a_url_of_another_origin_is_foreign(void **state)
{
    (void)state;
    static const struct {
        const char *cid;
        bool foreign;
    } cids[] = {{"https://ds.example.org/domains/D/data/x", false},
                {"HTTPS://DS.example.org:443/domains/D/data/x", false},
                {"http://ds.example.org/domains/D/data/x", true},
                {"https://ds.example.org:444/domains/D/data/x", true},
                {"https://other.example.org/domains/D/data/x", true},
                {"/domains/D/data/x", false},
                {"x", false}};
    for (size_t i = 0; i < sizeof cids / sizeof cids[0]; i++) {
        struct cid_query query;
        struct error error;
        assert_true(cid_parse(cids[i].cid, base, domain, &query, &error));
        assert_int_equal(query.foreign, cids[i].foreign);
        cid_query_clear(&query);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(reads_and_refuses_every_golden_cid),
        cmocka_unit_test(asks_the_lease_server_with_encoded_values),
        cmocka_unit_test(a_bare_id_is_opaque_and_one_value_of_the_query),
        cmocka_unit_test(refuses_ids_that_lead_elsewhere),
        cmocka_unit_test(a_url_inside_a_query_does_not_make_a_path_absolute),
        cmocka_unit_test(says_why_a_cid_is_refused),
        cmocka_unit_test(a_cid_of_8_kib_is_the_longest),
        cmocka_unit_test(reads_queries_as_servers_do),
        cmocka_unit_test(finds_the_domain_and_id_wherever_they_stand_in_a_path),
        cmocka_unit_test(a_url_of_another_origin_is_foreign),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
