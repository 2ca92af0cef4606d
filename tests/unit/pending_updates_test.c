/* services/leased/task/pending_updates.h: what a task has to tell DMS. */
#include "services/leased/task/pending_updates.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static void nothing_is_told_twice_and_nothing_is_lost(void **state)
{
    (void)state;
    struct error error;
    struct pending_updates outgoing = {0};
    assert_true(pending_updates_add_event(&outgoing, 1, "{\"e\":1}", &error));
    assert_true(pending_updates_set_progress(&outgoing, 2, "{\"p\":1}", &error));
    char *body = pending_updates_compose_heartbeat(&outgoing);
    assert_string_equal(body, "{\"progress\":{\"p\":1},\"events\":[{\"e\":1}]}");
    free(body);
    /* Comes while the heartbeat is in flight: not acknowledged with it. */
    assert_true(pending_updates_add_event(&outgoing, 3, "{\"e\":2}", &error));
    pending_updates_acknowledge(&outgoing);
    assert_true(pending_updates_any(&outgoing));
    body = pending_updates_compose_heartbeat(&outgoing);
    assert_string_equal(body, "{\"progress\":{\"p\":1},\"events\":[{\"e\":2}]}");
    free(body);
    pending_updates_restore(&outgoing);
    body = pending_updates_compose_heartbeat(&outgoing);
    assert_string_equal(body, "{\"progress\":{\"p\":1},\"events\":[{\"e\":2}]}");
    free(body);
    pending_updates_acknowledge(&outgoing);
    assert_false(pending_updates_any(&outgoing));
    pending_updates_clear(&outgoing);
}

static void a_cleared_one_is_as_good_as_new(void **state)
{
    (void)state;
    struct error error;
    struct pending_updates outgoing = {0};
    assert_true(pending_updates_add_event(&outgoing, 7, "1", &error));
    assert_true(pending_updates_set_progress(&outgoing, 8, "2", &error));
    pending_updates_clear(&outgoing);
    assert_false(pending_updates_any(&outgoing));
    assert_false(pending_updates_know(&outgoing, 1));
    assert_true(pending_updates_add_event(&outgoing, 1, "3", &error));
    char *body = pending_updates_compose_heartbeat(&outgoing);
    assert_string_equal(body, "{\"progress\":{},\"events\":[3]}");
    free(body);
    pending_updates_clear(&outgoing);
}

static void the_first_heartbeat_is_empty(void **state)
{
    (void)state;
    struct pending_updates outgoing = {0};
    char *body = pending_updates_compose_heartbeat(&outgoing);
    assert_string_equal(body, "{\"progress\":{},\"events\":[]}");
    free(body);
    pending_updates_clear(&outgoing);
}

static void a_repeated_sequence_number_changes_nothing(void **state)
{
    (void)state;
    struct error error;
    struct pending_updates outgoing = {0};
    assert_true(pending_updates_add_event(&outgoing, 1, "1", &error));
    assert_true(pending_updates_add_event(&outgoing, 1, "1", &error));
    assert_true(pending_updates_set_progress(&outgoing, 3, "\"new\"", &error));
    assert_true(pending_updates_set_progress(&outgoing, 2, "\"old\"", &error));
    char *body = pending_updates_compose_heartbeat(&outgoing);
    assert_string_equal(body, "{\"progress\":\"new\",\"events\":[1]}");
    free(body);
    pending_updates_clear(&outgoing);
}

static void numbers_and_escapes_survive(void **state)
{
    (void)state;
    struct error error;
    struct pending_updates outgoing = {0};
    const char *event = "{\"n\":18446744073709551616,\"r\":1.0e-7,\"z\":\"\\u0000\"}";
    assert_true(pending_updates_add_event(&outgoing, 1, event, &error));
    char *body = pending_updates_compose_heartbeat(&outgoing);
    assert_non_null(strstr(body, event));
    free(body);
    assert_false(pending_updates_add_event(&outgoing, 2, "{bad", &error));
    assert_false(pending_updates_set_progress(&outgoing, 2, "", &error));
    pending_updates_clear(&outgoing);
}

static void too_many_events_wait_with_the_runner(void **state)
{
    (void)state;
    struct error error = {.code = ERROR_NONE};
    struct pending_updates outgoing = {0};
    int64_t taken = 0;
    while (pending_updates_add_event(&outgoing, taken + 1, "0", &error))
        taken++;
    assert_int_equal(taken, 1000);
    assert_int_equal(error.code, ERROR_UNAVAILABLE);
    assert_non_null(strstr(error.text, "1000 events"));
    free(pending_updates_compose_heartbeat(&outgoing));
    pending_updates_acknowledge(&outgoing);
    /* The one that was refused is still to come. */
    assert_false(pending_updates_know(&outgoing, taken + 1));
    assert_true(pending_updates_add_event(&outgoing, taken + 1, "0", &error));
    assert_true(pending_updates_know(&outgoing, taken + 1));
    pending_updates_clear(&outgoing);
}

