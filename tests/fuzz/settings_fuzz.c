/*
 * Feeds an environment, a variable on each line; the first byte picks whose settings are read. Variables that
 * name files are left out: this target reads none.
 *
 * Settings without a fault are within their range and usable by what reads them: URLs, addresses and the
 * wallet's key are taken by the code that they go to.
 */
#include "libcommon/http/url.h"
#include "libcommon/node/settings.h"

#include "libcommon/base/limits.h"
#include "libcommon/node/settings_value.h"
#include "services/authd/wallet/wallet.h"
#include "tests/fuzz/fuzz.h"

#include <stdlib.h>
#include <string.h>

enum { VARIABLES_MAX = 64 };

#define IN_RANGE_integer(field, low, high) ((double)(field) >= (low) && (double)(field) <= (high))
#define IN_RANGE_ratio(field, low, high) ((field) >= (low) && (field) <= (high))
#define IN_RANGE_clamped IN_RANGE_ratio
#define IN_RANGE_flag(field, low, high) ((field) || !(field))
#define IN_RANGE_choice(field, low, high) ((field) >= 0)
#define IN_RANGE_url(field, low, high) (!(field) || url_is_http(field))
#define IN_RANGE_text(field, low, high) (!(field) || is_plain(field))
#define IN_RANGE_name(field, low, high)                                                                      \
    (!(field) || (is_plain(field) && strlen(field) <= LIMIT_HOST_NAME_BYTES))
#define IN_RANGE_path(field, low, high) (!(field) || ((field)[0] == '/' && is_plain(field)))
#define IN_RANGE_folder IN_RANGE_path
#define IN_RANGE_address(field, low, high) (!(field) || is_address(field))
#define IN_RANGE_secret(field, low, high) ((field).length == 0 || (field).bytes)

static bool is_plain(const char *text)
{
    for (; *text; text++)
        if ((unsigned char)*text < ' ')
            return false;
    return true;
}

static bool is_address(const char *text)
{
    struct error error;
    char *host = NULL;
    uint16_t port;
    bool split = settings_split_address(text, &host, &port, &error) && host[0];
    free(host);
    return split;
}

static void check_key(const struct secret *key)
{
    static const uint8_t seed[WALLET_SEED_BYTES];
    struct error error;
    struct wallet *wallet = wallet_create(key, seed, &error);
    fuzz_expect(wallet != NULL, "a key that is taken makes a wallet");
    wallet_free(wallet);
}

#define CHECK(kind, field, variable, who, default_text, low, high, meaning)                                  \
    fuzz_expect(!((who)&readers) || IN_RANGE_##kind(settings->field, low, high), variable " is in its "      \
                                                                                          "range");

static void check_settings(const struct settings *settings, unsigned readers)
{
    SETTINGS(CHECK)
    if (readers & AUTHD_BIT) {
        bool robot = settings->registration_flow == SETTINGS_FLOW_ROBOT;
        if (!robot)
            check_key(&settings->private_key);
        fuzz_expect(settings->dds_base_url && (settings->reg_secret.length > 0) == !robot &&
                        (settings->robot_credentials.length > 0) == robot,
                    "what is required is there, and no other secret");
    }
    fuzz_expect(settings->poll_backoff_ms_min <= settings->poll_backoff_ms_max, "a range is in order");
    fuzz_expect(settings->heartbeat_min_ratio <= settings->heartbeat_max_ratio, "a range is in order");
}

static bool names_file(const char *variable)
{
    size_t length = strcspn(variable, "=");
    return length >= 5 && strncmp(variable + length - 5, "_FILE", 5) == 0;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static struct settings_findings report;
    struct fuzz_input input = {data, size};
    char *variables[VARIABLES_MAX + 1];
    size_t count = 0;
    unsigned readers = fuzz_take_byte(&input) & ALL_BITS;
    while (input.length > 0 && count < VARIABLES_MAX) {
        char *variable = fuzz_take_text(&input, '\n');
        if (names_file(variable))
            free(variable);
        else
            variables[count++] = variable;
    }
    variables[count] = NULL;
    struct environment environment = {.variables = variables, .sealed = SECRET_EMPTY, .sealed_fd = -1};
    struct settings settings;
    if (settings_load(&settings, readers, url_is_http, &environment, &report))
        check_settings(&settings, readers);
    else
        fuzz_expect(report.faults.count > 0, "what is refused says why");
    for (size_t i = 0; i < report.faults.count; i++)
        fuzz_expect(report.faults.items[i].variable[0] && report.faults.items[i].text[0],
                    "a fault says what is wrong");
    settings_clear(&settings);
    for (size_t i = 0; i < count; i++)
        free(variables[i]);
    return 0;
}
