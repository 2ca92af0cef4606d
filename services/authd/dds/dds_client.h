/*
 * What authd says to DDS (docs/network.md 1 and 2): four POSTs with JSON bodies, each bounded by
 * REQUEST_TIMEOUT_SECS, none following a redirect.
 *
 * SECURITY: is given REG_SECRET and is the only code of authd that sends anything. It refuses every origin
 * but that of DDS_BASE_URL. Bodies are wiped; REG_SECRET is cut out of error bodies before they are logged.
 */
#ifndef AUTHD_DDS_DDS_CLIENT_H
#define AUTHD_DDS_DDS_CLIENT_H

#include "libcommon/http/http.h"
#include "libcommon/message/message.h"
#include "services/authd/wallet/wallet.h"

/* What is the same in every request; borrowed. */
struct dds_client {
    struct http_client *http;
    const char *base_url;
    const char *node_url; /* normalised; NULL in the wallet flow */
    const char *version;
    const struct wallet *wallet;
    const struct secret *reg_secret;
    int64_t timeout_ms;
};

enum { DDS_REASON_BYTES = 1024 };

/* How a request ended. */
struct dds_answer {
    bool accepted; /* a 2xx */
    int status;    /* 0: no answer */
    const char *body;
    size_t body_bytes;
    int64_t retry_after_ms; /* -1: not given */
    int64_t server_unix_ms; /* when it answered, by its own clock; 0: no answer */
    int64_t sent_boot_ms;
    char reason[DDS_REASON_BYTES]; /* why it was not accepted, for a log line: one line */
};

/* Once, in a later turn; `answer` is gone afterwards. */
typedef void dds_done_function(void *context, const struct dds_answer *answer);

struct dds_call;

/* Ends a call without its function. NULL is harmless. A call is gone before its function is called. */
void dds_cancel(struct dds_call *call);

/* The callback flow's registration (1.1). NULL when it cannot be signed, or DDS_BASE_URL is not usable. */
struct dds_call *dds_register(const struct dds_client *client, const struct text_list *capabilities,
                              dds_done_function *on_done, void *context, struct error *error);

/* The wallet flow's registration (1.3), signed with the nonce that `nonce` brought. NULL when that is
 * unusable. */
struct dds_call *dds_register_wallet(const struct dds_client *client, const struct dds_answer *nonce,
                                     const struct text_list *capabilities, dds_done_function *on_done,
                                     void *context, struct error *error);

/* A nonce (2.1), and the token for its signed message (2.4). NULL as above. */
struct dds_call *dds_siwe_request(const struct dds_client *client, dds_done_function *on_done, void *context,
                                  struct error *error);
struct dds_call *dds_siwe_verify(const struct dds_client *client, const struct dds_answer *nonce,
                                 dds_done_function *on_done, void *context, struct error *error);

#endif
