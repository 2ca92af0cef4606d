/* services/authd/dds/dds_body.h: what a robot says (docs/network.md 1.4). */
#include "services/authd/dds/dds_body.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

static struct secret secret_of(const char *text)
{
    struct secret secret = SECRET_EMPTY;
    secret_assign(&secret, text, strlen(text));
    return secret;
}

static void a_robot_registers_with_its_three_fields(void **state)
{
    (void)state;
    struct secret credentials = secret_of("a \"quoted\" \\ one");
    struct json_writer body = JSON_WRITER_EMPTY;
    struct text_list capabilities = {0};
    text_list_add(&capabilities, "/a/v1");
    text_list_add(&capabilities, "/b/v1");
    dds_body_robot_registration(&body, &credentials, "1.2.3", &capabilities);
    assert_string_equal(body.text, "{\"registration_credentials\":\"a \\\"quoted\\\" \\\\ one\","
                                   "\"version\":\"1.2.3\",\"capabilities\":[\"/a/v1\",\"/b/v1\"]}");
    json_writer_clear(&body);
    text_list_clear(&capabilities);
    secret_wipe(&credentials);
}

static void a_robot_logs_in_with_its_credentials_alone(void **state)
{
    (void)state;
    struct secret credentials = secret_of("robot-credentials");
    struct json_writer body = JSON_WRITER_EMPTY;
    dds_body_robot_login(&body, &credentials);
    assert_string_equal(body.text, "{\"registration_credentials\":\"robot-credentials\"}");
    json_writer_clear(&body);
    secret_wipe(&credentials);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_robot_registers_with_its_three_fields),
        cmocka_unit_test(a_robot_logs_in_with_its_credentials_alone),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
