/* services/runnerd/host/runner_offers.h: what is withdrawn, what brings it back, what new files change. */
#include "services/runnerd/host/runner_offers.h"

#include "libcommon/base/memory.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

static struct runner_offers offers;
static struct runner_reading readings[80];
static size_t reading_count;

static int tear_down(void **state)
{
    (void)state;
    runner_offers_clear(&offers);
    return 0;
}

/* --- making --- */

/* A file that was read; `capability` NULL: it is faulty. */
static void add(const char *file, const char *capability, int64_t concurrency)
{
    struct runner runner = {.capability = memory_copy_text(capability), .max_concurrency = concurrency};
    struct runner_reading *reading = &readings[reading_count++];
    *reading = (struct runner_reading){.file = memory_copy_text(file)};
    if (capability) {
        runner.command = memory_allocate_array(2, sizeof *runner.command);
        runner.command[0] = memory_copy_text("x");
        reading->runner = runner_share(&runner);
    }
}

static void add_noop(const char *capability)
{
    struct runner runner = {.capability = memory_copy_text(capability), .noop = true, .max_concurrency = 1};
    readings[reading_count++] =
        (struct runner_reading){.file = memory_copy_text("ENABLE_NOOP"), .runner = runner_share(&runner)};
}

static struct runner_offers_taken take(void)
{
    struct runner_offers_taken taken = runner_offers_take(&offers, readings, reading_count);
    reading_count = 0;
    return taken;
}

static enum runner_offer_change look(const char *capability, const char *fault, uint64_t identity)
{
    struct runner_look look = {.works = !fault, .identity = identity};
    if (fault)
        snprintf(look.reason, sizeof look.reason, "%s", fault);
    return runner_offer_on_look(runner_offers_find(&offers, capability), &look);
}

static const char *withdrawn(const char *capability)
{
    return runner_offers_find(&offers, capability)->withdrawn;
}

static bool start_fails(const char *capability)
{
    const struct runner *runner = runner_offers_find(&offers, capability)->runner;
    return runner_offers_on_start_fault(&offers, runner, "it is foreign") != NULL;
}

/* How many at once the earlier runner of a capability had; 0: there is none. */
static int64_t earlier(const char *capability)
{
    const struct runner *runner = runner_offers_find_earlier(&offers, capability);
    return runner ? runner->max_concurrency : 0;
}

/* --- withdrawing --- */

static void what_looks_broken_is_withdrawn_until_it_looks_whole(void **state)
{
    (void)state;
    add("a", "/a", 1);
    add("b", "/b", 1);
    assert_true(take().changed);
    assert_int_equal(look("/a", NULL, 7), RUNNER_OFFER_SAME);
    assert_int_equal(runner_offers_count(&offers), 2);
    assert_null(runner_offers_first_withdrawn(&offers));
    assert_int_equal(look("/a", "it is missing", 0), RUNNER_OFFER_WITHDRAWN);
    assert_int_equal(look("/a", "it is a folder", 0), RUNNER_OFFER_SAME);
    assert_string_equal(withdrawn("/a"), "it is a folder");
    assert_int_equal(runner_offers_count(&offers), 1);
    assert_string_equal(runner_offers_first_withdrawn(&offers)->runner->capability, "/a");
    /* The very file that was there before. */
    assert_int_equal(look("/a", NULL, 0), RUNNER_OFFER_BACK);
    assert_int_equal(look("/a", NULL, 0), RUNNER_OFFER_SAME);
    assert_int_equal(runner_offers_count(&offers), 2);
}

