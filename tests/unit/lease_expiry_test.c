#include "services/stored/session/lease_expiry.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

#define HOUR_MS 3600000

static void ends_a_session_an_hour_after_its_lease(void **state)
{
    struct lease_expiry expiry = {0};
    (void)state;
    lease_expiry_told(&expiry, 5000);
    assert_int_equal(lease_expiry_due_ms(&expiry), 5000 + HOUR_MS);
}

static void never_ends_one_whose_lease_has_no_end(void **state)
{
    struct lease_expiry expiry = {0};
    (void)state;
    assert_true(lease_expiry_due_ms(&expiry) == INT64_MAX);
    lease_expiry_told(&expiry, 0);
    assert_true(lease_expiry_due_ms(&expiry) == INT64_MAX);
    lease_expiry_restored(&expiry, false, 5000);
    assert_true(lease_expiry_due_ms(&expiry) == INT64_MAX);
}

static void follows_the_lease_as_it_is_renewed(void **state)
{
    struct lease_expiry expiry = {0};
    (void)state;
    lease_expiry_told(&expiry, 5000);
    lease_expiry_told(&expiry, 9000);
    assert_int_equal(lease_expiry_due_ms(&expiry), 9000 + HOUR_MS);
    lease_expiry_told(&expiry, 0); /* a heartbeat that says nothing of it */
    assert_int_equal(lease_expiry_due_ms(&expiry), 9000 + HOUR_MS);
}

static void counts_from_the_restart_until_it_is_told_the_end_again(void **state)
{
    struct lease_expiry expiry = {0};
    (void)state;
    lease_expiry_restored(&expiry, true, 7000000);
    assert_int_equal(lease_expiry_due_ms(&expiry), 7000000 + HOUR_MS);
    lease_expiry_told(&expiry, 7100000);
    assert_int_equal(lease_expiry_due_ms(&expiry), 7100000 + HOUR_MS);
}

static void takes_an_end_that_is_no_time(void **state)
{
    struct lease_expiry expiry = {0};
    (void)state;
    lease_expiry_told(&expiry, INT64_MIN);
    assert_true(lease_expiry_due_ms(&expiry) < 0);
    lease_expiry_told(&expiry, INT64_MAX);
    assert_true(lease_expiry_due_ms(&expiry) == INT64_MAX);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(ends_a_session_an_hour_after_its_lease),
        cmocka_unit_test(never_ends_one_whose_lease_has_no_end),
        cmocka_unit_test(follows_the_lease_as_it_is_renewed),
        cmocka_unit_test(counts_from_the_restart_until_it_is_told_the_end_again),
        cmocka_unit_test(takes_an_end_that_is_no_time),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
