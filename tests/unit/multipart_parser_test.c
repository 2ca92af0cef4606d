#include "services/stored/inputs/multipart_parser.h"

#include "libcommon/base/hex.h"
#include "libcommon/base/memory.h"
#include "tests/unit/vectors.h"

#include <openssl/evp.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include <cmocka.h>

enum {
    RANDOM_SPLITS = 20,
    EVERY_BYTE_OF_BYTES = 1500 /* trying every byte takes the square of the length */
};

/* Checks parts as they come against what a vector expects; NULL expects nothing in particular. */
struct receiver {
    const json_t *expected;
    size_t begun;
    size_t ended;
    size_t length;
    EVP_MD_CTX *digest;
    bool refuse_data;
};

static void assert_optional(const char *value, const char *expected)
{
    if (expected)
        assert_string_equal(value, expected);
    else
        assert_null(value);
}

static bool on_begin(void *context, const struct multipart_part *part, struct error *error)
{
    struct receiver *receiver = context;
    (void)error;
    assert_int_equal(receiver->begun, receiver->ended);
    if (receiver->expected) {
        const json_t *expected = json_array_get(receiver->expected, receiver->begun);
        const json_t *size = json_object_get(expected, "size");
        assert_non_null(expected);
        assert_optional(part->name, vectors_text(expected, "name"));
        assert_optional(part->data_type, vectors_text(expected, "data_type"));
        assert_optional(part->id, vectors_text(expected, "id"));
        assert_optional(part->domain_id, vectors_text(expected, "domain_id"));
        assert_int_equal(part->size, json_is_integer(size) ? json_integer_value(size) : -1);
    }
    receiver->begun++;
    receiver->length = 0;
    assert_int_equal(EVP_DigestInit_ex(receiver->digest, EVP_sha256(), NULL), 1);
    return true;
}

static bool on_data(void *context, const void *bytes, size_t length, struct error *error)
{
    struct receiver *receiver = context;
    if (receiver->refuse_data)
        return error_set(error, ERROR_DISK_FULL, "no space");
    assert_true(length > 0);
    receiver->length += length;
    assert_int_equal(EVP_DigestUpdate(receiver->digest, bytes, length), 1);
    return true;
}

static bool on_end(void *context, struct error *error)
{
    struct receiver *receiver = context;
    (void)error;
    uint8_t digest[32];
    char text[65];
    assert_int_equal(EVP_DigestFinal_ex(receiver->digest, digest, NULL), 1);
    if (receiver->expected) {
        const json_t *expected = json_array_get(receiver->expected, receiver->ended);
        assert_int_equal(receiver->length, json_integer_value(json_object_get(expected, "length")));
        assert_string_equal(hex_encode(digest, sizeof digest, text), vectors_text(expected, "sha256"));
    }
    receiver->ended++;
    return true;
}

/* The next piece's length: all of the body, one byte, or a random one (most are short, so that many cuts
 * happen). */
enum split { SPLIT_WHOLE, SPLIT_BYTES, SPLIT_RANDOM };

static size_t next_piece(enum split split, size_t left)
{
    if (split == SPLIT_WHOLE)
        return left;
    size_t piece = 1;
    if (split == SPLIT_RANDOM)
        piece = 1 + (size_t)random() % (random() % 4 == 0 ? 5000 : 40);
    return piece < left ? piece : left;
}

/* Each piece is a copy of its own size, so that a read beyond it is seen by the sanitizer. */
static bool feed_split(struct multipart_parser *parser, const char *body, size_t length, enum split split,
                       struct error *error)
{
    bool fed = true;
    while (fed && length > 0) {
        size_t piece = next_piece(split, length);
        char *copy = malloc(piece);
        assert_non_null(copy);
        memcpy(copy, body, piece);
        fed = multipart_parser_feed(parser, copy, piece, error);
        free(copy);
        body += piece;
        length -= piece;
    }
    return fed && multipart_parser_finish(parser, error);
}

static bool parse(const char *content_type, const char *body, size_t length, enum split split,
                  struct receiver *receiver, struct error *error)
{
    struct multipart_handler handler = {on_begin, on_data, on_end, receiver};
    struct multipart_parser *parser = multipart_parser_create(content_type, &handler, error);
    if (!parser)
        return false;
    receiver->digest = EVP_MD_CTX_new();
    bool parsed = feed_split(parser, body, length, split, error);
    if (!parsed) {
        /* Once failed, it stays so. */
        struct error again;
        bool was_truncated = error->code == ERROR_NETWORK || error->code == ERROR_NOT_FOUND;
        assert_true(was_truncated || !multipart_parser_feed(parser, "x", 1, &again));
        assert_true(was_truncated || again.code == error->code);
    }
    multipart_parser_free(parser);
    EVP_MD_CTX_free(receiver->digest);
    return parsed;
}

