/* services/node/id_owners.h: the numbers that services get are nobody's. */
#include "services/node/id_owners.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <unistd.h>

static const char *nobody(unsigned id)
{
    (void)id;
    return NULL;
}

static const char *alice(unsigned id)
{
    return id == 1002 ? "alice" : NULL;
}

static const char *staff(unsigned id)
{
    return id == 1000 ? "staff" : NULL;
}

static const char *ours(unsigned id)
{
    return id == 1000 ? "posemesh" : "posemesh-service";
}

static const char *unreachable(unsigned id)
{
    (void)id;
    errno = EIO;
    return NULL;
}

static const char *unknown(unsigned id)
{
    (void)id;
    errno = ENOENT;
    return NULL;
}

static bool check(uid_t own, int64_t base, id_owner_function *user, id_owner_function *group,
                  struct error *error)
{
    const struct id_owners owners = {user, group};
    struct identities identities;
    identities_choose(&identities, base, own);
    return id_owners_check(&identities, &owners, error);
}

static void numbers_of_users_and_groups_are_refused(void **state)
{
    struct error error;
    (void)state;
    assert_false(check(0, 1000, alice, nobody, &error));
    assert_non_null(strstr(error.text, "POSEMESH_UID_BASE is 1000, but uid 1002 is the user alice"));
    assert_non_null(strstr(error.text, "nor do the 5 behind it"));
    assert_false(check(0, 1000, nobody, alice, &error));
    assert_non_null(strstr(error.text, "gid 1002 is the group alice"));
    assert_false(check(0, 1000, nobody, staff, &error));
    assert_non_null(strstr(error.text, "gid 1000 is the group staff"));
}

static void numbers_beside_them_and_our_own_are_taken(void **state)
{
    struct error error;
    (void)state;
    assert_true(check(0, 1003, alice, alice, &error));
    assert_true(check(0, 1000, staff, nobody, &error)); /* of the first number only the gid is used */
    assert_true(check(0, 1000, ours, ours, &error));
}

static void an_ordinary_user_takes_none(void **state)
{
    struct error error;
    (void)state;
    assert_true(check(1002, 1000, alice, alice, &error));
}

/* Runs it with stderr in `said`. */
static bool check_and_hear(id_owner_function *owner, char *said, size_t size)
{
    struct error error;
    int ends[2];
    int kept = dup(STDERR_FILENO);
    assert_int_equal(pipe2(ends, O_CLOEXEC | O_NONBLOCK), 0);
    dup2(ends[1], STDERR_FILENO);
    bool ok = check(0, 1000, owner, owner, &error);
    dup2(kept, STDERR_FILENO);
    ssize_t got = read(ends[0], said, size - 1);
    said[got > 0 ? got : 0] = '\0';
    close(kept);
    close(ends[0]);
    close(ends[1]);
    return ok;
}

static void what_cannot_be_found_out_is_warned_of(void **state)
{
    char said[4096];
    (void)state;
    assert_true(check_and_hear(unknown, said, sizeof said));
    assert_string_equal(said, "");
    assert_true(check_and_hear(unreachable, said, sizeof said));
    assert_non_null(strstr(said, "cannot find out whether uid 1001 is somebody's (Input/output error)"));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(numbers_of_users_and_groups_are_refused),
        cmocka_unit_test(numbers_beside_them_and_our_own_are_taken),
        cmocka_unit_test(an_ordinary_user_takes_none),
        cmocka_unit_test(what_cannot_be_found_out_is_warned_of),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
