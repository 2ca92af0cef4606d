#include "libcommon/confine/environment.h"

#include "libcommon/base/limits.h"
#include "libcommon/base/memory.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <unistd.h>

static const char *const secrets[] = {"KEY", "CREDENTIALS"};

static int seal(char **variables)
{
    struct error error;
    const struct environment environment = {.variables = variables, .sealed = SECRET_EMPTY, .sealed_fd = -1};
    int fd = environment_seal(&environment, secrets, 2, &error);
    assert_true(fd >= 0);
    return fd;
}

static bool open_with_fd(struct environment *environment, const char *number, struct error *error)
{
    static char variable[64];
    static char other[] = "OTHER=visible";
    static char *variables[3];
    snprintf(variable, sizeof variable, ENVIRONMENT_SECRETS_FD "=%s", number);
    variables[0] = variable;
    variables[1] = other;
    variables[2] = NULL;
    return environment_open(environment, variables, error);
}

static void sealed_secrets_are_found_beside_the_environment(void **state)
{
    (void)state;
    struct error error;
    struct environment environment;
    char number[16];
    int fd = seal((char *[]){(char[]){"KEY=se=cret"}, (char[]){"PATH=/bin"}, (char[]){"CREDENTIALS="}, NULL});
    snprintf(number, sizeof number, "%d", fd);
    assert_true(open_with_fd(&environment, number, &error));
    assert_string_equal(environment_get(&environment, "KEY"), "se=cret");
    assert_string_equal(environment_get(&environment, "CREDENTIALS"), "");
    assert_string_equal(environment_get(&environment, "OTHER"), "visible");
    assert_null(environment_get(&environment, "PATH"));
    assert_null(environment_get(&environment, "KE"));
    assert_int_equal(environment.sealed_fd, fd);
    assert_true(fcntl(fd, F_GETFD) & FD_CLOEXEC);
    environment_close(&environment);
    assert_null(environment.sealed.bytes);
    close(fd);
}

static void nobody_changes_sealed_secrets(void **state)
{
    (void)state;
    int fd = seal((char *[]){(char[]){"KEY=secret"}, NULL});
    assert_int_equal(pwrite(fd, "x", 1, 0), -1);
    assert_int_equal(ftruncate(fd, 0), -1);
    assert_ptr_equal(mmap(NULL, 4096, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0), MAP_FAILED);
    close(fd);
}

static void a_descriptor_that_is_no_sealed_memory_file_is_refused(void **state)
{
    (void)state;
    struct error error;
    struct environment environment;
    char number[16];
    char path[] = "/tmp/posemesh-environment-XXXXXX";
    int file = mkstemp(path);
    int unsealed = memfd_create("test", MFD_ALLOW_SEALING);
    unlink(path);
    const int fds[] = {file, unsealed, 999};
    for (size_t i = 0; i < sizeof fds / sizeof fds[0]; i++) {
        snprintf(number, sizeof number, "%d", fds[i]);
        assert_false(open_with_fd(&environment, number, &error));
        assert_int_equal(error.code, ERROR_INVALID);
        assert_int_equal(environment.sealed_fd, -1);
        environment_close(&environment);
    }
    /* It was not ours, so it is left as it was. */
    assert_int_equal(fcntl(unsealed, F_GETFD) & FD_CLOEXEC, 0);
    static const char *const odd[] = {"", " ", "-1", "3x", "0x3", "99999999999999999999"};
    for (size_t i = 0; i < sizeof odd / sizeof odd[0]; i++)
        assert_false(open_with_fd(&environment, odd[i], &error));
    close(file);
    close(unsealed);
}

static void secrets_too_long_are_refused_and_not_cut(void **state)
{
    (void)state;
    struct error error;
    char *variable = memory_format("KEY=%0*d", LIMIT_SECRET_FILE_BYTES, 0);
    const struct environment environment = {
        .variables = (char *[]){variable, NULL}, .sealed = SECRET_EMPTY, .sealed_fd = -1};
    assert_int_equal(environment_seal(&environment, secrets, 2, &error), -1);
    assert_int_equal(error.code, ERROR_TOO_LARGE);
    assert_null(strstr(error.text, "000"));
    free(variable);
}

