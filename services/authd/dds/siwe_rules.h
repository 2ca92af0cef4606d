/*
 * What a nonce answer may ask the wallet to sign (docs/network.md 2.1): DDS's own login and nothing else. A
 * server that was taken over, or one at a wrong address, would else have another site's login signed, or a
 * sentence for people.
 */
#ifndef AUTHD_DDS_SIWE_RULES_H
#define AUTHD_DDS_SIWE_RULES_H

#include "services/authd/dds/siwe.h"

/* Borrowed texts. */
struct siwe_site {
    const char *dds_url; /* DDS_BASE_URL */
    const char *domain;  /* SIWE_DOMAIN; NULL: `dds_url` decides */
};

/* Fields of siwe_fields_parse(). An error names the field and shows nothing of it, and names the setting for
 * `domain`. */
bool siwe_rules_check(const struct siwe_fields *fields, const struct siwe_site *site, struct error *error);

#endif
