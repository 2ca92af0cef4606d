#include "services/stored/artifacts/upload_way.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

enum { MULTIPART_MIN = 100 };

static struct upload_way of_file(int64_t bytes)
{
    return (struct upload_way){.whole = true, .bytes = bytes, .multipart_min_bytes = MULTIPART_MIN};
}

static struct upload_way of_stream(int64_t bytes)
{
    return (struct upload_way){.streamed = true, .bytes = bytes, .multipart_min_bytes = MULTIPART_MIN};
}

static struct error failure_with(int status)
{
    struct error error;
    error_set(&error, ERROR_HTTP, "refused");
    error.status = status;
    return error;
}

/* The first step of a file of so many bytes after its id was looked up. */
static enum upload_step after_lookup(struct upload_way *way)
{
    assert_int_equal(upload_way_next(way), UPLOAD_STEP_LOOK_UP);
    return upload_way_after_lookup(way, NULL);
}

static void a_small_file_goes_up_in_one_request(void **state)
{
    (void)state;
    struct upload_way way = of_file(MULTIPART_MIN - 1);
    assert_int_equal(after_lookup(&way), UPLOAD_STEP_ASK_LIMITS);
    assert_int_equal(upload_way_after_limits(&way, false), UPLOAD_STEP_SEND_WHOLE);
    assert_int_equal(upload_way_after_whole(&way, NULL), UPLOAD_STEP_SUCCEED);
}

static void a_large_file_goes_up_in_parts_and_asks_for_no_limits(void **state)
{
    (void)state;
    struct upload_way way = of_file(MULTIPART_MIN);
    assert_int_equal(after_lookup(&way), UPLOAD_STEP_SEND_PARTS);
    assert_int_equal(upload_way_after_parts(&way, &(struct multipart_upload_result){.id = "id"}),
                     UPLOAD_STEP_SUCCEED);
}

static void what_the_server_does_not_take_at_once_goes_up_in_parts(void **state)
{
    (void)state;
    const struct error too_large = failure_with(413);
    struct upload_way way = of_file(1);
    assert_int_equal(after_lookup(&way), UPLOAD_STEP_ASK_LIMITS);
    assert_int_equal(upload_way_after_limits(&way, true), UPLOAD_STEP_SEND_PARTS);
    way = of_file(1);
    assert_int_equal(upload_way_after_limits(&way, false), UPLOAD_STEP_SEND_WHOLE);
    assert_int_equal(upload_way_after_whole(&way, &too_large), UPLOAD_STEP_SEND_PARTS);
}

static void an_empty_file_never_goes_up_in_parts(void **state)
{
    (void)state;
    const struct error too_large = failure_with(413);
    struct upload_way way = of_file(0);
    assert_int_equal(after_lookup(&way), UPLOAD_STEP_ASK_LIMITS);
    assert_int_equal(upload_way_after_limits(&way, true), UPLOAD_STEP_SEND_WHOLE);
    assert_int_equal(upload_way_after_whole(&way, &too_large), UPLOAD_STEP_GIVE_UP);
}

static void a_server_without_multipart_gets_one_request_and_no_parts_again(void **state)
{
    (void)state;
    const struct error too_large = failure_with(413);
    struct upload_way way = of_file(MULTIPART_MIN);
    assert_int_equal(after_lookup(&way), UPLOAD_STEP_SEND_PARTS);
    assert_int_equal(upload_way_after_parts(&way, &(struct multipart_upload_result){.unsupported = true}),
                     UPLOAD_STEP_SEND_WHOLE);
    assert_int_equal(upload_way_after_whole(&way, &too_large), UPLOAD_STEP_GIVE_UP);
}

static void a_known_id_is_not_looked_up(void **state)
{
    (void)state;
    struct upload_way way = of_file(MULTIPART_MIN);
    way.has_id = true;
    assert_int_equal(upload_way_next(&way), UPLOAD_STEP_SEND_PARTS);
}

static void a_look_up_that_fails_ends_the_upload_but_for_404(void **state)
{
    (void)state;
    const struct error forbidden = failure_with(403);
    const struct error not_found = failure_with(404);
    struct upload_way way = of_file(MULTIPART_MIN);
    assert_int_equal(upload_way_after_lookup(&way, &forbidden), UPLOAD_STEP_GIVE_UP);
    assert_int_equal(upload_way_after_lookup(&way, &not_found), UPLOAD_STEP_SEND_PARTS);
}

