#include "services/authd/authd.h"

#include "libcommon/base/log.h"
#include "libcommon/base/memory.h"
#include "libcommon/base/text.h"
#include "libcommon/http/url.h"
#include "services/authd/dds/node_version.h"
#include "services/authd/login/login.h"
#include "services/authd/registration/callback.h"
#include "services/authd/registration/registrar.h"

#include <stdlib.h>

static struct authd *authd_of(void *context)
{
    return ((struct service_context *)context)->state;
}

/* --- what registrar and login have to tell each other --- */

static void on_registered(void *context, bool called_back, const struct dds_answer *answer)
{
    struct authd *authd = context;
    /* Before the login may begin, or it would begin one. */
    if (answer->token)
        login_take_token(authd->login, answer->token, answer->sent_boot_ms);
    login_on_event(authd->login, token_manager_on_registered);
    /* A login that DDS refused between its callback and its answer need not wait for another callback. */
    if (called_back)
        login_on_event(authd->login, token_manager_on_callback_stored);
}

static void on_refused(void *context)
{
    struct authd *authd = context;
    login_on_event(authd->login, token_manager_on_refused);
}

static void on_login_succeeded(void *context)
{
    struct authd *authd = context;
    registrar_on_login_succeeded(authd->registrar);
}

static bool on_login_rejected(void *context, int64_t sent_boot_ms)
{
    struct authd *authd = context;
    return registrar_on_login_rejected(authd->registrar, sent_boot_ms);
}

/* A callback that does not come has DDS refuse the login, and the node register again, in a circle: then it
 * is the callback that is waited for all the time. */
static bool is_missing_callback(const struct authd *authd)
{
    return login_misses_callback(authd->login) && !registrar_has_failed(authd->registrar);
}

static const char *describe(void *context, char *out, size_t capacity)
{
    const struct authd *authd = context;
    if (registrar_is_registered(authd->registrar) || is_missing_callback(authd))
        return login_describe(authd->login, out, capacity);
    return registrar_describe(authd->registrar, out, capacity);
}

/* --- life --- */

static void move_secret(struct secret *to, struct secret *from)
{
    *to = *from;
    *from = SECRET_EMPTY;
}

static const struct dds_flow *flow_of(const struct settings *settings)
{
    static const struct dds_flow *const flows[] = {[SETTINGS_FLOW_CALLBACK] = &dds_flow_callback,
                                                   [SETTINGS_FLOW_WALLET] = &dds_flow_wallet,
                                                   [SETTINGS_FLOW_ROBOT] = &dds_flow_robot};
    return flows[settings->registration_flow];
}

static bool take_wallet(struct authd *authd, struct error *error)
{
    struct service_context *context = authd->service;
    uint8_t seed[WALLET_SEED_BYTES];
    move_secret(&authd->credentials, &context->settings.reg_secret);
    random_bytes(&context->random, seed, sizeof seed);
    authd->wallet = wallet_create(&context->settings.private_key, seed, error);
    secret_wipe_bytes(seed, sizeof seed);
    secret_wipe(&context->settings.private_key);
    return authd->wallet != NULL;
}

bool authd_take_secrets(struct service_context *context, struct error *error)
{
    struct authd *authd = memory_allocate(sizeof *authd);
    context->state = authd;
    authd->service = context;
    authd->flow = flow_of(&context->settings);
    if (context->settings.registration_flow != SETTINGS_FLOW_ROBOT)
        return take_wallet(authd, error);
    move_secret(&authd->credentials, &context->settings.robot_credentials);
    return true;
}

static char *resolve_version(const struct settings *settings)
{
    bool warn;
    char *version = node_version_resolve(settings->node_version, POSEMESH_VERSION, &warn);
    if (warn && settings->node_version)
        log_warn("NODE_VERSION %s is not semver: reporting %s", settings->node_version, version);
    else if (warn)
        log_info("NODE_VERSION has no value: reporting %s", version);
    return version;
}

static struct registrar *create_registrar(struct authd *authd)
{
    const struct settings *settings = &authd->service->settings;
    const struct registrar_options options = {
        .loop = authd->service->loop,
        .random = &authd->service->random,
        .dds = &authd->dds,
        .flow = authd->flow,
        .policy = {.called_back = authd->flow->calls_back,
                   .interval_ms = settings->register_interval_secs * 1000,
                   .max_retry = settings->register_max_retry},
        .on_registered = on_registered,
        .on_refused = on_refused,
        .context = authd,
    };
    return registrar_create(&options);
}

