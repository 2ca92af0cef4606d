/*
 * The rules of docs/network.md that the devnet judges a node by: one line each, in the order of the contract.
 * RULE(symbol, stable name, HTTP status of the refusal, what a node must do)
 */
#ifndef DEVNET_RULES_H
#define DEVNET_RULES_H

#include <stdbool.h>

#define RULES(RULE)                                                                                          \
    /* any request */                                                                                        \
    RULE(REQUEST_UNKNOWN, "request-unknown", 404,                                                            \
         "only requests of the contract are made, joined with one slash")                                    \
    RULE(REQUEST_METHOD, "request-method", 405, "each path is asked with its own method")                    \
    RULE(URL_ENCODING, "url-encoding", 400, "what enters a URL is percent-encoded")                          \
    RULE(JSON_CONTENT_TYPE, "json-content-type", 415, "a JSON body says Content-Type: application/json")     \
    RULE(JSON_BODY, "json-body", 400, "a JSON body is valid JSON, and an object")                            \
    RULE(TOKEN_FOREIGN_ORIGIN, "token-foreign-origin", 403, "a token goes to its own service's origin only") \
    RULE(TOKEN_WRONG_SERVICE, "token-wrong-service", 401,                                                    \
         "DMS gets access tokens, domain servers domain tokens")                                             \
    /* 1.1 and 1.3, registration */                                                                          \
    RULE(REGISTER_FLOW, "register-flow", 404, "a node registers with the flow this network runs")            \
    RULE(REGISTER_SHAPE, "register-shape", 422, "a registration has exactly its seven fields")               \
    RULE(REGISTER_CREDENTIALS, "register-credentials", 403, "registration_credentials is REG_SECRET")        \
    RULE(REGISTER_URL, "register-url", 422, "url is NODE_URL as the WHATWG URL standard serialises it")      \
    RULE(REGISTER_VERSION, "register-version", 422, "version is semver")                                     \
    RULE(REGISTER_CAPABILITIES, "register-capabilities", 422, "capabilities are not empty")                  \
    RULE(REGISTER_SORTED, "register-capabilities-sorted", 422, "capabilities are sorted, each once")         \
    RULE(REGISTER_TIMESTAMP_FORMAT, "register-timestamp-format", 422,                                        \
         "timestamp has nine fraction digits and Z")                                                         \
    RULE(REGISTER_TIMESTAMP_FRESH, "register-timestamp-fresh", 422, "timestamp is the time of the request")  \
    RULE(REGISTER_KEY_FORMAT, "register-public-key-format", 422,                                             \
         "public_key is 130 lowercase hex digits starting 04")                                               \
    RULE(REGISTER_SIGNATURE_FORMAT, "register-signature-format", 422,                                        \
         "signature is 130 lowercase hex digits, v 0 or 1")                                                  \
    RULE(REGISTER_LOW_S, "register-signature-low-s", 422, "the signature's s is low")                        \
    RULE(REGISTER_SIGNATURE, "register-signature", 401,                                                      \
         "the signature over url and timestamp is by public_key")                                            \
    RULE(CALLBACK_ANSWER, "callback-answer", 0, "the callback is answered 200 {\"ok\":true}")                \
    RULE(HEALTH_ANSWER, "health-answer", 0, "GET /health is answered 200")                                   \
    RULE(WALLET_SHAPE, "wallet-shape", 422, "a wallet registration has exactly its five fields")             \
    RULE(ROBOT_SHAPE, "robot-shape", 422, "a robot registration has exactly its three fields")               \
    RULE(ROBOT_CREDENTIALS, "robot-credentials", 403,                                                        \
         "a robot's registration_credentials are ROBOT_REGISTRATION_CREDENTIALS")                            \
    RULE(ROBOT_ELSEWHERE, "robot-credentials-elsewhere", 403,                                                \
         "a robot's credentials go to the robot's endpoints only")                                           \
    RULE(ROBOT_VERIFY_SHAPE, "robot-verify-shape", 422, "a robot verifies by registration_credentials only") \
    RULE(ROBOT_UNREGISTERED, "robot-before-registration", 404, "a robot registers before it verifies")       \
    /* 2, login */                                                                                           \
    RULE(SIWE_REQUEST_SHAPE, "siwe-request-shape", 422, "a nonce is asked for with {\"wallet\"}")            \
    RULE(SIWE_ADDRESS, "siwe-address-lowercase", 422, "an address is lowercase 0x hex")                      \
    RULE(SIWE_VERIFY_SHAPE, "siwe-verify-shape", 422, "a login has exactly address, message and signature")  \
    RULE(SIWE_NONCE, "siwe-nonce", 401, "the message carries a nonce that was issued to this wallet")        \
    RULE(SIWE_NONCE_USED, "siwe-nonce-used", 401, "a nonce is used once")                                    \
    RULE(SIWE_NONCE_EXPIRED, "siwe-nonce-expired", 401, "a nonce is used before it expires")                 \
    RULE(SIWE_MESSAGE, "siwe-message", 401, "the message is exactly the text of the nonce's fields")         \
    RULE(SIWE_SIGNATURE_FORMAT, "siwe-signature-format", 422,                                                \
         "signature is 0x and 130 hex digits, v 27 or 28")                                                   \
    RULE(SIWE_LOW_S, "siwe-signature-low-s", 401, "the signature's s is low")                                \
    RULE(SIWE_SIGNATURE, "siwe-signature", 401, "the message is signed by the wallet it names")              \
    RULE(LOGIN_UNREGISTERED, "login-before-registration", 403,                                               \
         "no login before the registration was accepted")                                                    \
    RULE(LOGIN_BEFORE_CALLBACK, "login-before-callback", 403,                                                \
         "no login before the callback, or 30 s without one")                                                \
    /* 3, DMS */                                                                                             \
    RULE(DMS_AUTHORIZATION, "dms-authorization", 401, "DMS is asked with Authorization: Bearer")             \
    RULE(ACCESS_TOKEN_UNKNOWN, "access-token-unknown", 401, "an access token is one that DDS issued")        \
    RULE(ACCESS_TOKEN_REUSED, "access-token-reused", 401, "a token that was refused is not used again")      \
    RULE(LEASE_REQUEST, "lease-request", 400, "GET /tasks has no query but capability=..., and no body")     \
    RULE(HEARTBEAT_SHAPE, "heartbeat-shape", 400, "a heartbeat is {\"progress\": any, \"events\": [...]}")   \
    RULE(HEARTBEAT_FIRST_SHAPE, "heartbeat-first-shape", 400,                                                \
         "the first heartbeat has progress {} and no events")                                                \
    RULE(HEARTBEAT_REPORTED, "heartbeat-after-report", 410, "no heartbeat follows an answered report")       \
    RULE(TASK_RENAMED, "task-renamed", 404, "a renamed task is called by its new id")                        \
    RULE(CANCELLED_ENVELOPE, "cancelled-envelope", 409, "a task leased with cancel: true is left alone")     \
    RULE(REPORT_CANCELLED, "report-after-cancel", 409, "a cancelled task is not reported")                   \
    RULE(REPORT_LOST, "report-after-lost", 410, "a lost lease is not reported unless all was stored before") \
    RULE(REPORT_CHANGED, "report-changed", 409, "a report that is repeated is the same report")              \
    RULE(COMPLETE_SHAPE, "complete-shape", 400, "complete has output_cids and meta of job and artifacts")    \
    RULE(COMPLETE_HEARTBEAT, "complete-before-heartbeat", 409, "complete comes after the first heartbeat")   \
    RULE(REPORT_JOB, "report-job", 400, "job has task_id, job_id, domain_id and capability of the lease")    \
    RULE(REPORT_ARTIFACTS, "report-artifacts", 400, "each artifact has logical_path, name, data_type, id")   \
    RULE(REPORT_ARTIFACT_EXISTS, "report-artifact-exists", 409,                                              \
         "each reported artifact is stored in the domain so")                                                \
    RULE(REPORT_ARTIFACT_NAME, "report-artifact-name", 400,                                                  \
         "name and data type follow from the logical path")                                                  \
    RULE(COMPLETE_OUTPUTS, "complete-output-cids", 400, "output_cids are the ids of the artifacts")          \
    RULE(FAIL_SHAPE, "fail-shape", 400, "fail has reason and details")                                       \
    RULE(FAIL_REASON, "fail-reason", 400, "the reason is not empty")                                         \
    RULE(FAIL_SETUP, "fail-setup", 400, "a set-up failure is node_setup_failed with {stage, error}")         \
    RULE(FAIL_HEARTBEAT, "fail-before-heartbeat", 409,                                                       \
         "before the first heartbeat only the set-up can fail")                                              \
    RULE(UPLOAD_LEFT_OPEN, "upload-left-open", 409, "no upload is open when a task is reported")             \
    /* 4, domain server */                                                                                   \
    RULE(STORAGE_AUTHORIZATION, "storage-authorization", 401, "storage is asked with Authorization: Bearer") \
    RULE(DOMAIN_TOKEN_UNKNOWN, "domain-token-unknown", 401, "a domain token is one that came with a lease")  \
    RULE(DOMAIN_TOKEN_STALE, "domain-token-stale", 401,                                                      \
         "a new token applies to the very next storage request")                                             \
    RULE(DOMAIN_TOKEN_THIRD, "domain-token-third-try", 401,                                                  \
         "a token refused twice is not tried a third time")                                                  \
    RULE(TOKEN_WRONG_DOMAIN, "token-wrong-domain", 403, "a token is used for its lease's domains only")      \
    RULE(CLIENT_ID_MISSING, "client-id-missing", 400, "storage requests carry posemesh-client-id")           \
    RULE(CLIENT_ID_CHANGED, "client-id-changed", 400, "posemesh-client-id stays the same for a lease")       \
    RULE(HEARTBEAT_FIRST, "heartbeat-first-before-storage", 409, "the first heartbeat comes before storage") \
    RULE(STORAGE_AFTER_LEASE, "storage-after-lease", 409, "nothing is written when the lease has run out")   \
    RULE(READ_ACCEPT, "read-accept", 400, "a read accepts multipart/form-data, a look-up application/json")  \
    RULE(READ_UNBOUNDED, "read-unbounded", 400, "a read names ids, a name or a data type")                   \
    RULE(LOOKUP_EXACT, "lookup-exact", 400, "a look-up has both name and data_type")                         \
    RULE(INFO_TOKEN, "info-no-token", 400, "GET /api/v1/info goes without a token")                          \
    RULE(FORM_CONTENT_TYPE, "form-content-type", 415, "an upload is multipart/form-data with a boundary")    \
    RULE(FORM_FRAMING, "form-framing", 400, "a form is --boundary, a part, ..., --boundary--, with CRLF")    \
    RULE(FORM_BOUNDARY, "form-boundary-in-data", 400, "the boundary does not occur in a part's data")        \
    RULE(FORM_PART_HEADERS, "form-part-headers", 400,                                                        \
         "a part has Content-Type octet-stream and Content-Disposition")                                     \
    RULE(FORM_CREATE, "form-create-fields", 400, "a created part has name and data-type")                    \
    RULE(FORM_UPDATE, "form-update-fields", 400, "an updated part has the id alone")                         \
    RULE(FORM_TOO_LARGE, "form-too-large", 413, "above request_max_bytes an upload uses multipart")          \
    RULE(ARTIFACT_NAME, "artifact-name", 400, "a name is the sanitised logical path, _ and the task id")     \
    RULE(ARTIFACT_TYPE, "artifact-data-type", 400, "a data type has letters, digits, - and _ only")          \
    RULE(ARTIFACT_LOOKUP, "artifact-lookup", 409, "before a create, an existing id is looked up")            \
    RULE(ARTIFACT_DUPLICATE, "artifact-duplicate", 409, "what exists is updated, not created again")         \
    RULE(MULTIPART_INIT, "multipart-init-shape", 400,                                                        \
         "a multipart upload starts with the contract's fields")                                             \
    RULE(MULTIPART_EMPTY, "multipart-empty", 400, "an empty artifact uses the small form")                   \
    RULE(MULTIPART_UNKNOWN, "multipart-unknown-upload", 404, "parts go to an upload that was started")       \
    RULE(MULTIPART_FINISHED, "multipart-finished", 409, "a finished or aborted upload gets no more parts")   \
    RULE(MULTIPART_CONTENT_TYPE, "multipart-content-type", 415, "a part is application/octet-stream")        \
    RULE(MULTIPART_NUMBER, "multipart-part-number", 400, "part numbers are 1 to 10000")                      \
    RULE(MULTIPART_SIZE, "multipart-part-size", 400, "every part but the last is exactly part_size")         \
    RULE(MULTIPART_COMPLETE, "multipart-complete-shape", 400, "complete has parts of part_number and etag")  \
    RULE(MULTIPART_ORDER, "multipart-order", 400, "parts are completed in order, none missing")              \
    RULE(MULTIPART_ETAG, "multipart-etag", 400, "a part is completed with the etag it got")                  \
    RULE(MULTIPART_TOTAL, "multipart-total-size", 400, "the parts add up to the size that was announced")

#define RULE_SYMBOL(symbol, name, status, text) RULE_##symbol,
enum rule { RULES(RULE_SYMBOL) RULE_COUNT };
#undef RULE_SYMBOL

struct rule_text {
    const char *name;
    int status; /* of the refusal; 0 when the node was asked and not asking */
    const char *text;
};

const struct rule_text *rule_of(enum rule rule);

/* The rule of that name; false when there is none. */
bool rule_find(const char *name, enum rule *rule);

/* `name<TAB>status<TAB>text` a line, for --rules. */
void rules_print(void);

#endif
