/* services/httpd/connection_table.h: who goes when all places are taken, and who is overdue. */
#include "services/httpd/connection_table.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <arpa/inet.h>
#include <cmocka.h>
#include <netinet/in.h>
#include <string.h>

enum { PLACES = 4 };

static struct connection_table table;

static int set_up(void **state)
{
    (void)state;
    memset(&table, 0xff, sizeof table);
    connection_table_init(&table, PLACES);
    return 0;
}

static int tear_down(void **state)
{
    (void)state;
    while (!LIST_EMPTY(&table.connections))
        connection_table_remove(LIST_FIRST(&table.connections));
    return 0;
}

static struct connection_address address_of(const char *text)
{
    struct sockaddr_in v4 = {.sin_family = AF_INET};
    struct sockaddr_in6 v6 = {.sin6_family = AF_INET6};
    if (inet_pton(AF_INET, text, &v4.sin_addr) == 1)
        return connection_address_of((const struct sockaddr *)&v4);
    assert_int_equal(inet_pton(AF_INET6, text, &v6.sin6_addr), 1);
    return connection_address_of((const struct sockaddr *)&v6);
}

static struct connection *add(const char *text, int64_t now_ms)
{
    struct connection *connection = connection_table_add(&table, 7, NULL, now_ms);
    connection->address = address_of(text);
    assert_int_equal(connection->fd, 7);
    return connection;
}

static struct connection *victim_for(const char *newcomer)
{
    const struct connection_address address = address_of(newcomer);
    return connection_table_choose_victim(&table, &address);
}

static void nobody_goes_while_there_are_places(void **state)
{
    (void)state;
    assert_true(connection_table_has_place(&table));
    for (int i = 0; i < PLACES; i++) {
        assert_null(victim_for("192.0.2.1"));
        add("192.0.2.1", i);
    }
    assert_true(connection_table_has_place(&table));
    assert_non_null(victim_for("192.0.2.1"));
}

static void the_address_with_most_loses_the_one_that_is_idle_for_longest(void **state)
{
    (void)state;
    add("192.0.2.1", 1); /* oldest of all, and alone */
    add("192.0.2.2", 30);
    struct connection *oldest = add("192.0.2.2", 10);
    add("192.0.2.2", 20);
    assert_ptr_equal(victim_for("192.0.2.3"), oldest);
    /* It has just ended a request. */
    connection_request_ended(oldest, 40);
    assert_int_equal(victim_for("192.0.2.3")->began_ms, 20);
}

/* Else one with an address for each place could keep out all others, and one that has some would gain more.
 */
static void the_newcomer_counts_with_its_address(void **state)
{
    (void)state;
    add("192.0.2.1", 1);
    struct connection *own = add("192.0.2.2", 30);
    add("192.0.2.3", 2);
    add("192.0.2.4", 3);
    assert_ptr_equal(victim_for("192.0.2.2"), own);
    assert_int_equal(victim_for("192.0.2.5")->began_ms, 1);
}

static void who_waits_for_authd_keeps_its_place(void **state)
{
    (void)state;
    struct connection *of_most[3];
    struct connection *other = add("192.0.2.9", 50);
    for (int i = 0; i < 3; i++)
        (of_most[i] = add("192.0.2.1", i))->waits = true;
    assert_ptr_equal(victim_for("192.0.2.1"), other);
    of_most[2]->waits = false;
    assert_ptr_equal(victim_for("192.0.2.3"), of_most[2]);
    of_most[2]->waits = true;
    other->waits = true;
    assert_false(connection_table_has_place(&table));
    assert_null(victim_for("192.0.2.3"));
    connection_request_ended(of_most[1], 60);
    assert_ptr_equal(victim_for("192.0.2.3"), of_most[1]);
}

