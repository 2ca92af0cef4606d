/*
 * Feeds two lines to what reads, joins and compares URLs.
 *
 * A normalised URL is visible ASCII and stays as it is when it is normalised again, with the origin that it
 * had. Nothing that is joined behind a URL changes its origin: the lease's token goes to no other server.
 * What is encoded decodes to what it was.
 */
#include "libcommon/http/url.h"

#include "tests/fuzz/fuzz.h"

#include <stdlib.h>
#include <string.h>

static void check_join(const char *base, const char *segment)
{
    const char *segments[] = {segment};
    char *joined = url_join(base, segments, 1);
    size_t length = strlen(base);
    while (length > 0 && base[length - 1] == '/')
        length--;
    fuzz_expect(strncmp(joined, base, length) == 0 && joined[length] == '/' && joined[length + 1] != '/',
                "one slash stands between a base and a segment");
    if (!strpbrk(base, "?#") && url_is_http(joined))
        fuzz_expect(url_same_origin(base, joined), "joining does not change the origin");
    free(joined);
}

static void check_normalised(const char *text, const char *normalised, const char *other)
{
    struct error error = fuzz_no_error();
    char *again = url_normalise(normalised, &error);
    fuzz_expect_same_text(again, normalised, "a normalised URL is normal");
    for (const char *at = normalised; *at; at++)
        fuzz_expect(*at > ' ' && *at <= '~', "a normalised URL is visible ASCII");
    char *origin = url_origin(text, &error);
    char *origin_again = url_origin(normalised, &error);
    fuzz_expect(origin != NULL, "a URL has an origin");
    fuzz_expect_same_text(origin, origin_again, "normalising keeps the origin");
    fuzz_expect(url_same_origin(text, origin), "an origin has itself for an origin");
    free(origin_again);
    free(origin);
    free(again);
    char *encoded = url_encode_component(other);
    check_join(normalised, encoded);
    check_join(normalised, other);
    free(encoded);
}

static void check_encoding(const char *text)
{
    char *encoded = url_encode_component(text);
    char *decoded = url_decode_component(encoded, strlen(encoded));
    char *decoded_form = url_decode_form(encoded, strlen(encoded));
    fuzz_expect_same_text(decoded, text, "what is encoded decodes");
    fuzz_expect_same_text(decoded_form, text, "what is encoded decodes as a form");
    fuzz_expect(!strpbrk(encoded, "/?#&=+:@, "), "nothing encoded separates anything");
    free(decoded_form);
    free(decoded);
    free(encoded);
    free(url_decode_component(text, strlen(text)));
    free(url_decode_form(text, strlen(text)));
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct fuzz_input input = {data, size};
    struct error error = fuzz_no_error();
    char *text = fuzz_take_text(&input, '\n');
    char *other = fuzz_take_text(&input, '\n');
    char *normalised = url_normalise(text, &error);
    fuzz_expect(url_is_http(text) == (normalised != NULL), "what can be normalised is a URL");
    fuzz_expect(url_same_origin(text, other) == url_same_origin(other, text), "order does not matter");
    if (normalised)
        check_normalised(text, normalised, other);
    else
        fuzz_expect_error(&error);
    check_encoding(other);
    free(normalised);
    free(other);
    free(text);
    return 0;
}
