/* libcommon/ipc/ipc_places.h: who has to go when a user has too many connections. */
#include "libcommon/ipc/ipc_places.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <stdlib.h>

enum { BOUND = 3, SOCKET = 100, OTHER_SOCKET = 101, USER = 1000, OTHER_USER = 1001, RUNNER = 10, FLOOD = 20 };

static int64_t now_ms;

/* Each a settled time after the one before. */
static int come(struct ipc_places *places, int fd, int listener, uid_t uid, pid_t pid)
{
    int goes;
    now_ms += IPC_PLACES_SETTLED_MS;
    const struct ipc_place newcomer = {
        .fd = fd, .listener = listener, .uid = uid, .pid = pid, .came_ms = now_ms};
    assert_true(ipc_places_take(places, &newcomer, BOUND, &goes));
    return goes;
}

static size_t count_ending(const struct ipc_places *places, int listener)
{
    size_t ending = 0;
    for (size_t i = 0; i < places->count; i++)
        ending += places->list[i].listener == listener && places->list[i].ending;
    return ending;
}

static void below_the_bound_nobody_goes(void **state)
{
    struct ipc_places places = {NULL, 0, 0};
    (void)state;
    for (int fd = 0; fd < BOUND; fd++)
        assert_int_equal(come(&places, fd, SOCKET, USER, RUNNER), -1);
    assert_int_equal(count_ending(&places, SOCKET), 0);
    free(places.list);
}

static void a_process_that_floods_loses_its_youngest(void **state)
{
    struct ipc_places places = {NULL, 0, 0};
    (void)state;
    come(&places, 0, SOCKET, USER, RUNNER);
    come(&places, 1, SOCKET, USER, FLOOD);
    come(&places, 2, SOCKET, USER, FLOOD);
    assert_int_equal(come(&places, 3, SOCKET, USER, FLOOD), 2);
    assert_int_equal(come(&places, 4, SOCKET, USER, FLOOD), 3);
    /* Who comes after it gets a place of the flood's, and keeps it. */
    assert_int_equal(come(&places, 5, SOCKET, USER, RUNNER + 1), 4);
    assert_int_equal(count_ending(&places, SOCKET), 3);
    free(places.list);
}

static void of_equals_the_last_to_come_goes(void **state)
{
    struct ipc_places places = {NULL, 0, 0};
    (void)state;
    for (int fd = 0; fd < BOUND; fd++)
        come(&places, fd, SOCKET, USER, RUNNER + fd);
    assert_int_equal(come(&places, 3, SOCKET, USER, FLOOD), 2);
    assert_int_equal(come(&places, 4, SOCKET, USER, FLOOD + 1), 3);
    free(places.list);
}

static void users_and_sockets_do_not_take_each_other_s_places(void **state)
{
    struct ipc_places places = {NULL, 0, 0};
    (void)state;
    for (int fd = 0; fd < BOUND; fd++)
        come(&places, fd, SOCKET, USER, FLOOD);
    assert_int_equal(come(&places, 3, SOCKET, OTHER_USER, RUNNER), -1);
    assert_int_equal(come(&places, 4, OTHER_SOCKET, USER, FLOOD), -1);
    assert_int_equal(come(&places, 5, SOCKET, USER, FLOOD), 2);
    free(places.list);
}

static void what_others_hold_and_what_is_held_elsewhere_does_not_count(void **state)
{
    struct ipc_places places = {NULL, 0, 0};
    (void)state;
    for (int fd = 0; fd < BOUND; fd++)
        come(&places, fd, OTHER_SOCKET, USER, RUNNER);
    come(&places, 10, SOCKET, USER, RUNNER);
    come(&places, 11, SOCKET, USER, FLOOD);
    come(&places, 12, SOCKET, USER, FLOOD);
    come(&places, 13, SOCKET, OTHER_USER, RUNNER);
    assert_int_equal(come(&places, 14, SOCKET, USER, RUNNER + 1), 12);
    assert_int_equal(count_ending(&places, OTHER_SOCKET), 0);
    /* Who was hung up on does not make its process the one with most. */
    come(&places, 15, SOCKET, OTHER_USER, RUNNER);
    assert_int_equal(come(&places, 16, SOCKET, USER, RUNNER + 2), 14);
    free(places.list);
}