static void who_was_told_to_go_has_no_place_and_goes_once(void **state)
{
    (void)state;
    for (int i = 0; i < PLACES; i++)
        add("192.0.2.1", i);
    struct connection *first = victim_for("192.0.2.2");
    first->leaves = true;
    assert_int_equal(first->began_ms, 0);
    assert_null(victim_for("192.0.2.2"));
    add("192.0.2.2", 10);
    assert_int_equal(victim_for("192.0.2.2")->began_ms, 1);
    connection_table_remove(first);
    assert_int_equal(victim_for("192.0.2.2")->began_ms, 1);
}

/* Those who do not go, though they were told, do not make room without end. */
static void there_is_an_end_to_places(void **state)
{
    (void)state;
    for (size_t i = 0; i < connection_table_limit(&table); i++) {
        assert_true(connection_table_has_place(&table));
        struct connection *victim = victim_for("192.0.2.1");
        if (victim)
            victim->leaves = true;
        add("192.0.2.1", (int64_t)i);
    }
    assert_int_equal(connection_table_limit(&table), 2 * PLACES);
    assert_false(connection_table_has_place(&table));
    connection_table_remove(LIST_FIRST(&table.connections));
    assert_true(connection_table_has_place(&table));
}

static bool are_same(const char *left, const char *right)
{
    const struct connection_address one = address_of(left);
    const struct connection_address other = address_of(right);
    return memcmp(&one, &other, sizeof one) == 0;
}

static void a_network_of_64_bits_counts_as_one_address_of_ipv6(void **state)
{
    (void)state;
    assert_true(are_same("2001:db8:1:2::1", "2001:db8:1:2:ffff:ffff:ffff:ffff"));
    assert_false(are_same("2001:db8:1:2::1", "2001:db8:1:3::1"));
    assert_false(are_same("192.0.2.1", "192.0.2.2"));
    assert_true(are_same("192.0.2.1", "::ffff:192.0.2.1"));
    assert_false(are_same("::ffff:192.0.2.1", "::ffff:192.0.2.2"));
}

static void who_has_no_address_of_these_families_counts_as_one(void **state)
{
    (void)state;
    const struct sockaddr other = {.sa_family = AF_UNIX, .sa_data = "/a/b/c/d"};
    const struct connection_address none = connection_address_of(NULL);
    const struct connection_address unix_one = connection_address_of(&other);
    const struct connection_address any = address_of("0.0.0.0");
    assert_memory_equal(&unix_one, &none, sizeof none);
    assert_memory_not_equal(&any, &none, sizeof none);
}

static void a_first_head_has_5_s_and_a_request_10_s(void **state)
{
    (void)state;
    struct connection *connection = add("192.0.2.1", 1000);
    assert_false(connection_is_overdue(connection, 6000));
    assert_true(connection_is_overdue(connection, 6001));
    connection->head_came = true;
    assert_false(connection_is_overdue(connection, 11000));
    assert_true(connection_is_overdue(connection, 11001));
    connection_request_ended(connection, 10000);
    assert_false(connection_is_overdue(connection, 20000));
    assert_true(connection_is_overdue(connection, 20001));
}

#define WITH_TABLE(test) cmocka_unit_test_setup_teardown(test, set_up, tear_down)

int main(void)
{
    const struct CMUnitTest tests[] = {
        WITH_TABLE(nobody_goes_while_there_are_places),
        WITH_TABLE(the_address_with_most_loses_the_one_that_is_idle_for_longest),
        WITH_TABLE(the_newcomer_counts_with_its_address),
        WITH_TABLE(who_waits_for_authd_keeps_its_place),
        WITH_TABLE(who_was_told_to_go_has_no_place_and_goes_once),
        WITH_TABLE(there_is_an_end_to_places),
        WITH_TABLE(a_network_of_64_bits_counts_as_one_address_of_ipv6),
        WITH_TABLE(who_has_no_address_of_these_families_counts_as_one),
        WITH_TABLE(a_first_head_has_5_s_and_a_request_10_s),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