static void what_exists_by_now_is_looked_up_once_more_and_only_once(void **state)
{
    (void)state;
    const struct error conflict = failure_with(409);
    struct upload_way way = of_file(1);
    assert_int_equal(upload_way_after_limits(&way, false), UPLOAD_STEP_SEND_WHOLE);
    assert_int_equal(upload_way_after_whole(&way, &conflict), UPLOAD_STEP_LOOK_UP);
    assert_int_equal(upload_way_after_whole(&way, &conflict), UPLOAD_STEP_GIVE_UP);
    way = of_file(1);
    way.has_id = true;
    assert_int_equal(upload_way_after_whole(&way, &conflict), UPLOAD_STEP_GIVE_UP);
}

static void a_forgotten_upload_begins_anew_once(void **state)
{
    (void)state;
    const struct multipart_upload_result forgotten = {.forgotten = true};
    struct upload_way way = of_file(MULTIPART_MIN);
    assert_int_equal(upload_way_after_parts(&way, &forgotten), UPLOAD_STEP_SEND_PARTS_ANEW);
    assert_int_equal(upload_way_after_parts(&way, &forgotten), UPLOAD_STEP_GIVE_UP);
}

static void a_completion_that_may_have_been_taken_is_looked_for(void **state)
{
    (void)state;
    const struct multipart_upload_result maybe = {.maybe_stored = true};
    const struct error forbidden = failure_with(403);
    struct upload_way way = of_file(MULTIPART_MIN);
    assert_int_equal(upload_way_after_parts(&way, &maybe), UPLOAD_STEP_LOOK_UP_COMPLETED);
    assert_int_equal(upload_way_after_completed_lookup(&way, &forbidden), UPLOAD_STEP_GIVE_UP);
    assert_int_equal(upload_way_after_completed_lookup(&way, NULL), UPLOAD_STEP_SEND_PARTS_ANEW);
    assert_int_equal(upload_way_after_completed_lookup(&way, NULL), UPLOAD_STEP_GIVE_UP);
    way.has_id = true;
    assert_int_equal(upload_way_after_completed_lookup(&way, NULL), UPLOAD_STEP_SUCCEED);
}

/* The data was there before: finding it would tell nothing. */
static void an_update_that_may_have_been_taken_begins_anew(void **state)
{
    (void)state;
    struct upload_way way = of_file(MULTIPART_MIN);
    way.has_id = true;
    assert_int_equal(upload_way_after_parts(&way, &(struct multipart_upload_result){.maybe_stored = true}),
                     UPLOAD_STEP_SEND_PARTS_ANEW);
}

static void what_a_server_refuses_is_given_up(void **state)
{
    (void)state;
    const struct error forbidden = failure_with(403);
    struct upload_way way = of_file(MULTIPART_MIN);
    assert_int_equal(upload_way_after_whole(&way, &forbidden), UPLOAD_STEP_GIVE_UP);
    assert_int_equal(upload_way_after_parts(&way, &(struct multipart_upload_result){0}), UPLOAD_STEP_GIVE_UP);
}

static void a_stream_asks_nothing_before_it_has_grown(void **state)
{
    (void)state;
    struct upload_way way = of_stream(0);
    assert_int_equal(upload_way_next(&way), UPLOAD_STEP_WAIT);
    way.bytes = 1;
    assert_int_equal(after_lookup(&way), UPLOAD_STEP_SEND_PARTS);
}

static void a_stream_that_ends_empty_goes_up_in_one_request(void **state)
{
    (void)state;
    struct upload_way way = of_stream(0);
    way.whole = true;
    assert_int_equal(after_lookup(&way), UPLOAD_STEP_SEND_WHOLE);
}

