#include "tests/devnet/answer.h"

#include "libcommon/base/memory.h"
#include "tests/devnet/faults.h"

#include <fcntl.h>
#include <microhttpd.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

enum { READ_BYTES = 64 * 1024 };

/* The body on its way out; belongs to MHD's response. */
struct reader {
    struct segment *segments;
    size_t count;
    size_t current;
    int64_t begins_at; /* where in the body the current segment begins */
    int file;          /* of the current segment, -1 when not open */
    int64_t cut_at;    /* -1: never */
    int64_t bytes_per_second;
};

static void free_segments(struct segment *segments, size_t count)
{
    for (size_t i = 0; i < count; i++) {
        free(segments[i].text);
        free(segments[i].file);
    }
    free(segments);
}

void answer_clear(struct answer *answer)
{
    free_segments(answer->segments, answer->segment_count);
    free(answer->content_type);
    free(answer->location);
    memset(answer, 0, sizeof(*answer));
}

static struct segment *add_segment(struct answer *answer)
{
    size_t count = ++answer->segment_count;

    answer->segments = memory_resize_array(answer->segments, count, sizeof(struct segment));
    memset(&answer->segments[count - 1], 0, sizeof(struct segment));
    return &answer->segments[count - 1];
}

void answer_add_text(struct answer *answer, char *text)
{
    struct segment *segment = add_segment(answer);

    segment->text = text;
    segment->size = (int64_t)strlen(text);
}

void answer_add_file(struct answer *answer, char *path, int64_t size)
{
    struct segment *segment = add_segment(answer);

    segment->file = path;
    segment->size = size;
}

static void close_file(struct reader *reader)
{
    if (reader->file >= 0)
        close(reader->file);
    reader->file = -1;
}

static void reader_free(void *context)
{
    struct reader *reader = context;

    close_file(reader);
    free_segments(reader->segments, reader->count);
    free(reader);
}

static void sleep_ms(int64_t ms)
{
    struct timespec pause = {.tv_sec = ms / 1000, .tv_nsec = ms % 1000 * 1000000};

    nanosleep(&pause, NULL);
}

static ssize_t read_segment(struct reader *reader, int64_t offset, char *out, size_t most)
{
    const struct segment *segment = &reader->segments[reader->current];

    if ((int64_t)most > segment->size - offset)
        most = (size_t)(segment->size - offset);
    if (segment->text) {
        memcpy(out, segment->text + offset, most);
        return (ssize_t)most;
    }
    if (reader->file < 0)
        reader->file = open(segment->file, O_RDONLY | O_CLOEXEC);
    return reader->file < 0 ? -1 : pread(reader->file, out, most, offset);
}

static ssize_t reader_read(void *context, uint64_t position, char *out, size_t most)
{
    struct reader *reader = context;
    int64_t at = (int64_t)position;
    ssize_t got;

    while (reader->current < reader->count &&
           at >= reader->begins_at + reader->segments[reader->current].size) {
        reader->begins_at += reader->segments[reader->current].size;
        reader->current++;
        close_file(reader);
    }
    if (reader->current == reader->count)
        return MHD_CONTENT_READER_END_OF_STREAM;
    if (reader->cut_at >= 0 && (int64_t)most > reader->cut_at - at)
        most = (size_t)(reader->cut_at - at);
    if (most == 0)
        return MHD_CONTENT_READER_END_WITH_ERROR;

    /* Ten sips a second feel like a slow line and still reach any rate. */
    if (reader->bytes_per_second > 0) {
        size_t sip = (size_t)(reader->bytes_per_second + 9) / 10;

        most = most < sip ? most : sip;
        sleep_ms((int64_t)most * 1000 / reader->bytes_per_second);
    }
    got = read_segment(reader, at - reader->begins_at, out, most);
    return got > 0 ? got : MHD_CONTENT_READER_END_WITH_ERROR;
}

static void add_headers(const struct answer *answer, struct MHD_Response *response)
{
    if (answer->content_type)
        MHD_add_response_header(response, MHD_HTTP_HEADER_CONTENT_TYPE, answer->content_type);
    if (answer->location)
        MHD_add_response_header(response, MHD_HTTP_HEADER_LOCATION, answer->location);
    if (answer->retry_after_secs > 0) {
        char number[32];

        snprintf(number, sizeof(number), "%lld", (long long)answer->retry_after_secs);
        MHD_add_response_header(response, MHD_HTTP_HEADER_RETRY_AFTER, number);
    }
}

bool answer_send(struct answer *answer, struct MHD_Connection *connection, const struct fault *fault)
{
    struct reader *reader = memory_allocate(sizeof(*reader));
    struct MHD_Response *response;
    int64_t size = 0;
    bool queued;

    reader->segments = answer->segments;
    reader->count = answer->segment_count;
    reader->file = -1;
    reader->cut_at = fault && fault->kind == FAULT_CUT ? fault->bytes : -1;
    reader->bytes_per_second = fault && fault->kind == FAULT_SLOW ? fault->bytes_per_second : 0;
    answer->segments = NULL;
    answer->segment_count = 0;
    for (size_t i = 0; i < reader->count; i++)
        size += reader->segments[i].size;

    /* Half of a body under a length that agrees: the transport is content, the parser must not be. */
    if (fault && fault->kind == FAULT_MALFORMED)
        size /= 2;
    if (reader->cut_at == 0 || (reader->cut_at > 0 && size == 0)) {
        reader_free(reader);
        return false;
    }
    response =
        MHD_create_response_from_callback((uint64_t)size, READ_BYTES, reader_read, reader, reader_free);
    add_headers(answer, response);
    queued = MHD_queue_response(connection, (unsigned)answer->status, response) == MHD_YES;
    MHD_destroy_response(response);
    return queued;
}
