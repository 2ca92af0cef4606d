#include "tests/unit/protocol_document.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static char *read_document(void)
{
    char path[4096];
    const char *root = getenv("POSEMESH_SOURCE_DIR");
    snprintf(path, sizeof path, "%s/docs/protocol.md", root ? root : ".");
    FILE *file = fopen(path, "re");
    assert_non_null(file);
    enum { BYTES = 256 * 1024 };
    char *text = calloc(1, BYTES);
    size_t length = fread(text, 1, BYTES - 1, file);
    assert_in_range(length, 1, BYTES - 2);
    fclose(file);
    return text;
}

static void the_document_is_what_the_definitions_say(void **state)
{
    (void)state;
    char *written = read_document();
    char *composed = protocol_document_compose();
    if (strcmp(written, composed) != 0)
        fail_msg(
            "docs/protocol.md is out of date: cmake --build --preset release --target protocol-document");
    free(written);
    free(composed);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_document_is_what_the_definitions_say),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