static void secrets_that_were_written_in_part_are_an_error(void **state)
{
    (void)state;
    struct error error;
    struct rlimit limit;
    const struct environment environment = {
        .variables = (char *[]){(char[]){"KEY=secret"}, NULL}, .sealed = SECRET_EMPTY, .sealed_fd = -1};
    assert_int_equal(getrlimit(RLIMIT_FSIZE, &limit), 0);
    const struct rlimit four_bytes = {4, limit.rlim_max};
    assert_int_equal(setrlimit(RLIMIT_FSIZE, &four_bytes), 0);
    int fd = environment_seal(&environment, secrets, 2, &error);
    assert_int_equal(setrlimit(RLIMIT_FSIZE, &limit), 0);
    assert_int_equal(fd, -1);
    assert_non_null(strstr(error.text, "cannot write the sealed secrets"));
}

static void secrets_that_cannot_be_read_are_an_error(void **state)
{
    (void)state;
    struct error error;
    struct environment environment;
    char path[64];
    char number[16];
    int fd = seal((char *[]){(char[]){"KEY=secret"}, NULL});
    snprintf(path, sizeof path, "/proc/self/fd/%d", fd);
    int write_only = open(path, O_WRONLY | O_CLOEXEC);
    assert_true(write_only >= 0);
    snprintf(number, sizeof number, "%d", write_only);
    assert_false(open_with_fd(&environment, number, &error));
    assert_string_equal(error.text, "cannot read the sealed secrets: Bad file descriptor");
    environment_close(&environment);
    close(write_only);
    close(fd);
}

/* Whoever starts the node may have closed its standard input. */
static void any_descriptor_may_hold_the_secrets(void **state)
{
    (void)state;
    int kept = fcntl(STDIN_FILENO, F_DUPFD_CLOEXEC, 3);
    close(STDIN_FILENO);
    int fd = seal((char *[]){(char[]){"KEY=secret"}, NULL});
    struct error error;
    struct environment environment;
    assert_int_equal(fd, STDIN_FILENO);
    assert_true(open_with_fd(&environment, "0", &error));
    assert_string_equal(environment_get(&environment, "KEY"), "secret");
    environment_close(&environment);
    close(fd);
    if (kept >= 0) {
        dup2(kept, STDIN_FILENO);
        close(kept);
    }
}

static void wiping_removes_each_copy_and_its_bytes(void **state)
{
    (void)state;
    char first[] = "KEY=one";
    char twice[] = "KEY=two";
    char similar[] = "KEYS=kept";
    char *variables[] = {first, similar, twice, NULL};
    environment_wipe(variables, secrets, 2);
    assert_ptr_equal(variables[0], similar);
    assert_null(variables[1]);
    for (size_t i = 0; i < sizeof first; i++)
        assert_true(first[i] == 0 && twice[i] == 0);
    assert_string_equal(similar, "KEYS=kept");
}

static void secrets_of_64_kib_are_the_longest(void **state)
{
    (void)state;
    struct error error;
    struct environment environment;
    char number[16];
    enum { OVERHEAD = 5 }; /* KEY= and the NUL */
    char *longest = memory_format("KEY=%0*d", 65536 - OVERHEAD, 7);
    int fd = seal((char *[]){longest, NULL});
    snprintf(number, sizeof number, "%d", fd);
    assert_true(open_with_fd(&environment, number, &error));
    assert_string_equal(environment_get(&environment, "KEY"), longest + 4);
    environment_close(&environment);
    close(fd);
    free(longest);
    char *longer = memory_format("KEY=%0*d", 65536 - OVERHEAD + 1, 7);
    const struct environment outer = {
        .variables = (char *[]){longer, NULL}, .sealed = SECRET_EMPTY, .sealed_fd = -1};
    assert_int_equal(environment_seal(&outer, secrets, 2, &error), -1);
    assert_string_equal(error.text, "KEY has more than 65536 bytes");
    free(longer);
    /* Each fits, and together they do not. */
    char *half = memory_format("KEY=%040000d", 1);
    char *other_half = memory_format("CREDENTIALS=%040000d", 1);
    fd = seal((char *[]){half, other_half, NULL});
    snprintf(number, sizeof number, "%d", fd);
    assert_false(open_with_fd(&environment, number, &error));
    assert_int_equal(error.code, ERROR_TOO_LARGE);
    assert_string_equal(error.text, "the sealed secrets have more than 65536 bytes");
    environment_close(&environment);
    close(fd);
    free(half);
    free(other_half);
}