static struct login *create_login(struct authd *authd)
{
    const struct settings *settings = &authd->service->settings;
    const struct login_options options = {
        .loop = authd->service->loop,
        .random = &authd->service->random,
        .dds = &authd->dds,
        .flow = authd->flow,
        .policy = {.called_back = authd->flow->calls_back,
                   .safety_ratio = settings->token_safety_ratio,
                   .jitter_ms = settings->token_reauth_jitter_ms,
                   .max_retries = settings->token_reauth_max_retries},
        .on_succeeded = on_login_succeeded,
        .on_rejected = on_login_rejected,
        .describe = describe,
        .called_at = authd->node_url_shown,
        .context = authd,
    };
    return login_create(&options);
}

bool authd_start(struct service_context *context, struct error *error)
{
    struct authd *authd = context->state;
    const struct settings *settings = &context->settings;
    if (authd->flow->calls_back) {
        authd->node_url = url_normalise(settings->node_url, error);
        if (!authd->node_url)
            return error_prefix(error, "NODE_URL");
        authd->node_url_shown = url_origin(authd->node_url, error);
    }
    authd->version = resolve_version(settings);
    authd->dds =
        (struct dds_client){.http = context->http,
                            .base_url = settings->dds_base_url,
                            .node_url = authd->node_url,
                            .version = authd->version,
                            .wallet = authd->wallet,
                            .siwe_site = {.dds_url = settings->dds_base_url, .domain = settings->siwe_domain},
                            .credentials = &authd->credentials,
                            .timeout_ms = settings->request_timeout_secs * 1000};
    authd->registrar = create_registrar(authd);
    authd->login = create_login(authd);
    if (authd->wallet)
        log_info("wallet %s", wallet_address(authd->wallet));
    return true;
}

void authd_stop(struct service_context *context)
{
    struct authd *authd = context->state;
    if (!authd)
        return;
    registrar_free(authd->registrar);
    login_free(authd->login);
    free(authd->node_url);
    free(authd->node_url_shown);
    free(authd->version);
    wallet_free(authd->wallet);
    secret_wipe(&authd->credentials);
    secret_wipe(&authd->callback_secret);
    free(authd);
    context->state = NULL;
}

void authd_describe(struct service_context *context, struct service_state *state)
{
    const struct authd *authd = context->state;
    bool registered = registrar_is_registered(authd->registrar);
    state->ready = registered && login_has_token(authd->login);
    char text[sizeof state->summary];
    text_format(state->summary, sizeof state->summary, "%s%s", state->ready ? "registered, " : "",
                describe(context->state, text, sizeof text));
}

/* --- messages --- */

void authd_handle_token_get(void *context, struct ipc_request *request, const void *message)
{
    const struct message_token_get *get = message;
    struct login *login = authd_of(context)->login;
    if (get->at_once)
        login_take_question(login, request);
    else
        login_take_request(login, request, get->refused_token);
}

void authd_handle_capabilities_set(void *context, struct ipc_request *request, const void *message)
{
    const struct message_capabilities_set *set = message;
    registrar_on_capabilities(authd_of(context)->registrar, &set->capabilities);
    ipc_answer_done(request);
}

void authd_handle_inbound_listening(void *context, struct ipc_request *request, const void *message)
{
    (void)message;
    registrar_on_event(authd_of(context)->registrar, registration_on_inbound_listening);
    ipc_answer_done(request);
}

void authd_handle_health_check_seen(void *context, struct ipc_request *request, const void *message)
{
    (void)message;
    registrar_on_event(authd_of(context)->registrar, registration_on_health_check);
    ipc_answer_done(request);
}

static void store_callback(struct authd *authd, struct callback *callback)
{
    secret_wipe(&authd->callback_secret);
    move_secret(&authd->callback_secret, &callback->secret);
    log_info("callback stored: id %s, secret of %zu bytes", callback->id, authd->callback_secret.length);
    /* Anyone can send one: at another time the secret is all that changes (docs/network.md 1.1). */
    if (registrar_on_callback_stored(authd->registrar))
        login_on_event(authd->login, token_manager_on_callback_stored);
}

void authd_handle_callback_deliver(void *context, struct ipc_request *request, const void *message)
{
    struct authd *authd = authd_of(context);
    const struct message_callback_deliver *deliver = message;
    struct callback callback;
    callback_parse(&callback, deliver->content_type, deliver->body.bytes ? deliver->body.bytes : "",
                   deliver->body.length);
    /* A stranger's call must not mark a node registered that nobody calls back. */
    if (callback.status == 200 && !authd->flow->calls_back) {
        callback.status = 409;
        callback.answer = "persist failed";
    }
    struct message_callback_answer answer = {.status = callback.status,
                                             .body = memory_copy_text(callback.answer)};
    ipc_answer(request, &answer);
    message_clear(&message_callback_answer_type, &answer);
    if (callback.status == 200)
        store_callback(authd, &callback);
    else
        log_warn("callback refused with %d: %s", callback.status, callback.answer);
    callback_clear(&callback);
}
