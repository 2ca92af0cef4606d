/* services/authd/dds/siwe_rules.h and signed_message.h: what a nonce answer may have the wallet sign. */
#include "services/authd/dds/signed_message.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

static const struct siwe_site live = {.dds_url = "https://dds.auki.network/base"};

static bool check(struct siwe_fields fields, const struct siwe_site *site, struct error *error)
{
    static char nonce[] = "abc123", domain[] = "dds.auki.network", uri[] = "https://dds.auki.network";
    static char version[] = "1";
    const struct siwe_fields all = {.nonce = fields.nonce ? fields.nonce : nonce,
                                    .domain = fields.domain ? fields.domain : domain,
                                    .uri = fields.uri ? fields.uri : uri,
                                    .version = fields.version ? fields.version : version,
                                    .chain_id = 1};
    return siwe_rules_check(&all, site, error);
}

static bool allows_domain(const char *text, const struct siwe_site *site)
{
    struct error error;
    char *domain = strdup(text);
    printf("  case: %s\n", text);
    bool allowed = check((struct siwe_fields){.domain = domain}, site, &error);
    free(domain);
    if (!allowed) {
        assert_int_equal(strncmp(error.text, "domain ", 7), 0);
        assert_non_null(strstr(error.text, "SIWE_DOMAIN"));
    }
    return allowed;
}

static void a_domain_is_of_the_site_of_dds(void **state)
{
    (void)state;
    static const char *const good[] = {"dds.auki.network", "auki.network", "login.AUKI.network:8443",
                                       "a.b.auki.network."};
    static const char *const bad[] = {"opensea.io",
                                      "evilauki.network",
                                      "auki.network.evil.io",
                                      "auki.network@evil.io",
                                      "evil.io@auki.network",
                                      "user:pw@auki.network",
                                      "Give all you have. dds.auki.network",
                                      "https://dds.auki.network",
                                      "dds.auki.network/x",
                                      "dds.auki.network:8x",
                                      "\xd0\xb0uki.network",
                                      "1.2.3.4",
                                      "localhost"};
    for (size_t i = 0; i < sizeof good / sizeof good[0]; i++)
        assert_true(allows_domain(good[i], &live));
    for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++)
        assert_false(allows_domain(bad[i], &live));
}

static void an_address_is_a_site_of_its_own(void **state)
{
    (void)state;
    const struct siwe_site four = {.dds_url = "http://10.0.0.1:8080/dds"};
    const struct siwe_site six = {.dds_url = "https://[2001:db8::1]/"};
    assert_true(allows_domain("10.0.0.1", &four));
    assert_false(allows_domain("20.0.0.1", &four));
    assert_true(allows_domain("[2001:db8:0::1]:443", &six));
    assert_false(allows_domain("[2001:db8::2]", &six));
}

static void a_dds_on_this_machine_may_name_any_authority(void **state)
{
    (void)state;
    static const char *const urls[] = {"http://localhost:8080", "http://127.0.0.1", "http://127.1/x",
                                       "https://[::1]:1/dds", "http://user:pw@LOCALHOST./"};
    for (size_t i = 0; i < sizeof urls / sizeof urls[0]; i++) {
        const struct siwe_site site = {.dds_url = urls[i]};
        assert_true(allows_domain("dds.example.org", &site));
        assert_false(allows_domain("not one", &site));
    }
    const struct siwe_site posing = {.dds_url = "https://localhost.evil.io"};
    assert_false(allows_domain("dds.example.org", &posing));
}

static void siwe_domain_replaces_the_rule(void **state)
{
    (void)state;
    const struct siwe_site site = {.dds_url = "https://dds.auki.network", .domain = "login.example.org"};
    const struct siwe_site local = {.dds_url = "http://localhost", .domain = "login.example.org:81"};
    assert_true(allows_domain("login.example.org", &site));
    assert_true(allows_domain("Login.Example.org.", &site));
    assert_false(allows_domain("dds.auki.network", &site));
    assert_false(allows_domain("x.example.org", &site));
    assert_false(allows_domain("login.example.org:81", &site));
    assert_true(allows_domain("login.example.org:81", &local));
    assert_false(allows_domain("localhost", &local));
}

