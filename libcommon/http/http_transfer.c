#include "libcommon/http/http_call.h"

#include "libcommon/base/clock.h"
#include "libcommon/base/memory.h"
#include "libcommon/http/http_clocks.h"
#include "libcommon/http/http_peer.h"

#include <stdlib.h>
#include <string.h>

enum { HTTP_STREAM_BUFFER_BYTES = 512 * 1024, PACED_BYTES = 16 * 1024, CONNECT_TIMEOUT_MS = 20000 };

void http_transfer_clear(struct http_call *call)
{
    if (call->easy)
        curl_easy_cleanup(call->easy);
    call->easy = NULL;
    for (struct curl_slist *header = call->headers; header; header = header->next)
        secret_wipe_bytes(header->data, strlen(header->data));
    curl_slist_free_all(call->headers);
    if (call->body && call->secrets[HTTP_SECRET_BODY].length)
        secret_wipe_bytes(call->body, call->request.body_bytes);
    free(call->body);
    for (size_t i = 0; i < HTTP_SECRETS; i++)
        secret_wipe(&call->secrets[i]);
    http_answer_clear(&call->answer);
    free(call->method);
    free(call->url);
    free(call->user_agent);
}

/* --- what curl calls during the transfer; each may find the call cancelled by the one before --- */

/* `failure` says why. */
static size_t fail(struct http_call *call)
{
    call->failed = true;
    return 0;
}

static size_t on_curl_header(char *line, size_t size, size_t count, void *context)
{
    struct http_call *call = context;
    size_t length = size * count;
    if (call->cancelled)
        return 0;
    long status = 0;
    curl_easy_getinfo(call->easy, CURLINFO_RESPONSE_CODE, &status);
    bool had_headers = call->answer.status != 0;
    if (!http_answer_take_line(&call->answer, line, length, (int)status, &call->failure)) {
        error_prefix(&call->failure, "%s", call->label);
        return fail(call);
    }
    const struct http_request *request = &call->request;
    if (!had_headers && request->on_headers && request->on_data && http_answer_is_success(&call->answer)) {
        struct http_response response;
        http_answer_view(&call->answer, clock_unix_ms(), &response);
        if (!request->on_headers(request->context, &response, &call->failure))
            return call->cancelled ? 0 : fail(call);
    }
    return call->cancelled ? 0 : length;
}

/* False: the call is held. */
static bool may_pass(struct http_call *call, size_t bytes)
{
    const struct http_request *request = &call->request;
    if (!request->pace || request->pace(request->context, bytes))
        return true;
    call->held = true;
    call->was_held = true;
    return false;
}

static size_t on_curl_body(char *bytes, size_t size, size_t count, void *context)
{
    struct http_call *call = context;
    const struct http_request *request = &call->request;
    size_t length = size * count;
    if (call->cancelled)
        return 0;
    if (request->on_data && http_answer_is_success(&call->answer)) {
        if (!may_pass(call, length))
            return CURL_WRITEFUNC_PAUSE;
        if (!request->on_data(request->context, bytes, length, &call->failure) && !call->cancelled)
            return fail(call);
        return call->cancelled ? 0 : length;
    }
    size_t limit = request->response_limit_bytes;
    if (!http_answer_is_success(&call->answer) && limit > HTTP_RESPONSE_LIMIT_BYTES)
        limit = HTTP_RESPONSE_LIMIT_BYTES;
    if (http_answer_add_body(&call->answer, bytes, length, limit, &call->failure))
        return length;
    if (call->answer.body_cut)
        return 0;
    error_prefix(&call->failure, "%s", call->label);
    return fail(call);
}