static void what_only_a_start_refused_is_withdrawn_until_it_is_another_file(void **state)
{
    (void)state;
    add("a", "/a", 1);
    take();
    look("/a", NULL, 7);
    assert_true(start_fails("/a"));
    assert_false(start_fails("/a")); /* a second job of it: nothing new */
    assert_string_equal(withdrawn("/a"), "it is foreign");
    assert_int_equal(look("/a", NULL, 7), RUNNER_OFFER_SAME);
    assert_non_null(withdrawn("/a"));
    assert_int_equal(look("/a", NULL, 8), RUNNER_OFFER_BACK);
    assert_true(start_fails("/a"));
    assert_int_equal(look("/a", "it is missing", 0), RUNNER_OFFER_SAME);
    assert_int_equal(look("/a", NULL, 8), RUNNER_OFFER_BACK);
}

/* No look could tell when it would go again: "bin/run" is another file for each task. */
static void what_no_look_can_bring_back_is_not_withdrawn(void **state)
{
    (void)state;
    add("a", "/a", 1);
    take();
    look("/a", NULL, 0);
    assert_false(start_fails("/a"));
    assert_null(withdrawn("/a"));
}

static void a_job_of_a_runner_that_was_replaced_withdraws_nothing(void **state)
{
    (void)state;
    add("a", "/a", 1);
    take();
    struct runner *before = runner_hold(runner_offers_find(&offers, "/a")->runner);
    add("a", "/a", 2);
    take();
    look("/a", NULL, 7);
    assert_null(runner_offers_on_start_fault(&offers, before, "it is gone"));
    assert_null(withdrawn("/a"));
    take();
    assert_null(runner_offers_on_start_fault(&offers, before, "it is gone"));
    runner_drop(before);
}

/* --- files read anew --- */

static void files_that_came_went_or_changed_count(void **state)
{
    (void)state;
    add("a", "/a", 1);
    add("b", "/b", 1);
    assert_true(take().changed);
    add("a", "/a", 1);
    add("b", "/b", 1);
    assert_false(take().changed);
    add("a", "/a", 1);
    add("b", "/b", 2);
    assert_true(take().changed);
    assert_int_equal(runner_offers_find(&offers, "/b")->runner->max_concurrency, 2);
    add("b", "/b", 2);
    assert_true(take().changed);
    assert_null(runner_offers_find(&offers, "/a"));
    add("b", "/c", 2);
    assert_true(take().changed);
    assert_null(runner_offers_find(&offers, "/b"));
    assert_non_null(runner_offers_find(&offers, "/c"));
    assert_true(take().changed);
    assert_int_equal(offers.count, 0);
}

static void a_faulty_file_leaves_what_it_said_before_and_the_others(void **state)
{
    (void)state;
    add("a", "/a", 1);
    take();
    add("a", NULL, 0);
    add("b", "/b", 1);
    add("c", NULL, 0);
    struct runner_offers_taken taken = take();
    assert_true(taken.changed);
    assert_int_equal(taken.fault_count, 0);
    assert_int_equal(offers.count, 2);
    assert_non_null(runner_offers_find(&offers, "/a"));
    add("a", NULL, 0);
    add("b", "/b", 1);
    assert_false(take().changed);
}

static void reading_the_same_again_brings_nothing_back(void **state)
{
    (void)state;
    add("a", "/a", 1);
    take();
    look("/a", NULL, 7);
    start_fails("/a");
    add("a", "/a", 1);
    assert_false(take().changed);
    assert_int_equal(look("/a", NULL, 7), RUNNER_OFFER_SAME);
    assert_non_null(withdrawn("/a"));
    add("a", "/a", 3);
    assert_true(take().changed);
    assert_null(withdrawn("/a"));
}

