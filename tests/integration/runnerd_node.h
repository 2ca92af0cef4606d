/* The leased and the stored that the test of runnerd plays, and what it sees of runnerd. */
#ifndef TESTS_RUNNERD_NODE_H
#define TESTS_RUNNERD_NODE_H

#include "libcommon/ipc/ipc.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

enum { WAIT_MS = 20000 };

/* The other side of runnerd. */
struct node {
    char folder[64];
    struct loop *loop;
    struct ipc *ipc;
    pid_t runnerd;
    struct ipc_request *poll;
    int64_t sequence;
    bool hello;
    struct text_list expected; /* what the next welcome says */
    size_t hellos;
    char told[65536];    /* progress and events, a line each */
    char stored[16384];  /* rel_path=content, a line each; content cut */
    int refuse_events;   /* as if too many were held */
    bool holds_finishes; /* not answered until it is false again, and then the host repeats them */
    size_t finishes;     /* that were answered */
    int refuse_transfers;
    bool finished;
    bool succeeded;
    int64_t ran_ms;
    char reason[4096];
    char last_reason[4096]; /* of the task that was started last */
    bool exited;
    int task_number;
    int64_t grace_ms; /* of a cancel */
    char workspace[128];
};

extern struct node node;

enum { LEASED_HANDLER_COUNT = 5, STORED_HANDLER_COUNT = 2 };
extern const struct ipc_handler leased_handlers[LEASED_HANDLER_COUNT];
extern const struct ipc_handler stored_handlers[STORED_HANDLER_COUNT];

/* A program in the folder of runner files, or a file beside it; the runner's more fields begin with a comma.
 */
void write_file(const char *name, const char *extension, const char *text);
void write_runner(const char *name, const char *program, const char *more);

/* A node without a task yet, whose runnerd has come, and its end. */
int node_set_up(void (*write_runners)(void));
int node_tear_down(void **state);
void start_runnerd(void);

/* The tests of runnerd_process_test.c and runnerd_offers_test.c; how many failed. */
int job_process_tests(void);
int host_offer_tests(void);

/* Turns the loop until it is so; fails after WAIT_MS. */
void wait_until(const bool *done);
void wait_for_poll(void);

/* Gives the next command; `cid` may be NULL, and so may `capability` of a cancel. */
void command(const char *action, const char *capability, const char *cid);

/* A new workspace and a start command. */
void start_task(const char *capability, const char *cid);

/* start_task, and waits for the end. */
void run_task(const char *capability, const char *cid);
void assert_failed(const char *reason);
bool told(const char *text);
void wait_until_told(const char *text);

/* Whether a process lives whose pid stands behind `label` in what was told. */
bool lives(const char *label);
void assert_workspace_is_clean(void);

#endif
