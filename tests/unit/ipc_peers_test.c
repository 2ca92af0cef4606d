/* libcommon/ipc/ipc_peers.h: who may connect to which socket. */
#include "libcommon/ipc/ipc_peers.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <string.h>

enum { NOBODY_UID = 65534 };

static struct ipc_peers parse(const char *text)
{
    struct ipc_peers peers;
    struct error error;
    if (!ipc_peers_parse(text, 1000, &peers, &error))
        fail_msg("%s", error.text);
    return peers;
}

static void each_service_has_the_uid_that_the_node_gave_it(void **state)
{
    (void)state;
    struct ipc_peers peers = parse("authd=1,stored=2,leased=3,httpd=4,runnerd=5,node=6");
    for (enum service_id id = 0; id <= SERVICE_NODE; id++)
        assert_int_equal(peers.uids[id], id + 1);
    peers = parse("runnerd=0");
    assert_int_equal(peers.uids[SERVICE_RUNNERD], 0);
    peers = parse("stored=4294967294");
    assert_int_equal(peers.uids[SERVICE_STORED], 4294967294U);
}

static void who_is_not_named_has_our_own_uid(void **state)
{
    (void)state;
    static const char *const texts[] = {
        NULL, "", "future=7", "leased2=7", "lease=7", "=7", "leased=7,leased=1000,"};
    for (size_t i = 0; i < sizeof texts / sizeof texts[0]; i++) {
        struct ipc_peers peers = parse(texts[i]);
        for (enum service_id id = 0; id <= SERVICE_NODE; id++)
            assert_int_equal(peers.uids[id], 1000);
    }
}

static void an_odd_pair_is_shown(void **state)
{
    (void)state;
    struct ipc_peers peers;
    struct error error;
    assert_false(ipc_peers_parse("authd=1,stored=x,leased=3", 1000, &peers, &error));
    assert_int_equal(error.code, ERROR_INVALID);
    assert_string_equal(error.text, "POSEMESH_SERVICE_UIDS has 'stored=x', expected service=uid");
    assert_false(ipc_peers_parse("authd=1,,leased=3", 1000, &peers, &error));
    assert_string_equal(error.text, "POSEMESH_SERVICE_UIDS has '', expected service=uid");
    /* That number means "as it is" to the kernel: it is nobody's. */
    assert_false(ipc_peers_parse("authd=4294967295", 1000, &peers, &error));
    assert_string_equal(error.text, "POSEMESH_SERVICE_UIDS has 'authd=4294967295', expected service=uid");
    assert_false(ipc_peers_parse("authd", 1000, &peers, &error));
    assert_string_equal(error.text, "POSEMESH_SERVICE_UIDS has 'authd', expected service=uid");
}

/* docs/protocol.md, the table of sockets: the owner asks itself (--health), root may do anything anyway. */
static void only_the_callers_the_owner_and_root_may_connect(void **state)
{
    (void)state;
    static const struct {
        enum role role;
        const char *allowed; /* beside root */
    } roles[] = {{ROLE_authd_token, "authd leased"},         {ROLE_authd_callback, "authd httpd"},
                 {ROLE_leased_runner, "leased runnerd"},     {ROLE_leased_control, "leased node"},
                 {ROLE_stored_session, "stored leased"},     {ROLE_stored_runner, "stored runnerd"},
                 {ROLE_authd_status, "authd httpd node"},    {ROLE_stored_status, "stored httpd node"},
                 {ROLE_leased_status, "leased httpd node"},  {ROLE_httpd_status, "httpd node"},
                 {ROLE_runnerd_status, "runnerd httpd node"}};
    assert_int_equal(sizeof roles / sizeof roles[0], ROLE_COUNT);
    const struct ipc_peers peers = parse("authd=1,stored=2,leased=3,httpd=4,runnerd=5,node=6");
    for (size_t i = 0; i < sizeof roles / sizeof roles[0]; i++) {
        for (enum service_id id = 0; id <= SERVICE_NODE; id++)
            assert_int_equal(ipc_peers_allow(&peers, roles[i].role, peers.uids[id]),
                             strstr(roles[i].allowed, service_name(id)) != NULL);
        assert_true(ipc_peers_allow(&peers, roles[i].role, 0));
        assert_false(ipc_peers_allow(&peers, roles[i].role, NOBODY_UID));
        assert_false(ipc_peers_allow(&peers, roles[i].role, 1000));
    }
}

static void every_service_answers_for_itself(void **state)
{
    (void)state;
    for (enum service_id id = 0; id < SERVICE_COUNT; id++) {
        assert_int_equal(role_infos[role_status_of(id)].owner, id);
        assert_string_equal(role_infos[role_status_of(id)].folder, "status");
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(each_service_has_the_uid_that_the_node_gave_it),
        cmocka_unit_test(who_is_not_named_has_our_own_uid),
        cmocka_unit_test(an_odd_pair_is_shown),
        cmocka_unit_test(only_the_callers_the_owner_and_root_may_connect),
        cmocka_unit_test(every_service_answers_for_itself),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
