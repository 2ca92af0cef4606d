#include "tests/devnet/options.h"

#include "libcommon/base/usage.h"
#include "tests/devnet/help.h"

#include <getopt.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* Options with a text or a number are these + their index in texts[] or numbers[]. */
enum { OPTION_TEXT = 500, OPTION_NUMBER = 1000 };

static const struct {
    const char *option;
    size_t offset;
} texts[] = {
    {"state", offsetof(struct options, state)},
    {"listen", offsetof(struct options, listen)},
    {"public-origin", offsetof(struct options, public_origin)},
    {"app-token", offsetof(struct options, app_token)},
    {"reg-secret", offsetof(struct options, registration_secret)},
};

enum { TEXTS = sizeof(texts) / sizeof(texts[0]) };

static const struct {
    const char *option, *setting;
    int64_t factor;
} numbers[] = {
    {"lease-ttl", "lease_ttl_ms", 1000},
    {"access-token-ttl", "access_token_ttl_ms", 1000},
    {"domain-token-ttl", "domain_token_ttl_ms", 1000},
    {"part-size", "part_size_bytes", 1},
    {"request-max-bytes", "request_max_bytes", 1},
    {"health-interval", "health_interval_ms", 1000},
};

enum { NUMBERS = sizeof(numbers) / sizeof(numbers[0]) };

static const struct option others[] = {
    {"robot-credentials", required_argument, NULL, 'b'},
    {"flow", required_argument, NULL, 'f'},
    {"allow", required_argument, NULL, 'a'},
    {"strict", no_argument, NULL, 'S'},
    {"quiet", no_argument, NULL, 'q'},
    {"rules", no_argument, NULL, 'R'},
    {"help", no_argument, NULL, 'h'},
    {"version", no_argument, NULL, 'V'},
};

enum { OTHERS = sizeof(others) / sizeof(others[0]) };

/* Seconds may have a fraction: tests use leases of half a second. */
static bool read_number(struct options *options, int index, const char *text)
{
    char *end;
    double number = strtod(text, &end);

    if (end == text || *end || !(number >= 0 && number < 1e15)) {
        fprintf(stderr, "posemesh-devnet: --%s wants a number, got %s\n", numbers[index].option, text);
        return false;
    }
    *tuning_find(&options->tuning, numbers[index].setting) =
        (int64_t)(number * (double)numbers[index].factor);
    return true;
}

static bool read_flow(struct options *options, const char *text)
{
    static const char *const flows[] = {"any", "callback", "wallet", "robot"};

    for (int i = 0; i < 4; i++)
        if (strcmp(flows[i], text) == 0) {
            options->flow = (enum devnet_flow)i;
            return true;
        }
    fprintf(stderr, "posemesh-devnet: --flow is any, callback, wallet or robot, got %s\n", text);
    return false;
}

static bool add_robot(struct options *options, const char *credentials)
{
    if (options->robot_count == DEVNET_ROBOTS_MOST || !*credentials) {
        fprintf(stderr, "posemesh-devnet: --robot-credentials are not empty, and %d at most\n",
                DEVNET_ROBOTS_MOST);
        return false;
    }
    options->robot_credentials[options->robot_count++] = credentials;
    return true;
}

static bool allow(struct options *options, const char *name)
{
    enum rule rule;

    if (!rule_find(name, &rule)) {
        fprintf(stderr, "posemesh-devnet: no rule is called %s; --rules lists them\n", name);
        return false;
    }
    options->allowed[rule] = true;
    return true;
}

/* An option with a value; false when the value is wrong. */
static bool take_value(struct options *options, int option, const char *value)
{
    if (option >= OPTION_NUMBER)
        return read_number(options, option - OPTION_NUMBER, value);
    if (option >= OPTION_TEXT && option < OPTION_TEXT + TEXTS) {
        *(const char **)(void *)((char *)options + texts[option - OPTION_TEXT].offset) = value;
        return true;
    }
    return (option == 'b' && add_robot(options, value)) || (option == 'f' && read_flow(options, value)) ||
           (option == 'a' && allow(options, value));
}

static enum options_outcome take(struct options *options, int option, const char *value)
{
    switch (option) {
    case 'S':
        options->strict = true;
        break;
    case 'q':
        options->quiet = true;
        break;
    case 'R':
        rules_print();
        return OPTIONS_DONE;
    case 'h':
        fputs(help_text(), stdout);
        return OPTIONS_DONE;
    case 'V':
        puts("posemesh-devnet " POSEMESH_VERSION);
        return OPTIONS_DONE;
    default:
        return value && take_value(options, option, value) ? OPTIONS_RUN : OPTIONS_WRONG;
    }
    return OPTIONS_RUN;
}

enum options_outcome options_read(struct options *options, int argc, char **argv)
{
    struct option known[OTHERS + TEXTS + NUMBERS + 1] = {{0}};
    enum options_outcome outcome = OPTIONS_RUN;
    int option;

    memcpy(known, others, sizeof(others));
    for (int i = 0; i < TEXTS; i++)
        known[OTHERS + i] = (struct option){texts[i].option, required_argument, NULL, OPTION_TEXT + i};
    for (int i = 0; i < NUMBERS; i++)
        known[OTHERS + TEXTS + i] =
            (struct option){numbers[i].option, required_argument, NULL, OPTION_NUMBER + i};
    *options = (struct options){.listen = "127.0.0.1:0"};
    tuning_init(&options->tuning);
    opterr = 0;
    while (outcome == OPTIONS_RUN && (option = getopt_long(argc, argv, "+:h", known, NULL)) != -1) {
        if (option == '?' || option == ':') {
            usage_refuse_option("posemesh-devnet", option, argv);
            return OPTIONS_WRONG;
        }
        if (strchr("hRV", option) && optind < argc) {
            usage_refuse_more("posemesh-devnet", argv[optind]);
            return OPTIONS_WRONG;
        }
        outcome = take(options, option, optarg);
    }
    if (outcome != OPTIONS_RUN || (optind >= argc && options->state))
        return outcome;
    if (optind < argc)
        usage_refuse("posemesh-devnet", argv[optind]);
    else
        fputs("posemesh-devnet: --state is missing; see --help\n", stderr);
    return OPTIONS_WRONG;
}
