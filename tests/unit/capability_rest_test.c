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
    return capability_rests_on_failure(&rests, "/a", now_ms - 1, 0, now_ms);
}

static char a[] = "/a", b[] = "/b";
static char *names[] = {a, b};
static const struct text_list both = {names, 2}, only_a = {names, 1}, only_b = {names + 1, 1}, nothing;

static const char *next_of(const struct text_list *offered, int64_t now_ms)
{
    const struct capability_rest *next = capability_rests_look(&rests, offered, now_ms).next;
    return next ? next->capability : "";
}

static bool all_rest(const struct text_list *offered, int64_t now_ms)
{
    return capability_rests_look(&rests, offered, now_ms).all;
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
    assert_string_equal(next_of(&both, 12999), "/a");
    assert_string_equal(next_of(&both, 13000), "");
}

static void what_is_offered_waits_when_all_of_it_rests(void **state)
{
    (void)state;
    for (int i = 1; i <= 3; i++)
        fail_at(3000);
    assert_true(all_rest(&only_a, 12999));
    assert_false(all_rest(&only_a, 13000));
    assert_false(all_rest(&both, 12999));
    assert_false(all_rest(&nothing, 12999));
    /* /a is withdrawn and rests: that says nothing of /b. */
    assert_false(all_rest(&only_b, 12999));
    assert_string_equal(next_of(&only_b, 12999), "");
    for (int i = 1; i <= 3; i++)
        capability_rests_on_failure(&rests, "/b", 2000, 0, 2500);
    assert_true(all_rest(&both, 12499));
    assert_false(all_rest(&both, 12500));
    assert_string_equal(next_of(&both, 12499), "/b");
    assert_string_equal(next_of(&both, 12500), "/a");
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
    assert_int_equal(capability_rests_on_failure(&rests, "/a", 4999, 0, 5001), 0);
    assert_int_equal(capability_rests_on_failure(&rests, "/a", 5000, 1, 5002), 0);
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
    assert_int_equal(capability_rests_on_failure(&rests, "/a", 0, 0, CAPABILITY_REST_QUICK_MS + 1), 0);
    fail_at(5);
    fail_at(6);
    assert_int_equal(capability_rests_on_failure(&rests, "/a", 7, 0, 7 + CAPABILITY_REST_QUICK_MS),
                     CAPABILITY_REST_MIN_MS);
    assert_true(capability_rests_on_success(&rests, "/a"));
    assert_int_equal(room("/a", 4, 0, 8), 4);
    assert_false(capability_rests_on_success(&rests, "/a"));
}

static int64_t fail_after(int64_t ran_ms)
{
    return capability_rests_on_failure(&rests, "/a", 1000, ran_ms, 14000);
}

/* 13 s from the start command, most of them for inputs. */
static void what_a_host_says_of_the_programs_time_counts_where_it_can_be(void **state)
{
    (void)state;
    fail_after(50);
    fail_after(CAPABILITY_REST_QUICK_MS);
    assert_int_equal(fail_after(1), CAPABILITY_REST_MIN_MS);
    static const int64_t longer_ms[] = {
        CAPABILITY_REST_QUICK_MS + 1, 12999, 13000, 13001, INT64_MAX, 0, -1, INT64_MIN};
    for (size_t i = 0; i < sizeof longer_ms / sizeof longer_ms[0]; i++) {
        capability_rests_clear(&rests);
        fail_after(1);
        fail_after(1);
        assert_int_equal(fail_after(longer_ms[i]), 0);
        assert_int_equal(fail_after(1), 0);
        assert_int_equal(fail_after(1), 0);
    }
    capability_rests_clear(&rests);
    for (int i = 1; i < 3; i++)
        assert_int_equal(capability_rests_on_failure(&rests, "/a", 5000, INT64_MAX, 6000), 0);
    assert_int_equal(capability_rests_on_failure(&rests, "/a", 5000, INT64_MAX, 6000),
                     CAPABILITY_REST_MIN_MS);
}

static void hello_at(const struct text_list *mended, int64_t now_ms)
{
    capability_rests_on_hosts(&rests, mended, &both, now_ms);
}

