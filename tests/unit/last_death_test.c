#include "libcommon/service/last_death.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>

#include <cmocka.h>
#include <signal.h>

/* As of waitpid(): the lower seven bits are the signal, the next byte is the exit status. */
enum { EXITED_WITH_1 = 1 << 8, WITH_CORE = 0x80 };

static void names_ends_that_the_work_in_hand_may_have_caused(void **state)
{
    (void)state;
    assert_string_equal(last_death_name(SIGSEGV, false), "SEGV");
    assert_string_equal(last_death_name(SIGABRT | WITH_CORE, false), "ABRT");
    assert_string_equal(last_death_name(SIGSYS, true), "SYS");
    assert_string_equal(last_death_name(SIGXFSZ, false), "XFSZ");
    assert_string_equal(last_death_name(SIGBUS, false), "BUS");
    assert_string_equal(last_death_name(SIGKILL, true), "OOM");
}

static void names_no_other(void **state)
{
    (void)state;
    assert_null(last_death_name(0, true));
    assert_null(last_death_name(EXITED_WITH_1, true));
    assert_null(last_death_name(SIGKILL, false));
    assert_null(last_death_name(SIGTERM, true));
}

static void is_told_by_the_environment(void **state)
{
    (void)state;
    unsetenv(LAST_DEATH_VARIABLE);
    assert_null(last_death_of_this_service());
    setenv(LAST_DEATH_VARIABLE, "", 1);
    assert_null(last_death_of_this_service());
    setenv(LAST_DEATH_VARIABLE, "SEGV", 1);
    assert_string_equal(last_death_of_this_service(), "SEGV");
    assert_true(last_death_oom_kills() >= 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(names_ends_that_the_work_in_hand_may_have_caused),
        cmocka_unit_test(names_no_other),
        cmocka_unit_test(is_told_by_the_environment),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