static void a_uri_is_an_absolute_url_in_ascii(void **state)
{
    (void)state;
    static const char *const good[] = {"https://x", "http://x/a?b#c", "HTTPS://dds.auki.network:1/"};
    static const char *const bad[] = {"x",
                                      "/a",
                                      "ftp://x",
                                      "https:",
                                      "https://",
                                      "//x/a",
                                      "https:x",
                                      "javascript:a",
                                      "https://x y",
                                      "https://x/ ",
                                      "https://x/\xc3\xbc",
                                      "https://b\xc3\xbc",
                                      "did:example:1"};
    struct error error;
    for (size_t i = 0; i < sizeof good / sizeof good[0]; i++) {
        char *uri = strdup(good[i]);
        assert_true(check((struct siwe_fields){.uri = uri}, &live, &error));
        free(uri);
    }
    for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++) {
        char *uri = strdup(bad[i]);
        printf("  case: %s\n", uri);
        assert_false(check((struct siwe_fields){.uri = uri}, &live, &error));
        assert_int_equal(strncmp(error.text, "uri ", 4), 0);
        free(uri);
    }
}

static void the_version_is_one_and_a_nonce_is_a_word(void **state)
{
    (void)state;
    static char versions[][4] = {"2", "1.0", "01", "1 ", " 1", "v1"};
    static char nonces[][8] = {"a b", " a", "a ", "a\xc3\xbc", "\x7f"};
    struct error error;
    for (size_t i = 0; i < sizeof versions / sizeof versions[0]; i++) {
        assert_false(check((struct siwe_fields){.version = versions[i]}, &live, &error));
        assert_string_equal(error.text, "version is not 1");
    }
    for (size_t i = 0; i < sizeof nonces / sizeof nonces[0]; i++) {
        assert_false(check((struct siwe_fields){.nonce = nonces[i]}, &live, &error));
        assert_int_equal(strncmp(error.text, "nonce ", 6), 0);
    }
    assert_true(check((struct siwe_fields){.nonce = (char[]){"!~-_09azAZ"}}, &live, &error));
}

/* --- the signature --- */

static struct wallet *make_wallet(void)
{
    const uint8_t seed[WALLET_SEED_BYTES] = {7};
    struct secret key = SECRET_EMPTY;
    struct error error;
    secret_assign(&key, "0101010101010101010101010101010101010101010101010101010101010101", 64);
    struct wallet *wallet = wallet_create(&key, seed, &error);
    secret_wipe(&key);
    assert_non_null(wallet);
    return wallet;
}

static bool sign(const char *domain, struct signed_message *signed_message, struct error *error)
{
    char json[256];
    struct wallet *wallet = make_wallet();
    snprintf(json, sizeof json,
             "{\"nonce\":\"a\",\"domain\":\"%s\",\"uri\":\"https://x\",\"version\":\"1\",\"chainId\":1,"
             "\"issuedAt\":\"t\"}",
             domain);
    bool made = signed_message_create(wallet, &live, json, strlen(json), signed_message, error);
    wallet_free(wallet);
    return made;
}

/* The mistake is in the answer of DDS, and the error says so. */
static void a_bad_answer_is_not_signed(void **state)
{
    (void)state;
    static const char *const domains[][2] = {
        {"opensea.io", "domain is of another site than DDS_BASE_URL (SIWE_DOMAIN would allow it)"},
        {"x\\nURI: https://evil", "domain holds a control or format character or a line break"},
        {"x\\u202ey", "domain holds a control or format character or a line break"},
        {"", "domain "}};
    struct signed_message signed_message;
    struct error error;
    for (size_t i = 0; i < sizeof domains / sizeof domains[0]; i++) {
        assert_false(sign(domains[i][0], &signed_message, &error));
        assert_int_equal(strncmp(error.text, "answer to the nonce request: ", 29), 0);
        assert_int_equal(strncmp(error.text + 29, domains[i][1], strlen(domains[i][1])), 0);
        assert_null(signed_message.message);
    }
}

static void a_good_answer_is_signed(void **state)
{
    (void)state;
    struct signed_message signed_message;
    struct error error;
    assert_true(sign("dds.auki.network", &signed_message, &error));
    assert_int_equal(strlen(signed_message.signature), WALLET_MESSAGE_SIGNATURE_BYTES - 1);
    assert_int_equal(strncmp(signed_message.message, "dds.auki.network wants you to sign in", 37), 0);
    signed_message_clear(&signed_message);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_domain_is_of_the_site_of_dds),
        cmocka_unit_test(an_address_is_a_site_of_its_own),
        cmocka_unit_test(a_dds_on_this_machine_may_name_any_authority),
        cmocka_unit_test(siwe_domain_replaces_the_rule),
        cmocka_unit_test(a_uri_is_an_absolute_url_in_ascii),
        cmocka_unit_test(the_version_is_one_and_a_nonce_is_a_word),
        cmocka_unit_test(a_bad_answer_is_not_signed),
        cmocka_unit_test(a_good_answer_is_signed),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