static void who_has_not_settled_stays_and_the_newcomer_is_turned_away(void **state)
{
    struct ipc_places places = {NULL, 0, 0};
    int goes;
    (void)state;
    for (int fd = 0; fd < BOUND; fd++)
        come(&places, fd, SOCKET, USER, FLOOD);
    struct ipc_place newcomer = {.fd = 9, .listener = SOCKET, .uid = USER, .pid = RUNNER};
    newcomer.came_ms = places.list[0].came_ms + IPC_PLACES_SETTLED_MS - 1;
    assert_false(ipc_places_take(&places, &newcomer, BOUND, &goes));
    assert_int_equal(places.count, BOUND);
    assert_int_equal(count_ending(&places, SOCKET), 0);
    newcomer.came_ms++;
    assert_true(ipc_places_take(&places, &newcomer, BOUND, &goes));
    assert_int_equal(goes, 0);
    free(places.list);
}

static void a_flood_that_has_not_settled_takes_nobody_s_place(void **state)
{
    struct ipc_places places = {NULL, 0, 0};
    int goes;
    (void)state;
    come(&places, 0, SOCKET, USER, RUNNER);
    struct ipc_place newcomer = {.listener = SOCKET, .uid = USER, .pid = FLOOD, .came_ms = now_ms + 5000};
    for (newcomer.fd = 1; newcomer.fd < BOUND; newcomer.fd++)
        assert_true(ipc_places_take(&places, &newcomer, BOUND, &goes));
    assert_false(ipc_places_take(&places, &newcomer, BOUND, &goes));
    assert_int_equal(goes, -1);
    assert_int_equal(count_ending(&places, SOCKET), 0);
    free(places.list);
}

static void any_number_of_users_has_places(void **state)
{
    struct ipc_places places = {NULL, 0, 0};
    (void)state;
    for (int fd = 0; fd < 100; fd++)
        assert_int_equal(come(&places, fd, SOCKET, (uid_t)(USER + fd / BOUND), RUNNER), -1);
    assert_int_equal(places.count, 100);
    for (int fd = 0; fd < 100; fd++)
        assert_int_equal(places.list[fd].fd, fd);
    free(places.list);
}

static void what_is_closed_leaves_its_place(void **state)
{
    struct ipc_places places = {NULL, 0, 0};
    (void)state;
    for (int fd = 0; fd <= BOUND; fd++)
        come(&places, fd, SOCKET, USER, FLOOD);
    assert_int_equal(count_ending(&places, SOCKET), 1);
    assert_true(ipc_places_leave(&places, BOUND - 1)); /* the one that had to go */
    assert_int_equal(count_ending(&places, SOCKET), 0);
    ipc_places_leave(&places, 0);
    assert_false(ipc_places_leave(&places, 77)); /* none of these */
    assert_int_equal(come(&places, 0, SOCKET, USER, FLOOD), -1);
    assert_int_equal(come(&places, 5, SOCKET, USER, FLOOD), 0);
    free(places.list);
}

static void a_socket_that_is_closed_takes_its_connections_along(void **state)
{
    struct ipc_places places = {NULL, 0, 0};
    (void)state;
    for (int fd = 0; fd <= BOUND; fd++)
        come(&places, fd, SOCKET, USER, FLOOD);
    come(&places, 9, OTHER_SOCKET, USER, FLOOD);
    ipc_places_leave(&places, SOCKET);
    assert_int_equal(places.count, 1);
    assert_int_equal(count_ending(&places, SOCKET), 0);
    /* Another socket got its descriptor. */
    assert_int_equal(come(&places, 10, SOCKET, USER, FLOOD), -1);
    free(places.list);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(below_the_bound_nobody_goes),
        cmocka_unit_test(a_process_that_floods_loses_its_youngest),
        cmocka_unit_test(of_equals_the_last_to_come_goes),
        cmocka_unit_test(users_and_sockets_do_not_take_each_other_s_places),
        cmocka_unit_test(what_others_hold_and_what_is_held_elsewhere_does_not_count),
        cmocka_unit_test(who_has_not_settled_stays_and_the_newcomer_is_turned_away),
        cmocka_unit_test(a_flood_that_has_not_settled_takes_nobody_s_place),
        cmocka_unit_test(any_number_of_users_has_places),
        cmocka_unit_test(what_is_closed_leaves_its_place),
        cmocka_unit_test(a_socket_that_is_closed_takes_its_connections_along),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
