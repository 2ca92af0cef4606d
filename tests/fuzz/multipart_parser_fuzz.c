/*
 * Feeds a multipart answer, cut into pieces: the first byte picks the boundary, the second says how many
 * bytes of piece lengths follow, and the rest is the body.
 *
 * Whole, byte by byte and in those pieces it is read alike; parts, payloads and outcome are those of the slow
 * reader in multipart_reference.h. Callbacks come in order, and nothing is handed out beyond a stated size.
 */
#include "services/stored/inputs/multipart_parser.h"

#include "libcommon/base/memory.h"
#include "tests/fuzz/fuzz.h"
#include "tests/fuzz/multipart_reference.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* What the callbacks saw. */
struct receiver {
    struct multipart_outcome seen;
    bool open;
};

/* Lengths of pieces, used over and over; none means the whole body at once. */
struct cuts {
    const uint8_t *lengths;
    size_t count;
};

static bool on_begin(void *context, const struct multipart_part *part, struct error *error)
{
    struct receiver *receiver = context;
    struct multipart_outcome *seen = &receiver->seen;
    (void)error;
    fuzz_expect(!receiver->open, "a part begins when the one before has ended");
    receiver->open = true;
    seen->records = memory_resize_array(seen->records, seen->count + 1, sizeof *seen->records);
    seen->records[seen->count++] =
        (struct multipart_record){.disposition = {.name = memory_copy_text(part->name),
                                                  .data_type = memory_copy_text(part->data_type),
                                                  .id = memory_copy_text(part->id),
                                                  .domain_id = memory_copy_text(part->domain_id),
                                                  .size = part->size}};
    return true;
}

static bool on_data(void *context, const void *bytes, size_t length, struct error *error)
{
    struct receiver *receiver = context;
    (void)error;
    fuzz_expect(receiver->open && length > 0, "data comes inside a part, and is never empty");
    struct multipart_record *record = &receiver->seen.records[receiver->seen.count - 1];
    record->payload = memory_resize_array(record->payload, record->length + length, 1);
    memcpy(record->payload + record->length, bytes, length);
    record->length += length;
    return true;
}

static bool on_end(void *context, struct error *error)
{
    struct receiver *receiver = context;
    (void)error;
    fuzz_expect(receiver->open, "a part ends once");
    receiver->open = false;
    receiver->seen.records[receiver->seen.count - 1].whole = true;
    return true;
}

/* Each piece is a copy of its own size, so that a read beyond it is seen by the sanitizer. */
static bool feed(struct multipart_parser *parser, struct fuzz_input body, const struct cuts *cuts,
                 struct error *error)
{
    for (size_t i = 0; body.length > 0; i++) {
        size_t wanted = cuts->count ? (size_t)cuts->lengths[i % cuts->count] + 1 : body.length;
        size_t length = wanted < body.length ? wanted : body.length;
        char *piece = malloc(length);
        if (!piece)
            abort();
        memcpy(piece, body.bytes, length);
        bool fed = multipart_parser_feed(parser, piece, length, error);
        free(piece);
        if (!fed)
            return false;
        body.bytes += length;
        body.length -= length;
    }
    return true;
}

static void read_in_pieces(const char *boundary, struct fuzz_input body, const struct cuts *cuts,
                           struct multipart_outcome *outcome)
{
    char content_type[128];
    struct receiver receiver = {.open = false};
    struct multipart_handler handler = {on_begin, on_data, on_end, &receiver};
    struct error error = fuzz_no_error();
    struct error again = fuzz_no_error();
    snprintf(content_type, sizeof content_type, "multipart/form-data; boundary=\"%s\"", boundary);
    struct multipart_parser *parser = multipart_parser_create(content_type, &handler, &error);
    fuzz_expect(parser != NULL, "the boundary is one");
    bool fed = feed(parser, body, cuts, &error);
    bool finished = multipart_parser_finish(parser, fed ? &error : &again);
    fuzz_expect(fed || (!finished && again.code == error.code), "a parser that failed stays so");
    if (!finished)
        fuzz_expect_error(&error);
    multipart_parser_free(parser);
    *outcome = receiver.seen;
    outcome->code = finished ? ERROR_NONE : error.code;
}

static void expect_same_disposition(const struct multipart_disposition *left,
                                    const struct multipart_disposition *right)
{
    fuzz_expect_same_text(left->name, right->name, "the names are alike");
    fuzz_expect_same_text(left->data_type, right->data_type, "the data types are alike");
    fuzz_expect_same_text(left->id, right->id, "the ids are alike");
    fuzz_expect_same_text(left->domain_id, right->domain_id, "the domains are alike");
    fuzz_expect(left->size == right->size, "the sizes are alike");
}

/* `held` bytes at the end of an answer that is cut off may still be held back: they could begin a delimiter.
 */
static void expect_same(const struct multipart_outcome *left, const struct multipart_outcome *right,
                        size_t held)
{
    fuzz_expect(left->code == right->code, "the outcomes are alike");
    fuzz_expect(left->count == right->count, "the parts are as many");
    for (size_t i = 0; i < left->count; i++) {
        const struct multipart_record *one = &left->records[i];
        const struct multipart_record *two = &right->records[i];
        size_t missing = left->code == ERROR_NETWORK && i + 1 == left->count && !one->whole ? held : 0;
        expect_same_disposition(&one->disposition, &two->disposition);
        fuzz_expect(one->whole == two->whole, "the same parts are whole");
        fuzz_expect(one->length <= two->length && two->length - one->length <= missing,
                    "the payloads are as long");
        fuzz_expect(one->length == 0 || memcmp(one->payload, two->payload, one->length) == 0,
                    "the payloads are alike");
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static const char *const boundaries[] = {"boundary", "b", "-", "--", "a b'()+_,-./:=?", "\\\\"};
    static const char *const meant[] = {"boundary", "b", "-", "--", "a b'()+_,-./:=?", "\\"};
    static const uint8_t single_bytes[] = {0};
    struct fuzz_input input = {data, size};
    size_t pick = fuzz_take_byte(&input) % (sizeof boundaries / sizeof boundaries[0]);
    size_t cut_count = fuzz_take_byte(&input);
    cut_count = cut_count < input.length ? cut_count : input.length;
    struct cuts cuts[] = {{NULL, 0}, {single_bytes, 1}, {input.bytes, cut_count}};
    struct fuzz_input body = {input.bytes + cut_count, input.length - cut_count};
    struct multipart_outcome expected;
    struct multipart_outcome whole;
    multipart_reference_read(meant[pick], (const char *)body.bytes, body.length, &expected);
    read_in_pieces(boundaries[pick], body, &cuts[0], &whole);
    expect_same(&whole, &expected, strlen(meant[pick]) + strlen("\r\n--") + 1);
    for (size_t i = 1; i < sizeof cuts / sizeof cuts[0]; i++) {
        struct multipart_outcome outcome;
        read_in_pieces(boundaries[pick], body, &cuts[i], &outcome);
        expect_same(&outcome, &whole, 0);
        multipart_outcome_clear(&outcome);
    }
    multipart_outcome_clear(&whole);
    multipart_outcome_clear(&expected);
    return 0;
}