static void a_stream_without_multipart_waits_for_its_end(void **state)
{
    (void)state;
    struct upload_way way = of_stream(1);
    assert_int_equal(after_lookup(&way), UPLOAD_STEP_SEND_PARTS);
    assert_int_equal(upload_way_after_parts(&way, &(struct multipart_upload_result){.unsupported = true}),
                     UPLOAD_STEP_WAIT);
    way.bytes = MULTIPART_MIN;
    assert_int_equal(upload_way_next(&way), UPLOAD_STEP_WAIT);
    way.whole = true;
    assert_int_equal(upload_way_next(&way), UPLOAD_STEP_SEND_WHOLE);
}

static void an_earlier_upload_of_the_same_file_is_resumed_at_once(void **state)
{
    (void)state;
    struct upload_way way = of_file(1);
    way.earlier = RESUMABLE_UPLOAD_RESUME;
    assert_int_equal(upload_way_next(&way), UPLOAD_STEP_SEND_PARTS);
}

static void an_earlier_upload_under_another_name_ends_first(void **state)
{
    (void)state;
    struct upload_way way = of_file(1);
    way.earlier = RESUMABLE_UPLOAD_RENAMED;
    assert_int_equal(upload_way_next(&way), UPLOAD_STEP_END_EARLIER);
    assert_int_equal(upload_way_after_ending(&way), UPLOAD_STEP_LOOK_UP);
}

static void an_earlier_upload_of_a_stream_ends_once(void **state)
{
    (void)state;
    struct upload_way way = of_stream(0);
    way.earlier = RESUMABLE_UPLOAD_RENAMED;
    assert_int_equal(upload_way_next(&way), UPLOAD_STEP_END_EARLIER);
    assert_int_equal(upload_way_after_ending(&way), UPLOAD_STEP_WAIT);
    way.bytes = 1;
    assert_int_equal(upload_way_next(&way), UPLOAD_STEP_LOOK_UP);
}

static void a_file_that_changed_since_then_is_not_stored(void **state)
{
    (void)state;
    struct upload_way way = of_file(1);
    way.earlier = RESUMABLE_UPLOAD_CHANGED;
    assert_int_equal(upload_way_next(&way), UPLOAD_STEP_END_EARLIER);
    assert_int_equal(upload_way_after_ending(&way), UPLOAD_STEP_GIVE_UP);
}

static void bytes_of_a_request_may_be_in_another_file_than_before(void **state)
{
    (void)state;
    struct upload_way way = of_file(1);
    way.transient = true;
    way.earlier = RESUMABLE_UPLOAD_CHANGED;
    assert_int_equal(upload_way_next(&way), UPLOAD_STEP_END_EARLIER);
    assert_int_equal(upload_way_after_ending(&way), UPLOAD_STEP_LOOK_UP);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_small_file_goes_up_in_one_request),
        cmocka_unit_test(a_large_file_goes_up_in_parts_and_asks_for_no_limits),
        cmocka_unit_test(what_the_server_does_not_take_at_once_goes_up_in_parts),
        cmocka_unit_test(an_empty_file_never_goes_up_in_parts),
        cmocka_unit_test(a_server_without_multipart_gets_one_request_and_no_parts_again),
        cmocka_unit_test(a_known_id_is_not_looked_up),
        cmocka_unit_test(a_look_up_that_fails_ends_the_upload_but_for_404),
        cmocka_unit_test(what_exists_by_now_is_looked_up_once_more_and_only_once),
        cmocka_unit_test(a_forgotten_upload_begins_anew_once),
        cmocka_unit_test(a_completion_that_may_have_been_taken_is_looked_for),
        cmocka_unit_test(an_update_that_may_have_been_taken_begins_anew),
        cmocka_unit_test(what_a_server_refuses_is_given_up),
        cmocka_unit_test(a_stream_asks_nothing_before_it_has_grown),
        cmocka_unit_test(a_stream_that_ends_empty_goes_up_in_one_request),
        cmocka_unit_test(a_stream_without_multipart_waits_for_its_end),
        cmocka_unit_test(an_earlier_upload_of_the_same_file_is_resumed_at_once),
        cmocka_unit_test(an_earlier_upload_under_another_name_ends_first),
        cmocka_unit_test(an_earlier_upload_of_a_stream_ends_once),
        cmocka_unit_test(a_file_that_changed_since_then_is_not_stored),
        cmocka_unit_test(bytes_of_a_request_may_be_in_another_file_than_before),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