static void what_may_be_mended_is_tried_at_once_and_no_other(void **state)
{
    (void)state;
    for (int64_t now_ms = 15000; now_ms <= 45000; now_ms += 10000)
        fail_at(now_ms);
    assert_int_equal(room("/a", 4, 0, 45001), 0);
    hello_at(&only_b, 45001);
    assert_int_equal(room("/a", 4, 0, 45001), 0);
    hello_at(&only_a, 45001);
    assert_string_equal(next_of(&both, 45001), "");
    assert_int_equal(room("/a", 4, 0, 45001), 1);
    assert_int_equal(room("/a", 4, 1, 45001), 0);
    /* It was not: rests begin small again. */
    assert_int_equal(fail_at(45003), 20000);
}

static void a_failure_before_any_rest_counts_on_whatever_hosts_say(void **state)
{
    (void)state;
    for (int64_t now_ms = 2000; now_ms <= 4000; now_ms += 2000) {
        assert_int_equal(fail_at(now_ms), 0);
        hello_at(&nothing, now_ms + 1);
        hello_at(&only_a, now_ms + 1000);
    }
    assert_int_equal(fail_at(6000), CAPABILITY_REST_MIN_MS);
    /* Those hellos cut no rest: this is the first. */
    hello_at(&only_a, 6001);
    assert_int_equal(room("/a", 4, 0, 6001), 1);
}

static void all_that_may_be_mended_is_tried_and_what_rests_no_more_cuts_nothing(void **state)
{
    (void)state;
    for (int i = 1; i <= 3; i++) {
        fail_at(5000);
        capability_rests_on_failure(&rests, "/b", 4999, 0, 5000);
    }
    hello_at(&only_b, 15000); /* the rests are over: this was none */
    fail_at(15001);
    capability_rests_on_failure(&rests, "/b", 15000, 0, 15001);
    hello_at(&both, 15002);
    assert_int_equal(room("/a", 4, 0, 15002), 1);
    assert_int_equal(room("/b", 4, 0, 15002), 1);
}

static int leases_until(int64_t end_ms, bool flaps)
{
    int leases = 0;
    for (int64_t now_ms = 0; now_ms < end_ms; now_ms += 100) {
        if (flaps && now_ms % 2200 == 0)
            hello_at(&only_a, now_ms);
        if (room("/a", 1, 0, now_ms) > 0) {
            fail_at(now_ms);
            leases++;
            if (flaps)
                hello_at(&nothing, now_ms + 1);
        }
    }
    return leases;
}

static void one_that_comes_and_goes_is_spaced_as_well(void **state)
{
    (void)state;
    assert_int_equal(leases_until(600000, false), 8);
    capability_rests_clear(&rests);
    assert_int_equal(leases_until(600000, true), 8);
    /* Ten minutes after, an operator's mend is tried at once again. */
    hello_at(&only_a, 1200000);
    for (int i = 0; i < 12; i++)
        fail_at(1200000);
    hello_at(&only_a, 1200001);
    assert_int_equal(room("/a", 4, 0, 1200001), 1);
}

static void what_hosts_know_no_more_is_forgotten(void **state)
{
    (void)state;
    for (int i = 1; i <= 3; i++) {
        fail_at(5000);
        capability_rests_on_failure(&rests, "/b", 4999, 0, 5000);
    }
    capability_rests_on_hosts(&rests, &nothing, &only_a, 5001);
    assert_int_equal(room("/a", 4, 0, 5001), 0);
    assert_int_equal(room("/b", 4, 0, 5001), 4);
    capability_rests_on_hosts(&rests, &nothing, &nothing, 5002);
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
        REST_TEST(what_is_offered_waits_when_all_of_it_rests),
        REST_TEST(what_a_host_says_of_the_programs_time_counts_where_it_can_be),
        REST_TEST(what_may_be_mended_is_tried_at_once_and_no_other),
        REST_TEST(a_failure_before_any_rest_counts_on_whatever_hosts_say),
        REST_TEST(all_that_may_be_mended_is_tried_and_what_rests_no_more_cuts_nothing),
        REST_TEST(one_that_comes_and_goes_is_spaced_as_well),
        REST_TEST(what_hosts_know_no_more_is_forgotten),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
