#include "tests/devnet/form.h"

#include "libcommon/base/memory.h"
#include "tests/devnet/exchange.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { BOUNDARY_MOST = 70, PARTS_MOST = 1000 };

static bool read_boundary(struct exchange *exchange, char boundary[BOUNDARY_MOST + 1])
{
    static const char allowed[] =
        "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789'()+_,-./:=?";
    static const char start[] = "multipart/form-data; boundary=";
    const char *type = exchange_header(exchange, "Content-Type");
    size_t length;

    if (!type || strncasecmp(type, start, sizeof(start) - 1) != 0)
        return exchange_refuse(exchange, RULE_FORM_CONTENT_TYPE, "Content-Type is %s",
                               type ? type : "missing");
    type += sizeof(start) - 1;
    if (*type == '"' && strlen(type) >= 2 && type[strlen(type) - 1] == '"') {
        type++;
        length = strlen(type) - 1;
    } else {
        length = strlen(type);
    }
    if (length == 0 || length > BOUNDARY_MOST || strspn(type, allowed) < length)
        return exchange_refuse(exchange, RULE_FORM_CONTENT_TYPE,
                               "the boundary is not 1 to 70 allowed characters");
    memcpy(boundary, type, length);
    boundary[length] = '\0';
    return true;
}

static int hex_digit(char c)
{
    return c >= '0' && c <= '9' ? c - '0' : c >= 'A' && c <= 'F' ? c - 'A' + 10 : -1;
}

/* Browsers write `"`, CR and LF as %22, %0D and %0A and leave every other character alone. */
static char *unquote(const char *text, size_t length)
{
    char *out = memory_allocate(length + 1);
    size_t written = 0;

    for (size_t i = 0; i < length; i++) {
        int byte =
            text[i] == '%' && i + 2 < length ? hex_digit(text[i + 1]) * 16 + hex_digit(text[i + 2]) : -1;

        if (byte == '"' || byte == '\r' || byte == '\n') {
            out[written++] = (char)byte;
            i += 2;
        } else {
            out[written++] = text[i];
        }
    }
    return out;
}

/* `form-data; name="…"; data-type="…"` or `form-data; id="…"`: quoted values, nothing else. False for
 * anything else, of which what can be read is taken all the same. */
static bool read_disposition(const char *value, size_t length, struct form_part *part)
{
    static const char start[] = "form-data";
    const char *end = value + length;
    bool fine = true;

    if (length < sizeof(start) - 1 || strncmp(value, start, sizeof(start) - 1) != 0)
        return false;
    value += sizeof(start) - 1;
    while (value < end) {
        const char *name, *equals, *quote;
        char **slot;

        if (end - value < 3 || strncmp(value, "; ", 2) != 0)
            return false;
        name = value + 2;
        equals = memchr(name, '=', (size_t)(end - name));
        if (!equals || end - equals < 3 || equals[1] != '"')
            return false;
        quote = memchr(equals + 2, '"', (size_t)(end - equals - 2));
        slot = strncmp(name, "name=", 5) == 0         ? &part->name
               : strncmp(name, "data-type=", 10) == 0 ? &part->data_type
               : strncmp(name, "id=", 3) == 0         ? &part->id
                                                      : NULL;
        if (!quote)
            return false;
        if (slot && !*slot)
            *slot = unquote(equals + 2, (size_t)(quote - equals - 2));
        else
            fine = false;
        value = quote + 1;
    }
    return fine;
}

/* The lines between boundary and empty line: exactly the two headers, in either order. */
static bool read_headers(const char *line, const char *end, struct form_part *part)
{
    static const char type[] = "Content-Type: application/octet-stream",
                      disposition[] = "Content-Disposition: ";
    int types = 0, dispositions = 0;
    bool fine = true;

    while (line < end) {
        const char *stop = memmem(line, (size_t)(end - line), "\r\n", 2);
        size_t length = (size_t)(stop - line);

        if (length == sizeof(type) - 1 && strncasecmp(line, type, length) == 0)
            types++;
        else if (length < sizeof(disposition) - 1 ||
                 strncasecmp(line, disposition, sizeof(disposition) - 1) != 0 || dispositions++ ||
                 !read_disposition(line + sizeof(disposition) - 1, length - sizeof(disposition) + 1, part))
            fine = false;
        line = stop + 2;
    }
    return fine && types == 1 && dispositions == 1;
}

