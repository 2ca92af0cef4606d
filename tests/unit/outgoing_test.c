/* services/leased/outgoing.h: what a task has to tell DMS. */
#include "services/leased/outgoing.h"

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
    struct outgoing outgoing = {0};
    assert_true(outgoing_add_event(&outgoing, 1, "{\"e\":1}", &error));
    assert_true(outgoing_set_progress(&outgoing, 2, "{\"p\":1}", &error));
    char *body = outgoing_compose_heartbeat(&outgoing);
    assert_string_equal(body, "{\"progress\":{\"p\":1},\"events\":[{\"e\":1}]}");
    free(body);
    /* Comes while the heartbeat is in flight: not acknowledged with it. */
    assert_true(outgoing_add_event(&outgoing, 3, "{\"e\":2}", &error));
    outgoing_acknowledge(&outgoing);
    assert_true(outgoing_has_news(&outgoing));
    body = outgoing_compose_heartbeat(&outgoing);
    assert_string_equal(body, "{\"progress\":{\"p\":1},\"events\":[{\"e\":2}]}");
    free(body);
    outgoing_restore(&outgoing);
    body = outgoing_compose_heartbeat(&outgoing);
    assert_string_equal(body, "{\"progress\":{\"p\":1},\"events\":[{\"e\":2}]}");
    free(body);
    outgoing_acknowledge(&outgoing);
    assert_false(outgoing_has_news(&outgoing));
    outgoing_clear(&outgoing);
}

static void a_cleared_one_is_as_good_as_new(void **state)
{
    (void)state;
    struct error error;
    struct outgoing outgoing = {0};
    assert_true(outgoing_add_event(&outgoing, 7, "1", &error));
    assert_true(outgoing_set_progress(&outgoing, 8, "2", &error));
    outgoing_clear(&outgoing);
    assert_false(outgoing_has_news(&outgoing));
    assert_false(outgoing_knows(&outgoing, 1));
    assert_true(outgoing_add_event(&outgoing, 1, "3", &error));
    char *body = outgoing_compose_heartbeat(&outgoing);
    assert_string_equal(body, "{\"progress\":{},\"events\":[3]}");
    free(body);
    outgoing_clear(&outgoing);
}

static void the_first_heartbeat_is_empty(void **state)
{
    (void)state;
    struct outgoing outgoing = {0};
    char *body = outgoing_compose_heartbeat(&outgoing);
    assert_string_equal(body, "{\"progress\":{},\"events\":[]}");
    free(body);
    outgoing_clear(&outgoing);
}

static void a_repeated_sequence_number_changes_nothing(void **state)
{
    (void)state;
    struct error error;
    struct outgoing outgoing = {0};
    assert_true(outgoing_add_event(&outgoing, 1, "1", &error));
    assert_true(outgoing_add_event(&outgoing, 1, "1", &error));
    assert_true(outgoing_set_progress(&outgoing, 3, "\"new\"", &error));
    assert_true(outgoing_set_progress(&outgoing, 2, "\"old\"", &error));
    char *body = outgoing_compose_heartbeat(&outgoing);
    assert_string_equal(body, "{\"progress\":\"new\",\"events\":[1]}");
    free(body);
    outgoing_clear(&outgoing);
}

static void numbers_and_escapes_survive(void **state)
{
    (void)state;
    struct error error;
    struct outgoing outgoing = {0};
    const char *event = "{\"n\":18446744073709551616,\"r\":1.0e-7,\"z\":\"\\u0000\"}";
    assert_true(outgoing_add_event(&outgoing, 1, event, &error));
    char *body = outgoing_compose_heartbeat(&outgoing);
    assert_non_null(strstr(body, event));
    free(body);
    assert_false(outgoing_add_event(&outgoing, 2, "{bad", &error));
    assert_false(outgoing_set_progress(&outgoing, 2, "", &error));
    outgoing_clear(&outgoing);
}

static void too_many_events_wait_with_the_runner(void **state)
{
    (void)state;
    struct error error = {.code = ERROR_NONE};
    struct outgoing outgoing = {0};
    int64_t taken = 0;
    while (outgoing_add_event(&outgoing, taken + 1, "0", &error))
        taken++;
    assert_int_equal(taken, 1000);
    assert_int_equal(error.code, ERROR_UNAVAILABLE);
    assert_non_null(strstr(error.text, "1000 events"));
    free(outgoing_compose_heartbeat(&outgoing));
    outgoing_acknowledge(&outgoing);
    /* The one that was refused is still to come. */
    assert_false(outgoing_knows(&outgoing, taken + 1));
    assert_true(outgoing_add_event(&outgoing, taken + 1, "0", &error));
    assert_true(outgoing_knows(&outgoing, taken + 1));
    outgoing_clear(&outgoing);
}

