/* DDS: registration in both flows (docs/network.md 1) and SIWE login (2). */
#ifndef DEVNET_DDS_H
#define DEVNET_DDS_H

#include <stdbool.h>

struct exchange;

void dds_register(struct exchange *exchange);
void dds_register_wallet(struct exchange *exchange);
void dds_siwe_request(struct exchange *exchange);
void dds_siwe_verify(struct exchange *exchange);

/* Judges message and signature against the nonce in the message and uses the nonce up; fills the wallet's
 * address. */
bool dds_check_signed_message(struct exchange *exchange, const char *message, const char *signature,
                              char address[43]);

#endif
