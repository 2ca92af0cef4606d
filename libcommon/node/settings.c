#include "libcommon/node/settings.h"

#include "libcommon/base/authority.h"
#include "libcommon/base/limits.h"
#include "libcommon/base/log.h"
#include "libcommon/base/memory.h"
#include "libcommon/base/text.h"
#include "libcommon/node/misspelling.h"
#include "libcommon/node/settings_value.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum kind {
    KIND_integer,
    KIND_ratio,
    KIND_clamped,
    KIND_flag,
    KIND_choice,
    KIND_url,
    KIND_text,
    KIND_name,
    KIND_path,
    KIND_folder,
    KIND_address,
    KIND_secret
};

struct row {
    enum kind kind;
    size_t offset;
    const char *variable;
    unsigned readers;
    const char *default_text; /* for a choice: all values, the default first */
    double low;
    double high;
    const char *meaning;
};

#define ROW(kind, field, variable, readers, default_text, low, high, meaning)                                \
    {KIND_##kind,    offsetof(struct settings, field),                                                       \
     variable,       readers,                                                                                \
     default_text,   (double)(low),                                                                          \
     (double)(high), meaning},

static const struct row rows[] = {SETTINGS(ROW)};
enum { URL_SHOWN_BYTES = 256, ROW_COUNT = sizeof rows / sizeof rows[0] };

const char *const settings_secret_variables[] = {"REG_SECRET", "SECP256K1_PRIVHEX",
                                                 "ROBOT_REGISTRATION_CREDENTIALS"};
const size_t settings_secret_count = sizeof settings_secret_variables / sizeof settings_secret_variables[0];

/* --- remarks --- */

static void __attribute__((format(printf, 3, 4)))
remark(struct settings_remarks *remarks, const char *variable, const char *format, ...)
{
    va_list arguments;
    if (remarks->count >= SETTINGS_REMARKS_MAX)
        return;
    struct settings_remark *next = &remarks->items[remarks->count++];
    text_format(next->variable, sizeof next->variable, "%s", variable);
    va_start(arguments, format);
    text_format_list(next->text, sizeof next->text, format, arguments);
    va_end(arguments);
}

bool settings_has_fault(const struct settings_findings *findings, const char *variable)
{
    for (size_t i = 0; i < findings->faults.count; i++)
        if (strcmp(findings->faults.items[i].variable, variable) == 0)
            return true;
    return false;
}

/* --- one row --- */

#define FLOW_VARIABLE "REGISTRATION_FLOW"

static bool is_text_kind(enum kind kind)
{
    return kind == KIND_url || kind == KIND_text || kind == KIND_name || kind == KIND_path ||
           kind == KIND_folder || kind == KIND_address;
}

static void load_number(const struct row *row, void *slot, const char *text,
                        struct settings_findings *findings)
{
    struct error error;
    bool ok = row->kind == KIND_integer ? settings_parse_integer(text, row->low, row->high, slot, &error)
              : row->kind == KIND_flag  ? settings_parse_flag(text, slot, &error)
              : row->kind == KIND_choice
                  ? settings_parse_choice(text, row->default_text, slot, &error)
                  : settings_parse_ratio(text, row->kind == KIND_clamped, slot, &error);
    if (!ok)
        remark(&findings->faults, row->variable, "%s", error.text);
}

static bool check_url(const char *text, settings_url_check *is_url, struct error *error)
{
    if (!is_url || is_url(text))
        return true;
    char *shown = settings_shown_url(text);
    error_set(error, ERROR_INVALID, "is '%.*s', expected an http or https URL with a host",
              TEXT_CUT(shown, URL_SHOWN_BYTES));
    free(shown);
    return false;
}

static void load_text(const struct row *row, char **slot, const char *text, settings_url_check *is_url,
                      struct settings_findings *findings)
{
    struct error error;
    bool ok = row->kind == KIND_url       ? check_url(text, is_url, &error)
              : row->kind == KIND_name    ? settings_check_name(text, &error)
              : row->kind == KIND_path    ? settings_check_path(text, &error)
              : row->kind == KIND_folder  ? settings_check_folder(text, &error)
              : row->kind == KIND_address ? settings_check_address(text, &error)
                                          : settings_check_text(text, &error);
    if (!ok)
        remark(&findings->faults, row->variable, "%s", error.text);
    memory_replace_text(slot, text);
}

