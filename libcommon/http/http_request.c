#include "libcommon/base/text.h"
#include "libcommon/http/http_call.h"

#include "libcommon/base/limits.h"
#include "libcommon/base/memory.h"
#include "libcommon/http/secret_mask.h"
#include "libcommon/http/url.h"

#include <assert.h>
#include <ctype.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { HTTP_REDIRECTS = 5 /* docs/network.md 1 */ };

/* --- the request, copied and checked --- */

/* Nothing may break out of its line: values come from leases and from artifact names. */
static bool is_field_value(const char *value, size_t length)
{
    for (size_t i = 0; i < length; i++) {
        unsigned char character = (unsigned char)value[i];
        if ((character < ' ' && character != '\t') || character == 0x7f)
            return false;
    }
    return true;
}

static bool is_field_name(const char *name)
{
    for (size_t i = 0; name[i]; i++)
        if (!isalnum((unsigned char)name[i]) && !strchr("!#$%&'*+-.^_`|~", name[i]))
            return false;
    return name[0] != '\0';
}

static void add_line(struct http_call *call, const char *line)
{
    call->headers = memory_require(curl_slist_append(call->headers, line));
}

static bool add_header(struct http_call *call, const char *name, const char *prefix, const char *value,
                       size_t length, struct error *error)
{
    if (!is_field_name(name) || !is_field_value(value, length))
        return error_set(error, ERROR_INVALID, "%s: a header has characters that HTTP does not allow",
                         call->label);
    /* curl's way to send a field without a value is a semicolon in place of the colon. */
    size_t bytes = strlen(name) + strlen(prefix) + length + 3;
    char *line = memory_allocate(bytes);
    if (length)
        snprintf(line, bytes, "%s: %s%.*s", name, prefix, (int)length, value);
    else
        snprintf(line, bytes, "%s;", name);
    add_line(call, line);
    secret_free_bytes(line, bytes);
    return true;
}

/* NULL: none. */
static bool add_text(struct http_call *call, const char *name, const char *value, struct error *error)
{
    return !value || add_header(call, name, "", value, strlen(value), error);
}

static bool add_headers(struct http_call *call, const struct http_request *request, struct error *error)
{
    const struct secret *bearer = request->bearer;
    bool ok = !bearer || !bearer->length ||
              add_header(call, "Authorization", "Bearer ", bearer->bytes, bearer->length, error);
    ok = ok && add_text(call, "Content-Type", request->content_type, error) &&
         add_text(call, "Accept", request->accept, error);
    /* Without the field a server may choose any (RFC 9110 12.5.3), and bytes are stored as they come. */
    add_line(call, "Accept-Encoding: identity");
    for (size_t i = 0; ok && i < request->header_count; i++)
        ok = add_text(call, request->headers[i].name, request->headers[i].value, error);
    /* Without this curl asks for a "100 Continue" before larger bodies and waits a second for servers that
     * know none. */
    add_line(call, "Expect:");
    return ok;
}

/* --- what it sends as a secret --- */

static void keep_secret(struct http_call *call, size_t slot, const struct secret *secret)
{
    if (secret && secret->length)
        secret_assign(&call->secrets[slot], secret->bytes, secret->length);
}

/* curl sends it as basic authentication, in base64. A user name without a password is a key to an API. */
static void keep_password(struct http_call *call)
{
    CURLU *url = memory_require(curl_url());
    char *password = NULL;
    if (curl_url_set(url, CURLUPART_URL, call->url, 0) == CURLUE_OK &&
        (curl_url_get(url, CURLUPART_PASSWORD, &password, CURLU_URLDECODE) == CURLUE_OK ||
         curl_url_get(url, CURLUPART_USER, &password, CURLU_URLDECODE) == CURLUE_OK)) {
        secret_assign(&call->secrets[HTTP_SECRET_PASSWORD], password, strlen(password));
        secret_wipe_bytes(password, strlen(password));
    }
    curl_free(password);
    curl_url_cleanup(url);
}

static void mask(const struct http_call *call, char *text, size_t length)
{
    for (size_t i = 0; i < HTTP_SECRETS; i++)
        secret_mask(&call->secrets[i], text, length);
}

/* Before it is cut: of a secret that the cut goes through a few characters would be left. Returns `text`. */
static char *masked(const struct http_call *call, char *text)
{
    mask(call, text, strlen(text));
    return text;
}

void http_request_mask(struct http_call *call)
{
    struct http_answer *answer = &call->answer;
    /* A server has chosen where a redirect leads. */
    if (call->redirects)
        mask(call, call->label, strlen(call->label));
    if (call->failed)
        mask(call, call->failure.text, strlen(call->failure.text));
    else if (!http_answer_is_success(answer)) {
        if (answer->body)
            mask(call, answer->body, answer->body_bytes);
        if (answer->content_type)
            mask(call, answer->content_type, strlen(answer->content_type));
    }
}

