#include "libcommon/base/secret.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static void a_secret_holds_any_bytes_and_ends_with_a_nul(void **state)
{
    (void)state;
    struct secret secret = SECRET_EMPTY;
    secret_assign(&secret, "a\0b", 3);
    assert_int_equal(secret.length, 3);
    assert_memory_equal(secret.bytes, "a\0b", 4);
    secret_assign(&secret, "", 0);
    assert_int_equal(secret.length, 0);
    assert_non_null(secret.bytes);
    secret_wipe(&secret);
    secret_wipe(&secret);
    assert_null(secret.bytes);
}

static void a_secret_may_be_replaced_by_a_part_of_itself(void **state)
{
    (void)state;
    struct secret secret = SECRET_EMPTY;
    secret_assign(&secret, "0xabcdef", 8);
    secret_assign(&secret, secret.bytes + 2, 6);
    assert_string_equal(secret.bytes, "abcdef");
    secret_assign_locked(&secret, secret.bytes + 3, 3);
    assert_string_equal(secret.bytes, "def");
    secret_assign(&secret, secret.bytes, 2);
    assert_string_equal(secret.bytes, "de");
    secret_wipe(&secret);
}

static void a_secret_of_whole_pages_has_room_for_its_nul(void **state)
{
    (void)state;
    size_t page = (size_t)sysconf(_SC_PAGESIZE);
    char *bytes = malloc(2 * page);
    memset(bytes, 'x', 2 * page);
    for (size_t length = page - 1; length <= page + 1; length++) {
        struct secret secret = SECRET_EMPTY;
        secret_assign_locked(&secret, bytes, length);
        assert_int_equal(strlen(secret.bytes), length);
        secret_wipe(&secret);
    }
    free(bytes);
}

static void secrets_are_equal_when_all_their_bytes_are(void **state)
{
    (void)state;
    struct secret left = SECRET_EMPTY;
    struct secret right = SECRET_EMPTY;
    assert_true(secret_equal(&left, &right));
    secret_assign(&left, "a\0b", 3);
    assert_false(secret_equal(&left, &right));
    secret_assign(&right, "a\0c", 3);
    assert_false(secret_equal(&left, &right));
    secret_assign(&right, "a\0b", 3);
    assert_true(secret_equal(&left, &right));
    secret_wipe(&left);
    secret_wipe(&right);
}

/* The kernel's words for the mapping that holds `address`: "dd" keeps it out of core files. */
static bool is_kept_out_of_core_files(const void *address)
{
    char line[512];
    bool here = false;
    bool found = false;
    FILE *file = fopen("/proc/self/smaps", "re");
    assert_non_null(file);
    while (fgets(line, sizeof line, file)) {
        char *middle = NULL;
        unsigned long begin = strtoul(line, &middle, 16);
        if (*middle == '-')
            here = (uintptr_t)address >= begin && (uintptr_t)address < strtoul(middle + 1, NULL, 16);
        else if (here && strncmp(line, "VmFlags:", 8) == 0)
            found = strstr(line, " dd") != NULL;
    }
    fclose(file);
    return found;
}

static void a_secret_is_kept_out_of_logs_and_a_locked_one_out_of_core_files(void **state)
{
    (void)state;
    char form[SECRET_LOG_FORM_BYTES];
    struct secret secret = SECRET_EMPTY;
    secret_assign_locked(&secret, "do-not-show", 11);
    assert_true(is_kept_out_of_core_files(secret.bytes));
    assert_string_equal(secret_log_form(&secret, form), "(secret, 11 bytes)");
    secret_wipe(&secret);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_secret_holds_any_bytes_and_ends_with_a_nul),
        cmocka_unit_test(a_secret_may_be_replaced_by_a_part_of_itself),
        cmocka_unit_test(a_secret_of_whole_pages_has_room_for_its_nul),
        cmocka_unit_test(secrets_are_equal_when_all_their_bytes_are),
        cmocka_unit_test(a_secret_is_kept_out_of_logs_and_a_locked_one_out_of_core_files),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