static enum error_code code_of(const char *fault)
{
    if (strcmp(fault, "not_found") == 0)
        return ERROR_NOT_FOUND;
    return strcmp(fault, "truncated") == 0 ? ERROR_NETWORK : ERROR_INVALID;
}

static void try_vector(const json_t *vector, const char *body, size_t length, enum split split)
{
    struct error error;
    const char *fault = vectors_text(vector, "error");
    struct receiver receiver = {.expected = json_object_get(vector, "parts")};
    bool parsed = parse(vectors_text(vector, "content_type"), body, length, split, &receiver, &error);
    if (fault) {
        assert_false(parsed);
        assert_int_equal(error.code, code_of(fault));
        assert_int_equal(strncmp(error.text, fault, strlen(fault)), 0);
        return;
    }
    if (!parsed)
        print_message("  error: %s\n", error.text);
    assert_true(parsed);
    assert_int_equal(receiver.ended, json_array_size(receiver.expected));
}

static void try_splits(const json_t *vector, const char *body, size_t length)
{
    assert_int_equal(length, json_integer_value(json_object_get(vector, "bytes")));
    try_vector(vector, body, length, SPLIT_WHOLE);
    try_vector(vector, body, length, SPLIT_BYTES);
    for (int i = 0; i < RANDOM_SPLITS; i++)
        try_vector(vector, body, length, SPLIT_RANDOM);
}

/* Calls `visit` for every vector's body of at most `limit` bytes. */
static void visit_bodies(size_t limit, void (*visit)(const json_t *vector, const char *body, size_t length))
{
    size_t index;
    json_t *vector;
    json_t *cases = vectors_load("multipart_bodies/index.json");
    json_array_foreach(cases, index, vector)
    {
        size_t length;
        char *file = memory_format("multipart_bodies/%s", vectors_text(vector, "file"));
        char *body = vectors_read_file(file, &length);
        vectors_announce(vector);
        if (length <= limit)
            visit(vector, body, length);
        free(body);
        free(file);
    }
    json_decref(cases);
}

static void reads_every_golden_body_at_any_split(void **state)
{
    (void)state;
    const char *given = getenv("POSEMESH_TEST_SEED");
    unsigned seed = given ? (unsigned)strtoul(given, NULL, 10) : (unsigned)time(NULL);
    print_message("  seed: POSEMESH_TEST_SEED=%u\n", seed);
    srandom(seed);
    visit_bodies(SIZE_MAX, try_splits);
}

static void try_every_split(const json_t *vector, const char *body, size_t length)
{
    const char *fault = vectors_text(vector, "error");
    const char *content_type = vectors_text(vector, "content_type");
    size_t step = getenv("POSEMESH_VALGRIND") ? 11 : 1;
    for (size_t cut = 0; cut <= length; cut += step) {
        struct error error;
        struct receiver receiver = {.expected = json_object_get(vector, "parts"), .digest = EVP_MD_CTX_new()};
        struct multipart_handler handler = {on_begin, on_data, on_end, &receiver};
        struct multipart_parser *parser = multipart_parser_create(content_type, &handler, &error);
        assert_non_null(parser);
        bool parsed = multipart_parser_feed(parser, body, cut, &error) &&
                      multipart_parser_feed(parser, body + cut, length - cut, &error) &&
                      multipart_parser_finish(parser, &error);
        assert_int_equal(parsed, fault == NULL);
        if (fault)
            assert_int_equal(error.code, code_of(fault));
        else
            assert_int_equal(receiver.ended, json_array_size(receiver.expected));
        multipart_parser_free(parser);
        EVP_MD_CTX_free(receiver.digest);
    }
}

static void reads_every_golden_body_cut_at_every_byte(void **state)
{
    (void)state;
    visit_bodies(EVERY_BYTE_OF_BYTES, try_every_split);
}

static bool ends_with_closing(const json_t *vector, const char *body, size_t length)
{
    char *closing = memory_format("--%s--", vectors_text(vector, "boundary"));
    size_t closing_length = strlen(closing);
    bool ends =
        length >= closing_length && memcmp(body + length - closing_length, closing, closing_length) == 0;
    free(closing);
    return ends;
}

/* Whole at the last dash of the closing boundary, neither a byte earlier nor any less with what follows it.
 */
