#include "services/authd/login/login.h"

#include "libcommon/base/clock.h"
#include "libcommon/base/log.h"
#include "libcommon/base/memory.h"
#include "libcommon/base/rfc3339.h"
#include "libcommon/base/text.h"
#include "libcommon/http/http_clocks.h"
#include "services/authd/login/login_waiters.h"

#include <stdio.h>
#include <stdlib.h>

/* Below token_get's deadline, so that the caller learns the reason instead of silence. */
enum { WAIT_MAX_MS = 50000 };

enum { CALLED_AT_SHOWN_BYTES = 200, REASON_SHOWN_BYTES = 300 };

struct login {
    struct login_options options;
    struct token_manager manager;
    struct loop_timer timer;
    struct dds_call *call;
    struct login_waiters waiters;
    char failure[DDS_REASON_BYTES]; /* of the last login; "" when it succeeded */
    bool callback_overdue;          /* a login began without it, and it has not come since */
};

static void advance(void *context);

/* --- callers --- */

static void answer_waiters(struct login *login, int64_t now_ms)
{
    const struct secret *token = token_manager_get(&login->manager, now_ms);
    if (!token || login->waiters.count == 0)
        return;
    const struct message_token answer = {.access_token = *token,
                                         .token_number = login->manager.number,
                                         .expires_at_unix_ms =
                                             clock_unix_ms() + login->manager.expires_ms - now_ms};
    login_waiters_answer_all(&login->waiters, &answer);
}

/* Why there is no token. */
static void explain(const struct login *login, enum error_code code, struct error *error)
{
    char reason[ERROR_TEXT_BYTES];
    error_set(error, code, "%s", login->options.describe(login->options.context, reason, sizeof reason));
}

void login_take_request(struct login *login, struct ipc_request *request, int64_t refused_token)
{
    int64_t now_ms = clock_boot_ms();
    if (refused_token && token_manager_refuse(&login->manager, refused_token))
        log_info("DMS refused the access token: logging in anew");
    if (!login_waiters_add(&login->waiters, request, now_ms + WAIT_MAX_MS)) {
        struct error error;
        error_set(&error, ERROR_UNAVAILABLE, "too many requests wait for an access token");
        ipc_fail(request, &error);
    }
    advance(login);
}

void login_take_question(struct login *login, struct ipc_request *request)
{
    struct error error;
    if (login_has_token(login)) {
        login_take_request(login, request, 0);
        return;
    }
    explain(login, ERROR_CONFLICT, &error);
    ipc_fail(request, &error);
}

/* --- a login --- */

static void on_failed(struct login *login, int64_t retry_after_ms, const char *reason)
{
    int64_t now_ms = clock_boot_ms();
    text_format(login->failure, sizeof login->failure, "%s", reason);
    bool round_over = token_manager_on_failure(&login->manager, retry_after_ms, now_ms);
    log_warn("login failed, next try in %.1f s: %s", (double)(login->manager.not_before_ms - now_ms) / 1000,
             reason);
    if (round_over) {
        struct error error;
        explain(login, ERROR_UNAVAILABLE, &error);
        login_waiters_fail_due(&login->waiters, INT64_MAX, &error);
    }
    advance(login);
}

/* DDS does not know this node any more. Callers go on waiting: the next login comes with the registration. */
static void on_rejected(struct login *login, const struct dds_answer *answer)
{
    if (!login->options.on_rejected(login->options.context, answer->sent_boot_ms)) {
        on_failed(login, answer->retry_after_ms, answer->reason);
        return;
    }
    text_format(login->failure, sizeof login->failure, "%s", answer->reason);
    log_warn("login refused, registering again: %s", answer->reason);
    token_manager_on_rejection(&login->manager);
    advance(login);
}

static void explain_expiry(const struct token_answer *token, int64_t took_ms, char reason[DDS_REASON_BYTES])
{
    char clocks[HTTP_CLOCKS_BYTES];
    text_format(
        reason, DDS_REASON_BYTES,
        "the access token expired while its answer, which took %.1f s, was on the way: it lived %.1f s; "
        "%s",
        (double)took_ms / 1000, (double)token->life_ms / 1000,
        http_clocks_describe("expired", token->date_unix_ms, clock_unix_ms(), clocks));
}

static void log_token(const struct login *login, const char *how, int64_t now_ms)
{
    char expiry[RFC3339_BYTES];
    log_info("%s, the access token expires at %s", how,
             rfc3339_format_milliseconds(clock_unix_ms() + login->manager.expires_ms - now_ms, expiry));
}

static void on_token(struct login *login, const struct token_answer *token, int64_t sent_boot_ms)
{
    int64_t now_ms = clock_boot_ms();
    int64_t expires_ms = sent_boot_ms + token->life_ms;
    char reason[DDS_REASON_BYTES];
    if (expires_ms <= now_ms) {
        explain_expiry(token, now_ms - sent_boot_ms, reason);
        on_failed(login, -1, reason);
        return;
    }
    token_manager_on_success(&login->manager, &token->token, expires_ms, now_ms);
    login->failure[0] = '\0';
    login->callback_overdue = false;
    log_token(login, "logged in", now_ms);
    login->options.on_succeeded(login->options.context);
    advance(login);
}