static size_t on_curl_read(char *out, size_t size, size_t count, void *context)
{
    struct http_call *call = context;
    const struct http_request *request = &call->request;
    int64_t left = request->source_bytes - call->body_offset;
    size_t capacity = size * count;
    if (call->cancelled)
        return CURL_READFUNC_ABORT;
    if (left <= 0)
        return 0;
    if ((int64_t)capacity > left)
        capacity = (size_t)left;
    if (request->pace && capacity > PACED_BYTES)
        capacity = PACED_BYTES;
    if (!may_pass(call, capacity))
        return CURL_READFUNC_PAUSE;
    ssize_t got = (ssize_t)capacity;
    if (request->source)
        got = request->source(request->context, call->body_offset, out, capacity);
    else
        memcpy(out, call->body + call->body_offset, capacity);
    if (call->cancelled)
        return CURL_READFUNC_ABORT;
    /* A source that ends early counts as well: the server would wait for the rest of the Content-Length. */
    if (got <= 0 || (size_t)got > capacity) {
        error_set(&call->failure, ERROR_SYSTEM, "%s: cannot read the request body at byte %lld of %lld",
                  call->label, (long long)call->body_offset, (long long)request->source_bytes);
        fail(call);
        return CURL_READFUNC_ABORT;
    }
    call->body_offset += got;
    return (size_t)got;
}

static int on_curl_seek(void *context, curl_off_t offset, int origin)
{
    struct http_call *call = context;
    if (origin != SEEK_SET || offset < 0 || offset > call->request.source_bytes)
        return CURL_SEEKFUNC_FAIL;
    call->body_offset = offset;
    return CURL_SEEKFUNC_OK;
}

/*
 * curl repeats a request by itself when a reused connection ends before an answer. Only the caller knows what
 * a repeat means (two leases for one slot, one attempt more than allowed), so it is told instead.
 */
static int on_curl_issue(void *context, char *remote, char *local, int remote_port, int local_port)
{
    (void)local;
    (void)local_port;
    struct http_call *call = context;
    if (call->cancelled)
        return CURL_PREREQFUNC_ABORT;
    if (!http_peer_check(call, remote, remote_port, &call->failure)) {
        fail(call);
        return CURL_PREREQFUNC_ABORT;
    }
    if (call->issues++) {
        error_set(&call->failure, ERROR_NETWORK, "%s: the kept connection was closed before an answer",
                  call->label);
        fail(call);
        return CURL_PREREQFUNC_ABORT;
    }
    http_stall_watch(&call->stall);
    return CURL_PREREQFUNC_OK;
}

/* --- the easy handle --- */

/* All options used here exist in every curl since 7.87; what can go wrong in setting them is memory. */
static void set_number(CURL *easy, CURLoption option, long value)
{
    if (curl_easy_setopt(easy, option, value) != CURLE_OK)
        memory_exhausted();
}

static void set_pointer(CURL *easy, CURLoption option, const void *value)
{
    if (curl_easy_setopt(easy, option, value) != CURLE_OK)
        memory_exhausted();
}

/* libcurl itself does not look at these; the curl program does, in this order. */
static void set_authorities(CURL *easy)
{
    const char *bundle = getenv("CURL_CA_BUNDLE");
    const char *folder = getenv("SSL_CERT_DIR");
    const char *file = getenv("SSL_CERT_FILE");
    if (bundle && *bundle) {
        set_pointer(easy, CURLOPT_CAINFO, bundle);
        return;
    }
    if (folder && *folder)
        set_pointer(easy, CURLOPT_CAPATH, folder);
    if (file && *file)
        set_pointer(easy, CURLOPT_CAINFO, file);
}

static void set_body(struct http_call *call)
{
    CURL *easy = call->easy;
    set_number(easy, CURLOPT_UPLOAD, 1);
    if (curl_easy_setopt(easy, CURLOPT_INFILESIZE_LARGE, (curl_off_t)call->request.source_bytes) != CURLE_OK)
        memory_exhausted();
    curl_easy_setopt(easy, CURLOPT_READFUNCTION, on_curl_read);
    set_pointer(easy, CURLOPT_READDATA, call);
    curl_easy_setopt(easy, CURLOPT_SEEKFUNCTION, on_curl_seek);
    set_pointer(easy, CURLOPT_SEEKDATA, call);
    /* Measured against the default of 64 KiB: half as fast again without TLS; with it a sixth less CPU time
     * for four uploads side by side. */
    if (call->request.source)
        set_number(easy, CURLOPT_UPLOAD_BUFFERSIZE, HTTP_STREAM_BUFFER_BYTES);
}