static void without_a_descriptor_there_are_only_variables(void **state)
{
    (void)state;
    struct error error;
    struct environment environment;
    assert_true(environment_open(
        &environment, (char *[]){(char[]){"A=1"}, (char[]){"AB=2"}, (char[]){"A=3"}, NULL}, &error));
    assert_string_equal(environment_get(&environment, "A"), "1");
    assert_string_equal(environment_get(&environment, "AB"), "2");
    assert_null(environment_get(&environment, "B"));
    assert_null(environment_get(&environment, ""));
    assert_int_equal(environment.sealed_fd, -1);
    environment_close(&environment);
}

static void a_sealed_secret_goes_before_a_variable_of_its_name(void **state)
{
    (void)state;
    struct error error;
    struct environment environment;
    char variable[64];
    int fd = seal((char *[]){(char[]){"CREDENTIALS=c"}, (char[]){"KEY=sealed"}, NULL});
    snprintf(variable, sizeof variable, ENVIRONMENT_SECRETS_FD "=%d", fd);
    char *variables[] = {(char[]){"KEY=plain"}, variable, NULL};
    assert_true(environment_open(&environment, variables, &error));
    assert_string_equal(environment_get(&environment, "KEY"), "sealed");
    assert_string_equal(environment_get(&environment, "CREDENTIALS"), "c");
    environment_close(&environment);
    close(fd);
}

static void says_why_a_descriptor_is_refused(void **state)
{
    (void)state;
    struct error error;
    struct environment environment;
    assert_false(open_with_fd(&environment, "3x", &error));
    assert_string_equal(error.text, "POSEMESH_SECRETS_FD is not a descriptor: 3x");
    assert_false(open_with_fd(&environment, "-1", &error));
    assert_string_equal(error.text, "POSEMESH_SECRETS_FD is not a descriptor: -1");
    assert_false(open_with_fd(&environment, "1000001", &error));
    assert_string_equal(error.text, "POSEMESH_SECRETS_FD is not a descriptor: 1000001");
    assert_false(open_with_fd(&environment, "999", &error));
    assert_string_equal(error.text, "POSEMESH_SECRETS_FD 999 is no sealed memory file");
}

static void secrets_that_cannot_be_sealed_are_an_error(void **state)
{
    (void)state;
    struct error error;
    struct rlimit limit;
    const struct environment environment = {
        .variables = (char *[]){(char[]){"KEY=k"}, NULL}, .sealed = SECRET_EMPTY, .sealed_fd = -1};
    assert_int_equal(getrlimit(RLIMIT_NOFILE, &limit), 0);
    assert_int_equal(setrlimit(RLIMIT_NOFILE, &(struct rlimit){0, limit.rlim_max}), 0);
    int fd = environment_seal(&environment, secrets, 2, &error);
    assert_int_equal(setrlimit(RLIMIT_NOFILE, &limit), 0);
    assert_int_equal(fd, -1);
    assert_non_null(strstr(error.text, "cannot create a memory file for the secrets"));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(sealed_secrets_are_found_beside_the_environment),
        cmocka_unit_test(nobody_changes_sealed_secrets),
        cmocka_unit_test(a_descriptor_that_is_no_sealed_memory_file_is_refused),
        cmocka_unit_test(secrets_too_long_are_refused_and_not_cut),
        cmocka_unit_test(secrets_that_were_written_in_part_are_an_error),
        cmocka_unit_test(secrets_that_cannot_be_read_are_an_error),
        cmocka_unit_test(any_descriptor_may_hold_the_secrets),
        cmocka_unit_test(wiping_removes_each_copy_and_its_bytes),
        cmocka_unit_test(secrets_of_64_kib_are_the_longest),
        cmocka_unit_test(without_a_descriptor_there_are_only_variables),
        cmocka_unit_test(a_sealed_secret_goes_before_a_variable_of_its_name),
        cmocka_unit_test(says_why_a_descriptor_is_refused),
        cmocka_unit_test(secrets_that_cannot_be_sealed_are_an_error),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
