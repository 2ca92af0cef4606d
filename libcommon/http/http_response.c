#include "libcommon/http/http_response.h"

#include "libcommon/base/memory.h"
#include "libcommon/base/saturate.h"
#include "libcommon/base/text.h"

#include <ctype.h>
#include <curl/curl.h>
#include <stdlib.h>
#include <string.h>

enum {
    BODY_FIRST_BYTES = 4096,
    RETRY_AFTER_SECS_MAX = 366 * 24 * 3600 /* longer is as good as this, and nobody's sums overflow */
};

static void forget_headers(struct http_answer *answer)
{
    answer->status = 0;
    memory_replace_text(&answer->content_type, NULL);
    memory_replace_text(&answer->content_encoding, NULL);
    memory_replace_text(&answer->location, NULL);
    memory_replace_text(&answer->retry_after, NULL);
    memory_replace_text(&answer->date, NULL);
}

/* Bodies carry access tokens, so none is left behind in freed memory. */
void http_answer_clear(struct http_answer *answer)
{
    forget_headers(answer);
    secret_free_bytes(answer->body, answer->body_capacity);
    *answer = (struct http_answer){0};
}

/* The first of repeated fields counts. */
static void take_field(char **slot, const char *value, size_t length)
{
    text_trim(&value, &length);
    if (!*slot && !memchr(value, '\0', length))
        *slot = memory_copy_bytes(value, length);
}

/* The headers are complete. */
static bool take_status(struct http_answer *answer, int status, struct error *error)
{
    const char *coding = answer->content_encoding;
    if (status < 200)
        return true;
    answer->status = status;
    if (!coding || !*coding || strcasecmp(coding, "identity") == 0 || !http_answer_is_success(answer))
        return true;
    return error_set(error, ERROR_INVALID, "the answer's Content-Encoding is %.*s, and none was asked for",
                     TEXT_CUT(coding, 40));
}

bool http_answer_take_line(struct http_answer *answer, const char *line, size_t length, int status,
                           struct error *error)
{
    answer->header_lines++;
    answer->header_bytes += length;
    if (answer->header_lines > HTTP_HEADER_LINES || answer->header_bytes > HTTP_HEADERS_BYTES)
        return error_set(error, ERROR_TOO_LARGE, "the answer's headers exceed %d lines or %d bytes",
                         HTTP_HEADER_LINES, HTTP_HEADERS_BYTES);
    /* Trailers come after the body and change nothing. */
    if (answer->status)
        return true;
    if (length >= 5 && strncasecmp(line, "HTTP/", 5) == 0) {
        /* Each interim answer (1xx) has a block of its own. */
        forget_headers(answer);
        return true;
    }
    if (length <= 2 && (line[0] == '\r' || line[0] == '\n'))
        return take_status(answer, status, error);
    const char *colon = memchr(line, ':', length);
    if (!colon)
        return true;
    size_t name_length = (size_t)(colon - line);
    size_t value_length = length - name_length - 1;
    if (text_equal_any_case(line, name_length, "Content-Type"))
        take_field(&answer->content_type, colon + 1, value_length);
    else if (text_equal_any_case(line, name_length, "Content-Encoding"))
        take_field(&answer->content_encoding, colon + 1, value_length);
    else if (text_equal_any_case(line, name_length, "Location"))
        take_field(&answer->location, colon + 1, value_length);
    else if (text_equal_any_case(line, name_length, "Retry-After"))
        take_field(&answer->retry_after, colon + 1, value_length);
    else if (text_equal_any_case(line, name_length, "Date"))
        take_field(&answer->date, colon + 1, value_length);
    return true;
}

/* realloc would leave a copy of the old bytes behind. */
static void grow_body(struct http_answer *answer, size_t bytes)
{
    size_t capacity = answer->body_capacity ? answer->body_capacity : BODY_FIRST_BYTES;
    while (capacity < bytes)
        capacity *= 2;
    if (capacity == answer->body_capacity)
        return;
    char *body = memory_allocate(capacity);
    if (answer->body_bytes)
        memcpy(body, answer->body, answer->body_bytes);
    secret_free_bytes(answer->body, answer->body_capacity);
    answer->body = body;
    answer->body_capacity = capacity;
}

bool http_answer_add_body(struct http_answer *answer, const void *bytes, size_t length, size_t limit_bytes,
                          struct error *error)
{
    size_t room = limit_bytes - answer->body_bytes;
    bool fits = length <= room;
    size_t taken = fits ? length : room;
    if (!fits && http_answer_is_success(answer))
        return error_set(error, ERROR_TOO_LARGE, "the answer's body exceeds %zu bytes", limit_bytes);
    grow_body(answer, answer->body_bytes + taken + 1);
    memcpy(answer->body + answer->body_bytes, bytes, taken);
    answer->body_bytes += taken;
    answer->body[answer->body_bytes] = '\0';
    answer->body_cut = !fits;
    return fits;
}

bool http_answer_is_success(const struct http_answer *answer)
{
    return answer->status >= 200 && answer->status <= 299;
}

bool http_answer_is_redirect(const struct http_answer *answer)
{
    int status = answer->status;
    return answer->location &&
           (status == 301 || status == 302 || status == 303 || status == 307 || status == 308);
}

/* An HTTP date has a year of four digits (RFC 9110 5.6.7); curl_getdate() takes as many as the type holds. */
static int64_t parse_date_unix_ms(const char *text)
{
    static const int64_t last_second = INT64_C(253402300799); /* 9999-12-31T23:59:59Z */
    int64_t seconds = text ? (int64_t)curl_getdate(text, NULL) : -1;
    return seconds < 0 || seconds > last_second ? -1 : seconds * 1000;
}

/*
 * A date is taken against the answer's own Date where it has one: the wait is then right although this
 * machine's clock is not.
 */
static int64_t parse_retry_after_ms(const char *text, int64_t now_unix_ms)
{
    if (!text || !*text)
        return -1;
    size_t digits = strspn(text, "0123456789");
    if (text[digits] == '\0') {
        /* One that is too large for the type becomes its largest. */
        unsigned long long seconds = strtoull(text, NULL, 10);
        return (seconds < RETRY_AFTER_SECS_MAX ? (int64_t)seconds : RETRY_AFTER_SECS_MAX) * 1000;
    }
    /* All three forms of an HTTP date begin with a day's name; curl_getdate() alone would take "1.5" for a
     * day. */
    int64_t at_unix_ms = isalpha((unsigned char)text[0]) ? parse_date_unix_ms(text) : -1;
    if (at_unix_ms < 0)
        return -1;
    int64_t wait_ms = saturate_subtract(at_unix_ms, now_unix_ms);
    return wait_ms < 0                                      ? 0
           : wait_ms < RETRY_AFTER_SECS_MAX * INT64_C(1000) ? wait_ms
                                                            : RETRY_AFTER_SECS_MAX * INT64_C(1000);
}

void http_answer_view(const struct http_answer *answer, int64_t now_unix_ms, struct http_response *response)
{
    int64_t date_unix_ms = parse_date_unix_ms(answer->date);
    *response = (struct http_response){
        .status = answer->status,
        .body = answer->body ? answer->body : "",
        .body_bytes = answer->body_bytes,
        .body_cut = answer->body_cut,
        .content_type = answer->content_type ? answer->content_type : "",
        .retry_after_ms =
            parse_retry_after_ms(answer->retry_after, date_unix_ms < 0 ? now_unix_ms : date_unix_ms),
        .date_unix_ms = date_unix_ms,
    };
}