void http_transfer_configure(struct http_call *call, bool fresh_connection)
{
    CURL *easy = memory_require(curl_easy_init());
    call->easy = easy;
    set_pointer(easy, CURLOPT_PRIVATE, call);
    set_pointer(easy, CURLOPT_ERRORBUFFER, call->curl_text);
    set_pointer(easy, CURLOPT_URL, call->url);
    set_pointer(easy, CURLOPT_PROTOCOLS_STR, "http,https");
    set_pointer(easy, CURLOPT_CUSTOMREQUEST, call->method);
    set_pointer(easy, CURLOPT_USERAGENT, call->user_agent);
    set_pointer(easy, CURLOPT_HTTPHEADER, call->headers);
    /* A proxy's CONNECT must not carry the token, and its answer is not the server's. */
    set_number(easy, CURLOPT_HEADEROPT, CURLHEADER_SEPARATE);
    set_number(easy, CURLOPT_SUPPRESS_CONNECT_HEADERS, 1);
    /* One request to a connection: a cancelled one ends with it, and parallel parts get a connection each. */
    set_number(easy, CURLOPT_HTTP_VERSION, CURL_HTTP_VERSION_1_1);
    set_number(easy, CURLOPT_FOLLOWLOCATION, 0);
    set_number(easy, CURLOPT_FRESH_CONNECT, fresh_connection);
    set_number(easy, CURLOPT_NOSIGNAL, 1);
    set_number(easy, CURLOPT_CONNECTTIMEOUT_MS, CONNECT_TIMEOUT_MS);
    /* Otherwise the end of a call that is still resolving its host waits, and the loop with it, for the
     * resolver. */
    set_number(easy, CURLOPT_QUICK_EXIT, 1);
    set_authorities(easy);
    curl_easy_setopt(easy, CURLOPT_HEADERFUNCTION, on_curl_header);
    set_pointer(easy, CURLOPT_HEADERDATA, call);
    curl_easy_setopt(easy, CURLOPT_WRITEFUNCTION, on_curl_body);
    set_pointer(easy, CURLOPT_WRITEDATA, call);
    curl_easy_setopt(easy, CURLOPT_PREREQFUNCTION, on_curl_issue);
    set_pointer(easy, CURLOPT_PREREQDATA, call);
    http_peer_configure(call);
    if (call->request.on_data)
        set_number(easy, CURLOPT_BUFFERSIZE, HTTP_STREAM_BUFFER_BYTES);
    if (call->has_body)
        set_body(call);
}

/*
 * curl bounds a line of headers by itself, before it shows it to us, and calls that (before 8.6) being out of
 * memory. Memory that is really out ends the process.
 */
static bool is_endless_line(const struct http_call *call, CURLcode code)
{
#if LIBCURL_VERSION_NUM >= 0x080600
    if (code == CURLE_TOO_LARGE)
        return true;
#endif
    return code == CURLE_OUT_OF_MEMORY && call->issues > 0;
}

bool http_transfer_failure(const struct http_call *call, CURLcode code, struct error *error)
{
    enum error_code kind = ERROR_NETWORK;
    bool is_ours =
        code == CURLE_OUT_OF_MEMORY || code == CURLE_FAILED_INIT || code == CURLE_BAD_FUNCTION_ARGUMENT;
    if (http_peer_refused_all(call, error))
        return false;
    if (is_endless_line(call, code))
        return error_set(error, ERROR_TOO_LARGE, "%s: a line of the answer's headers is too long",
                         call->label);
    if (code == CURLE_OPERATION_TIMEDOUT)
        kind = ERROR_TIMEOUT;
    else if (code == CURLE_URL_MALFORMAT || code == CURLE_UNSUPPORTED_PROTOCOL)
        kind = ERROR_INVALID;
    /* Once the request is out it is the answer, a trailer without a colon for one, that curl cannot take. */
    else if (is_ours && call->issues == 0)
        kind = ERROR_SYSTEM;
    const char *reason = call->curl_text[0] ? call->curl_text : curl_easy_strerror(code);
    char clocks[HTTP_CLOCKS_BYTES] = "";
    /* The certificate may well be right. */
    if (code == CURLE_PEER_FAILED_VERIFICATION)
        http_clocks_describe(reason, -1, clock_unix_ms(), clocks);
    return error_set(error, kind, "%s: %s%s%s", call->label, reason, *clocks ? "; " : "", clocks);
}
