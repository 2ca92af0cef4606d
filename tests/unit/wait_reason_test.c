/* services/leased/wait_reason.h */
#include "services/leased/wait_reason.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

static const struct dms_reach fine;
static const struct dms_reach bad = {.polls = {.text = "DMS is bad: 503"}};
static const struct dms_reach tasks_bad = {.tasks = {.text = "cannot reach DMS: by a heartbeat"}};
static const struct dms_reach tasks_without_token = {.tasks = {.no_token = true}};

static const struct wait_facts nothing = {.hosts = 1,
                                          .hosts_can_work = true,
                                          .disk = {500, -1},
                                          .disk_reserve_bytes = 1000,
                                          .work_dir = "/work",
                                          .rests = "/x",
                                          .rest_failures = 4,
                                          .rest_ms = 19001,
                                          .poll = POLLER_ANSWERED,
                                          .dms = &fine,
                                          .login = ""};

static void assert_reason(const struct wait_facts *facts, const char *begin)
{
    char reason[WAIT_REASON_BYTES];
    assert_true(wait_reason_find(facts, reason));
    if (strncmp(reason, begin, strlen(begin)) != 0)
        fail_msg("'%s' does not begin with '%s'", reason, begin);
}

static void a_node_that_dms_answered_waits_for_nothing(void **state)
{
    (void)state;
    char reason[WAIT_REASON_BYTES] = "untouched";
    assert_false(wait_reason_find(&nothing, reason));
    assert_string_equal(reason, "");
}

/* Each is told though all behind it hold, too. */
static void what_hinders_first_is_told(void **state)
{
    (void)state;
    struct wait_facts facts = nothing;
    facts.poll = POLLER_NEW;
    assert_reason(&facts, "waiting for DMS's first answer");
    facts.poll = POLLER_FAILING;
    facts.dms = &bad;
    assert_reason(&facts, "DMS is bad: 503");
    facts.poll = POLLER_WITHOUT_TOKEN;
    facts.login = "not registered: DDS is bad";
    assert_reason(&facts, "not registered: DDS is bad");
    facts.all_rest = true;
    assert_reason(&facts, "resting: /x for 20 s more, as 4 jobs in a row failed at once");
    facts.disk_is_low = true;
    assert_reason(&facts, "disk: ");
    facts.hosts_can_work = false;
    assert_reason(&facts, "no capability: put a runner file into POSEMESH_RUNNERS_DIR");
    facts.why_nothing = "no capability works: a.json: missing";
    assert_reason(&facts, "no capability works: a.json: missing");
    facts.hosts = 0;
    assert_reason(&facts, "waiting for a runner host: ");
    facts.draining = true;
    assert_reason(&facts, "draining: 0 tasks left");
    facts.leases = 1;
    assert_reason(&facts, "draining: 1 task left");
}

/* With no room for another task nothing polls, and the last poll was fine. */
static void what_fails_for_tasks_is_told_though_the_last_poll_was_answered(void **state)
{
    (void)state;
    struct wait_facts facts = nothing;
    facts.dms = &tasks_bad;
    assert_reason(&facts, "cannot reach DMS: by a heartbeat");
    assert_false(wait_reason_is_login(&facts));
    facts.dms = &tasks_without_token;
    facts.login = "cannot log in: DDS is bad";
    assert_reason(&facts, "cannot log in: DDS is bad");
    assert_true(wait_reason_is_login(&facts));
}

static void a_login_that_takes_long_is_told_before_it_failed(void **state)
{
    (void)state;
    struct wait_facts facts = nothing;
    facts.poll = POLLER_WITHOUT_TOKEN;
    assert_reason(&facts, "cannot log in: authd has no access token yet");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_node_that_dms_answered_waits_for_nothing),
        cmocka_unit_test(what_hinders_first_is_told),
        cmocka_unit_test(what_fails_for_tasks_is_told_though_the_last_poll_was_answered),
        cmocka_unit_test(a_login_that_takes_long_is_told_before_it_failed),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
