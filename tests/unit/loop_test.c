#include "libcommon/loop/loop.h"

#include "libcommon/base/clock.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <pthread.h>
#include <signal.h>
#include <stdlib.h>
#include <sys/epoll.h>
#include <sys/wait.h>
#include <unistd.h>

static int set_up(void **state)
{
    struct error error;
    *state = loop_create(&error);
    return *state ? 0 : -1;
}

static int tear_down(void **state)
{
    loop_free(*state);
    return 0;
}

static void turn(struct loop *loop, int wait_ms)
{
    struct error error;
    assert_true(loop_turn(loop, wait_ms, &error));
}

/* --- descriptors --- */

struct pair {
    struct loop_watch *watches[2];
    int fired;
};

/* Whoever is first removes both: the second event of this turn names a watch that is gone. */
static void remove_both(void *context, uint32_t events)
{
    struct pair *pair = context;
    (void)events;
    pair->fired++;
    for (int i = 0; i < 2; i++) {
        loop_watch_remove(pair->watches[i]);
        pair->watches[i] = NULL;
    }
}

static void a_watch_removed_by_another_of_the_same_turn_does_not_fire(void **state)
{
    int pipes[2][2];
    struct pair pair = {.fired = 0};
    for (int i = 0; i < 2; i++) {
        assert_int_equal(pipe(pipes[i]), 0);
        assert_int_equal(write(pipes[i][1], "x", 1), 1);
        pair.watches[i] = loop_watch_add(*state, pipes[i][0], EPOLLIN, remove_both, &pair);
    }
    turn(*state, 0);
    turn(*state, 0);
    assert_int_equal(pair.fired, 1);
    for (int i = 0; i < 2; i++) {
        close(pipes[i][0]);
        close(pipes[i][1]);
    }
}

/* --- timers --- */

struct order {
    int64_t due_ms[64];
    size_t count;
};

struct noted_timer {
    struct loop_timer timer;
    struct order *order;
    int number;
};

static void note_due(void *context)
{
    struct noted_timer *timer = context;
    timer->order->due_ms[timer->order->count++] = timer->timer.due_ms;
}

static void timers_fire_in_the_order_of_their_times_and_stopped_ones_never(void **state)
{
    struct order order = {.count = 0};
    struct noted_timer timers[40];
    for (int i = 0; i < 40; i++) {
        timers[i] = (struct noted_timer){.order = &order, .number = i * 7 % 40};
        loop_timer_init(&timers[i].timer, *state, note_due, &timers[i]);
        loop_timer_start(&timers[i].timer, timers[i].number - 100);
    }
    /* All are due; those that started with less than nothing count as now. */
    for (int i = 0; i < 40; i += 3)
        loop_timer_stop(&timers[i].timer);
    turn(*state, 0);
    assert_int_equal(order.count, 26);

    order.count = 0;
    for (int i = 0; i < 40; i++)
        loop_timer_start(&timers[i].timer, timers[i].number);
    int64_t end_ms = clock_boot_ms() + 5000;
    while (order.count < 40 && clock_boot_ms() < end_ms)
        turn(*state, 10);
    assert_int_equal(order.count, 40);
    for (int i = 1; i < 40; i++)
        assert_true(order.due_ms[i - 1] <= order.due_ms[i]);
}

static void start_again(void *context)
{
    struct loop_timer *timer = context;
    loop_timer_start(timer, 0);
}

static void a_timer_that_starts_itself_does_not_keep_the_turn(void **state)
{
    struct loop_timer timer;
    loop_timer_init(&timer, *state, start_again, &timer);
    loop_timer_start(&timer, 0);
    turn(*state, 0);
    assert_true(loop_timer_running(&timer));
    loop_timer_stop(&timer);
}

/* --- posts --- */

struct posted {
    struct loop *loop;
    int ran;
    struct posted *other;
};

static void count_post(void *context)
{
    struct posted *posted = context;
    posted->ran++;
    if (posted->other)
        loop_drop_posts(posted->loop, posted->other);
}

static void post_again(void *context)
{
    struct posted *posted = context;
    posted->ran++;
    loop_post(posted->loop, post_again, posted);
}

