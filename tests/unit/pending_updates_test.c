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

/* --- what DMS refuses --- */

/* DMS takes a body unless `poison` is in it or it is longer than `most_bytes`. */
struct strict_dms {
    const char *poison;
    size_t most_bytes;
    char *told; /* all bodies that were taken and carried something */
    int renewals;
    int refusals;
    char dropped[256];
};

static void append(char **text, const char *more)
{
    size_t length = *text ? strlen(*text) : 0;
    *text = realloc(*text, length + strlen(more) + 1);
    memcpy(*text + length, more, strlen(more) + 1);
}

/* Heartbeats until nothing is pending; after each refusal the very next one is a renewal. */
static void tell_all(struct pending_updates *updates, struct strict_dms *dms)
{
    bool refused = false;
    for (int turns = 0; refused || pending_updates_any(updates); turns++) {
        assert_in_range(turns, 0, 200);
        char *body = pending_updates_compose_heartbeat(updates);
        bool empty = strcmp(body, "{\"progress\":{},\"events\":[]}") == 0;
        assert_true(!refused || empty);
        assert_true(empty != pending_updates_are_in_flight(updates));
        refused = !empty && (strlen(body) > dms->most_bytes || strstr(body, dms->poison));
        if (refused) {
            const char *dropped = pending_updates_refuse(updates);
            dms->refusals++;
            if (dropped)
                snprintf(dms->dropped + strlen(dms->dropped), sizeof dms->dropped - strlen(dms->dropped),
                         "%s;", dropped);
        } else {
            pending_updates_acknowledge(updates);
            dms->renewals += empty;
            if (!empty)
                append(&dms->told, body);
        }
        free(body);
    }
}

static void add_events(struct pending_updates *updates, int count, int poisoned)
{
    struct error error;
    for (int i = 1; i <= count; i++) {
        char event[32];
        snprintf(event, sizeof event, i == poisoned ? "\"poison %d\"" : "\"e%d\"", i);
        assert_true(pending_updates_add_event(updates, i, event, &error));
    }
}

static void of_refused_events_all_but_the_bad_one_are_told_once_and_in_order(void **state)
{
    (void)state;
    for (int bad = 1; bad <= 9; bad++) {
        struct pending_updates updates = {0};
        struct strict_dms dms = {.poison = "poison", .most_bytes = SIZE_MAX};
        struct error error;
        add_events(&updates, 9, bad);
        assert_true(pending_updates_set_progress(&updates, 20, "{\"p\":1}", &error));
        tell_all(&updates, &dms);
        assert_string_equal(dms.dropped, "an event;");
        const char *at = dms.told;
        for (int i = 1; i <= 9; i++) {
            char event[8];
            snprintf(event, sizeof event, "\"e%d\"", i);
            const char *found = strstr(dms.told, event);
            assert_true(i == bad ? !found : found && found >= at && !strstr(found + 1, event));
            at = found ? found : at;
        }
        assert_non_null(strstr(dms.told, "{\"p\":1}"));
        assert_int_equal(dms.renewals, dms.refusals);
        /* From then on as ever: progress and events together. */
        assert_true(pending_updates_add_event(&updates, 30, "\"later\"", &error));
        char *body = pending_updates_compose_heartbeat(&updates);
        assert_string_equal(body, "{\"progress\":{\"p\":1},\"events\":[\"later\"]}");
        free(body);
        free(dms.told);
        pending_updates_clear(&updates);
    }
}

static void refused_progress_is_dropped_and_the_events_are_told(void **state)
{
    (void)state;
    struct pending_updates updates = {0};
    struct strict_dms dms = {.poison = "poison", .most_bytes = SIZE_MAX};
    struct error error;
    add_events(&updates, 3, 0);
    assert_true(pending_updates_set_progress(&updates, 20, "\"poison\"", &error));
    tell_all(&updates, &dms);
    assert_string_equal(dms.dropped, "the progress;");
    assert_string_equal(dms.told, "{\"progress\":{},\"events\":[\"e1\",\"e2\",\"e3\"]}");
    assert_int_equal(dms.refusals, 2);
    free(dms.told);
    pending_updates_clear(&updates);
}

