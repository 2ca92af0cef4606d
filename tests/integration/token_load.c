/*
 * Asks a running authd for tokens, as leased would, and counts what comes back. test_tokens.py runs it.
 *
 * usage: token_load RUNTIME_DIR register CAPABILITY       tells authd what runners can do
 *        token_load RUNTIME_DIR load REQUESTS PER_SECOND  up to 64 in flight, until "stop" and REQUESTS were
 * asked token_load RUNTIME_DIR refuse CALLERS            as many at once refuse the token that authd holds
 *
 * `load` reads a line for each phase from its standard input ("healthy", "failing", "cut", "stop") and
 * repeats it as
 * {"phase": ...} once all that it asked in a healthy phase before is answered: only then may DDS get worse.
 * What it asks in a healthy phase is counted apart. The last line has the counts.
 */
#include "libcommon/base/clock.h"
#include "libcommon/ipc/ipc.h"
#include "libcommon/ipc/ipc_peers.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <unistd.h>

enum { IN_FLIGHT_MAX = 64, PACE_MS = 5, PHASE_BYTES = 16, USAGE = 64 };

struct load;

struct slot {
    struct load *load;
    bool busy;
    int64_t asked_boot_ms;
    bool healthy; /* asked in a healthy phase */
};

struct load {
    struct loop *loop;
    struct ipc_client *client;
    struct loop_watch *input; /* NULL: it has ended */
    struct loop_timer pace;
    struct slot slots[IN_FLIGHT_MAX];
    int64_t requests;
    int64_t per_second;
    int64_t began_boot_ms;
    /* phases */
    char phase[PHASE_BYTES];
    size_t phase_bytes;
    bool told; /* the phase was repeated */
    bool healthy;
    bool stopping;
    /* counts */
    int64_t asked, answered, failed, expired, tokens, highest_token;
    int64_t healthy_answered, healthy_failed, healthy_longest_ms, longest_ms, shortest_left_ms;
    char failure[200];
};

_Noreturn static void give_up(const char *what, const struct error *error)
{
    fprintf(stderr, "token_load: %s: %s\n", what, error->text);
    exit(1);
}

/* --- load --- */

static void ask_more(struct load *load);

static void count_token(struct load *load, const struct message_token *token)
{
    int64_t left_ms = token->expires_at_unix_ms - clock_unix_ms();
    load->answered++;
    if (left_ms <= 0)
        load->expired++;
    if (left_ms < load->shortest_left_ms)
        load->shortest_left_ms = left_ms;
    if (token->token_number > load->highest_token) {
        load->highest_token = token->token_number;
        load->tokens++;
    }
}

/* Repeats the phase, unless answers of a healthy phase before it are out. */
static void tell_phase(struct load *load)
{
    for (size_t i = 0; i < IN_FLIGHT_MAX && !load->healthy; i++)
        if (load->slots[i].busy && load->slots[i].healthy)
            return;
    load->told = true;
    printf("{\"phase\": \"%s\"}\n", load->phase);
    fflush(stdout);
}

static void on_token(void *context, const void *answer, const struct error *failure)
{
    struct slot *slot = context;
    struct load *load = slot->load;
    int64_t waited_ms = clock_boot_ms() - slot->asked_boot_ms;
    bool healthy = slot->healthy;
    slot->busy = false;
    if (answer) {
        count_token(load, answer);
        load->healthy_answered += healthy;
    } else {
        load->failed++;
        load->healthy_failed += healthy;
        snprintf(load->failure, sizeof load->failure, "%.199s", failure->text);
    }
    if (waited_ms > load->longest_ms)
        load->longest_ms = waited_ms;
    if (healthy && waited_ms > load->healthy_longest_ms)
        load->healthy_longest_ms = waited_ms;
    if (!load->told)
        tell_phase(load);
    ask_more(load);
}

static bool is_idle(const struct load *load)
{
    for (size_t i = 0; i < IN_FLIGHT_MAX; i++)
        if (load->slots[i].busy)
            return false;
    return true;
}

/* As many as the pace allows by now; what a cut held up is caught up on. */
static void ask_more(struct load *load)
{
    const struct message_token_get get = {.refused_token = 0};
    int64_t now_ms = clock_boot_ms();
    int64_t due = (now_ms - load->began_boot_ms) * load->per_second / 1000;
    bool enough = load->stopping && load->asked >= load->requests;
    for (size_t i = 0; i < IN_FLIGHT_MAX && !enough && load->asked < due; i++) {
        struct slot *slot = &load->slots[i];
        if (slot->busy)
            continue;
        *slot = (struct slot){.load = load, .busy = true, .asked_boot_ms = now_ms, .healthy = load->healthy};
        call_token_get(load->client, &get, on_token, slot);
        load->asked++;
        enough = load->stopping && load->asked >= load->requests;
    }
    if (enough && is_idle(load))
        loop_stop(load->loop);
}

static void on_pace(void *context)
{
    struct load *load = context;
    loop_timer_start(&load->pace, PACE_MS);
    ask_more(load);
}

static void begin_phase(struct load *load)
{
    load->healthy = strcmp(load->phase, "healthy") == 0;
    load->stopping = strcmp(load->phase, "stop") == 0;
    load->told = false;
    tell_phase(load);
}

static void on_input(void *context, uint32_t events)
{
    struct load *load = context;
    char byte;
    (void)events;
    if (read(STDIN_FILENO, &byte, 1) != 1) {
        if (!load->stopping)
            exit(1); /* the test is gone */
        loop_watch_remove(load->input);
        load->input = NULL;
        return;
    }
    if (byte != '\n' && load->phase_bytes + 1 < sizeof load->phase) {
        load->phase[load->phase_bytes++] = byte;
        return;
    }
    load->phase[load->phase_bytes] = '\0';
    load->phase_bytes = 0;
    begin_phase(load);
}