/* The form's lines; `closing` ends the body. */
struct framing {
    char *opening, *delimiter, *closing;
};

static void framing_clear(struct framing *framing)
{
    free(framing->opening);
    free(framing->delimiter);
    free(framing->closing);
}

static struct form_part *add_part(struct form *form)
{
    form->parts = memory_resize_array(form->parts, form->count + 1, sizeof(struct form_part));
    memset(&form->parts[form->count], 0, sizeof(struct form_part));
    return &form->parts[form->count++];
}

/*
 * Takes the part whose headers begin at `*at` and moves `*at` behind the boundary line that ends it: to the
 * next part's headers, or to `end`, where the body ends.
 */
static bool take_part(struct exchange *exchange, const struct framing *framing, const char **at,
                      const char *end, struct form *form)
{
    struct form_part *part = add_part(form);
    const char *blank = memmem(*at, (size_t)(end - *at), "\r\n\r\n", 4), *stop;

    if (!blank)
        return form->count == 1
                   ? exchange_refuse(exchange, RULE_FORM_FRAMING, "no empty line ends the part's headers")
                   : exchange_refuse(exchange, RULE_FORM_BOUNDARY,
                                     "no part follows a boundary within the body");
    if (!read_headers(*at, blank + 2, part) &&
        !exchange_tolerates(exchange, RULE_FORM_PART_HEADERS,
                            "part %zu: other headers, another form, or one of them missing", form->count))
        return false;
    /* The line break before the data counts: a boundary at the data's very start would end the part, too. */
    stop = memmem(blank + 2, (size_t)(end - blank - 2), framing->delimiter, strlen(framing->delimiter));
    if (!stop)
        return exchange_refuse(exchange, RULE_FORM_FRAMING, "no boundary line ends part %zu", form->count);
    part->data = blank + 4;
    part->length = stop > part->data ? (size_t)(stop - part->data) : 0;
    *at = stop + strlen(framing->delimiter);
    if (stop > blank + 2 && *at + 4 == end && memcmp(*at, "--\r\n", 4) == 0)
        *at = end;
    else if (stop > blank + 2 && memcmp(*at, "\r\n", 2) == 0)
        *at += 2;
    else
        return exchange_refuse(exchange, RULE_FORM_BOUNDARY, "the boundary stands in the data of part %zu",
                               form->count);
    return true;
}

bool form_parse(struct exchange *exchange, const char *body, size_t length, struct form *form)
{
    char boundary[BOUNDARY_MOST + 1];
    struct framing framing;
    const char *at, *end = body + length;
    bool fine = true;

    memset(form, 0, sizeof(*form));
    if (!read_boundary(exchange, boundary))
        return false;
    framing.opening = memory_format("--%s\r\n", boundary);
    framing.delimiter = memory_format("\r\n--%s", boundary);
    framing.closing = memory_format("\r\n--%s--\r\n", boundary);
    at = body + strlen(framing.opening);
    if (length < strlen(framing.opening) + strlen(framing.closing) ||
        memcmp(body, framing.opening, strlen(framing.opening)) != 0 ||
        memcmp(end - strlen(framing.closing), framing.closing, strlen(framing.closing)) != 0)
        fine =
            exchange_refuse(exchange, RULE_FORM_FRAMING, "it does not begin or end with its boundary line");
    while (fine && at < end)
        fine = form->count < PARTS_MOST
                   ? take_part(exchange, &framing, &at, end, form)
                   : exchange_decline(exchange, 413, "a form of more than %d parts", PARTS_MOST);
    framing_clear(&framing);
    return fine;
}

void form_clear(struct form *form)
{
    for (size_t i = 0; i < form->count; i++) {
        free(form->parts[i].name);
        free(form->parts[i].data_type);
        free(form->parts[i].id);
    }
    free(form->parts);
    memset(form, 0, sizeof(*form));
}
