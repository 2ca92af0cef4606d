#include "services/runnerd/work/noop.h"

#include "libcommon/json/json_text.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

static char paths[512];
static bool refuse;

static bool collect(void *context, const char *rel_path, const char *text, size_t length)
{
    struct error error;
    (void)context;
    snprintf(paths + strlen(paths), sizeof paths - strlen(paths), "%s\n", rel_path);
    if (strstr(rel_path, ".json"))
        assert_true(json_text_parse(text, length, NULL, &error));
    return !refuse;
}

static void the_six_files_of_the_contract_are_valid(void **state)
{
    (void)state;
    char id[] = "t-\"1";
    char cid[] = "c\n1";
    char *cids[] = {cid};
    const struct message_host_command command = {.task_id = id, .inputs = {cids, 1}};
    const struct message_input inputs[] = {{.cid = cid}};
    paths[0] = '\0';
    refuse = false;
    assert_true(noop_write_files(&command, inputs, collect, NULL));
    assert_string_equal(paths, "job_manifest.json\n"
                               "refined/global/refined_manifest.json\n"
                               "refined/global/RefinedPointCloudReduced.ply\n"
                               "outputs_index.json\n"
                               "result.json\n"
                               "scan_data_summary.json\n");
}

static void a_file_that_cannot_be_written_ends_it(void **state)
{
    (void)state;
    const struct message_host_command command = {.task_id = NULL};
    paths[0] = '\0';
    refuse = true;
    assert_false(noop_write_files(&command, NULL, collect, NULL));
    assert_string_equal(paths, "job_manifest.json\n");
}

static void the_point_cloud_has_a_complete_header_and_no_vertex(void **state)
{
    (void)state;
    assert_memory_equal(noop_point_cloud, "ply\nformat ascii 1.0\n", 21);
    assert_non_null(strstr(noop_point_cloud, "\nelement vertex 0\n"));
    size_t length = strlen(noop_point_cloud);
    assert_string_equal(noop_point_cloud + length - 11, "end_header\n");
}

static void an_input_is_reported_with_all_its_names(void **state)
{
    (void)state;
    char cid[] = "c";
    char data_id[] = "i";
    const struct message_input input = {.cid = cid, .data_id = data_id};
    char *event = noop_input_event(&input);
    assert_string_equal(event,
                        "{\"event\":\"materialize_input\",\"cid\":\"c\",\"dataId\":\"i\",\"dataType\":null,"
                        "\"name\":null,\"domainId\":null}");
    free(event);
    char *progress = noop_progress(3);
    assert_string_equal(progress, "{\"stage\":\"inputs_materialized\",\"inputsCount\":3}");
    free(progress);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_six_files_of_the_contract_are_valid),
        cmocka_unit_test(a_file_that_cannot_be_written_ends_it),
        cmocka_unit_test(the_point_cloud_has_a_complete_header_and_no_vertex),
        cmocka_unit_test(an_input_is_reported_with_all_its_names),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
