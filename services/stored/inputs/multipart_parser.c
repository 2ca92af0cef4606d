#include "services/stored/inputs/multipart_parser.h"

#include "libcommon/base/memory.h"
#include "libcommon/base/text.h"
#include "services/stored/inputs/multipart_header.h"

#include <stdlib.h>
#include <string.h>

/*
 * A boundary counts at the start of a line only, and holds no line end itself. So the reader is either inside
 * a line (and looks for its end), or at a line's start (and compares with the delimiter byte by byte), or
 * behind a delimiter. What may yet turn out to be a delimiter is never stored: the line end before it and the
 * count of its bytes say it all.
 */
enum state {
    STATE_LINE_START,        /* `matched` bytes of the delimiter have been seen */
    STATE_IN_LINE,           /* payload or preamble */
    STATE_AFTER_DELIMITER,   /* nothing yet behind --boundary */
    STATE_CLOSING_DASH,      /* one dash behind it: the second must follow */
    STATE_DELIMITER_PADDING, /* blanks behind it: the line must end */
    STATE_DELIMITER_CR,      /* CR behind it: LF must follow */
    STATE_HEADERS,
    STATE_EPILOGUE, /* behind the closing boundary: ignored */
    STATE_FAILED,
};

struct multipart_parser {
    struct multipart_handler handler;
    char delimiter_line[3 + MULTIPART_BOUNDARY_BYTES]; /* LF and --boundary */
    const char *delimiter;                             /* behind the LF */
    size_t delimiter_length;
    enum state state;
    bool in_part;     /* else in the preamble, whose bytes go nowhere */
    char line_end[2]; /* the line end before the current line: it belongs to a delimiter that follows */
    size_t line_end_length;
    bool held_cr; /* STATE_IN_LINE: the last byte was CR and may belong to a line end */
    size_t matched;
    char *header_line;
    size_t header_line_length;
    size_t header_block_bytes;
    bool has_disposition;
    struct multipart_disposition disposition;
    int64_t part_bytes;
    size_t part_count;
    struct error failure;
};

struct multipart_parser *multipart_parser_create(const char *content_type,
                                                 const struct multipart_handler *handler, struct error *error)
{
    char boundary[MULTIPART_BOUNDARY_BYTES];
    if (!multipart_read_boundary(content_type, boundary, error))
        return NULL;
    struct multipart_parser *parser = memory_allocate(sizeof *parser);
    parser->handler = *handler;
    parser->delimiter_length = 2 + strlen(boundary);
    memcpy(parser->delimiter_line, "\n--", 3);
    memcpy(parser->delimiter_line + 3, boundary, parser->delimiter_length - 1);
    parser->delimiter = parser->delimiter_line + 1;
    parser->header_line = memory_allocate(MULTIPART_HEADER_BLOCK_BYTES);
    parser->state = STATE_LINE_START;
    parser->disposition.size = -1;
    return parser;
}

void multipart_parser_free(struct multipart_parser *parser)
{
    if (!parser)
        return;
    multipart_disposition_clear(&parser->disposition);
    free(parser->header_line);
    free(parser);
}

/*
 * Hands payload out. Bytes beyond the part's stated size are counted only: they must not fill a disk, and
 * whether the part is too long or the answer truncated is known at the end.
 */
static bool emit(struct multipart_parser *parser, const void *bytes, size_t length, struct error *error)
{
    int64_t room = parser->disposition.size < 0 ? INT64_MAX : parser->disposition.size - parser->part_bytes;
    if (!parser->in_part || length == 0)
        return true;
    parser->part_bytes += (int64_t)length;
    if (room <= 0)
        return true;
    size_t wanted = (uint64_t)room < length ? (size_t)room : length;
    return parser->handler.data(parser->handler.context, bytes, wanted, error);
}

/* What looked like a delimiter was none: the line end before it and its first bytes are payload. */
static bool emit_false_start(struct multipart_parser *parser, struct error *error)
{
    size_t matched = parser->matched;
    size_t line_end_length = parser->line_end_length;
    parser->matched = 0;
    parser->line_end_length = 0;
    return emit(parser, parser->line_end, line_end_length, error) &&
           emit(parser, parser->delimiter, matched, error);
}

static bool end_part(struct multipart_parser *parser, struct error *error)
{
    if (!parser->in_part)
        return true;
    parser->in_part = false;
    if (parser->disposition.size >= 0 && parser->part_bytes != parser->disposition.size)
        return error_set(error, ERROR_INVALID, "size_mismatch: a part has %lld bytes, its size says %lld",
                         (long long)parser->part_bytes, (long long)parser->disposition.size);
    return parser->handler.end(parser->handler.context, error);
}

