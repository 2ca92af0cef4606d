#include "services/stored/artifacts/upload_form.h"

#include "libcommon/base/memory.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* In quoted values as browsers write them (docs/network.md 4.2). */
static char *quote(const char *value)
{
    char *quoted = memory_allocate(strlen(value) * 3 + 1);
    char *out = quoted;
    for (; *value; value++) {
        const char *code = *value == '"' ? "%22" : *value == '\r' ? "%0D" : *value == '\n' ? "%0A" : NULL;
        if (code)
            out = stpcpy(out, code);
        else
            *out++ = *value;
    }
    return quoted;
}

/* Data that is replaced keeps its name and type: only its id is sent. */
static char *disposition(const char *name, const char *data_type, const char *id)
{
    char *first = quote(id ? id : name);
    char *second = quote(data_type);
    char *text = id ? memory_format("form-data; id=\"%s\"", first)
                    : memory_format("form-data; name=\"%s\"; data-type=\"%s\"", first, second);
    free(second);
    free(first);
    return text;
}

void upload_form_init(struct upload_form *form, const struct artifact_file *file, const char *name,
                      const char *data_type, const char *id, struct random *random)
{
    uint64_t bits[2];
    *form = (struct upload_form){.file = file};
    random_bytes(random, bits, sizeof bits);
    snprintf(form->boundary, sizeof form->boundary, "posemesh-%016llx%016llx", (unsigned long long)bits[0],
             (unsigned long long)bits[1]);
    char *text = disposition(name, data_type, id);
    form->content_type = memory_format("multipart/form-data; boundary=%s", form->boundary);
    form->head =
        memory_format("--%s\r\nContent-Type: application/octet-stream\r\nContent-Disposition: %s\r\n\r\n",
                      form->boundary, text);
    form->tail = memory_format("\r\n--%s--\r\n", form->boundary);
    free(text);
}

void upload_form_clear(struct upload_form *form)
{
    free(form->content_type);
    free(form->head);
    free(form->tail);
    *form = (struct upload_form){0};
}

int64_t upload_form_bytes(const struct upload_form *form)
{
    return (int64_t)strlen(form->head) + form->file->bytes + (int64_t)strlen(form->tail);
}

int64_t upload_form_file_bytes(const struct upload_form *form, int64_t form_bytes)
{
    int64_t bytes = form_bytes - (int64_t)strlen(form->head);
    if (bytes < 0)
        return 0;
    return bytes < form->file->bytes ? bytes : form->file->bytes;
}

/* Looks at the chunk and its seam with what came before, read anew so that pieces may come in any order. */
static bool has_boundary(const struct upload_form *form, int64_t offset, const char *chunk, size_t length)
{
    char seam[UPLOAD_FORM_BOUNDARY_BYTES * 2];
    size_t boundary_bytes = strlen(form->boundary);
    if (memmem(chunk, length, form->boundary, boundary_bytes))
        return true;
    size_t before = boundary_bytes - 1;
    if (offset < (int64_t)before)
        before = (size_t)offset;
    if (before == 0 ||
        artifact_file_read(form->file, offset - (int64_t)before, seam, before) != (ssize_t)before)
        return false;
    size_t after = length < boundary_bytes - 1 ? length : boundary_bytes - 1;
    memcpy(seam + before, chunk, after);
    return memmem(seam, before + after, form->boundary, boundary_bytes) != NULL;
}

static ssize_t read_text(const char *text, size_t text_bytes, int64_t offset, void *out, size_t capacity)
{
    size_t left = text_bytes - (size_t)offset;
    size_t count = left < capacity ? left : capacity;
    memcpy(out, text + offset, count);
    return (ssize_t)count;
}

ssize_t upload_form_read(struct upload_form *form, int64_t offset, void *out, size_t capacity)
{
    size_t head_bytes = strlen(form->head);
    size_t tail_bytes = strlen(form->tail);
    if (offset < (int64_t)head_bytes)
        return read_text(form->head, head_bytes, offset, out, capacity);
    offset -= (int64_t)head_bytes;
    if (offset >= form->file->bytes) {
        offset -= form->file->bytes;
        return offset >= (int64_t)tail_bytes ? 0 : read_text(form->tail, tail_bytes, offset, out, capacity);
    }
    /* A file that grows meanwhile must not grow into the closing boundary. */
    if ((int64_t)capacity > form->file->bytes - offset)
        capacity = (size_t)(form->file->bytes - offset);
    ssize_t got = artifact_file_read(form->file, offset, out, capacity);
    if (got > 0 && has_boundary(form, offset, out, (size_t)got)) {
        form->collided = true;
        return -1;
    }
    return got;
}