/* From the file that `file_variable` names, which an error begins with. */
static void load_secret_file(const char *file_variable, const char *path, struct secret *slot,
                             struct settings_findings *findings)
{
    struct error error;
    bool others_can_read = false;
    if (!settings_read_secret_file(path, slot, &others_can_read, &error))
        remark(&findings->faults, file_variable, "is %s", error.text);
    /* Only a warning: container platforms mount secrets readable by all, where nobody else is. */
    if (others_can_read)
        remark(&findings->warnings, file_variable, "is %.*s, which every user of this machine can read",
               TEXT_CUT(path, 128));
}

static void load_no_secret(const struct row *row, const char *file_variable,
                           struct settings_findings *findings)
{
    /* Which secrets are needed is not known while the flow is not. */
    if (!settings_has_fault(findings, FLOW_VARIABLE))
        remark(&findings->faults, row->variable, "is required (or %s, the name of a file that holds it)",
               file_variable);
}

static void load_secret(const struct row *row, struct secret *slot, const struct environment *environment,
                        struct settings_findings *findings)
{
    struct error error;
    char file_variable[SETTINGS_VARIABLE_BYTES];
    snprintf(file_variable, sizeof file_variable, "%s_FILE", row->variable);
    char *path = settings_trimmed_copy(environment_get(environment, file_variable));
    struct secret direct = SECRET_EMPTY;
    settings_trimmed_secret(&direct, environment_get(environment, row->variable));

    if (path && direct.length)
        remark(&findings->faults, row->variable, "is set both directly and by %s: choose one", file_variable);
    else if (!path && !direct.length)
        load_no_secret(row, file_variable, findings);
    else if (path)
        load_secret_file(file_variable, path, slot, findings);
    else
        secret_assign_locked(slot, direct.bytes, direct.length);

    bool is_key = row->offset == offsetof(struct settings, private_key);
    if (is_key && slot->length && !settings_check_private_key(slot, &error)) {
        if (path)
            remark(&findings->faults, file_variable, "is %.*s, which %s", TEXT_CUT(path, 128), error.text);
        else
            remark(&findings->faults, row->variable, "%s", error.text);
    }
    secret_wipe(&direct);
    free(path);
}

/* The robot flow has its own credentials and needs no other secret; what is not needed is not opened either
 * (docs/network.md 1.4). */
static bool is_secret_of_flow(const struct row *row, const struct settings *settings)
{
    bool robots = row->offset == offsetof(struct settings, robot_credentials);
    return robots == (settings->registration_flow == SETTINGS_FLOW_ROBOT);
}

static void load_row(const struct row *row, struct settings *settings, settings_url_check *is_url,
                     const struct environment *environment, struct settings_findings *findings)
{
    void *slot = (char *)settings + row->offset;
    if (row->kind == KIND_secret) {
        if (is_secret_of_flow(row, settings))
            load_secret(row, slot, environment, findings);
        return;
    }
    bool required = strcmp(row->default_text, SETTINGS_REQUIRED) == 0;
    char *given = settings_trimmed_copy(environment_get(environment, row->variable));
    if (!given && required)
        remark(&findings->faults, row->variable, "is required: %s", row->meaning);
    const char *text = given ? given : required ? NULL : row->default_text;
    bool is_text = is_text_kind(row->kind);
    if (is_text && text && *text)
        load_text(row, slot, text, is_url, findings);
    else if (!is_text && text && !(row->kind == KIND_choice && !given))
        load_number(row, slot, text, findings);
    free(given);
}

/* --- rules between settings --- */

#define ORDER(settings, findings, low, high, low_name, type)                                                 \
    do {                                                                                                     \
        if ((settings)->low > (settings)->high) {                                                            \
            type kept = (settings)->low;                                                                     \
            (settings)->low = (settings)->high;                                                              \
            (settings)->high = kept;                                                                         \
            remark(&(findings)->warnings, low_name, "is above its maximum: the two were swapped");           \
        }                                                                                                    \
    } while (0)

