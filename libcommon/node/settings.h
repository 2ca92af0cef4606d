/*
 * Every setting of the node, defined once (docs/network.md 6): the struct, the parser, the README's table (a
 * test compares them) and what posemesh-node hands to each service come from SETTINGS below. A new setting is
 * one line.
 *
 * SETTING(kind, field, variable, readers, default, low, high, meaning)
 *   kind     integer, ratio, clamped (a ratio forced into its range), flag, choice ("a|b"; the field is its
 * index), url, text, name (short, printable ASCII), path, folder (a path; nobody else may put another folder
 * in its place), address (host:port), secret (also from the file that <variable>_FILE names)
 *   readers  the services that read it
 *   default  as text; REQUIRED, or OPTIONAL (a text may then be NULL)
 *
 * They are read in this order. REGISTRATION_FLOW comes before the secrets, as it says which of them are read.
 */
#ifndef LIBCOMMON_NODE_SETTINGS_H
#define LIBCOMMON_NODE_SETTINGS_H

#include "libcommon/base/error.h"
#include "libcommon/base/secret.h"
#include "libcommon/confine/environment.h"
#include "libcommon/node/service_id.h"

#include <stdbool.h>
#include <stdint.h>

#define SETTINGS_REQUIRED "(required)"
#define SETTINGS_OPTIONAL ""
#define SETTINGS_INTEGER_MAX 9007199254740991.0 /* the largest integer that a double holds exactly */

