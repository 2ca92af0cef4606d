/*
 * Feeds a header value to the readers of Content-Disposition and Content-Type.
 *
 * What they read is what the readers in multipart_reference.h read, and a boundary has 1 to 70 visible
 * characters.
 */
#include "services/stored/inputs/multipart_header.h"

#include "tests/fuzz/fuzz.h"
#include "tests/fuzz/multipart_reference.h"

#include <stdlib.h>
#include <string.h>

static void check_disposition(const char *value, size_t length)
{
    struct error error = fuzz_no_error();
    struct multipart_disposition read;
    struct multipart_disposition expected;
    bool good = multipart_read_disposition(value, length, &read, &error);
    fuzz_expect(good == multipart_reference_disposition(value, length, &expected),
                "both readers take a Content-Disposition, or none");
    if (good) {
        fuzz_expect_same_text(read.name, expected.name, "the names are alike");
        fuzz_expect_same_text(read.data_type, expected.data_type, "the data types are alike");
        fuzz_expect_same_text(read.id, expected.id, "the ids are alike");
        fuzz_expect_same_text(read.domain_id, expected.domain_id, "the domains are alike");
        fuzz_expect(read.size == expected.size, "the sizes are alike");
    } else {
        fuzz_expect_error(&error);
    }
    multipart_disposition_clear(&expected);
    multipart_disposition_clear(&read);
}

static void check_boundary(const char *content_type)
{
    char read[MULTIPART_BOUNDARY_BYTES] = "";
    char expected[MULTIPART_BOUNDARY_BYTES] = "";
    struct error error = fuzz_no_error();
    bool good = multipart_read_boundary(content_type, read, &error);
    fuzz_expect(good == multipart_reference_boundary(content_type, expected),
                "both readers take a Content-Type, or none");
    if (good)
        fuzz_expect(read[0] && strcmp(read, expected) == 0, "the boundaries are alike");
    else
        fuzz_expect_error(&error);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct fuzz_input input = {data, size};
    check_disposition((const char *)data, size);
    char *text = fuzz_take_text(&input, '\0');
    check_boundary(text);
    free(text);
    return 0;
}
