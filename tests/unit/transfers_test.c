#include "services/stored/transfers/transfers.h"

#include "libcommon/base/limits.h"
#include "libcommon/base/memory.h"
#include "libcommon/json/json_text.h"
#include "libcommon/message/message.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <stdlib.h>
#include <string.h>

struct fixture {
    struct loop *loop;
    struct transfers transfers;
    int published;
    struct message_transfer_progress last;
};

/* What could not be encoded would be published to nobody. */
static void take_published(void *context, const struct message_transfer_progress *progress)
{
    struct fixture *fixture = context;
    struct error error;
    size_t length;
    char *bytes = message_encode(&message_transfer_progress_type, progress, &length, &error);
    assert_non_null(bytes);
    message_clear(&message_transfer_progress_type, &fixture->last);
    assert_true(message_decode(&message_transfer_progress_type, &fixture->last, bytes, length, &error));
    free(bytes);
    fixture->published++;
}

static int set_up(void **state)
{
    struct fixture *fixture = memory_allocate(sizeof *fixture);
    struct error error;
    fixture->loop = loop_create(&error);
    transfers_init(&fixture->transfers, fixture->loop, take_published, fixture);
    *state = fixture;
    return 0;
}

static int tear_down(void **state)
{
    struct fixture *fixture = *state;
    assert_false(loop_timer_running(&fixture->transfers.timer));
    message_clear(&message_transfer_progress_type, &fixture->last);
    loop_free(fixture->loop);
    free(fixture);
    return 0;
}

static struct transfer *begin(struct fixture *fixture, const char *name)
{
    return transfer_begin(&fixture->transfers, "task", TRANSFER_IN, name, 100, 0);
}

static void reports_what_moved_and_once_at_the_end(void **state)
{
    struct fixture *fixture = *state;
    struct transfer *transfer = begin(fixture, "a");
    transfers_tick(&fixture->transfers, 1000);
    assert_int_equal(fixture->published, 0);
    transfer_meter_add(transfer_meter_of(transfer), 60);
    transfers_tick(&fixture->transfers, 2000);
    assert_int_equal(fixture->published, 1);
    assert_string_equal(fixture->last.task_id, "task");
    assert_string_equal(fixture->last.direction, "in");
    assert_string_equal(fixture->last.name, "a");
    assert_int_equal(fixture->last.moved_bytes, 60);
    assert_int_equal(fixture->last.total_bytes, 100);
    assert_int_equal(fixture->last.bytes_per_second, 30);
    assert_false(fixture->last.ended);
    transfers_tick(&fixture->transfers, 3000);
    assert_int_equal(fixture->published, 1);
    transfer_end(transfer, 3500);
    assert_int_equal(fixture->published, 2);
    assert_int_equal(fixture->last.moved_bytes, 60);
    assert_true(fixture->last.ended);
}

static void has_a_timer_only_while_there_are_transfers(void **state)
{
    struct fixture *fixture = *state;
    assert_false(loop_timer_running(&fixture->transfers.timer));
    struct transfer *first = begin(fixture, "a");
    struct transfer *second = begin(fixture, "b");
    struct transfer *third = begin(fixture, "c");
    transfer_end(second, 0);
    transfer_end(third, 0);
    assert_true(loop_timer_running(&fixture->transfers.timer));
    transfers_tick(&fixture->transfers, 1000);
    assert_true(loop_timer_running(&fixture->transfers.timer));
    transfer_end(first, 0);
    assert_false(loop_timer_running(&fixture->transfers.timer));
    transfer_end(NULL, 0);
}

static void cuts_a_long_name_between_characters(void **state)
{
    struct fixture *fixture = *state;
    char name[1000];
    memset(name, 'x', sizeof name);
    name[sizeof name - 1] = '\0';
    memcpy(name + LIMIT_TRANSFER_NAME_BYTES - 2, "\xe2\x82\xac", 3); /* the limit is within it */
    name[3] = '\n';
    transfer_end(begin(fixture, name), 0);
    assert_int_equal(strlen(fixture->last.name), LIMIT_TRANSFER_NAME_BYTES - 2);
    assert_int_equal(fixture->last.name[3], ' ');
}

/* The status is one message: it must not fail for having too much to tell. */
static void shows_a_bounded_number_in_the_status(void **state)
{
    struct fixture *fixture = *state;
    struct transfer *all[200];
    struct error error;
    char name[500];
    struct json_writer writer = JSON_WRITER_EMPTY;
    memset(name, '"', sizeof name);
    name[sizeof name - 1] = '\0';
    for (size_t i = 0; i < 200; i++) {
        all[i] = begin(fixture, name);
        transfer_meter_add(transfer_meter_of(all[i]), 10);
    }
    transfers_write(&fixture->transfers, 1000, &writer);
    assert_in_range(writer.length, 1000, LIMIT_EVENT_BYTES - 1000);
    assert_true(json_text_parse(writer.text, writer.length, NULL, &error));
    assert_int_equal(transfers_rate(&fixture->transfers, 1000), 2000);
    json_writer_clear(&writer);
    for (size_t i = 0; i < 200; i++)
        transfer_end(all[i], 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(reports_what_moved_and_once_at_the_end, set_up, tear_down),
        cmocka_unit_test_setup_teardown(has_a_timer_only_while_there_are_transfers, set_up, tear_down),
        cmocka_unit_test_setup_teardown(cuts_a_long_name_between_characters, set_up, tear_down),
        cmocka_unit_test_setup_teardown(shows_a_bounded_number_in_the_status, set_up, tear_down),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