static void try_every_prefix(const json_t *vector, const char *body, size_t length)
{
    if (vectors_text(vector, "error"))
        return;
    bool whole = false;
    for (size_t prefix = 0; prefix <= length; prefix++) {
        struct error error;
        struct receiver receiver = {.expected = json_object_get(vector, "parts")};
        bool parsed =
            parse(vectors_text(vector, "content_type"), body, prefix, SPLIT_WHOLE, &receiver, &error);
        if (parsed && !whole) {
            assert_true(ends_with_closing(vector, body, prefix));
            assert_int_equal(receiver.ended, json_array_size(receiver.expected));
        }
        assert_true(parsed || !whole);
        whole = parsed;
        if (!whole)
            assert_int_equal(error.code, ERROR_NETWORK);
    }
    assert_true(whole);
}

static void finds_every_golden_body_incomplete_before_its_closing_boundary(void **state)
{
    (void)state;
    visit_bodies(EVERY_BYTE_OF_BYTES, try_every_prefix);
}

static void assert_fails(const char *body, enum error_code code, const char *word)
{
    for (enum split split = SPLIT_WHOLE; split <= SPLIT_BYTES; split++) {
        struct error error;
        struct receiver receiver = {0};
        assert_false(parse("multipart/form-data; boundary=b", body, strlen(body), split, &receiver, &error));
        assert_int_equal(error.code, code);
        assert_non_null(strstr(error.text, word));
    }
}

static void refuses_malformed_parts(void **state)
{
    (void)state;
    assert_fails("--b\n\nx\n--b--", ERROR_INVALID, "malformed");
    assert_fails("--b\nContent-Type: x\n\nx\n--b--", ERROR_INVALID, "malformed");
    assert_fails("--b\nno colon\n\nx\n--b--", ERROR_INVALID, "malformed");
    assert_fails("--b\nContent-Disposition: form-data;\n name=\"x\"\n\nx\n--b--", ERROR_INVALID, "malformed");
    assert_fails("--b\nContent-Disposition: form-data; name=\"x\n\nx\n--b--", ERROR_INVALID, "malformed");
    assert_fails("--b\nContent-Disposition: form-data; name=\"x\"y\n\nx\n--b--", ERROR_INVALID, "malformed");
    assert_fails("--b\nContent-Disposition: form-data; size=\"1x\"\n\nx\n--b--", ERROR_INVALID, "malformed");
    assert_fails("--b\nContent-Disposition: form-data; size=-1\n\nx\n--b--", ERROR_INVALID, "malformed");
    assert_fails("--b\nContent-Disposition: form-data; size=\n\nx\n--b--", ERROR_INVALID, "malformed");
    assert_fails("--b\nContent-Disposition: form-data; id=1; id=2\n\nx\n--b--", ERROR_INVALID, "malformed");
    assert_fails("--b\rContent-Disposition: form-data\n\nx\n--b--", ERROR_INVALID, "malformed");
    assert_fails("--b --\n", ERROR_INVALID, "malformed");
    assert_fails("--b- -\n", ERROR_INVALID, "malformed");
    assert_fails("--b-\t\nContent-Disposition: form-data\n\nx\n--b--", ERROR_INVALID, "goes on");
    assert_fails("--b\r \nContent-Disposition: form-data\n\nx\n--b--", ERROR_INVALID, "goes on");
    assert_fails("--b\x1f\nContent-Disposition: form-data\n\nx\n--b--", ERROR_INVALID, "goes on");
    assert_fails("--b\nContent-Disposition: form-data;\n X: y\n\nx\n--b--", ERROR_INVALID, "malformed");
    assert_fails("--b -\nContent-Disposition: form-data\n\nx\n--b--", ERROR_INVALID, "malformed");
    assert_fails("--b-\nContent-Disposition: form-data\n\nx\n--b--", ERROR_INVALID, "malformed");
    assert_fails("--b\nContent-Disposition: form-data; size=99999999999999999999\n\nx\n--b--", ERROR_INVALID,
                 "size_mismatch");
}

static void ignores_parameters_that_it_does_not_know(void **state)
{
    (void)state;
    static const char body[] =
        "--b\nContent-Disposition: form-data; name*=UTF-8''no; name=\"C:\\x\\\"\\\\\"; a=b;\n\nx\n--b--";
    struct error error;
    json_t *expected = json_pack("[{s:s, s:i, s:s}]", "name", "C:\\x\"\\", "length", 1, "sha256",
                                 "2d711642b726b04401627ca9fbac32f5c8530fb1903cc4db02258717921a4881");
    struct receiver receiver = {.expected = expected};
    assert_true(parse("multipart/form-data;boundary=b", body, strlen(body), SPLIT_BYTES, &receiver, &error));
    json_decref(expected);
}