static void print_counts(const struct load *load)
{
    printf("{\"asked\": %lld, \"answered\": %lld, \"failed\": %lld, \"expired\": %lld, \"tokens\": %lld, "
           "\"healthy_answered\": %lld, \"healthy_failed\": %lld, \"healthy_longest_ms\": %lld, "
           "\"longest_ms\": %lld, \"shortest_left_ms\": %lld, \"elapsed_ms\": %lld, \"failure\": \"%s\"}\n",
           (long long)load->asked, (long long)load->answered, (long long)load->failed,
           (long long)load->expired, (long long)load->tokens, (long long)load->healthy_answered,
           (long long)load->healthy_failed, (long long)load->healthy_longest_ms, (long long)load->longest_ms,
           (long long)load->shortest_left_ms, (long long)(clock_boot_ms() - load->began_boot_ms),
           load->failure);
}

static void run_load(struct loop *loop, struct ipc_client *client, int64_t requests, int64_t per_second)
{
    struct load load = {.loop = loop,
                        .client = client,
                        .requests = requests,
                        .per_second = per_second,
                        .began_boot_ms = clock_boot_ms(),
                        .told = true,
                        .shortest_left_ms = INT64_MAX};
    struct error error;
    load.input = loop_watch_add(loop, STDIN_FILENO, EPOLLIN, on_input, &load);
    loop_timer_init(&load.pace, loop, on_pace, &load);
    loop_timer_start(&load.pace, 0);
    if (!loop_run(loop, &error))
        give_up("the loop", &error);
    loop_timer_stop(&load.pace);
    loop_watch_remove(load.input);
    /* Quotes would break the line; the reasons have none that matter. */
    for (char *at = load.failure; *at; at++)
        if (*at == '"' || *at == '\\')
            *at = '\'';
    print_counts(&load);
}

/* --- refuse --- */

struct refusal {
    struct loop *loop;
    int64_t waiting;
    int64_t answers;
    int64_t lowest_number;
    int64_t highest_number;
};

static void on_refusal_answered(void *context, const void *answer, const struct error *failure)
{
    struct refusal *refusal = context;
    const struct message_token *token = answer;
    if (!token)
        give_up("token_get", failure);
    refusal->answers++;
    if (token->token_number < refusal->lowest_number)
        refusal->lowest_number = token->token_number;
    if (token->token_number > refusal->highest_number)
        refusal->highest_number = token->token_number;
    if (--refusal->waiting == 0)
        loop_stop(refusal->loop);
}

/* `callers` requests at once; returns the number of the token they all got. */
static int64_t ask_at_once(struct loop *loop, struct ipc_client *client, int64_t callers,
                           int64_t refused_token)
{
    const struct message_token_get get = {.refused_token = refused_token};
    struct refusal refusal = {
        .loop = loop, .waiting = callers, .lowest_number = INT64_MAX, .highest_number = INT64_MIN};
    struct error error;
    for (int64_t i = 0; i < callers; i++)
        call_token_get(client, &get, on_refusal_answered, &refusal);
    if (!loop_run(loop, &error))
        give_up("the loop", &error);
    if (refusal.lowest_number != refusal.highest_number) {
        error_set(&error, ERROR_INVALID, "numbers %lld and %lld", (long long)refusal.lowest_number,
                  (long long)refusal.highest_number);
        give_up("callers at once got different tokens", &error);
    }
    return refusal.lowest_number;
}

static void run_refusals(struct loop *loop, struct ipc_client *client, int64_t callers)
{
    int64_t held = ask_at_once(loop, client, 1, 0);
    int64_t fresh = ask_at_once(loop, client, callers, held);
    int64_t late = ask_at_once(loop, client, callers, held);
    printf("{\"held\": %lld, \"fresh\": %lld, \"late\": %lld}\n", (long long)held, (long long)fresh,
           (long long)late);
}

/* --- register --- */

static void on_registered(void *context, const void *answer, const struct error *failure)
{
    if (!answer)
        give_up("capabilities_set", failure);
    loop_stop(context);
}

static void run_register(struct loop *loop, struct ipc_client *client, char *capability)
{
    const struct message_capabilities_set set = {.capabilities = {.items = &capability, .count = 1}};
    struct error error;
    call_capabilities_set(client, &set, on_registered, loop);
    if (!loop_run(loop, &error))
        give_up("the loop", &error);
    printf("{\"registered\": 1}\n");
}

int main(int argc, char **argv)
{
    struct error error;
    struct ipc_peers peers;
    struct ipc_client *client = NULL;
    if (argc < 4)
        return USAGE;
    struct loop *loop = loop_create(&error);
    if (!loop || !ipc_peers_parse(NULL, geteuid(), &peers, &error))
        give_up("the loop", &error);
    struct ipc *ipc = ipc_create(loop, SERVICE_LEASED, argv[1], &peers, &error);
    if (ipc)
        client = ipc_client_create(ipc, ROLE_authd_token, &error);
    if (!client)
        give_up(argv[1], &error);
    if (strcmp(argv[2], "load") == 0 && argc == 5)
        run_load(loop, client, strtoll(argv[3], NULL, 10), strtoll(argv[4], NULL, 10));
    else if (strcmp(argv[2], "refuse") == 0)
        run_refusals(loop, client, strtoll(argv[3], NULL, 10));
    else if (strcmp(argv[2], "register") == 0)
        run_register(loop, client, argv[3]);
    ipc_free(ipc);
    loop_free(loop);
    return 0;
}
