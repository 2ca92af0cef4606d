#include "libcommon/base/error.h"

#include "libcommon/base/text.h"

#include <errno.h>
#include <stdarg.h>
#include <string.h>

static const char *const code_names[ERROR_CODE_COUNT] = {
    [ERROR_NONE] = "none",           [ERROR_INVALID] = "invalid",           [ERROR_TOO_LARGE] = "too_large",
    [ERROR_NOT_FOUND] = "not_found", [ERROR_UNAUTHORIZED] = "unauthorized", [ERROR_FORBIDDEN] = "forbidden",
    [ERROR_CONFLICT] = "conflict",   [ERROR_BAD_REQUEST] = "bad_request",   [ERROR_HTTP] = "http",
    [ERROR_SERVER] = "server_error", [ERROR_NETWORK] = "network",           [ERROR_TIMEOUT] = "timeout",
    [ERROR_CANCELLED] = "cancelled", [ERROR_UNAVAILABLE] = "unavailable",   [ERROR_DISK_FULL] = "disk_full",
    [ERROR_SYSTEM] = "system",
};

static void __attribute__((format(printf, 3, 0)))
set_text(struct error *error, enum error_code code, const char *format, va_list arguments)
{
    error->code = code;
    error->status = 0;
    text_format_list(error->text, sizeof error->text, format, arguments);
}

static void append_text(struct error *error, const char *text)
{
    size_t used = strlen(error->text);
    text_format(error->text + used, sizeof error->text - used, "%s", text);
}

bool error_set(struct error *error, enum error_code code, const char *format, ...)
{
    va_list arguments;
    va_start(arguments, format);
    set_text(error, code, format, arguments);
    va_end(arguments);
    return false;
}

bool error_set_errno(struct error *error, int errno_value, const char *format, ...)
{
    bool full = errno_value == ENOSPC || errno_value == EDQUOT;
    char reason[128];
    va_list arguments;
    va_start(arguments, format);
    set_text(error,
             full                   ? ERROR_DISK_FULL
             : errno_value == EFBIG ? ERROR_TOO_LARGE
                                    : ERROR_SYSTEM,
             format, arguments);
    va_end(arguments);
    append_text(error, ": ");
    append_text(error, strerror_r(errno_value, reason, sizeof reason));
    return false;
}

bool error_prefix(struct error *error, const char *format, ...)
{
    char inner[ERROR_TEXT_BYTES];
    memcpy(inner, error->text, sizeof inner);
    va_list arguments;
    va_start(arguments, format);
    text_format_list(error->text, sizeof error->text, format, arguments);
    va_end(arguments);
    append_text(error, ": ");
    append_text(error, inner);
    return false;
}

bool error_set_http_status(struct error *error, int status, const char *what)
{
    enum error_code code = status == 400                    ? ERROR_BAD_REQUEST
                           : status == 401                  ? ERROR_UNAUTHORIZED
                           : status == 403                  ? ERROR_FORBIDDEN
                           : status == 404                  ? ERROR_NOT_FOUND
                           : status == 409                  ? ERROR_CONFLICT
                           : status >= 500 && status <= 599 ? ERROR_SERVER
                                                            : ERROR_HTTP;
    error_set(error, code, "%s answered %d", what, status);
    error->status = status;
    return false;
}

const char *error_code_name(enum error_code code)
{
    return (unsigned)code < ERROR_CODE_COUNT ? code_names[code] : code_names[ERROR_SYSTEM];
}

enum error_code error_code_from_name(const char *name)
{
    for (int code = 0; name && code < ERROR_CODE_COUNT; code++)
        if (strcmp(code_names[code], name) == 0)
            return (enum error_code)code;
    return ERROR_SYSTEM;
}