static void check_node_url(const struct settings *settings, unsigned readers,
                           struct settings_findings *findings)
{
    struct error error;
    bool exact = readers & HTTPD_BIT && settings->node_url_path == SETTINGS_URL_PATH_EXACT;
    if (settings->registration_flow != SETTINGS_FLOW_CALLBACK || settings_has_fault(findings, FLOW_VARIABLE))
        return;
    if (!settings->node_url && (readers & AUTHD_BIT || exact)) {
        remark(&findings->faults, "NODE_URL",
               "is required in the callback flow (REGISTRATION_FLOW=callback)");
    } else if (settings->node_url && exact) {
        char *path = settings_path_of_url(settings->node_url, &error);
        if (!path)
            remark(&findings->faults, "NODE_URL", "%s", error.text);
        free(path);
    }
}

/* What comes behind "http://" and a user's name and password; NULL: another scheme. */
static const char *behind_http(const char *url)
{
    if (!text_starts_with_any_case(url, "http://"))
        return NULL;
    const char *begin = url + strlen("http://");
    const char *user_end = memrchr(begin, '@', strcspn(begin, "/?#"));
    return user_end ? user_end + 1 : begin;
}

/* Another machine. What libcurl might read in another way than this counts as one. */
static bool is_open_to_strangers(const char *behind)
{
    struct authority authority;
    char *text = memory_copy_bytes(behind, strcspn(behind, "/?#"));
    bool local = authority_parse(text, &authority) && authority_is_loopback(&authority);
    free(text);
    return !local;
}

/* Of who does not read them all are unset. */
static void check_dds(const struct settings *settings, struct settings_findings *findings)
{
    struct authority domain;
    if (settings->siwe_domain && !authority_parse(settings->siwe_domain, &domain))
        remark(&findings->faults, "SIWE_DOMAIN", "is '%.*s', expected a host, or host:port",
               TEXT_CUT(settings->siwe_domain, 128));
    const char *behind = settings->dds_base_url ? behind_http(settings->dds_base_url) : NULL;
    if (!behind || !is_open_to_strangers(behind))
        return;
    char *shown = settings_shown_url(settings->dds_base_url);
    if (settings->allow_insecure_dds)
        remark(&findings->warnings, "DDS_BASE_URL",
               "is http: registration credentials and tokens can be read on the way (ALLOW_INSECURE_DDS)");
    else
        remark(&findings->faults, "DDS_BASE_URL",
               "is '%.*s', which sends secrets in the clear: expected https, a loopback address, or "
               "ALLOW_INSECURE_DDS=true",
               TEXT_CUT(shown, URL_SHOWN_BYTES));
    free(shown);
}

static void check_relations(struct settings *settings, unsigned readers,
                            const struct environment *environment, struct settings_findings *findings)
{
    if (readers & LEASED_BIT) {
        ORDER(settings, findings, poll_backoff_ms_min, poll_backoff_ms_max, "POLL_BACKOFF_MS_MIN", int64_t);
        ORDER(settings, findings, heartbeat_min_ratio, heartbeat_max_ratio, "HEARTBEAT_MIN_RATIO", double);
    }
    check_node_url(settings, readers, findings);
    check_dds(settings, findings);
    /* Elsewhere blank is as good as unset; whoever sets a version means one (docs/network.md 1.5). */
    if (readers & AUTHD_BIT && !settings->node_version && environment_get(environment, "NODE_VERSION"))
        remark(&findings->warnings, "NODE_VERSION", "is blank: the program's own version is reported");
}

/* --- names that nobody reads --- */

/* What somebody may have meant. */
#define VARIABLE(kind, field, variable, ...) variable,
static const char *const ours[] = {SETTINGS(VARIABLE) "REG_SECRET_FILE", "SECP256K1_PRIVHEX_FILE",
                                   "ROBOT_REGISTRATION_CREDENTIALS_FILE", "POSEMESH_BUILD_PRESET"};