static void a_post_can_drop_one_that_waits_behind_it(void **state)
{
    struct posted gone = {*state, 0, NULL};
    struct posted last = {*state, 0, NULL};
    struct posted first = {*state, 0, &gone};
    loop_post(*state, count_post, &first);
    loop_post(*state, count_post, &gone);
    loop_post(*state, count_post, &last);
    turn(*state, 0);
    assert_int_equal(first.ran, 1);
    assert_int_equal(gone.ran, 0);
    assert_int_equal(last.ran, 1);
    /* The list's end is right: a post after the last one that was dropped arrives. */
    loop_post(*state, count_post, &gone);
    loop_drop_posts(*state, &gone);
    loop_post(*state, count_post, &last);
    turn(*state, 0);
    assert_int_equal(last.ran, 2);
}

static void posts_that_post_again_do_not_keep_the_turn(void **state)
{
    struct posted endless = {*state, 0, NULL};
    loop_post(*state, post_again, &endless);
    turn(*state, 0);
    int first = endless.ran;
    turn(*state, 0);
    assert_true(endless.ran > first);
}

enum { THREADS = 4, POSTS_EACH = 1000 };

static void *post_many(void *context)
{
    struct posted *posted = context;
    for (int i = 0; i < POSTS_EACH; i++)
        loop_post(posted->loop, count_post, posted);
    return NULL;
}

static void posts_of_all_threads_arrive(void **state)
{
    struct posted posted = {*state, 0, NULL};
    pthread_t threads[THREADS];
    for (int i = 0; i < THREADS; i++)
        assert_int_equal(pthread_create(&threads[i], NULL, post_many, &posted), 0);
    for (int i = 0; posted.ran < THREADS * POSTS_EACH && i < 100000; i++)
        turn(*state, 100);
    for (int i = 0; i < THREADS; i++)
        pthread_join(threads[i], NULL);
    assert_int_equal(posted.ran, THREADS * POSTS_EACH);
}

/* --- children --- */

static void note_status(void *context, pid_t pid, int status)
{
    (void)pid;
    *(int *)context = status;
}

static int status_of_child(struct loop *loop, int exit_with, bool reap_it_elsewhere)
{
    struct error error;
    int status = -1;
    pid_t pid = fork();
    if (pid == 0)
        _exit(exit_with);
    assert_true(loop_child_add(loop, pid, note_status, &status, &error));
    if (reap_it_elsewhere)
        assert_int_equal(waitpid(pid, NULL, 0), pid);
    for (int i = 0; status == -1 && i < 500; i++)
        turn(loop, 10);
    return status;
}

static void a_child_s_exit_status_arrives_though_sigchld_was_ignored(void **state)
{
    if (getenv("POSEMESH_VALGRIND")) {
        print_message("# reason: valgrind handles SIGCHLD its own way\n");
        skip();
    }
    struct error error;
    (void)state;
    signal(SIGCHLD, SIG_IGN);
    struct loop *loop = loop_create(&error);
    int status = status_of_child(loop, 7, false);
    assert_true(WIFEXITED(status) && WEXITSTATUS(status) == 7);
    loop_free(loop);
}

static void an_exit_status_that_got_lost_is_no_success(void **state)
{
    if (getenv("POSEMESH_VALGRIND")) {
        print_message("# reason: valgrind handles SIGCHLD its own way\n");
        skip();
    }
    int status = status_of_child(*state, 0, true);
    assert_false(WIFEXITED(status) && WEXITSTATUS(status) == 0);
}

#define WITH_LOOP(test) cmocka_unit_test_setup_teardown(test, set_up, tear_down)

int main(void)
{
    const struct CMUnitTest tests[] = {
        WITH_LOOP(a_watch_removed_by_another_of_the_same_turn_does_not_fire),
        WITH_LOOP(timers_fire_in_the_order_of_their_times_and_stopped_ones_never),
        WITH_LOOP(a_timer_that_starts_itself_does_not_keep_the_turn),
        WITH_LOOP(a_post_can_drop_one_that_waits_behind_it),
        WITH_LOOP(posts_that_post_again_do_not_keep_the_turn),
        WITH_LOOP(posts_of_all_threads_arrive),
        cmocka_unit_test(a_child_s_exit_status_arrives_though_sigchld_was_ignored),
        WITH_LOOP(an_exit_status_that_got_lost_is_no_success),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
