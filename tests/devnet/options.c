#include "tests/devnet/options.h"

#include "tests/devnet/help.h"

#include <getopt.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { OPTION_NUMBER = 1000 }; /* number options are OPTION_NUMBER + their index in numbers[] */

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

static const struct option texts[] = {
    {"state", required_argument, NULL, 's'},
    {"listen", required_argument, NULL, 'l'},
    {"public-origin", required_argument, NULL, 'o'},
    {"app-token", required_argument, NULL, 'a'},
    {"reg-secret", required_argument, NULL, 'r'},
    {"robot-credentials", required_argument, NULL, 'b'},
    {"flow", required_argument, NULL, 'f'},
    {"strict", no_argument, NULL, 'S'},
    {"quiet", no_argument, NULL, 'q'},
    {"rules", no_argument, NULL, 'R'},
    {"help", no_argument, NULL, 'h'},
    {"version", no_argument, NULL, 'V'},
};

enum { TEXTS = sizeof(texts) / sizeof(texts[0]) };

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

static enum options_outcome take(struct options *options, int option, const char *value)
{
    switch (option) {
    case 's':
        options->state = value;
        break;
    case 'l':
        options->listen = value;
        break;
    case 'o':
        options->public_origin = value;
        break;
    case 'a':
        options->app_token = value;
        break;
    case 'r':
        options->registration_secret = value;
        break;
    case 'b':
        return add_robot(options, value) ? OPTIONS_RUN : OPTIONS_WRONG;
    case 'f':
        return read_flow(options, value) ? OPTIONS_RUN : OPTIONS_WRONG;
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
        if (option >= OPTION_NUMBER)
            return read_number(options, option - OPTION_NUMBER, value) ? OPTIONS_RUN : OPTIONS_WRONG;
        return OPTIONS_WRONG;
    }
    return OPTIONS_RUN;
}

enum options_outcome options_read(struct options *options, int argc, char **argv)
{
    struct option known[TEXTS + NUMBERS + 1] = {{0}};
    enum options_outcome outcome = OPTIONS_RUN;
    int option;

    memcpy(known, texts, sizeof(texts));
    for (int i = 0; i < NUMBERS; i++)
        known[TEXTS + i] = (struct option){numbers[i].option, required_argument, NULL, OPTION_NUMBER + i};
    *options = (struct options){.listen = "127.0.0.1:0"};
    tuning_init(&options->tuning);
    while (outcome == OPTIONS_RUN && (option = getopt_long(argc, argv, "", known, NULL)) != -1)
        outcome = take(options, option, optarg);
    if (outcome == OPTIONS_RUN && (optind < argc || !options->state)) {
        fprintf(stderr, "posemesh-devnet: %s\n",
                options->state ? "it takes options only" : "--state is missing");
        outcome = OPTIONS_WRONG;
    }
    if (outcome == OPTIONS_WRONG)
        fputs("posemesh-devnet: --help explains all options\n", stderr);
    return outcome;
}
