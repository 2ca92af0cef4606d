/*
 * Feeds bytes to the JSON reader, and walks through all that it takes.
 *
 * jansson, another reader, takes the same texts, apart from what it holds no values for. Every value inside
 * is a value by itself and lies inside the text. A string or integer that decodes survives being written and
 * read again. A member is found by its name, unless that occurs twice. A beginning of a text is told from a
 * text that is wrong.
 */
#include "libcommon/json/json_text.h"

#include "libcommon/base/limits.h"
#include "libcommon/json/json_field.h"
#include "libcommon/json/json_writer.h"
#include "tests/fuzz/fuzz.h"

#include <jansson.h>
#include <stdlib.h>
#include <string.h>

static void walk(struct json_slice value, const struct json_slice *whole);

/* jansson has no lone surrogates and no numbers beyond its types; we have a bound of depth, far below its
 * own. */
static void compare_with_jansson(const char *text, size_t length, bool parsed)
{
    json_error_t failure;
    if (memchr(text, '\0', length)) /* ends a text for jansson */
        return;
    json_t *loaded = json_loadb(text, length, JSON_DECODE_ANY | JSON_ALLOW_NUL, &failure);
    bool overflow = !loaded && json_error_code(&failure) == json_error_numeric_overflow;
    bool has_escape = memmem(text, length, "\\u", 2) != NULL;
    size_t brackets = 0;
    for (size_t i = 0; i < length; i++)
        brackets += text[i] == '[' || text[i] == '{';
    fuzz_expect(!parsed || loaded || overflow || has_escape, "jansson takes what we take");
    fuzz_expect(parsed || !loaded || brackets > LIMIT_JSON_DEPTH, "we take what jansson takes");
    json_decref(loaded);
}

static struct json_slice written(const struct json_writer *writer)
{
    struct error error;
    struct json_slice value;
    fuzz_expect(json_text_parse(writer->text, writer->length, &value, &error), "what we write is JSON");
    return value;
}

static void check_string(struct json_slice value)
{
    struct error error = fuzz_no_error();
    struct json_writer writer = JSON_WRITER_EMPTY;
    char *decoded = json_text_decode_string(value, &error);
    if (!decoded) {
        fuzz_expect_error(&error);
        return;
    }
    json_writer_string(&writer, decoded);
    char *again = json_text_decode_string(written(&writer), &error);
    fuzz_expect_same_text(again, decoded, "a string survives being written");
    free(again);
    free(decoded);
    json_writer_clear(&writer);
}

static void check_number(struct json_slice value)
{
    struct error error = fuzz_no_error();
    struct json_writer writer = JSON_WRITER_EMPTY;
    int64_t number;
    int64_t again;
    if (!json_text_decode_int64(value, &number, &error)) {
        fuzz_expect_error(&error);
        return;
    }
    json_writer_int64(&writer, number);
    fuzz_expect(json_text_decode_int64(written(&writer), &again, &error) && again == number,
                "an integer survives being written");
    json_writer_clear(&writer);
}

static void check_fields(struct json_slice object, const char *name)
{
    struct error error = fuzz_no_error();
    struct json_slice found;
    char *text = NULL;
    int64_t number = 0;
    bool truth = false;
    if (!json_text_member(object, name, &found, &error))
        fuzz_expect_error(&error);
    if (json_field_string(object, name, &text, &error))
        fuzz_expect((text == NULL) == (found.text == NULL), "a string is there or absent");
    free(text);
    if (json_field_required_string(object, name, &text, &error)) {
        fuzz_expect(text && *text, "a required string is not empty");
        free(text);
    }
    (void)json_field_int64(object, name, &number, NULL, &error);
    (void)json_field_bool(object, name, &truth, NULL, &error);
}

static void check_member(struct json_slice object, struct json_slice name, struct json_slice value)
{
    struct error error = fuzz_no_error();
    struct json_slice found;
    char *decoded = json_text_decode_string(name, &error);
    if (!decoded)
        return;
    if (json_text_member(object, decoded, &found, &error))
        fuzz_expect(json_text_type(value) == JSON_TEXT_NULL ? !found.text : found.text == value.text,
                    "a member is found by its name");
    else
        fuzz_expect_error(&error);
    check_fields(object, decoded);
    free(decoded);
}

static void walk_object(struct json_slice object, const struct json_slice *whole)
{
    enum { MEMBERS_LOOKED_UP = 8 };
    struct json_slice name;
    struct json_slice value;
    struct json_iterator members = json_text_members(object);
    for (int count = 0; json_text_next_member(&members, &name, &value); count++) {
        walk(name, whole);
        walk(value, whole);
        if (count < MEMBERS_LOOKED_UP)
            check_member(object, name, value);
    }
}

static void walk(struct json_slice value, const struct json_slice *whole)
{
    struct error error = fuzz_no_error();
    struct json_slice again;
    struct json_slice element;
    fuzz_expect(value.text >= whole->text && value.length <= whole->length &&
                    value.text + value.length <= whole->text + whole->length,
                "a value lies inside the text");
    fuzz_expect(json_text_parse(value.text, value.length, &again, &error) && again.text == value.text &&
                    again.length == value.length,
                "a value inside a value is a value by itself");
    check_string(value);
    check_number(value);
    struct json_iterator elements = json_text_elements(value);
    while (json_text_next_element(&elements, &element))
        walk(element, whole);
    walk_object(value, whole);
}

/* Numbers may end anywhere; of all else a beginning is no value. */
static void check_cut(const char *text, size_t size, struct json_slice value)
{
    size_t begin = (size_t)(value.text - text);
    fuzz_expect(!json_text_is_cut(text, size), "a whole text is not cut");
    fuzz_expect(!json_text_is_cut(text, begin), "white space is not cut");
    if (json_text_type(value) == JSON_TEXT_NUMBER)
        return;
    fuzz_expect(json_text_is_cut(text, begin + 1), "a text is cut behind its first byte");
    fuzz_expect(json_text_is_cut(text, begin + (value.length + 1) / 2), "a text is cut in its middle");
    fuzz_expect(json_text_is_cut(text, begin + value.length - 1), "a text is cut before its last byte");
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    const char *text = (const char *)data;
    struct error error = fuzz_no_error();
    struct json_slice value;
    bool parsed = json_text_parse(text, size, &value, &error);
    fuzz_expect(json_text_parse(text, size, NULL, &error) == parsed, "validating is parsing");
    compare_with_jansson(text, size, parsed);
    if (!parsed) {
        fuzz_expect_error(&error);
        return 0;
    }
    struct json_slice whole = {text, size};
    walk(value, &whole);
    check_cut(text, size, value);
    return 0;
}
