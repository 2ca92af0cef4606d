#include "services/node/child_environment.h"

#include "libcommon/confine/privileges.h"
#include "libcommon/ipc/ipc_peers.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static char *const node_environment[] = {(char[]){"PATH=/bin"},
                                         (char[]){"HOME=/root"},
                                         (char[]){"LD_PRELOAD=/tmp/evil.so"},
                                         (char[]){"LC_ALL=C"},
                                         (char[]){"REG_SECRET=s"},
                                         (char[]){"REG_SECRET_FILE=/f"},
                                         (char[]){"SECP256K1_PRIVHEX=k"},
                                         (char[]){"ROBOT_REGISTRATION_CREDENTIALS_FILE=/f"},
                                         (char[]){"REGISTRATION_FLOW=robot"},
                                         (char[]){"DMS_BASE_URL=http://d"},
                                         (char[]){"LOG_LEVEL=debug"},
                                         (char[]){"POSEMESH_SECRETS_FD=9"},
                                         (char[]){"POSEMESH_LISTEN_FD=9"},
                                         (char[]){"LISTEN_FDS=1"},
                                         (char[]){"POSEMESH_RUN_AS=0:0"},
                                         (char[]){"POSEMESH_SERVICE_UIDS=authd=1000"},
                                         (char[]){"no equals sign"},
                                         (char[]){"=odd"},
                                         NULL};

static const char *value_of(const struct child_environment *environment, const char *name)
{
    const char *found = NULL;
    size_t length = strlen(name);
    for (size_t i = 0; i < environment->count; i++) {
        const char *variable = environment->variables[i];
        if (strncmp(variable, name, length) != 0 || variable[length] != '=')
            continue;
        assert_null(found); /* nothing stands there twice */
        found = variable + length + 1;
    }
    return found;
}

static struct identities identities_of(uid_t own)
{
    struct identities identities;
    identities_choose(&identities, 70000, own);
    return identities;
}

static void each_service_gets_its_own_variables_and_no_others(void **state)
{
    (void)state;
    const struct identities identities = identities_of(1000);
    for (enum service_id id = 0; id < SERVICE_COUNT; id++) {
        struct child_environment environment;
        child_environment_make(&environment, node_environment, id, &identities, 42);
        assert_string_equal(value_of(&environment, "PATH"), "/bin");
        assert_string_equal(value_of(&environment, "LC_ALL"), "C");
        assert_string_equal(value_of(&environment, "LOG_LEVEL"), "debug");
        assert_string_equal(value_of(&environment, "POSEMESH_SUPERVISOR_PID"), "42");
        assert_null(value_of(&environment, "HOME"));
        assert_null(value_of(&environment, "LD_PRELOAD"));
        assert_int_equal(value_of(&environment, "REG_SECRET_FILE") != NULL, id == SERVICE_AUTHD);
        assert_int_equal(value_of(&environment, "ROBOT_REGISTRATION_CREDENTIALS_FILE") != NULL,
                         id == SERVICE_AUTHD);
        assert_int_equal(value_of(&environment, "REGISTRATION_FLOW") != NULL,
                         id == SERVICE_AUTHD || id == SERVICE_HTTPD);
        assert_int_equal(value_of(&environment, "DMS_BASE_URL") != NULL, id == SERVICE_LEASED);
        assert_null(environment.variables[environment.count]);
        child_environment_clear(&environment);
    }
}

static void authd_alone_hears_of_the_sealed_secrets(void **state)
{
    (void)state;
    const struct identities identities = identities_of(0);
    for (enum service_id id = 0; id < SERVICE_COUNT; id++) {
        struct child_environment environment;
        child_environment_make(&environment, node_environment, id, &identities, 42);
        const char *fd = value_of(&environment, "POSEMESH_SECRETS_FD");
        if (id == SERVICE_AUTHD)
            assert_string_equal(fd, "6");
        else
            assert_null(fd);
        child_environment_clear(&environment);
    }
}

static void httpd_is_told_of_the_socket_that_it_is_handed(void **state)
{
    (void)state;
    const struct identities identities = identities_of(0);
    struct child_environment environment;
    child_environment_make(&environment, node_environment, SERVICE_HTTPD, &identities, 42);
    assert_null(value_of(&environment, "POSEMESH_LISTEN_FD"));
    assert_null(value_of(&environment, "LISTEN_FDS"));
    child_environment_add_listener(&environment);
    assert_string_equal(value_of(&environment, "POSEMESH_LISTEN_FD"), "6");
    child_environment_clear(&environment);
}

static void who_the_services_are_is_the_node_s_word_not_the_caller_s(void **state)
{
    (void)state;
    struct child_environment environment;
    struct identities identities = identities_of(0);
    child_environment_make(&environment, node_environment, SERVICE_STORED, &identities, 42);
    assert_string_equal(value_of(&environment, "POSEMESH_RUN_AS"), "70002:70002,70000,70005");
    assert_string_equal(value_of(&environment, "POSEMESH_SERVICE_UIDS"),
                        "authd=70001,stored=70002,leased=70003,httpd=70004,runnerd=70005");
    child_environment_clear(&environment);

    /* Without root there is nobody else to become. */
    identities = identities_of(1000);
    child_environment_make(&environment, node_environment, SERVICE_STORED, &identities, 42);
    assert_null(value_of(&environment, "POSEMESH_RUN_AS"));
    assert_string_equal(value_of(&environment, "POSEMESH_SERVICE_UIDS"),
                        "authd=1000,stored=1000,leased=1000,httpd=1000,runnerd=1000");
    child_environment_clear(&environment);
}

/* --- identities and what services read of them --- */