static void what_was_offered_is_kept_until_it_is_forgotten(void **state)
{
    (void)state;
    add("a", "/a", 1);
    add("b", "/b", 2);
    add("c", "/c", 3);
    take();
    assert_int_equal(earlier("/a"), 0);
    add("a", "/a", 10);
    add("b", "/other", 20);
    take();
    assert_int_equal(earlier("/a"), 1);
    assert_int_equal(earlier("/b"), 2);
    assert_int_equal(earlier("/c"), 3);
    assert_int_equal(earlier("/other"), 0);
    /* The same again is no change; the last one counts; what was withdrawn was not offered. */
    add("a", "/a", 11);
    add("b", "/other", 20);
    take();
    assert_int_equal(earlier("/a"), 10);
    assert_int_equal(earlier("/other"), 0);
    look("/a", "it is missing", 0);
    add("a", "/a", 12);
    take();
    assert_int_equal(earlier("/a"), 10);
    assert_int_equal(earlier("/other"), 20);
    runner_offers_forget_earlier(&offers);
    assert_int_equal(earlier("/a"), 0);
    assert_int_equal(earlier("/c"), 0);
}

static void no_more_is_kept_than_can_be_offered(void **state)
{
    (void)state;
    for (int i = 0; i < 65; i++) {
        char name[8];
        snprintf(name, sizeof name, "/%d", i);
        add("a", name, i + 1);
        take();
    }
    assert_int_equal(earlier("/0"), 1);
    assert_int_equal(offers.earlier_count, 64);
    take();
    assert_int_equal(offers.earlier_count, 64);
    assert_int_equal(earlier("/0"), 0);
    assert_int_equal(earlier("/1"), 2);
    assert_int_equal(earlier("/64"), 65);
}

static void a_capability_belongs_to_the_first_file_that_names_it(void **state)
{
    (void)state;
    add("a", "/x", 1);
    add("b", "/x", 2);
    struct runner_offers_taken taken = take();
    assert_int_equal(taken.fault_count, 1);
    assert_int_equal(offers.count, 1);
    assert_string_equal(offers.items[0].file, "a");
    /* A faulty first keeps it, too. */
    add("a", NULL, 0);
    add("b", "/x", 2);
    assert_int_equal(take().fault_count, 1);
    assert_string_equal(offers.items[0].file, "a");
}

static void the_built_in_ones_are_told_apart(void **state)
{
    (void)state;
    add_noop("/n1");
    add_noop("/n2");
    assert_true(take().changed);
    add_noop("/n1");
    add_noop("/n2");
    assert_false(take().changed);
    assert_int_equal(offers.count, 2);
}

static void there_are_64_capabilities_at_most(void **state)
{
    (void)state;
    for (int i = 0; i < 65; i++) {
        char name[8];
        snprintf(name, sizeof name, "/%d", i);
        add(name, name, 1);
    }
    assert_int_equal(take().fault_count, 1);
    assert_int_equal(runner_offers_count(&offers), 64);
    assert_null(runner_offers_first_withdrawn(&offers));
    assert_null(runner_offers_find(&offers, "/64"));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_teardown(what_looks_broken_is_withdrawn_until_it_looks_whole, tear_down),
        cmocka_unit_test_teardown(what_only_a_start_refused_is_withdrawn_until_it_is_another_file, tear_down),
        cmocka_unit_test_teardown(what_no_look_can_bring_back_is_not_withdrawn, tear_down),
        cmocka_unit_test_teardown(a_job_of_a_runner_that_was_replaced_withdraws_nothing, tear_down),
        cmocka_unit_test_teardown(files_that_came_went_or_changed_count, tear_down),
        cmocka_unit_test_teardown(a_faulty_file_leaves_what_it_said_before_and_the_others, tear_down),
        cmocka_unit_test_teardown(reading_the_same_again_brings_nothing_back, tear_down),
        cmocka_unit_test_teardown(what_was_offered_is_kept_until_it_is_forgotten, tear_down),
        cmocka_unit_test_teardown(no_more_is_kept_than_can_be_offered, tear_down),
        cmocka_unit_test_teardown(a_capability_belongs_to_the_first_file_that_names_it, tear_down),
        cmocka_unit_test_teardown(the_built_in_ones_are_told_apart, tear_down),
        cmocka_unit_test_teardown(there_are_64_capabilities_at_most, tear_down),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
