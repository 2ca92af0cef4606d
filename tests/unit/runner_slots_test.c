/* services/leased/hosts/runner_slots.h */
#include "services/leased/hosts/runner_slots.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <stdio.h>
#include <string.h>

static struct runner_slots slots;

static int tear_down(void **state)
{
    (void)state;
    runner_slots_clear(&slots);
    return 0;
}

enum { NAMES_MAX = LIMIT_RUNNER_CAPABILITIES };

/* What hosts say: `count` capabilities /<first>, /<first + 1> ..., two places each. */
struct offer {
    char names[NAMES_MAX][16];
    struct message_capability items[NAMES_MAX];
    struct record_list list;
};

static struct offer offer_of(int first, size_t count)
{
    struct offer offer;
    for (size_t i = 0; i < count; i++)
        snprintf(offer.names[i], sizeof offer.names[i], "/%d", first + (int)i);
    offer.list.count = count;
    return offer;
}

static const struct record_list *list_of(struct offer *offer)
{
    for (size_t i = 0; i < offer->list.count; i++)
        offer->items[i] = (struct message_capability){.name = offer->names[i], .max_concurrency = 2};
    offer->list.items = offer->items;
    return &offer->list;
}

static void set(int first, size_t count, int64_t now_ms)
{
    struct offer offer = offer_of(first, count);
    runner_slots_set(&slots, list_of(&offer), now_ms);
}

static void assert_mended(int first, size_t count, const char *expected)
{
    struct offer offer = offer_of(first, count);
    struct text_list mended = runner_slots_list_mended(&slots, list_of(&offer));
    char text[64] = "";
    for (size_t i = 0; i < mended.count; i++)
        snprintf(text + strlen(text), sizeof text - strlen(text), "%s ", mended.items[i]);
    assert_string_equal(text, expected);
    text_list_clear(&mended);
}

static void said_twice_there_is_one_slot_of_each(void **state)
{
    (void)state;
    set(1, 2, 0);
    runner_slots_find(&slots, "/1")->used = 1;
    set(1, 2, 10);
    assert_int_equal(slots.count, 2);
    assert_int_equal(runner_slots_count_offered(&slots), 2);
    assert_int_equal(runner_slots_find(&slots, "/1")->used, 1);
    assert_int_equal(runner_slots_find(&slots, "/2")->used, 0);
    assert_int_equal(runner_slots_count_free(&slots, "/1"), 1);
    assert_null(runner_slots_find(&slots, "/3"));
    assert_int_equal(runner_slots_count_free(&slots, "/3"), 0);
}

static void what_is_withdrawn_has_no_place_and_says_since_when(void **state)
{
    (void)state;
    set(1, 2, 5);
    set(2, 1, 1000);
    set(2, 1, 2000);
    assert_int_equal(slots.count, 2);
    assert_int_equal(runner_slots_find(&slots, "/1")->max, 0);
    assert_int_equal(runner_slots_find(&slots, "/1")->withdrawn_ms, 1000);
    assert_int_equal(runner_slots_count_free(&slots, "/1"), 0);
    assert_int_equal(runner_slots_count_offered(&slots), 1);
    set(1, 1, 3000);
    assert_int_equal(runner_slots_count_free(&slots, "/1"), 2);
}

static void of_many_that_are_withdrawn_the_oldest_are_forgotten_first(void **state)
{
    (void)state;
    for (int hello = 0; hello < 50; hello++)
        set(hello * NAMES_MAX, NAMES_MAX, hello);
    assert_int_equal(slots.count, 2 * LIMIT_RUNNER_CAPABILITIES);
    assert_int_equal(runner_slots_count_offered(&slots), NAMES_MAX);
    for (int i = 48 * NAMES_MAX; i < 50 * NAMES_MAX; i++) {
        char name[16];
        snprintf(name, sizeof name, "/%d", i);
        assert_non_null(runner_slots_find(&slots, name));
    }
    /* Some at a time. */
    set(0, 10, 60);
    set(0, 5, 70);
    assert_int_equal(slots.count, 5 + LIMIT_RUNNER_CAPABILITIES);
    for (int i = 5; i < 10; i++) {
        char name[16];
        snprintf(name, sizeof name, "/%d", i);
        assert_non_null(runner_slots_find(&slots, name));
    }
}

