/*
 * The runner hosts that are connected: what they can run, and the commands that wait for them. A host polls
 * with host_next; a command is given again until its number comes back, so that an answer that got lost does
 * no harm.
 *
 * No I/O beyond answering the requests it is given; times are the caller's boot clock.
 */
#ifndef LEASED_HOSTS_RUNNER_HOSTS_H
#define LEASED_HOSTS_RUNNER_HOSTS_H

#include "libcommon/ipc/ipc.h"

#include <stdbool.h>
#include <stdint.h>

struct runner_hosts;
struct runner_host;

/* What hosts have to tell; called from runner_hosts_* functions. */
struct runner_hosts_events {
    /* `capabilities` are sorted, without duplicates. `mended`: those that a host offers anew, and may run
     * better now; as of runner_slots_list_mended(). */
    void (*capabilities_changed)(void *context, const struct text_list *capabilities,
                                 const struct text_list *mended);
    /* A host came, its capabilities count no more, or a job of a host ended. */
    void (*slots_changed)(void *context);
    /* Its tasks fail; the pointer is invalid afterwards. */
    void (*host_gone)(void *context, struct runner_host *host);
    void *context;
};

struct runner_hosts *runner_hosts_create(const struct runner_hosts_events *events);
void runner_hosts_free(struct runner_hosts *hosts);

/* Answers the request (host_welcome: `expected` are the keys of tasks that leased believes to run there). */
void runner_hosts_hello(struct runner_hosts *hosts, struct ipc_request *request,
                        const struct message_host_hello *hello, const struct text_list *expected,
                        int64_t now_ms);

/* Answers now or when a command comes; ERROR_NOT_FOUND for a host that is not known. */
void runner_hosts_next(struct runner_hosts *hosts, struct ipc_request *request,
                       const struct message_host_next *next, int64_t now_ms);

/* Ends long polls that waited long enough, drops hosts that stayed away. Call every second or so. */
void runner_hosts_tick(struct runner_hosts *hosts, int64_t now_ms);

/* A host with a free slot for the capability, or NULL. */
struct runner_host *runner_hosts_find_slot(struct runner_hosts *hosts, const char *capability);

/* What all hosts offer, sorted and without duplicates; text_list_clear() it. */
struct text_list runner_hosts_capabilities(const struct runner_hosts *hosts);

/* The same, and what hosts have withdrawn in the last minute (the latest 64 of each host, and what jobs
 * run of): DMS may not know yet, so that who asks it for anything may get a task of those. text_list_clear()
 * it. */
struct text_list runner_hosts_known(const struct runner_hosts *hosts);

/* How many more jobs of the capability could run now, at all hosts together. */
int64_t runner_hosts_count_free(const struct runner_hosts *hosts, const char *capability);

/* Whether any host offers the capability, busy or not; one that went away less than 60 s ago counts. */
bool runner_hosts_offer(const struct runner_hosts *hosts, const char *capability);

/* How many hosts are connected. */
size_t runner_hosts_count(const struct runner_hosts *hosts);

/* Whether a host is connected that can run anything: without one no task is worth a lease. */
bool runner_hosts_can_work(const struct runner_hosts *hosts);

/* Why a host that is connected can run nothing, as it says itself, on one line; NULL: none says so. Borrowed
 * until the next hello. */
const char *runner_hosts_why_nothing(const struct runner_hosts *hosts);

/* Queues a command, copied; its action and sequence are filled in. A start takes a slot of its capability. */
void runner_host_command(struct runner_host *host, enum command command,
                         const struct message_host_command *message);

/* Whether a command about the task waits to be acknowledged. */
bool runner_host_has_command(const struct runner_host *host, const struct secret *task_key);

/* A job of the capability ended: its slot is free. */
void runner_host_release(struct runner_host *host, const char *capability);

const char *runner_host_id(const struct runner_host *host);

#endif
