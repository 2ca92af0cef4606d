/*
 * Feeds an answer to a nonce request to what makes the message that the wallet signs.
 *
 * Whatever the server says, the message has exactly the lines that it should have, and none of them holds a
 * control character: the server cannot put words into what is signed.
 */
#include "services/authd/dds/siwe.h"

#include "tests/fuzz/fuzz.h"

#include <stdlib.h>
#include <string.h>

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

/* Goes through the lines of `message` by cutting it. */
static void check_lines(char *message, size_t expected)
{
    size_t count = 0;
    for (char *line = message; line; count++) {
        char *end = strchr(line, '\n');
        if (end)
            *end++ = '\0';
        fuzz_expect(fuzz_is_one_line(line), "a line of the message holds no control character");
        line = end;
    }
    fuzz_expect(count == expected, "the message has the lines that it should have");
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static const char *const resources[] = {"https://one.example.org", "https://two.example.org"};
    const char *json = (const char *)data;
    struct error error = fuzz_no_error();
    struct siwe_fields fields;
    struct signed_message made;
    if (!siwe_fields_parse(json, size, &fields, &error)) {
        fuzz_expect_error(&error);
        fuzz_expect(!fields.nonce && !fields.domain && !fields.uri && !fields.version && !fields.issued_at,
                    "what cannot be read leaves nothing");
        fuzz_expect(!signed_message_create(the_wallet(), json, size, &made, &error) && !made.message,
                    "what cannot be read is not signed");
        return 0;
    }
    char *message = siwe_compose_message(&fields, wallet_address(the_wallet()), NULL, 0);
    fuzz_expect(signed_message_create(the_wallet(), json, size, &made, &error), "what can be read is signed");
    fuzz_expect_same_text(made.message, message, "the message that is signed is the one that is composed");
    check_lines(message, LINES);
    free(message);
    message = siwe_compose_message(&fields, wallet_address(the_wallet()), resources, 2);
    check_lines(message, LINES_WITH_RESOURCES);
    free(message);
    signed_message_clear(&made);
    siwe_fields_clear(&fields);
    return 0;
}
