/* services/leased/dms/report.h: the bodies of complete and fail (docs/network.md 3.4, 3.5). */
#include "services/leased/dms/report.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <stdlib.h>
#include <string.h>

static const struct message_artifacts none;

static struct lease lease_of_reports(void)
{
    static char task[] = "task-now";
    static char domain[] = "domain";
    static char capability[] = "/x/\"v1\"";
    return (struct lease){.task_id = task, .domain_id = domain, .capability = capability};
}

static void a_report_has_exactly_the_contract_s_fields(void **state)
{
    (void)state;
    char path[] = "p/a.ply";
    char name[] = "p_a_ply_t";
    char type[] = "ply";
    char id[] = "id1";
    struct message_artifact one = {.logical_path = path, .name = name, .data_type = type, .id = id};
    const struct message_artifacts artifacts = {.artifacts = {&one, 1}};
    const struct lease lease = lease_of_reports();
    char *body = report_compose_complete(&lease, &artifacts);
    assert_string_equal(
        body, "{\"output_cids\":[\"id1\"],\"meta\":{\"job\":{\"task_id\":\"task-now\",\"job_id\":null,"
              "\"domain_id\":\"domain\",\"capability\":\"/x/\\\"v1\\\"\"},\"artifacts\":[{"
              "\"logical_path\":\"p/a.ply\",\"name\":\"p_a_ply_t\",\"data_type\":\"ply\","
              "\"id\":\"id1\"}]}}");
    free(body);
    body = report_compose_fail(&lease, &none, "exit status 3");
    assert_string_equal(body, "{\"reason\":\"exit status 3\",\"details\":{\"job\":{\"task_id\":\"task-now\","
                              "\"job_id\":null,\"domain_id\":\"domain\",\"capability\":\"/x/\\\"v1\\\"\"},"
                              "\"artifacts\":[]}}");
    free(body);
    body = report_compose_setup_fail("build_ports", "no domain");
    assert_string_equal(body, "{\"reason\":\"node_setup_failed\",\"details\":{\"stage\":\"build_ports\","
                              "\"error\":\"no domain\"}}");
    free(body);
}

static void every_artifact_is_listed_in_order(void **state)
{
    (void)state;
    char path[] = "a";
    char other_path[] = "b";
    char id[] = "id1";
    char other_id[] = "id2";
    char job[] = "job";
    struct message_artifact two[] = {
        {.logical_path = path, .name = path, .data_type = path, .id = id},
        {.logical_path = other_path, .name = other_path, .data_type = other_path, .id = other_id}};
    const struct message_artifacts artifacts = {.artifacts = {two, 2}};
    struct lease lease = lease_of_reports();
    lease.job_id = job;
    const char *listed =
        "\"artifacts\":[{\"logical_path\":\"a\",\"name\":\"a\",\"data_type\":\"a\",\"id\":\"id1\"},"
        "{\"logical_path\":\"b\",\"name\":\"b\",\"data_type\":\"b\",\"id\":\"id2\"}]}}";
    char *body = report_compose_complete(&lease, &artifacts);
    assert_non_null(strstr(body, "{\"output_cids\":[\"id1\",\"id2\"],\"meta\":{"));
    assert_non_null(strstr(body, "\"job_id\":\"job\""));
    assert_non_null(strstr(body, listed));
    free(body);
    body = report_compose_fail(&lease, &artifacts, "r");
    assert_non_null(strstr(body, listed));
    free(body);
    body = report_compose_complete(&lease, &none);
    assert_non_null(strstr(body, "{\"output_cids\":[],"));
    assert_non_null(strstr(body, "\"artifacts\":[]}}"));
    free(body);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_report_has_exactly_the_contract_s_fields),
        cmocka_unit_test(every_artifact_is_listed_in_order),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
