/* services/leased/capability_rest.h */
#include "services/leased/capability_rest.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

static struct capability_rests rests;

static int tear_down(void **state)
{
    (void)state;
    capability_rests_clear(&rests);
    return 0;
}

/* A job of /a that fails at once. */
static int64_t fail_at(int64_t now_ms)
{
    return capability_rests_on_failure(&rests, "/a", now_ms - 1, now_ms);
}

static int64_t room(const char *capability, int64_t free, int64_t held, int64_t now_ms)
{
    return capability_rests_room(&rests, capability, free, held, now_ms);
}

static void three_failures_in_a_row_make_it_rest(void **state)
{
    (void)state;
    assert_int_equal(fail_at(1000), 0);
    assert_int_equal(fail_at(2000), 0);
    assert_int_equal(room("/a", 4, 0, 2000), 4);
    assert_int_equal(fail_at(3000), 10000);
    assert_int_equal(room("/a", 4, 0, 12999), 0);
    assert_int_equal(room("/b", 4, 0, 12999), 4);
    assert_int_equal(capability_rests_count(&rests, 12999), 1);
    assert_string_equal(capability_rests_next(&rests, 12999)->capability, "/a");
    assert_null(capability_rests_next(&rests, 13000));
}

static void after_a_rest_one_at_a_time_is_tried(void **state)
{
    (void)state;
    for (int i = 1; i <= 3; i++)
        fail_at(i);
    assert_int_equal(room("/a", 4, 0, 10003), 1);
    assert_int_equal(room("/a", 4, 1, 10003), 0);
    assert_int_equal(room("/a", 0, 0, 10003), 0);
    assert_int_equal(room("/a", -1, 2, 10003), -1);
}

static void each_further_failure_doubles_the_rest_up_to_ten_minutes(void **state)
{
    (void)state;
    static const int64_t expected_ms[] = {0, 0, 10000, 20000, 40000, 80000, 160000, 320000, 600000, 600000};
    int64_t now_ms = 1000;
    for (size_t i = 0; i < sizeof expected_ms / sizeof expected_ms[0]; i++) {
        assert_int_equal(fail_at(now_ms), expected_ms[i]);
        now_ms += expected_ms[i] + 1000;
    }
}

static void jobs_that_were_under_way_when_a_rest_began_do_not_lengthen_it(void **state)
{
    (void)state;
    for (int i = 1; i <= 3; i++)
        fail_at(5000);
    assert_int_equal(capability_rests_on_failure(&rests, "/a", 4999, 5001), 0);
    assert_int_equal(capability_rests_on_failure(&rests, "/a", 5000, 5002), 0);
    assert_int_equal(room("/a", 4, 0, 15000), 1);
    assert_int_equal(fail_at(15002), 20000);
}

static void a_success_and_a_job_that_ran_longer_end_it(void **state)
{
    (void)state;
    fail_at(1);
    fail_at(2);
    assert_false(capability_rests_on_success(&rests, "/a"));
    fail_at(3);
    fail_at(4);
    assert_int_equal(capability_rests_on_failure(&rests, "/a", 0, CAPABILITY_REST_QUICK_MS + 1), 0);
    fail_at(5);
    fail_at(6);
    assert_int_equal(capability_rests_on_failure(&rests, "/a", 7, 7 + CAPABILITY_REST_QUICK_MS),
                     CAPABILITY_REST_MIN_MS);
    assert_true(capability_rests_on_success(&rests, "/a"));
    assert_int_equal(room("/a", 4, 0, 8), 4);
    assert_false(capability_rests_on_success(&rests, "/a"));
}

static void a_change_at_a_runner_host_has_it_tried_at_once_and_forgets_what_is_gone(void **state)
{
    (void)state;
    char a[] = "/a";
    char *offered[] = {a};
    const struct text_list list = {offered, 1};
    const struct text_list nothing = {NULL, 0};
    for (int i = 1; i <= 3; i++) {
        fail_at(5000);
        capability_rests_on_failure(&rests, "/b", 4999, 5000);
    }
    capability_rests_on_hosts(&rests, &list);
    assert_int_equal(room("/a", 4, 0, 5001), 1);
    assert_int_equal(room("/b", 4, 0, 5001), 4);
    assert_int_equal(fail_at(5002), 20000);
    capability_rests_on_hosts(&rests, &nothing);
    assert_int_equal(room("/a", 4, 0, 5003), 4);
}

#define REST_TEST(test) cmocka_unit_test_setup_teardown(test, NULL, tear_down)

int main(void)
{
    const struct CMUnitTest tests[] = {
        REST_TEST(three_failures_in_a_row_make_it_rest),
        REST_TEST(after_a_rest_one_at_a_time_is_tried),
        REST_TEST(each_further_failure_doubles_the_rest_up_to_ten_minutes),
        REST_TEST(jobs_that_were_under_way_when_a_rest_began_do_not_lengthen_it),
        REST_TEST(a_success_and_a_job_that_ran_longer_end_it),
        REST_TEST(a_change_at_a_runner_host_has_it_tried_at_once_and_forgets_what_is_gone),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
