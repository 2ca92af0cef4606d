/*
 * Feeds an answer to a nonce request to what makes the message that the wallet signs.
 *
 * Whatever the server says, the message has exactly the lines that it should have, and none of them holds a
 * control or format character: the server cannot put words into what is signed. What is signed is a login at
 * DDS's own site, or at the one that SIWE_DOMAIN names.
 */
#include "services/authd/dds/signed_message.h"

#include "libcommon/base/utf8.h"
#include "libcommon/http/url.h"
#include "tests/fuzz/fuzz.h"

#include <stdlib.h>
#include <string.h>
#include <strings.h>

enum { LINES = 8, LINES_WITH_RESOURCES = LINES + 3 };

static const struct wallet *the_wallet(void)
{
    static const char digits[] = "0000000000000000000000000000000000000000000000000000000000000001";
    static const uint8_t seed[WALLET_SEED_BYTES];
    static struct wallet *wallet;
    struct error error;
    if (wallet)
        return wallet;
    struct secret key = SECRET_EMPTY;
    secret_assign(&key, digits, strlen(digits));
    wallet = wallet_create(&key, seed, &error);
    secret_wipe(&key);
    fuzz_expect(wallet != NULL, "one is a key");
    return wallet;
}

static bool has_format_character(const char *text)
{
    uint32_t code_point;
    for (size_t bytes; (bytes = utf8_decode(text, strlen(text), &code_point)) > 0; text += bytes)
        if (utf8_is_format(code_point))
            return true;
    return false;
}

/* Goes through the lines of `message` by cutting it. */
static void check_lines(char *message, size_t expected)
{
    size_t count = 0;
    for (char *line = message; line; count++) {
        char *end = strchr(line, '\n');
        if (end)
            *end++ = '\0';
        fuzz_expect(fuzz_is_one_line(line) && !has_format_character(line),
                    "a line of the message holds no control or format character");
        line = end;
    }
    fuzz_expect(count == expected, "the message has the lines that it should have");
}

static bool is_ascii_word(const char *text)
{
    for (; *text; text++)
        if (*text <= ' ' || *text > '~')
            return false;
    return true;
}

/* By other means than siwe_rules.c: the name ends in what it must end in, behind a dot or all of it. */
static bool is_of_example_org(const char *domain)
{
    static const char site[] = "example.org";
    size_t length = strcspn(domain, ":");
    if (length > 0 && domain[length - 1] == '.')
        length--;
    size_t before = length - (sizeof site - 1);
    return length >= sizeof site - 1 && strncasecmp(domain + before, site, sizeof site - 1) == 0 &&
           (before == 0 || domain[before - 1] == '.') && !strpbrk(domain, "@/ ");
}

/* What may be signed under each kind of site, and that nothing else is. */
static void check_signing(const struct siwe_fields *fields, const char *json, size_t size)
{
    static const struct siwe_site sites[] = {{.dds_url = "https://dds.example.org/x"},
                                             {.dds_url = "http://127.0.0.1:80"},
                                             {.dds_url = "https://other.io", .domain = "dds.example.org"}};
    for (size_t i = 0; i < sizeof sites / sizeof sites[0]; i++) {
        struct error error = fuzz_no_error();
        struct signed_message made;
        bool allowed = siwe_rules_check(fields, &sites[i], &error);
        fuzz_expect(signed_message_create(the_wallet(), &sites[i], json, size, &made, &error) == allowed,
                    "what is allowed is signed, and nothing else");
        if (!allowed) {
            fuzz_expect_error(&error);
            continue;
        }
        char *message = siwe_compose_message(fields, wallet_address(the_wallet()), NULL, 0);
        fuzz_expect_same_text(made.message, message,
                              "the message that is signed is the one that is composed");
        free(message);
        fuzz_expect(i == 1 || is_of_example_org(fields->domain), "the domain is of DDS's site");
        fuzz_expect(is_ascii_word(fields->domain) && is_ascii_word(fields->uri) &&
                        is_ascii_word(fields->nonce) && url_is_http(fields->uri) &&
                        strcmp(fields->version, "1") == 0,
                    "there is no room for a sentence");
        signed_message_clear(&made);
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static const char *const resources[] = {"https://one.example.org", "https://two.example.org"};
    const char *json = (const char *)data;
    struct error error = fuzz_no_error();
    struct siwe_fields fields;
    if (!siwe_fields_parse(json, size, &fields, &error)) {
        fuzz_expect_error(&error);
        fuzz_expect(!fields.nonce && !fields.domain && !fields.uri && !fields.version && !fields.issued_at,
                    "what cannot be read leaves nothing");
        return 0;
    }
    check_signing(&fields, json, size);
    char *message = siwe_compose_message(&fields, wallet_address(the_wallet()), NULL, 0);
    check_lines(message, LINES);
    free(message);
    message = siwe_compose_message(&fields, wallet_address(the_wallet()), resources, 2);
    check_lines(message, LINES_WITH_RESOURCES);
    free(message);
    siwe_fields_clear(&fields);
    return 0;
}