/* clang-format off */
#define SETTINGS(SETTING) \
    SETTING(url,     dds_base_url,            "DDS_BASE_URL",                 AUTHD_BIT, SETTINGS_REQUIRED, 0, 0, "discovery service; live: https://dds.auki.network") \
    SETTING(url,     dms_base_url,            "DMS_BASE_URL",                 LEASED_BIT, SETTINGS_REQUIRED, 0, 0, "task service; live: https://dms.auki.network/v1") \
    SETTING(integer, request_timeout_secs,    "REQUEST_TIMEOUT_SECS",         AUTHD_BIT | LEASED_BIT | STORED_BIT, SETTINGS_REQUIRED, 1, 86400, "bound of each JSON call") \
    SETTING(choice,  registration_flow,       "REGISTRATION_FLOW",            AUTHD_BIT | HTTPD_BIT | NODE_BIT, "callback|wallet|robot", 0, 0, "how to register") \
    SETTING(secret,  reg_secret,              "REG_SECRET",                   AUTHD_BIT, SETTINGS_REQUIRED, 0, 0, "registration credentials; not read in the robot flow") \
    SETTING(secret,  private_key,             "SECP256K1_PRIVHEX",            AUTHD_BIT, SETTINGS_REQUIRED, 0, 0, "the wallet's private key, 64 hex digits; not read in the robot flow") \
    SETTING(secret,  robot_credentials,       "ROBOT_REGISTRATION_CREDENTIALS", AUTHD_BIT, SETTINGS_REQUIRED, 0, 0, "a robot's registration credentials; read in the robot flow alone") \
    SETTING(url,     node_url,                "NODE_URL",                     AUTHD_BIT | HTTPD_BIT, SETTINGS_OPTIONAL, 0, 0, "where DDS reaches this node; required in the callback flow") \
    SETTING(choice,  node_url_path,           "NODE_URL_PATH",                HTTPD_BIT, "any|exact", 0, 0, "exact: callback and health are at NODE_URL's path and nowhere else") \
    SETTING(text,    siwe_domain,             "SIWE_DOMAIN",                  AUTHD_BIT, SETTINGS_OPTIONAL, 0, 0, "host, or host:port, whose logins the wallet signs; unset: DDS's site alone") \
    SETTING(flag,    allow_insecure_dds,      "ALLOW_INSECURE_DDS",           AUTHD_BIT, "false", 0, 0, "DDS by http beyond loopback: it is sent secrets that anyone on the way could read") \
    SETTING(text,    node_version,            "NODE_VERSION",                 AUTHD_BIT, SETTINGS_OPTIONAL, 0, 0, "version to report; unset: the program's own") \
    SETTING(clamped, token_safety_ratio,      "TOKEN_SAFETY_RATIO",           AUTHD_BIT, "0.75", 0, 1, "renew the access token at this share of its life") \
    SETTING(integer, token_reauth_max_retries, "TOKEN_REAUTH_MAX_RETRIES",    AUTHD_BIT, "3", 0, 1000, "more tries of a failed login") \
    SETTING(integer, token_reauth_jitter_ms,  "TOKEN_REAUTH_JITTER_MS",       AUTHD_BIT, "500", 0, 3600000, "random shift of renewals and retries") \
    SETTING(integer, register_interval_secs,  "REGISTER_INTERVAL_SECS",       AUTHD_BIT, "120", 1, 31536000, "how long a health check counts") \
    SETTING(integer, register_max_retry,      "REGISTER_MAX_RETRY",           AUTHD_BIT, "-1", -1, 1000000, "failures in a row before a pause; -1: no pause") \
    SETTING(integer, heartbeat_jitter_ms,     "HEARTBEAT_JITTER_MS",          LEASED_BIT, "250", 0, 3600000, "progress within this window shares a heartbeat") \
    SETTING(ratio,   heartbeat_min_ratio,     "HEARTBEAT_MIN_RATIO",          LEASED_BIT, "0.25", 0, 1, "earliest heartbeat, as a share of the lease's time") \
    SETTING(ratio,   heartbeat_max_ratio,     "HEARTBEAT_MAX_RATIO",          LEASED_BIT, "0.35", 0, 1, "latest heartbeat, as a share of the lease's time") \
    SETTING(integer, poll_backoff_ms_min,     "POLL_BACKOFF_MS_MIN",          LEASED_BIT, "1000", 0, 86400000, "shortest wait when there is no work") \
    SETTING(integer, poll_backoff_ms_max,     "POLL_BACKOFF_MS_MAX",          LEASED_BIT, "30000", 0, 86400000, "longest wait when there is no work") \
    SETTING(integer, max_concurrency,         "MAX_CONCURRENCY",              LEASED_BIT, "1", 1, LIMIT_CONCURRENCY, "tasks at once") \
    SETTING(integer, drain_grace_secs,        "DRAIN_GRACE_SECS",             LEASED_BIT | NODE_BIT, "30", 0, 86400, "what a drain grants to running jobs") \
    SETTING(text,    client_id,               "CLIENT_ID",                    STORED_BIT, SETTINGS_OPTIONAL, 0, 0, "posemesh-client-id; unset: posemesh-compute-node/{uuid}") \
    SETTING(flag,    allow_private_domain_servers, "ALLOW_PRIVATE_DOMAIN_SERVERS", STORED_BIT, "false", 0, 0, "domain servers may be at loopback, private and link-local addresses; false: at the first two alone where DMS is at one") \
    SETTING(integer, multipart_min_bytes,     "POSEMESH_MULTIPART_MIN_BYTES", STORED_BIT, "8388608", 1, SETTINGS_INTEGER_MAX, "artifacts from this size on go by multipart") \
    SETTING(integer, upload_concurrency,      "UPLOAD_CONCURRENCY",           STORED_BIT, "4", 1, 16, "parts of one artifact in flight") \
    SETTING(integer, workspace_max_bytes,     "POSEMESH_WORKSPACE_MAX_BYTES", STORED_BIT, "0", 0, SETTINGS_INTEGER_MAX, "what one task's workspace may hold; 0: no limit") \
    SETTING(integer, transfer_max_bytes_per_sec, "TRANSFER_MAX_BYTES_PER_SEC", STORED_BIT, "0", 0, 1000000000000, "all transfers together, both directions; 0: no cap") \
    SETTING(integer, disk_reserve_bytes,      "DISK_RESERVE_BYTES",           LEASED_BIT, "1073741824", 0, SETTINGS_INTEGER_MAX, "no lease while the work folder's disk has less free, or room for fewer than 10,000 files; 0: not looked at") \
    SETTING(address, http_listen,             "HTTP_LISTEN",                  HTTPD_BIT | NODE_BIT, "0.0.0.0:8080", 0, 0, "callback and health, in the callback flow alone") \
    SETTING(flag,    enable_noop,             "ENABLE_NOOP",                  RUNNERD_BIT, "false", 0, 0, "offer the noop capabilities") \
    SETTING(integer, noop_sleep_secs,         "NOOP_SLEEP_SECS",              RUNNERD_BIT, "5", 0, 86400, "how long a noop job sleeps") \
    SETTING(name,    host_name,               "POSEMESH_HOST_NAME",           RUNNERD_BIT, "runnerd", 0, 0, "tells this runner host from others of the node; a new one of the same name replaces it") \
    SETTING(path,    runners_dir,             "POSEMESH_RUNNERS_DIR",         RUNNERD_BIT, "/etc/posemesh/runners.d", 0, 0, "one JSON file for each capability") \
    SETTING(folder,  work_dir,                "POSEMESH_WORK_DIR",            LEASED_BIT | STORED_BIT | RUNNERD_BIT | NODE_BIT, "/var/lib/posemesh/work", 0, 0, "workspaces of running tasks") \
    SETTING(folder,  state_dir,               "POSEMESH_STATE_DIR",           STORED_BIT | NODE_BIT, "/var/lib/posemesh", 0, 0, "what services must know again after a restart") \
    SETTING(folder,  runtime_dir,             "POSEMESH_RUNTIME_DIR",         ALL_BITS, "/run/posemesh", 0, 0, "sockets and pid files") \
    SETTING(integer, uid_base,                "POSEMESH_UID_BASE",            NODE_BIT, "64800", 1000, 4000000000, "as root: the gid that all services share; the five numbers behind it are their uids") \
    SETTING(choice,  log_format,              "LOG_FORMAT",                   ALL_BITS, "json|text", 0, 0, "text is for people") \
    SETTING(choice,  log_level,               "LOG_LEVEL",                    ALL_BITS, "info|debug|warn|error", 0, 0, "least level that is logged")