static void refuses_other_content_types_and_boundaries(void **state)
{
    (void)state;
    static const char *const types[] = {"",
                                        "application/json",
                                        "multipart/mixed; boundary=b",
                                        "multipart/form-data",
                                        "multipart/form-data; boundary=",
                                        "multipart/form-data; boundary=\"\"",
                                        "multipart/form-data; boundary=\"b",
                                        "multipart/form-data; boundary=\"b \"",
                                        "multipart/form-data; boundary=\"a\nb\"",
                                        "multipart/form-data; boundary=a; boundary=b"};
    struct multipart_handler handler = {on_begin, on_data, on_end, NULL};
    for (size_t i = 0; i < sizeof types / sizeof types[0]; i++) {
        struct error error;
        assert_null(multipart_parser_create(types[i], &handler, &error));
        assert_int_equal(error.code, ERROR_INVALID);
    }
    struct error error;
    char *too_long = memory_format("multipart/form-data; boundary=%071d", 1);
    assert_null(multipart_parser_create(too_long, &handler, &error));
    free(too_long);
    multipart_parser_free(NULL);
}

static void bounds_the_headers_of_a_part(void **state)
{
    (void)state;
    enum { BLOCK_BYTES = 16384 };
    char *filler = memory_allocate(BLOCK_BYTES + 1);
    memset(filler, 'x', BLOCK_BYTES);
    char *long_line = memory_format("--b\nX: %s\n\nx\n--b--", filler);
    assert_fails(long_line, ERROR_TOO_LARGE, "the headers of a part have more than 16384 bytes");
    for (size_t i = 0; i < BLOCK_BYTES; i++)
        filler[i] = "X:y\n"[i % 4];
    char *many_lines = memory_format("--b\n%s\n\nx\n--b--", filler);
    assert_fails(many_lines, ERROR_TOO_LARGE, "headers");
    free(many_lines);
    free(long_line);
    free(filler);
}

static void bounds_the_number_of_parts(void **state)
{
    (void)state;
    static const char part[] = "--b\nContent-Disposition: form-data\n\n\n";
    size_t part_length = sizeof part - 1;
    char *body = memory_allocate(part_length * (MULTIPART_MAX_PARTS + 1) + 6);
    for (size_t i = 0; i <= MULTIPART_MAX_PARTS; i++)
        memcpy(body + i * part_length, part, part_length);
    memcpy(body + (MULTIPART_MAX_PARTS + 1) * part_length, "--b--", 6);
    assert_fails(body, ERROR_TOO_LARGE, "parts");
    free(body);
}

static void hands_out_nothing_beyond_the_stated_size(void **state)
{
    (void)state;
    static const char body[] = "--b\nContent-Disposition: form-data; size=3\n\nabc\ndef\r\nghi\n--b--";
    for (enum split split = SPLIT_WHOLE; split <= SPLIT_BYTES; split++) {
        struct error error;
        struct receiver receiver = {0};
        assert_false(parse("multipart/form-data; boundary=b", body, strlen(body), split, &receiver, &error));
        assert_int_equal(receiver.length, 3);
        assert_int_equal(receiver.ended, 0);
    }
}

static void fails_with_the_error_of_a_callback(void **state)
{
    (void)state;
    static const char body[] = "--b\nContent-Disposition: form-data\n\nabc\n--b--";
    struct error error;
    struct receiver receiver = {.refuse_data = true};
    assert_false(
        parse("multipart/form-data; boundary=b", body, strlen(body), SPLIT_WHOLE, &receiver, &error));
    assert_int_equal(error.code, ERROR_DISK_FULL);
    assert_int_equal(receiver.ended, 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(reads_every_golden_body_at_any_split),
        cmocka_unit_test(reads_every_golden_body_cut_at_every_byte),
        cmocka_unit_test(finds_every_golden_body_incomplete_before_its_closing_boundary),
        cmocka_unit_test(refuses_malformed_parts),
        cmocka_unit_test(ignores_parameters_that_it_does_not_know),
        cmocka_unit_test(refuses_other_content_types_and_boundaries),
        cmocka_unit_test(bounds_the_headers_of_a_part),
        cmocka_unit_test(bounds_the_number_of_parts),
        cmocka_unit_test(hands_out_nothing_beyond_the_stated_size),
        cmocka_unit_test(fails_with_the_error_of_a_callback),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