/* A proxy before DMS takes so much and no more. */
static void what_is_too_large_together_is_told_in_parts(void **state)
{
    (void)state;
    struct pending_updates updates = {0};
    struct strict_dms dms = {.poison = "poison", .most_bytes = 60};
    add_events(&updates, 12, 0);
    tell_all(&updates, &dms);
    assert_string_equal(dms.dropped, "");
    const char *told = dms.told ? dms.told : "";
    for (int i = 1; i <= 12; i++) {
        char event[8];
        snprintf(event, sizeof event, "\"e%d\"", i);
        assert_non_null(strstr(told, event));
    }
    free(dms.told);
    pending_updates_clear(&updates);
}

static void progress_that_was_replaced_meanwhile_is_not_dropped(void **state)
{
    (void)state;
    struct error error;
    struct pending_updates updates = {0};
    assert_true(pending_updates_set_progress(&updates, 1, "\"bad\"", &error));
    free(pending_updates_compose_heartbeat(&updates));
    assert_true(pending_updates_set_progress(&updates, 2, "\"good\"", &error));
    assert_true(pending_updates_are_in_flight(&updates));
    assert_null(pending_updates_refuse(&updates));
    free(pending_updates_compose_heartbeat(&updates));
    pending_updates_acknowledge(&updates);
    assert_true(pending_updates_any(&updates));
    char *body = pending_updates_compose_heartbeat(&updates);
    assert_string_equal(body, "{\"progress\":\"good\",\"events\":[]}");
    free(body);
    pending_updates_clear(&updates);
}

static void a_renewal_that_got_lost_is_repeated(void **state)
{
    (void)state;
    struct pending_updates updates = {0};
    add_events(&updates, 2, 0);
    free(pending_updates_compose_heartbeat(&updates));
    assert_null(pending_updates_refuse(&updates));
    for (int i = 0; i < 2; i++) {
        char *body = pending_updates_compose_heartbeat(&updates);
        assert_string_equal(body, "{\"progress\":{},\"events\":[]}");
        free(body);
        pending_updates_restore(&updates);
    }
    pending_updates_clear(&updates);
}

static void what_is_given_up_while_it_is_in_flight_is_told_to_nobody(void **state)
{
    (void)state;
    struct pending_updates updates = {0};
    add_events(&updates, 2, 0);
    free(pending_updates_compose_heartbeat(&updates));
    pending_updates_forget_events(&updates);
    assert_false(pending_updates_are_in_flight(&updates));
    pending_updates_acknowledge(&updates);
    assert_false(pending_updates_any(&updates));
    pending_updates_clear(&updates);
}

static void half_a_surrogate_pair_becomes_a_replacement_character(void **state)
{
    (void)state;
    struct error error;
    struct pending_updates updates = {0};
    assert_true(pending_updates_add_event(&updates, 1, "\"\\ud800\"", &error));
    assert_true(pending_updates_set_progress(&updates, 2, "\"x\\udc00\"", &error));
    char *body = pending_updates_compose_heartbeat(&updates);
    assert_string_equal(body, "{\"progress\":\"x\\ufffd\",\"events\":[\"\\ufffd\"]}");
    free(body);
    pending_updates_clear(&updates);
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
        cmocka_unit_test(of_refused_events_all_but_the_bad_one_are_told_once_and_in_order),
        cmocka_unit_test(refused_progress_is_dropped_and_the_events_are_told),
        cmocka_unit_test(what_is_too_large_together_is_told_in_parts),
        cmocka_unit_test(progress_that_was_replaced_meanwhile_is_not_dropped),
        cmocka_unit_test(a_renewal_that_got_lost_is_repeated),
        cmocka_unit_test(what_is_given_up_while_it_is_in_flight_is_told_to_nobody),
        cmocka_unit_test(half_a_surrogate_pair_becomes_a_replacement_character),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
