#include "services/authd/login/login_waiters.h"

#include "libcommon/node/messages.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <string.h>

/* Stands in for libcommon's: each request is answered once. */
struct ipc_request {
    int answers;
    int64_t token_number;
    enum error_code failure;
};

void ipc_answer(struct ipc_request *request, const void *answer)
{
    request->answers++;
    request->token_number = ((const struct message_token *)answer)->token_number;
}

void ipc_fail(struct ipc_request *request, const struct error *error)
{
    request->answers++;
    request->failure = error->code;
}

static const struct message_token token = {.token_number = 9};
static const struct error timed_out = {.code = ERROR_TIMEOUT};

static void everybody_gets_the_token_once(void **state)
{
    (void)state;
    static struct login_waiters waiters;
    struct ipc_request requests[3] = {{0}};
    assert_true(login_waiters_due_ms(&waiters) == INT64_MAX);
    for (int i = 0; i < 3; i++) {
        assert_true(login_waiters_add(&waiters, &requests[i], 1000 + i));
        assert_int_equal(login_waiters_due_ms(&waiters), 1000);
    }
    login_waiters_answer_all(&waiters, &token);
    login_waiters_answer_all(&waiters, &token);
    for (int i = 0; i < 3; i++) {
        assert_int_equal(requests[i].answers, 1);
        assert_int_equal(requests[i].token_number, 9);
    }
    assert_true(login_waiters_due_ms(&waiters) == INT64_MAX);
}

static void only_those_whose_time_is_up_fail(void **state)
{
    (void)state;
    static struct login_waiters waiters;
    struct ipc_request requests[4] = {{0}};
    for (int i = 0; i < 4; i++)
        assert_true(login_waiters_add(&waiters, &requests[i], INT64_C(1000) * (i + 1)));
    login_waiters_fail_due(&waiters, 999, &timed_out);
    assert_int_equal(requests[0].answers, 0);
    login_waiters_fail_due(&waiters, 2000, &timed_out);
    assert_int_equal(requests[0].failure, ERROR_TIMEOUT);
    assert_int_equal(requests[1].failure, ERROR_TIMEOUT);
    assert_int_equal(requests[2].answers + requests[3].answers, 0);
    assert_int_equal(login_waiters_due_ms(&waiters), 3000);
    login_waiters_answer_all(&waiters, &token);
    for (int i = 0; i < 4; i++) {
        assert_int_equal(requests[i].answers, 1);
        assert_int_equal(requests[i].token_number, i < 2 ? 0 : 9);
    }
}

static void the_last_one_s_time_is_up_like_any_other_s(void **state)
{
    (void)state;
    static struct login_waiters waiters;
    struct ipc_request requests[3] = {{0}};
    for (int i = 0; i < 3; i++)
        assert_true(login_waiters_add(&waiters, &requests[i], INT64_C(1000) * (i + 1)));
    login_waiters_fail_due(&waiters, 2000, &timed_out);
    assert_int_equal(login_waiters_due_ms(&waiters), 3000);
    for (int i = 0; i < 2; i++) {
        login_waiters_fail_due(&waiters, 3000, &timed_out);
        assert_true(login_waiters_due_ms(&waiters) == INT64_MAX);
    }
    for (int i = 0; i < 3; i++) {
        assert_int_equal(requests[i].answers, 1);
        assert_int_equal(requests[i].failure, ERROR_TIMEOUT);
    }
}

static void a_failed_login_fails_everybody(void **state)
{
    (void)state;
    static struct login_waiters waiters;
    struct ipc_request requests[2] = {{0}};
    for (int i = 0; i < 2; i++)
        assert_true(login_waiters_add(&waiters, &requests[i], INT64_MAX));
    login_waiters_fail_due(&waiters, INT64_MAX, &timed_out);
    login_waiters_fail_due(&waiters, INT64_MAX, &timed_out);
    for (int i = 0; i < 2; i++) {
        assert_int_equal(requests[i].answers, 1);
        assert_int_equal(requests[i].failure, ERROR_TIMEOUT);
    }
}

static void as_many_wait_as_a_service_may_hold_and_no_more(void **state)
{
    (void)state;
    static struct login_waiters waiters;
    static struct ipc_request requests[257];
    for (int i = 0; i < 256; i++)
        assert_true(login_waiters_add(&waiters, &requests[i], i));
    assert_false(login_waiters_add(&waiters, &requests[256], 256));
    login_waiters_answer_all(&waiters, &token);
    assert_int_equal(requests[255].answers, 1);
    assert_int_equal(requests[256].answers, 0);
    assert_true(login_waiters_add(&waiters, &requests[256], 256));
    login_waiters_fail_due(&waiters, INT64_MAX, &timed_out);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(everybody_gets_the_token_once),
        cmocka_unit_test(only_those_whose_time_is_up_fail),
        cmocka_unit_test(the_last_one_s_time_is_up_like_any_other_s),
        cmocka_unit_test(a_failed_login_fails_everybody),
        cmocka_unit_test(as_many_wait_as_a_service_may_hold_and_no_more),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
