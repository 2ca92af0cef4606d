/* DDS: registration in its three flows (docs/network.md 1) and SIWE login (2). */
#ifndef DEVNET_DDS_H
#define DEVNET_DDS_H

#include <stdbool.h>

#include <jansson.h>

#include "tests/devnet/devnet.h"

struct exchange;

void dds_register(struct exchange *exchange);
void dds_register_wallet(struct exchange *exchange);
void dds_register_robot(struct exchange *exchange);
void dds_verify_robot(struct exchange *exchange);
void dds_siwe_request(struct exchange *exchange);
void dds_siwe_verify(struct exchange *exchange);

/* --- between the flows --- */

/* Whether this network registers nodes by that flow. False: refused. */
bool dds_check_flow(struct exchange *exchange, enum devnet_flow flow);

/* Judges version and capabilities of a registration. */
bool dds_check_offer(struct exchange *exchange, const json_t *body);

/* A registration is accepted: remembers the node by its address, and that it is to be called back if it has a
 * `url`. */
void dds_keep_node(struct exchange *exchange, const char *address, const char *flow, const json_t *body);

/* Judges message and signature against the nonce in the message and uses the nonce up; fills the wallet's
 * address. */
bool dds_check_signed_message(struct exchange *exchange, const char *message, const char *signature,
                              char address[43]);

#endif