static void what_jobs_run_of_is_remembered_beside(void **state)
{
    (void)state;
    set(0, 3, 0);
    runner_slots_find(&slots, "/0")->used = 1;
    runner_slots_find(&slots, "/2")->used = 2;
    for (int hello = 1; hello < 4; hello++)
        set(hello * 100, NAMES_MAX, hello);
    assert_int_equal(slots.count, 2 + 2 * LIMIT_RUNNER_CAPABILITIES);
    assert_int_equal(runner_slots_find(&slots, "/0")->used, 1);
    assert_int_equal(runner_slots_find(&slots, "/2")->used, 2);
    assert_null(runner_slots_find(&slots, "/1"));
    runner_slots_find(&slots, "/0")->used = 0;
    set(300, NAMES_MAX, 4);
    assert_null(runner_slots_find(&slots, "/0"));
}

static void a_minute_after_it_is_forgotten(void **state)
{
    (void)state;
    set(1, 3, 0);
    runner_slots_find(&slots, "/3")->used = 1;
    set(1, 1, 1000);
    set(4, 1, 2000);
    runner_slots_forget_withdrawn(&slots, 60999);
    assert_int_equal(slots.count, 4);
    runner_slots_forget_withdrawn(&slots, 61000);
    assert_null(runner_slots_find(&slots, "/2"));
    assert_int_equal(slots.count, 3);
    runner_slots_forget_withdrawn(&slots, 62000);
    assert_null(runner_slots_find(&slots, "/1"));
    assert_non_null(runner_slots_find(&slots, "/3"));
    assert_non_null(runner_slots_find(&slots, "/4"));
}

static void another_start_has_none_of_the_jobs_before(void **state)
{
    (void)state;
    struct runner_slots next = {NULL, 0};
    set(1, 2, 0);
    runner_slots_find(&slots, "/1")->used = 2;
    runner_slots_inherit(&next, &slots);
    assert_int_equal(slots.count, 0);
    assert_null(slots.items);
    assert_int_equal(runner_slots_count_free(&next, "/1"), 2);
    runner_slots_clear(&next);
}

static void what_comes_may_be_mended_and_all_when_nothing_comes_or_goes(void **state)
{
    (void)state;
    assert_mended(1, 0, "");
    assert_mended(1, 2, "/1 /2 ");
    set(1, 2, 0);
    assert_mended(1, 2, "/1 /2 "); /* read anew */
    assert_mended(1, 3, "/3 ");
    assert_mended(2, 2, "/3 ");
    assert_mended(2, 1, "");
    set(2, 1, 10);
    assert_mended(1, 2, "/1 "); /* it is back */
    assert_mended(2, 1, "/2 ");
    assert_mended(1, 0, "");
}

#define SLOTS_TEST(test) cmocka_unit_test_setup_teardown(test, NULL, tear_down)

int main(void)
{
    const struct CMUnitTest tests[] = {
        SLOTS_TEST(said_twice_there_is_one_slot_of_each),
        SLOTS_TEST(what_is_withdrawn_has_no_place_and_says_since_when),
        SLOTS_TEST(of_many_that_are_withdrawn_the_oldest_are_forgotten_first),
        SLOTS_TEST(what_jobs_run_of_is_remembered_beside),
        SLOTS_TEST(a_minute_after_it_is_forgotten),
        SLOTS_TEST(another_start_has_none_of_the_jobs_before),
        SLOTS_TEST(what_comes_may_be_mended_and_all_when_nothing_comes_or_goes),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