static bool take_url(struct http_call *call, const char *text, struct error *error)
{
    char *shown = strlen(text) <= LIMIT_URL_BYTES ? url_shown(text, error) : NULL;
    if (!shown)
        return error_set(error, ERROR_INVALID, "%s: not an http or https URL of at most %d bytes",
                         call->label, LIMIT_URL_BYTES);
    text_format(call->label, sizeof call->label, "%s %s", call->method, shown);
    memory_replace_text(&call->url, text);
    free(shown);
    return true;
}

bool http_request_prepare(struct http_call *call, const struct http_request *request, struct error *error)
{
    assert(!request->source || !request->body_bytes);
    call->request = *request;
    call->request.bearer = NULL;
    call->request.content_type = NULL;
    call->request.accept = NULL;
    call->request.user_agent = NULL;
    call->request.headers = NULL;
    call->request.body = NULL;
    keep_secret(call, HTTP_SECRET_BEARER, request->bearer);
    keep_secret(call, HTTP_SECRET_BODY, request->body_secret);
    keep_secret(call, HTTP_SECRET_OTHER, request->other_secret);
    call->method = memory_copy_text(request->method);
    call->request.method = call->method;
    call->request.url = NULL;
    call->user_agent = memory_copy_text(request->user_agent ? request->user_agent
                                                            : "posemesh-compute-node/" POSEMESH_VERSION);
    if (!call->request.response_limit_bytes)
        call->request.response_limit_bytes = HTTP_RESPONSE_LIMIT_BYTES;
    if (request->body_bytes)
        call->body = memory_copy_bytes(request->body, request->body_bytes);
    if (!request->source)
        call->request.source_bytes = (int64_t)request->body_bytes;
    /* A POST or PUT without a body still says so, with Content-Length: 0 (RFC 9110 8.6). */
    call->has_body = request->source || request->body_bytes || strcmp(call->method, "POST") == 0 ||
                     strcmp(call->method, "PUT") == 0;
    snprintf(call->label, sizeof(call->label), "%s", call->method);
    if (!take_url(call, request->url, error))
        return false;
    keep_password(call);
    return add_headers(call, request, error);
}

/* --- redirects --- */

/* The user name is curl's text; NULL when there is none. */
static char *user_of(CURLU *url)
{
    char *user = NULL;
    (void)curl_url_get(url, CURLUPART_USER, &user, 0);
    return user;
}

static bool resolve_location(struct http_call *call, char **target, struct error *error)
{
    CURLU *url = memory_require(curl_url());
    if (curl_url_set(url, CURLUPART_URL, call->url, 0) != CURLUE_OK)
        memory_exhausted();
    char *from_user = user_of(url);
    bool read = curl_url_set(url, CURLUPART_URL, call->answer.location, CURLU_URLENCODE) == CURLUE_OK &&
                curl_url_get(url, CURLUPART_URL, target, 0) == CURLUE_OK;
    char *to_user = user_of(url);
    char *origin = read ? url_origin(*target, error) : NULL;
    bool ok = false;
    if (!origin)
        error_set(error, ERROR_INVALID, "%s: a redirect to what is not an http or https URL", call->label);
    else if (!url_same_origin(call->url, *target))
        error_set(error, ERROR_INVALID, "%s: a redirect to another origin, %.*s", call->label,
                  TEXT_CUT(masked(call, origin), 80));
    else if (to_user && (!from_user || strcmp(from_user, to_user) != 0))
        error_set(error, ERROR_INVALID, "%s: a redirect to a URL with a user name", call->label);
    else
        ok = true;
    free(origin);
    curl_free(from_user);
    curl_free(to_user);
    curl_url_cleanup(url);
    return ok;
}

bool http_request_redirect(struct http_call *call, struct error *error)
{
    if (strcmp(call->method, "GET") != 0)
        return error_set(error, ERROR_INVALID, "%s: a redirect (%d) for a method other than GET", call->label,
                         call->answer.status);
    if (call->redirects == HTTP_REDIRECTS)
        return error_set(error, ERROR_INVALID, "%s: more than %d redirects", call->label, HTTP_REDIRECTS);
    char *target = NULL;
    bool ok = resolve_location(call, &target, error) && take_url(call, target, error);
    curl_free(target);
    if (!ok)
        return false;
    call->redirects++;
    call->issues = 0;
    call->peer_tried = false;
    call->refused[0] = '\0';
    call->body_offset = 0;
    http_answer_clear(&call->answer);
    if (curl_easy_setopt(call->easy, CURLOPT_URL, call->url) != CURLE_OK)
        memory_exhausted();
    return true;
}