static bool begin_part(struct multipart_parser *parser, struct error *error)
{
    if (!parser->has_disposition)
        return error_set(error, ERROR_INVALID, "malformed: a part has no Content-Disposition");
    if (parser->part_count == MULTIPART_MAX_PARTS)
        return error_set(error, ERROR_TOO_LARGE, "an answer has more than %d parts", MULTIPART_MAX_PARTS);
    struct multipart_part part = {.name = parser->disposition.name,
                                  .data_type = parser->disposition.data_type,
                                  .id = parser->disposition.id,
                                  .domain_id = parser->disposition.domain_id,
                                  .size = parser->disposition.size};
    parser->part_count++;
    parser->part_bytes = 0;
    parser->in_part = true;
    /* The payload begins at a line's start, and the line end before it was the header block's. */
    parser->state = STATE_LINE_START;
    return parser->handler.begin(parser->handler.context, &part, error);
}

static void begin_headers(struct multipart_parser *parser)
{
    multipart_disposition_clear(&parser->disposition);
    parser->has_disposition = false;
    parser->header_line_length = 0;
    parser->header_block_bytes = 0;
    parser->line_end_length = 0;
    parser->state = STATE_HEADERS;
}

static bool read_header_line(struct multipart_parser *parser, struct error *error)
{
    const char *line = parser->header_line;
    size_t length = parser->header_line_length;
    const char *colon = memchr(line, ':', length);
    if (*line == ' ' || *line == '\t' || !colon)
        return error_set(error, ERROR_INVALID,
                         "malformed: a header line of a part is folded or has no colon");
    const char *name = line;
    size_t name_length = (size_t)(colon - line);
    text_trim(&name, &name_length);
    if (!text_equal_any_case(name, name_length, "Content-Disposition"))
        return true;
    if (parser->has_disposition)
        return error_set(error, ERROR_INVALID, "malformed: a part has Content-Disposition twice");
    parser->has_disposition = true;
    return multipart_read_disposition(colon + 1, length - (size_t)(colon + 1 - line), &parser->disposition,
                                      error);
}

static bool end_header_line(struct multipart_parser *parser, struct error *error)
{
    if (parser->header_line_length > 0 && parser->header_line[parser->header_line_length - 1] == '\r')
        parser->header_line_length--;
    if (parser->header_line_length == 0)
        return begin_part(parser, error);
    bool read = read_header_line(parser, error);
    parser->header_line_length = 0;
    return read;
}

/* Each of the following takes bytes from *at up to `end`, or none and changes the state, so that the caller
 * goes on. */

static bool feed_headers(struct multipart_parser *parser, const char **at, const char *end,
                         struct error *error)
{
    const char *line_feed = memchr(*at, '\n', (size_t)(end - *at));
    size_t text = (size_t)((line_feed ? line_feed : end) - *at);
    size_t taken = text + (line_feed != NULL);
    if (taken > MULTIPART_HEADER_BLOCK_BYTES - parser->header_block_bytes)
        return error_set(error, ERROR_TOO_LARGE, "the headers of a part have more than %d bytes",
                         MULTIPART_HEADER_BLOCK_BYTES);
    memcpy(parser->header_line + parser->header_line_length, *at, text);
    parser->header_line_length += text;
    parser->header_block_bytes += taken;
    *at += taken;
    return !line_feed || end_header_line(parser, error);
}

static bool feed_line_start(struct multipart_parser *parser, const char **at, const char *end,
                            struct error *error)
{
    while (*at < end && **at == parser->delimiter[parser->matched]) {
        (*at)++;
        parser->matched++;
        if (parser->matched == parser->delimiter_length) {
            parser->matched = 0;
            parser->state = STATE_AFTER_DELIMITER;
            return true;
        }
    }
    if (*at == end)
        return true;
    /* The byte that differs is not taken: it belongs to the line and may end it. */
    parser->state = STATE_IN_LINE;
    return emit_false_start(parser, error);
}

/*
 * Finds the next line end that a delimiter may follow: one with the whole delimiter behind it, or one so late
 * that the next bytes have to tell. So payload goes out in long pieces however many lines it has, and
 * memmem() skips through it by the delimiter's length: with a boundary of 60 characters, as Go makes them,
 * for half of what looking at each line costs.
 */