/* What posemesh-node gives its services, and builds for tests. */
static const char *const internal[] = {
    "POSEMESH_SECRETS_FD", "POSEMESH_RUN_AS",    "POSEMESH_SERVICE_UIDS", "POSEMESH_SUPERVISOR_PID",
    "POSEMESH_LAST_DEATH", "POSEMESH_LISTEN_FD", "POSEMESH_CRASH_AT"};

static bool is_among(const char *name, const char *const *names, size_t count)
{
    for (size_t i = 0; i < count; i++)
        if (strcmp(name, names[i]) == 0)
            return true;
    return false;
}

static void check_name_is_read(const char *name, struct settings_findings *findings)
{
    enum { OURS = sizeof ours / sizeof ours[0], INTERNAL = sizeof internal / sizeof internal[0] };
    if (is_among(name, ours, OURS) || is_among(name, internal, INTERNAL))
        return;
    const char *meant = misspelling_meant(name, ours, OURS);
    if (meant)
        remark(&findings->warnings, name, "is read by nobody: is %s meant?", meant);
    else if (text_starts_with_any_case(name, MISSPELLING_PREFIX))
        remark(&findings->warnings, name, "is read by nobody; --help lists what is");
}

static void check_names(const struct environment *environment, struct settings_findings *findings)
{
    for (char **variable = environment->variables; *variable; variable++) {
        char *name = memory_copy_bytes(*variable, strcspn(*variable, "="));
        check_name_is_read(name, findings);
        free(name);
    }
}

bool settings_load(struct settings *settings, unsigned readers, settings_url_check *is_url,
                   const struct environment *environment, struct settings_findings *findings)
{
    memset(settings, 0, sizeof *settings);
    memset(findings, 0, sizeof *findings);
    for (size_t i = 0; i < ROW_COUNT; i++)
        if (rows[i].readers & readers)
            load_row(&rows[i], settings, is_url, environment, findings);
    check_relations(settings, readers, environment, findings);
    check_names(environment, findings);
    return findings->faults.count == 0;
}

void settings_configure_log(const struct settings *settings, enum service_id service)
{
    /* LOG_LEVEL's choices begin with its default. */
    static const enum log_level levels[] = {LOG_LEVEL_INFO, LOG_LEVEL_DEBUG, LOG_LEVEL_WARN, LOG_LEVEL_ERROR};
    log_configure(service_name(service), (enum log_format)settings->log_format, levels[settings->log_level]);
}

void settings_log_findings(const struct settings_findings *findings)
{
    for (size_t i = 0; i < findings->warnings.count; i++)
        log_warn("%s %s", findings->warnings.items[i].variable, findings->warnings.items[i].text);
    for (size_t i = 0; i < findings->faults.count; i++)
        log_error("%s %s", findings->faults.items[i].variable, findings->faults.items[i].text);
}

void settings_wipe_secrets(struct settings *settings)
{
    for (size_t i = 0; i < ROW_COUNT; i++)
        if (rows[i].kind == KIND_secret)
            secret_wipe((struct secret *)((char *)settings + rows[i].offset));
}

void settings_clear(struct settings *settings)
{
    settings_wipe_secrets(settings);
    for (size_t i = 0; i < ROW_COUNT; i++)
        if (is_text_kind(rows[i].kind))
            free(*(char **)((char *)settings + rows[i].offset));
    memset(settings, 0, sizeof *settings);
}

void settings_visit(settings_visit_function *visit, void *context)
{
    for (size_t i = 0; i < ROW_COUNT; i++)
        visit(context, rows[i].variable, rows[i].readers, rows[i].default_text, rows[i].meaning);
}

bool settings_is_read_by(const char *variable, unsigned readers)
{
    for (size_t i = 0; i < ROW_COUNT; i++) {
        size_t length = strlen(rows[i].variable);
        bool same = strcmp(variable, rows[i].variable) == 0 ||
                    (rows[i].kind == KIND_secret && strncmp(variable, rows[i].variable, length) == 0 &&
                     strcmp(variable + length, "_FILE") == 0);
        if (same)
            return (rows[i].readers & readers) != 0;
    }
    return false;
}
