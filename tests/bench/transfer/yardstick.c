/*
 * What libcurl alone reaches: the same transfers as stored's, without anything around them.
 *
 * bench-yardstick upload URL FILE PART_BYTES CONNECTIONS    PUTs the file in parts to URL?partNumber=N
 * bench-yardstick download URL FILE                         GETs URL into the file
 * Prints the seconds. TLS is verified as the environment says (SSL_CERT_FILE).
 */
#include <curl/curl.h>
#include <fcntl.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/uio.h>
#include <time.h>
#include <unistd.h>

enum {
    BUFFER_BYTES = 512 * 1024,
    CONNECTIONS_MAX = 16,
    BLOCK_BYTES = 16 * 1024,
    RESERVE_BYTES = 64 * 1024 * 1024
};

struct part {
    CURL *easy;
    int64_t offset;
    int64_t left;
};

struct job {
    const char *url;
    int fd;
    int64_t bytes;
    int64_t part_bytes;
    int64_t next;
    int number;
};

static double now(void)
{
    struct timespec time;
    clock_gettime(CLOCK_MONOTONIC, &time);
    return (double)time.tv_sec + (double)time.tv_nsec / 1e9;
}

static int report(double began, bool ok)
{
    printf("%.4f\n", now() - began);
    return ok ? 0 : 1;
}

static int job_fd;

static size_t on_read(char *out, size_t size, size_t count, void *context)
{
    struct part *part = context;
    size_t want = size * count;
    if ((int64_t)want > part->left)
        want = (size_t)part->left;
    ssize_t got = pread(job_fd, out, want, part->offset);
    if (got < 0)
        return CURL_READFUNC_ABORT;
    part->offset += got;
    part->left -= got;
    return (size_t)got;
}

static size_t on_ignored(char *bytes, size_t size, size_t count, void *context)
{
    (void)bytes;
    (void)context;
    return size * count;
}

/* Gives the connection the next part; false when there is none. */
static bool give_part(CURLM *multi, struct part *part, struct job *job)
{
    char url[1024];
    if (job->next >= job->bytes)
        return false;
    part->offset = job->next;
    part->left = job->bytes - job->next < job->part_bytes ? job->bytes - job->next : job->part_bytes;
    job->next += part->left;
    snprintf(url, sizeof url, "%s?partNumber=%d", job->url, ++job->number);
    curl_easy_setopt(part->easy, CURLOPT_URL, url);
    curl_easy_setopt(part->easy, CURLOPT_INFILESIZE_LARGE, (curl_off_t)part->left);
    return curl_multi_add_handle(multi, part->easy) == CURLM_OK;
}

/* As the curl command reads it; the library does not. */
static void trust_as_curl_does(CURL *easy)
{
    const char *certificates = getenv("SSL_CERT_FILE");
    if (certificates)
        curl_easy_setopt(easy, CURLOPT_CAINFO, certificates);
}

static CURL *make_easy(struct part *part, struct curl_slist *headers)
{
    CURL *easy = curl_easy_init();
    trust_as_curl_does(easy);
    curl_easy_setopt(easy, CURLOPT_UPLOAD, 1L);
    curl_easy_setopt(easy, CURLOPT_READFUNCTION, on_read);
    curl_easy_setopt(easy, CURLOPT_READDATA, part);
    curl_easy_setopt(easy, CURLOPT_WRITEFUNCTION, on_ignored);
    curl_easy_setopt(easy, CURLOPT_HTTPHEADER, headers);
    curl_easy_setopt(easy, CURLOPT_PRIVATE, part);
    curl_easy_setopt(easy, CURLOPT_UPLOAD_BUFFERSIZE, (long)BUFFER_BYTES);
    return easy;
}

static int upload(struct job *job, int connections)
{
    struct part parts[CONNECTIONS_MAX];
    struct curl_slist *headers = curl_slist_append(NULL, "Expect:");
    CURLM *multi = curl_multi_init();
    int running = 0;
    bool ok = true;
    double began = now();
    job_fd = job->fd;
    for (int i = 0; i < connections; i++) {
        parts[i].easy = make_easy(&parts[i], headers);
        give_part(multi, &parts[i], job);
    }
    do {
        int left;
        curl_multi_perform(multi, &running);
        for (CURLMsg *message; (message = curl_multi_info_read(multi, &left));) {
            struct part *part;
            ok = ok && message->data.result == CURLE_OK;
            curl_easy_getinfo(message->easy_handle, CURLINFO_PRIVATE, (char **)&part);
            curl_multi_remove_handle(multi, part->easy);
            running += give_part(multi, part, job);
        }
        if (running)
            curl_multi_poll(multi, NULL, 0, 1000, NULL);
    } while (running);
    return report(began, ok);
}

/* What is less than a block is held until more comes, as stored does it: a page written in halves costs
 * twice. */
static char held[BLOCK_BYTES];
static size_t held_bytes;

static bool write_pieces(struct job *job, char *bytes, size_t length)
{
    const struct iovec pieces[] = {{held, held_bytes}, {bytes, length}};
    ssize_t written = pwritev(job->fd, pieces, 2, job->next);
    bool whole = written == (ssize_t)(held_bytes + length);
    job->next += written;
    held_bytes = 0;
    return whole;
}

static size_t on_write(char *bytes, size_t size, size_t count, void *context)
{
    struct job *job = context;
    size_t length = size * count;
    size_t rest = (held_bytes + length) % BLOCK_BYTES;
    if (job->next + (int64_t)(held_bytes + length) > job->bytes) {
        (void)fallocate(job->fd, FALLOC_FL_KEEP_SIZE, job->bytes, RESERVE_BYTES);
        job->bytes += RESERVE_BYTES;
    }
    size_t now_bytes = held_bytes + length < BLOCK_BYTES ? 0 : length - rest;
    if (now_bytes && !write_pieces(job, bytes, now_bytes))
        return 0;
    memcpy(held + held_bytes, bytes + now_bytes, length - now_bytes);
    held_bytes += length - now_bytes;
    return length;
}

static int download(struct job *job)
{
    double began = now();
    CURL *easy = curl_easy_init();
    trust_as_curl_does(easy);
    curl_easy_setopt(easy, CURLOPT_URL, job->url);
    curl_easy_setopt(easy, CURLOPT_BUFFERSIZE, (long)BUFFER_BYTES);
    curl_easy_setopt(easy, CURLOPT_WRITEFUNCTION, on_write);
    curl_easy_setopt(easy, CURLOPT_WRITEDATA, job);
    bool ok = curl_easy_perform(easy) == CURLE_OK && write_pieces(job, NULL, 0);
    curl_easy_cleanup(easy);
    return report(began, ok);
}

int main(int argc, char **argv)
{
    struct stat status;
    bool uploads = argc == 6 && strcmp(argv[1], "upload") == 0;
    if (!uploads && !(argc == 4 && strcmp(argv[1], "download") == 0))
        return 64;
    struct job job = {.url = argv[2]};
    curl_global_init(CURL_GLOBAL_DEFAULT);
    int fd = open(argv[3], uploads ? O_RDONLY : O_RDWR | O_CREAT | O_TRUNC, 0600);
    if (fd < 0)
        return 1;
    job.fd = fd;
    if (fstat(fd, &status) != 0) {
        close(fd);
        return 1;
    }
    if (!uploads)
        return download(&job);
    job.bytes = status.st_size;
    job.part_bytes = strtoll(argv[4], NULL, 10);
    int connections = (int)strtol(argv[5], NULL, 10);
    return upload(&job, connections > CONNECTIONS_MAX ? CONNECTIONS_MAX : connections);
}