static void held_events_are_bounded_in_bytes_too(void **state)
{
    (void)state;
    struct error error = {.code = ERROR_NONE};
    struct pending_updates outgoing = {0};
    const size_t event_bytes = 65536;
    char *event = malloc(event_bytes + 1);
    memset(event, '1', event_bytes);
    event[event_bytes] = '\0';
    int64_t taken = 0;
    while (pending_updates_add_event(&outgoing, taken + 1, event, &error))
        taken++;
    assert_int_equal(error.code, ERROR_UNAVAILABLE);
    assert_int_equal(taken, 128);
    /* One heartbeat carries a part, in order, and makes as much room. */
    char *body = pending_updates_compose_heartbeat(&outgoing);
    assert_int_equal(strlen(body), strlen("{\"progress\":{},\"events\":[]}") + 16 * event_bytes + 15);
    free(body);
    pending_updates_acknowledge(&outgoing);
    for (int i = 0; i < 16; i++)
        assert_true(pending_updates_add_event(&outgoing, ++taken, event, &error));
    assert_false(pending_updates_add_event(&outgoing, taken + 1, "1", &error));
    assert_true(pending_updates_any(&outgoing));
    free(event);
    pending_updates_clear(&outgoing);
}

static void an_event_above_a_heartbeat_s_share_goes_alone(void **state)
{
    (void)state;
    struct error error;
    struct pending_updates outgoing = {0};
    const size_t large_bytes = 2097152;
    char *large = malloc(large_bytes + 1);
    memset(large, '7', large_bytes);
    large[large_bytes] = '\0';
    assert_true(pending_updates_add_event(&outgoing, 1, large, &error));
    assert_true(pending_updates_add_event(&outgoing, 2, "\"next\"", &error));
    char *body = pending_updates_compose_heartbeat(&outgoing);
    assert_int_equal(strlen(body), strlen("{\"progress\":{},\"events\":[]}") + large_bytes);
    free(body);
    pending_updates_acknowledge(&outgoing);
    body = pending_updates_compose_heartbeat(&outgoing);
    assert_string_equal(body, "{\"progress\":{},\"events\":[\"next\"]}");
    free(body);
    free(large);
    pending_updates_clear(&outgoing);
}

static void progress_that_comes_while_one_is_in_flight_is_news(void **state)
{
    (void)state;
    struct error error;
    struct pending_updates outgoing = {0};
    assert_false(pending_updates_any(&outgoing));
    assert_true(pending_updates_set_progress(&outgoing, 1, "1", &error));
    assert_true(pending_updates_any(&outgoing));
    free(pending_updates_compose_heartbeat(&outgoing));
    assert_false(pending_updates_any(&outgoing));
    assert_true(pending_updates_set_progress(&outgoing, 2, "2", &error));
    assert_true(pending_updates_any(&outgoing));
    pending_updates_acknowledge(&outgoing);
    assert_true(pending_updates_any(&outgoing));
    free(pending_updates_compose_heartbeat(&outgoing));
    pending_updates_acknowledge(&outgoing);
    assert_false(pending_updates_any(&outgoing));
    pending_updates_clear(&outgoing);
}

static void what_a_failed_heartbeat_carried_is_news_again(void **state)
{
    (void)state;
    struct error error;
    struct pending_updates outgoing = {0};
    assert_true(pending_updates_set_progress(&outgoing, 1, "1", &error));
    free(pending_updates_compose_heartbeat(&outgoing));
    pending_updates_restore(&outgoing);
    assert_true(pending_updates_any(&outgoing));
    /* An answer that belongs to no heartbeat acknowledges nothing. */
    pending_updates_acknowledge(&outgoing);
    assert_true(pending_updates_any(&outgoing));
    assert_true(pending_updates_add_event(&outgoing, 2, "2", &error));
    free(pending_updates_compose_heartbeat(&outgoing));
    assert_false(pending_updates_any(&outgoing));
    pending_updates_restore(&outgoing);
    pending_updates_acknowledge(&outgoing);
    char *body = pending_updates_compose_heartbeat(&outgoing);
    assert_string_equal(body, "{\"progress\":1,\"events\":[2]}");
    free(body);
    pending_updates_clear(&outgoing);
}

static void what_is_no_json_is_refused_by_its_name_and_may_come_again(void **state)
{
    (void)state;
    struct error error;
    struct pending_updates outgoing = {0};
    assert_false(pending_updates_add_event(&outgoing, 1, "{bad", &error));
    assert_int_equal(error.code, ERROR_INVALID);
    assert_non_null(strstr(error.text, "event"));
    assert_false(pending_updates_set_progress(&outgoing, 1, "", &error));
    assert_int_equal(error.code, ERROR_INVALID);
    assert_non_null(strstr(error.text, "progress"));
    assert_false(pending_updates_any(&outgoing));
    assert_true(pending_updates_add_event(&outgoing, 1, "{}", &error));
    assert_true(pending_updates_any(&outgoing));
    pending_updates_clear(&outgoing);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(nothing_is_told_twice_and_nothing_is_lost),
        cmocka_unit_test(a_cleared_one_is_as_good_as_new),
        cmocka_unit_test(the_first_heartbeat_is_empty),
        cmocka_unit_test(a_repeated_sequence_number_changes_nothing),
        cmocka_unit_test(numbers_and_escapes_survive),
        cmocka_unit_test(too_many_events_wait_with_the_runner),
        cmocka_unit_test(held_events_are_bounded_in_bytes_too),
        cmocka_unit_test(an_event_above_a_heartbeat_s_share_goes_alone),
        cmocka_unit_test(progress_that_comes_while_one_is_in_flight_is_news),
        cmocka_unit_test(what_a_failed_heartbeat_carried_is_news_again),
        cmocka_unit_test(what_is_no_json_is_refused_by_its_name_and_may_come_again),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
