#include "tests/devnet/form.h"

#include "libcommon/base/memory.h"
#include "tests/devnet/exchange.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { BOUNDARY_MOST = 70 };

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

/* `form-data; name="…"; data-type="…"` or `form-data; id="…"`: quoted values, nothing else. */
static bool read_disposition(const char *value, size_t length, struct form *form)
{
    static const char start[] = "form-data";
    const char *end = value + length;

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
        slot = strncmp(name, "name=", 5) == 0         ? &form->name
               : strncmp(name, "data-type=", 10) == 0 ? &form->data_type
               : strncmp(name, "id=", 3) == 0         ? &form->id
                                                      : NULL;
        if (!quote || !slot || *slot)
            return false;
        *slot = unquote(equals + 2, (size_t)(quote - equals - 2));
        value = quote + 1;
    }
    return true;
}

/* The lines between boundary and empty line: exactly the two headers, in either order. */
static bool read_headers(const char *line, const char *end, struct form *form)
{
    static const char type[] = "Content-Type: application/octet-stream",
                      disposition[] = "Content-Disposition: ";
    int types = 0, dispositions = 0;

    while (line < end) {
        const char *stop = memmem(line, (size_t)(end - line), "\r\n", 2);
        size_t length = (size_t)(stop - line);

        if (length == sizeof(type) - 1 && strncasecmp(line, type, length) == 0)
            types++;
        else if (length >= sizeof(disposition) - 1 &&
                 strncasecmp(line, disposition, sizeof(disposition) - 1) == 0 &&
                 read_disposition(line + sizeof(disposition) - 1, length - sizeof(disposition) + 1, form))
            dispositions++;
        else
            return false;
        line = stop + 2;
    }
    return types == 1 && dispositions == 1;
}

bool form_parse(struct exchange *exchange, const char *body, size_t length, struct form *form)
{
    char boundary[BOUNDARY_MOST + 1];
    char *opening, *closing, *delimiter;
    size_t opening_length, closing_length;
    const char *headers, *blank;
    bool fine = true;

    memset(form, 0, sizeof(*form));
    if (!read_boundary(exchange, boundary))
        return false;
    opening = memory_format("--%s\r\n", boundary);
    closing = memory_format("\r\n--%s--\r\n", boundary);
    delimiter = memory_format("\r\n--%s", boundary);
    opening_length = strlen(opening);
    closing_length = strlen(closing);
    headers = body + opening_length;
    if (length < opening_length + closing_length || memcmp(body, opening, opening_length) != 0 ||
        memcmp(body + length - closing_length, closing, closing_length) != 0) {
        fine =
            exchange_refuse(exchange, RULE_FORM_FRAMING, "it does not begin or end with its boundary line");
        goto out;
    }
    blank = memmem(headers, length - opening_length, "\r\n\r\n", 4);
    if (!blank || blank + 4 > body + length - closing_length) {
        fine = exchange_refuse(exchange, RULE_FORM_FRAMING, "no empty line ends the part's headers");
        goto out;
    }
    form->data = blank + 4;
    form->length = (size_t)(body + length - closing_length - form->data);
    /* The line break before the data counts: a boundary at the data's very start would end the part, too. */
    if (memmem(blank + 2, form->length + 2, delimiter, strlen(delimiter)))
        fine = exchange_refuse(exchange, RULE_FORM_BOUNDARY, "the boundary stands more than once");
    else if (!read_headers(headers, blank + 2, form))
        fine = exchange_refuse(exchange, RULE_FORM_PART_HEADERS,
                               "other headers, another form, or one of them missing");
out:
    free(opening);
    free(closing);
    free(delimiter);
    return fine;
}

void form_clear(struct form *form)
{
    free(form->name);
    free(form->data_type);
    free(form->id);
    memset(form, 0, sizeof(*form));
}
