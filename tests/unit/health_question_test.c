/* libcommon/service/health_question.h: what many answers mean together. What each means: integration test
 * ready. */
#include "libcommon/service/health_question.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

static void assert_sum(enum health first, enum health second, enum health third, enum health expected)
{
    const struct health_answer answers[] = {{.health = first}, {.health = second}, {.health = third}};
    assert_int_equal(health_question_sum(answers, 3), expected);
}

static void all_ready_is_ready(void **state)
{
    (void)state;
    assert_sum(HEALTH_READY, HEALTH_READY, HEALTH_READY, HEALTH_READY);
    assert_sum(HEALTH_READY, HEALTH_NOT_READY, HEALTH_READY, HEALTH_NOT_READY);
}

static void one_that_may_not_be_asked_is_told_first(void **state)
{
    (void)state;
    assert_sum(HEALTH_NOT_RUNNING, HEALTH_READY, HEALTH_NOT_ALLOWED, HEALTH_NOT_ALLOWED);
    assert_sum(HEALTH_NOT_ALLOWED, HEALTH_NOT_READY, HEALTH_READY, HEALTH_NOT_ALLOWED);
}

static void a_node_does_not_run_when_none_of_it_does(void **state)
{
    (void)state;
    assert_sum(HEALTH_NOT_RUNNING, HEALTH_NOT_RUNNING, HEALTH_NOT_RUNNING, HEALTH_NOT_RUNNING);
    assert_sum(HEALTH_NOT_RUNNING, HEALTH_READY, HEALTH_NOT_RUNNING, HEALTH_NOT_READY);
    assert_sum(HEALTH_NOT_RUNNING, HEALTH_NOT_READY, HEALTH_NOT_RUNNING, HEALTH_NOT_READY);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(all_ready_is_ready),
        cmocka_unit_test(one_that_may_not_be_asked_is_told_first),
        cmocka_unit_test(a_node_does_not_run_when_none_of_it_does),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