void login_take_token(struct login *login, const struct token_answer *token, int64_t sent_boot_ms)
{
    int64_t now_ms = clock_boot_ms();
    int64_t expires_ms = sent_boot_ms + token->life_ms;
    char reason[DDS_REASON_BYTES];
    if (expires_ms <= now_ms) {
        explain_expiry(token, now_ms - sent_boot_ms, reason);
        log_warn("logging in: %s", reason);
        return;
    }
    /* What it would have brought is here. */
    dds_cancel(login->call);
    login->call = NULL;
    token_manager_on_given(&login->manager, &token->token, expires_ms, now_ms);
    login->failure[0] = '\0';
    log_token(login, "logged in with the registration", now_ms);
    advance(login);
}

static void on_login_done(void *context, const struct dds_answer *answer)
{
    struct login *login = context;
    login->call = NULL;
    if (answer->unknown_node)
        on_rejected(login, answer);
    else if (!answer->accepted)
        on_failed(login, answer->retry_after_ms, answer->reason);
    else
        on_token(login, answer->token, answer->sent_boot_ms);
}

static void begin(struct login *login, int64_t now_ms)
{
    struct error error;
    if (token_manager_take_callback_warning(&login->manager, now_ms)) {
        login->callback_overdue = true;
        log_warn("DDS accepted the registration, but its callback did not come to %s (NODE_URL) within %d s: "
                 "is HTTP_LISTEN of this machine reached there? Logging in all the same",
                 login->options.called_at, TOKEN_CALLBACK_PATIENCE_MS / 1000);
    }
    token_manager_on_login(&login->manager, now_ms);
    login->call = login->options.flow->log_in(login->options.dds, on_login_done, login, &error);
    if (!login->call)
        on_failed(login, -1, error.text);
}

/* Does what is due, and sets the timer for what comes next. */
static void advance(void *context)
{
    struct login *login = context;
    int64_t now_ms = clock_boot_ms();
    struct error error;
    answer_waiters(login, now_ms);
    if (login_waiters_due_ms(&login->waiters) <= now_ms) {
        explain(login, ERROR_UNAVAILABLE, &error);
        login_waiters_fail_due(&login->waiters, now_ms, &error);
    }
    loop_timer_stop(&login->timer);
    int64_t wake_ms = login_waiters_due_ms(&login->waiters);
    struct token_step step = token_manager_next(&login->manager, now_ms);
    if (step.action == TOKEN_WAIT && step.at_ms < wake_ms)
        wake_ms = step.at_ms;
    if (wake_ms != INT64_MAX)
        loop_timer_start(&login->timer, wake_ms - now_ms);
    if (step.action == TOKEN_LOGIN)
        begin(login, now_ms);
}

void login_on_event(struct login *login, token_event_function *event)
{
    bool awaited = login->manager.callback_awaited;
    event(&login->manager, clock_boot_ms());
    if (event == token_manager_on_callback_stored)
        login->callback_overdue = false;
    if (login->manager.callback_awaited && !awaited)
        log_info("waiting for DDS's callback at %s (NODE_URL)", login->options.called_at);
    advance(login);
}

/* --- for people --- */

bool login_misses_callback(const struct login *login)
{
    return login->manager.callback_awaited || login->callback_overdue;
}

bool login_has_token(const struct login *login)
{
    return token_manager_get(&login->manager, clock_boot_ms()) != NULL;
}

const char *login_describe(const struct login *login, char *out, size_t capacity)
{
    int64_t now_ms = clock_boot_ms();
    int64_t left_secs = (login->manager.expires_ms - now_ms) / 1000;
    if (token_manager_get(&login->manager, now_ms))
        snprintf(out, capacity, "token valid for %lld %s",
                 (long long)(left_secs < 120 ? left_secs : left_secs / 60), left_secs < 120 ? "s" : "min");
    else if (login_misses_callback(login))
        snprintf(
            out, capacity,
            "waiting for DDS's callback at %.*s (NODE_URL): is HTTP_LISTEN of this machine reached there?",
            TEXT_CUT(login->options.called_at, CALLED_AT_SHOWN_BYTES));
    else if (*login->failure)
        snprintf(out, capacity, "cannot log in: %.*s", TEXT_CUT(login->failure, REASON_SHOWN_BYTES));
    else
        snprintf(out, capacity, "%s", login->manager.in_flight ? "logging in" : "not logged in");
    return out;
}

/* --- life --- */

struct login *login_create(const struct login_options *options)
{
    struct login *login = memory_allocate(sizeof *login);
    login->options = *options;
    token_manager_init(&login->manager, &options->policy, clock_boot_ms(), options->random);
    loop_timer_init(&login->timer, options->loop, advance, login);
    return login;
}

void login_free(struct login *login)
{
    if (!login)
        return;
    dds_cancel(login->call);
    loop_timer_stop(&login->timer);
    token_manager_clear(&login->manager);
    free(login);
}