/* clang-format on */

enum settings_url_path { SETTINGS_URL_PATH_ANY, SETTINGS_URL_PATH_EXACT };
enum settings_flow { SETTINGS_FLOW_CALLBACK, SETTINGS_FLOW_WALLET, SETTINGS_FLOW_ROBOT };

#define SETTINGS_TYPE_integer int64_t
#define SETTINGS_TYPE_ratio double
#define SETTINGS_TYPE_clamped double
#define SETTINGS_TYPE_flag bool
#define SETTINGS_TYPE_choice int
#define SETTINGS_TYPE_url char *
#define SETTINGS_TYPE_text char *
#define SETTINGS_TYPE_name char *
#define SETTINGS_TYPE_path char *
#define SETTINGS_TYPE_folder char *
#define SETTINGS_TYPE_address char *
#define SETTINGS_TYPE_secret struct secret

/* What settings_load() filled; texts are NULL when unset. Settings of other readers keep their zero value. */
struct settings {
#define SETTINGS_MEMBER(kind, field, ...) SETTINGS_TYPE_##kind field;
    SETTINGS(SETTINGS_MEMBER)
#undef SETTINGS_MEMBER
};

/* A variable at fault (or one worth a warning) and the sentence that it begins, which never shows a secret.
 */
enum { SETTINGS_VARIABLE_BYTES = 64 };

struct settings_remark {
    char variable[SETTINGS_VARIABLE_BYTES]; /* the one that was set, a *_FILE for one; cut when longer */
    char text[ERROR_TEXT_BYTES];
};

enum { SETTINGS_REMARKS_MAX = 96 };

struct settings_remarks {
    struct settings_remark items[SETTINGS_REMARKS_MAX];
    size_t count;
};

struct settings_findings {
    struct settings_remarks faults;
    struct settings_remarks warnings;
};

/* Whether a text is an http or https URL with a host: url_is_http(). */
typedef bool settings_url_check(const char *text);

/*
 * Reads and checks every setting of `readers` and finds all faults at once. Returns whether there was none.
 * A variable that no program of ours reads and that comes near to one of ours is worth a warning; so is each
 * other POSEMESH_*. It names them alone: what was written to a secret's misspelt variable is a secret, too.
 * In both cases the caller ends with settings_clear(). `is_url` may be NULL for readers that call no URL,
 * which then is not checked: their programs need not link what parses URLs.
 */
bool settings_load(struct settings *settings, unsigned readers, settings_url_check *is_url,
                   const struct environment *environment, struct settings_findings *findings);

/* How `service` logs from now on. */
void settings_configure_log(const struct settings *settings, enum service_id service);

/* Whether one of the faults is this variable's. */
bool settings_has_fault(const struct settings_findings *findings, const char *variable);

/* A line for every fault and warning. */
void settings_log_findings(const struct settings_findings *findings);

/* For who looks at the secrets only to find faults. */
void settings_wipe_secrets(struct settings *settings);

/* Wipes and frees. */
void settings_clear(struct settings *settings);

/* The names of the secrets' variables. */
extern const char *const settings_secret_variables[];
extern const size_t settings_secret_count;

/* Calls `visit` for each variable: for posemesh-node, which hands each service only its own, and for the
 * README's test. */
typedef void settings_visit_function(void *context, const char *variable, unsigned readers,
                                     const char *default_text, const char *meaning);
void settings_visit(settings_visit_function *visit, void *context);

/* Whether services of `readers` read the variable; *_FILE names count as the secret that they stand for. */
bool settings_is_read_by(const char *variable, unsigned readers);

#endif