static void held_events_are_bounded_in_bytes_too(void **state)
{
    (void)state;
    struct error error = {.code = ERROR_NONE};
    struct outgoing outgoing = {0};
    const size_t event_bytes = 65536;
    char *event = malloc(event_bytes + 1);
    memset(event, '1', event_bytes);
    event[event_bytes] = '\0';
    int64_t taken = 0;
    while (outgoing_add_event(&outgoing, taken + 1, event, &error))
        taken++;
    assert_int_equal(error.code, ERROR_UNAVAILABLE);
    assert_int_equal(taken, 128);
    /* One heartbeat carries a part, in order, and makes as much room. */
    char *body = outgoing_compose_heartbeat(&outgoing);
    assert_int_equal(strlen(body), strlen("{\"progress\":{},\"events\":[]}") + 16 * event_bytes + 15);
    free(body);
    outgoing_acknowledge(&outgoing);
    for (int i = 0; i < 16; i++)
        assert_true(outgoing_add_event(&outgoing, ++taken, event, &error));
    assert_false(outgoing_add_event(&outgoing, taken + 1, "1", &error));
    assert_true(outgoing_has_news(&outgoing));
    free(event);
    outgoing_clear(&outgoing);
}

static void an_event_above_a_heartbeat_s_share_goes_alone(void **state)
{
    (void)state;
    struct error error;
    struct outgoing outgoing = {0};
    const size_t large_bytes = 2 * 1024 * 1024;
    char *large = malloc(large_bytes + 1);
    memset(large, '7', large_bytes);
    large[large_bytes] = '\0';
    assert_true(outgoing_add_event(&outgoing, 1, large, &error));
    assert_true(outgoing_add_event(&outgoing, 2, "\"next\"", &error));
    char *body = outgoing_compose_heartbeat(&outgoing);
    assert_int_equal(strlen(body), strlen("{\"progress\":{},\"events\":[]}") + large_bytes);
    free(body);
    outgoing_acknowledge(&outgoing);
    body = outgoing_compose_heartbeat(&outgoing);
    assert_string_equal(body, "{\"progress\":{},\"events\":[\"next\"]}");
    free(body);
    free(large);
    outgoing_clear(&outgoing);
}

static void progress_that_comes_while_one_is_in_flight_is_news(void **state)
{
    (void)state;
    struct error error;
    struct outgoing outgoing = {0};
    assert_false(outgoing_has_news(&outgoing));
    assert_true(outgoing_set_progress(&outgoing, 1, "1", &error));
    assert_true(outgoing_has_news(&outgoing));
    free(outgoing_compose_heartbeat(&outgoing));
    assert_false(outgoing_has_news(&outgoing));
    assert_true(outgoing_set_progress(&outgoing, 2, "2", &error));
    assert_true(outgoing_has_news(&outgoing));
    outgoing_acknowledge(&outgoing);
    assert_true(outgoing_has_news(&outgoing));
    free(outgoing_compose_heartbeat(&outgoing));
    outgoing_acknowledge(&outgoing);
    assert_false(outgoing_has_news(&outgoing));
    outgoing_clear(&outgoing);
}

static void what_a_failed_heartbeat_carried_is_news_again(void **state)
{
    (void)state;
    struct error error;
    struct outgoing outgoing = {0};
    assert_true(outgoing_set_progress(&outgoing, 1, "1", &error));
    free(outgoing_compose_heartbeat(&outgoing));
    outgoing_restore(&outgoing);
    assert_true(outgoing_has_news(&outgoing));
    /* An answer that belongs to no heartbeat acknowledges nothing. */
    outgoing_acknowledge(&outgoing);
    assert_true(outgoing_has_news(&outgoing));
    assert_true(outgoing_add_event(&outgoing, 2, "2", &error));
    free(outgoing_compose_heartbeat(&outgoing));
    assert_false(outgoing_has_news(&outgoing));
    outgoing_restore(&outgoing);
    outgoing_acknowledge(&outgoing);
    char *body = outgoing_compose_heartbeat(&outgoing);
    assert_string_equal(body, "{\"progress\":1,\"events\":[2]}");
    free(body);
    outgoing_clear(&outgoing);
}

static void what_is_no_json_is_refused_by_its_name_and_may_come_again(void **state)
{
    (void)state;
    struct error error;
    struct outgoing outgoing = {0};
    assert_false(outgoing_add_event(&outgoing, 1, "{bad", &error));
    assert_int_equal(error.code, ERROR_INVALID);
    assert_non_null(strstr(error.text, "event"));
    assert_false(outgoing_set_progress(&outgoing, 1, "", &error));
    assert_int_equal(error.code, ERROR_INVALID);
    assert_non_null(strstr(error.text, "progress"));
    assert_false(outgoing_has_news(&outgoing));
    assert_true(outgoing_add_event(&outgoing, 1, "{}", &error));
    assert_true(outgoing_has_news(&outgoing));
    outgoing_clear(&outgoing);
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
