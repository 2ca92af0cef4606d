/*
 * What authd says to DDS (docs/network.md 1 and 2): POSTs with JSON bodies, each bounded by
 * REQUEST_TIMEOUT_SECS, none following a redirect. A call is one such request, or two of which the second
 * needs the first one's answer.
 *
 * SECURITY: is given the registration credentials and is the only code of authd that sends anything. It
 * refuses every origin but that of DDS_BASE_URL. Bodies are wiped; the client masks the credentials in what
 * is logged of an answer.
 */
#ifndef AUTHD_DDS_DDS_CALL_H
#define AUTHD_DDS_DDS_CALL_H

#include "libcommon/http/http.h"
#include "libcommon/json/json_writer.h"
#include "libcommon/message/message.h"
#include "services/authd/dds/siwe_rules.h"
#include "services/authd/dds/token_answer.h"
#include "services/authd/wallet/wallet.h"

/* What is the same in every request; borrowed. */
struct dds_client {
    struct http_client *http;
    const char *base_url;
    const char *node_url; /* normalised; NULL where DDS does not call back */
    const char *version;
    const struct wallet *wallet;      /* NULL for a robot */
    struct siwe_site siwe_site;       /* whose login the wallet may sign */
    const struct secret *credentials; /* REG_SECRET, or a robot's */
    int64_t timeout_ms;
};

enum { DDS_REASON_BYTES = 1024 };

/* How a call ended. */
struct dds_answer {
    bool accepted;     /* a 2xx that says what it must */
    bool unknown_node; /* a login was answered 403 or 404: DDS does not know this node (any more) */
    int status;        /* of the last request; 0: no answer, or one that cannot be decoded */
    const struct token_answer *token; /* that it brought; NULL: none */
    int64_t retry_after_ms;           /* -1: not given */
    int64_t sent_boot_ms;             /* the last request */
    char reason[DDS_REASON_BYTES];    /* why it was not accepted, for a log line: one line */
};

/* Once, in a later turn; `answer` is gone afterwards. */
typedef void dds_done_function(void *context, const struct dds_answer *answer);

struct dds_call;

/* Ends a call without its function. NULL is harmless. A call is gone before its function is called. */
void dds_cancel(struct dds_call *call);

/* --- for the flows of dds_flow.h, which compose requests and read answers --- */

/* What DDS answered with a 2xx. */
struct dds_reply {
    const char *body;
    size_t body_bytes;
    int64_t server_unix_ms; /* when it answered, by its own clock */
};

/*
 * Reads such an answer: fills `token` when it brings one, or sends the call's next request, with which the
 * call goes on. False: the answer is of no use, and `error` says why.
 */
typedef bool dds_read_function(struct dds_call *call, const struct dds_reply *reply,
                               struct token_answer *token, struct error *error);

/* One request of a call. */
struct dds_step {
    const char *path;        /* below DDS_BASE_URL */
    dds_read_function *read; /* NULL: any 2xx will do, whatever stands in its body and however long it is */
    bool is_login;           /* 403 and 404 mean an unknown node */
    bool has_credentials;    /* 401 and 403 mean that they are not right */
};

/* A call and its first request; wipes and clears `body`. NULL when DDS_BASE_URL is not usable. `capabilities`
 * are for dds_call_capabilities(): borrowed until the call ends, NULL when nobody asks. */
struct dds_call *dds_call_begin(const struct dds_client *client, const struct text_list *capabilities,
                                const struct dds_step *step, struct json_writer *body,
                                dds_done_function *on_done, void *context, struct error *error);

/* The next request of a call, from a dds_read_function. Wipes and clears `body`. `signature` is what of it no
 * answer may quote besides the registration credentials; NULL: nothing. */
bool dds_call_send(struct dds_call *call, const struct dds_step *step, struct json_writer *body,
                   const char *signature, struct error *error);

const struct dds_client *dds_call_client(const struct dds_call *call);
const struct text_list *dds_call_capabilities(const struct dds_call *call);

#endif