static void services_read_what_the_node_writes(void **state)
{
    (void)state;
    char text[IDENTITIES_TEXT_BYTES];
    struct error error;
    struct identities identities;
    struct privileges privileges;
    struct ipc_peers peers;
    identities_choose(&identities, 4000000000, 0);
    identities_format_run_as(&identities, SERVICE_STORED, text);
    assert_true(privileges_parse(text, &privileges, &error));
    assert_int_equal(privileges.uid, 4000000002U);
    assert_int_equal(privileges.gid, 4000000002U);
    assert_int_equal(privileges.group_count, 2);
    identities_format_peers(&identities, text);
    assert_true(ipc_peers_parse(text, 1, &peers, &error));
    assert_int_equal(peers.uids[SERVICE_RUNNERD], 4000000005U);
}

static void an_odd_identity_is_refused(void **state)
{
    (void)state;
    struct error error;
    struct privileges privileges;
    static const char *const odd[] = {"",      "1",     ":",
                                      "1:",    "1:2:3", " 1:2",
                                      "-1:-1", "+1:2",  "4294967295:1",
                                      "a:b",   "1:2,x", "1:2,1,2,3,4,5,6,7,8,9"};
    for (size_t i = 0; i < sizeof odd / sizeof odd[0]; i++)
        assert_false(privileges_parse(odd[i], &privileges, &error));
}

static void an_odd_uid_of_a_peer_is_refused(void **state)
{
    (void)state;
    struct error error;
    struct ipc_peers peers;
    static const char *const odd[] = {
        "authd",   "authd=", "authd= 5", "authd=+5", "authd=-18446744073709551611", "authd=4294967295",
        "authd=5x"};
    for (size_t i = 0; i < sizeof odd / sizeof odd[0]; i++)
        assert_false(ipc_peers_parse(odd[i], 1, &peers, &error));
}

static void what_a_library_or_a_test_build_reads_reaches_every_service(void **state)
{
    (void)state;
    char *const variables[] = {(char[]){"LANG=C"},
                               (char[]){"TZ=UTC"},
                               (char[]){"TMPDIR=/t"},
                               (char[]){"http_proxy=p"},
                               (char[]){"https_proxy=p"},
                               (char[]){"HTTPS_PROXY=p"},
                               (char[]){"all_proxy=p"},
                               (char[]){"ALL_PROXY=p"},
                               (char[]){"no_proxy=n"},
                               (char[]){"NO_PROXY=n"},
                               (char[]){"CURL_CA_BUNDLE=c"},
                               (char[]){"SSL_CERT_FILE=c"},
                               (char[]){"SSL_CERT_DIR=c"},
                               (char[]){"ASAN_OPTIONS=a"},
                               (char[]){"UBSAN_OPTIONS=u"},
                               (char[]){"LSAN_OPTIONS=l"},
                               (char[]){"GCOV_PREFIX=g"},
                               (char[]){"POSEMESH_CRASH_AT=c"},
                               (char[]){"LC_=x"},
                               NULL};
    char *const others[] = {
        (char[]){"LANGUAGE=C"},   (char[]){"PAT=x"},  (char[]){"PATHS=x"}, (char[]){"LC=x"},
        (char[]){"HTTP_PROXY=p"}, (char[]){"path=x"}, (char[]){"PATH"},    NULL};
    const struct identities identities = identities_of(1000);
    for (enum service_id id = 0; id < SERVICE_COUNT; id++) {
        struct child_environment environment;
        child_environment_make(&environment, variables, id, &identities, 42);
        for (size_t i = 0; variables[i]; i++)
            assert_string_equal(environment.variables[i], variables[i]);
        child_environment_clear(&environment);
        assert_null(environment.variables);
        child_environment_make(&environment, others, id, &identities, 42);
        for (size_t i = 0; i < environment.count; i++)
            for (size_t other = 0; others[other]; other++)
                assert_string_not_equal(environment.variables[i], others[other]);
        child_environment_clear(&environment);
    }
}

static void uids_are_counted_from_a_base_that_leaves_room(void **state)
{
    (void)state;
    struct identities identities;
    char text[IDENTITIES_TEXT_BYTES];
    identities_choose(&identities, IDENTITIES_BASE_DEFAULT, 0);
    assert_true(identities.separate);
    assert_int_equal(identities.shared_gid, 64800);
    for (enum service_id id = 0; id < SERVICE_COUNT; id++)
        assert_int_equal(identities.ids[id], 64801 + id);
    identities_format_run_as(&identities, SERVICE_HTTPD, text);
    assert_string_equal(text, "64804:64804,64800");
    identities_choose(&identities, 1000, 0);
    assert_int_equal(identities.ids[SERVICE_AUTHD], 1001);
    identities_choose(&identities, 4000000000, 0);
    /* Started as a user, all are that user. */
    identities_choose(&identities, 5000, 1234);
    assert_false(identities.separate);
    assert_int_equal(identities.shared_gid, getgid());
    for (enum service_id id = 0; id < SERVICE_COUNT; id++)
        assert_int_equal(identities.ids[id], 1234);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(each_service_gets_its_own_variables_and_no_others),
        cmocka_unit_test(authd_alone_hears_of_the_sealed_secrets),
        cmocka_unit_test(httpd_is_told_of_the_socket_that_it_is_handed),
        cmocka_unit_test(who_the_services_are_is_the_node_s_word_not_the_caller_s),
        cmocka_unit_test(services_read_what_the_node_writes),
        cmocka_unit_test(an_odd_identity_is_refused),
        cmocka_unit_test(an_odd_uid_of_a_peer_is_refused),
        cmocka_unit_test(what_a_library_or_a_test_build_reads_reaches_every_service),
        cmocka_unit_test(uids_are_counted_from_a_base_that_leaves_room),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