static const char *find_line_end(const struct multipart_parser *parser, const char *at, size_t length)
{
    const char *end = at + length;
    const char *line_feed = memmem(at, length, parser->delimiter_line, 1 + parser->delimiter_length);
    if (line_feed)
        return line_feed;
    if (length > parser->delimiter_length)
        at = end - parser->delimiter_length;
    line_feed = memchr(at, '\n', (size_t)(end - at));
    while (line_feed && memcmp(line_feed + 1, parser->delimiter, (size_t)(end - line_feed - 1)) != 0)
        line_feed = memchr(line_feed + 1, '\n', (size_t)(end - line_feed - 1));
    return line_feed;
}

/* A CR that was held back turned out to be payload. */
static bool release_cr(struct multipart_parser *parser, struct error *error)
{
    bool held = parser->held_cr;
    parser->held_cr = false;
    return !held || emit(parser, "\r", 1, error);
}

static bool feed_in_line(struct multipart_parser *parser, const char **at, const char *end,
                         struct error *error)
{
    const char *bytes = *at;
    const char *line_feed = find_line_end(parser, bytes, (size_t)(end - bytes));
    size_t payload = (size_t)((line_feed ? line_feed : end) - bytes);
    bool cr_here = payload > 0 && bytes[payload - 1] == '\r';
    bool cr_before = payload == 0 && parser->held_cr;
    *at = line_feed ? line_feed + 1 : end;
    if (cr_here)
        payload--;
    if (!cr_before && !release_cr(parser, error))
        return false;
    parser->held_cr = !line_feed && cr_here;
    if (line_feed) {
        bool with_cr = cr_here || cr_before;
        memcpy(parser->line_end, with_cr ? "\r\n" : "\n", with_cr ? 2 : 1);
        parser->line_end_length = with_cr ? 2 : 1;
        parser->state = STATE_LINE_START;
    }
    return emit(parser, bytes, payload, error);
}

/* The rest of a delimiter's line, byte by byte: blanks and a line end, or the two dashes of the closing one.
 */
static bool feed_delimiter_byte(struct multipart_parser *parser, char byte, struct error *error)
{
    enum state state = parser->state;
    if (state == STATE_CLOSING_DASH && byte == '-') {
        parser->state = STATE_EPILOGUE;
        return end_part(parser, error);
    }
    if (byte == '\n' && state != STATE_CLOSING_DASH) {
        if (!end_part(parser, error))
            return false;
        begin_headers(parser);
        return true;
    }
    bool line_open = state == STATE_AFTER_DELIMITER || state == STATE_DELIMITER_PADDING;
    if (line_open && byte == '\r')
        parser->state = STATE_DELIMITER_CR;
    else if (line_open && (byte == ' ' || byte == '\t'))
        parser->state = STATE_DELIMITER_PADDING;
    else if (state == STATE_AFTER_DELIMITER && byte == '-')
        parser->state = STATE_CLOSING_DASH;
    else
        return error_set(error, ERROR_INVALID, "malformed: a line begins with the boundary and goes on");
    return true;
}

static bool feed_some(struct multipart_parser *parser, const char **at, const char *end, struct error *error)
{
    switch (parser->state) {
    case STATE_LINE_START:
        return feed_line_start(parser, at, end, error);
    case STATE_IN_LINE:
        return feed_in_line(parser, at, end, error);
    case STATE_HEADERS:
        return feed_headers(parser, at, end, error);
    case STATE_EPILOGUE:
        *at = end;
        return true;
    case STATE_FAILED:
        *error = parser->failure;
        return false;
    case STATE_AFTER_DELIMITER:
    case STATE_CLOSING_DASH:
    case STATE_DELIMITER_PADDING:
    case STATE_DELIMITER_CR:
        break;
    }
    return feed_delimiter_byte(parser, *(*at)++, error);
}

bool multipart_parser_feed(struct multipart_parser *parser, const void *bytes, size_t length,
                           struct error *error)
{
    const char *at = bytes;
    const char *end = at + length;
    while (at < end) {
        if (!feed_some(parser, &at, end, error)) {
            parser->failure = *error;
            parser->state = STATE_FAILED;
            return false;
        }
    }
    return true;
}

bool multipart_parser_finish(struct multipart_parser *parser, struct error *error)
{
    if (parser->state == STATE_FAILED) {
        *error = parser->failure;
        return false;
    }
    if (parser->state != STATE_EPILOGUE)
        return error_set(error, ERROR_NETWORK, "truncated: the answer ends before its closing boundary");
    if (parser->part_count == 0)
        return error_set(error, ERROR_NOT_FOUND, "not_found: the answer has no part");
    return true;
}
