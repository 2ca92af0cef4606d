#include "services/runnerd/work/work.h"

#include "libcommon/files/file.h"
#include "libcommon/json/json_text.h"
#include "tests/unit/temporary_folder.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

/* What the work tells leased, one line each, in the place of what would send it. */
static char told[1024];

static void tell(const char *json, size_t length)
{
    size_t used = strlen(told);
    snprintf(told + used, sizeof told - used, "%.*s\n", (int)length, json);
}

void job_updates_event(struct job_updates *updates, const char *json, size_t length)
{
    (void)updates;
    tell(json, length);
}

void job_updates_progress(struct job_updates *updates, const char *json, size_t length)
{
    (void)updates;
    tell(json, length);
}

struct fixture {
    char folder[TEMPORARY_FOLDER_BYTES];
    int fd;
    struct loop *loop;
    struct work *work;
    bool done;
    bool succeeded;
    char reason[ERROR_TEXT_BYTES];
};

static int set_up(void **state)
{
    struct error error;
    struct fixture *fixture = calloc(1, sizeof *fixture);
    temporary_folder_make(fixture->folder, "noop");
    fixture->fd = open(fixture->folder, O_RDONLY | O_DIRECTORY);
    fixture->loop = loop_create(&error);
    told[0] = '\0';
    *state = fixture;
    return 0;
}

static int tear_down(void **state)
{
    struct fixture *fixture = *state;
    fixture->work->kind->free(fixture->work);
    loop_free(fixture->loop);
    close(fixture->fd);
    temporary_folder_remove(fixture->folder);
    free(fixture);
    return 0;
}

static void on_done(void *context, bool succeeded, const char *reason)
{
    struct fixture *fixture = context;
    assert_false(fixture->done);
    fixture->done = true;
    fixture->succeeded = succeeded;
    snprintf(fixture->reason, sizeof fixture->reason, "%s", reason ? reason : "");
}

static char task_id[] = "t-\"1";
static char cid[] = "c\n1";
static char data_id[] = "i";
static char *cids[] = {cid};
static const struct message_host_command command = {.task_id = task_id, .inputs = {cids, 1}};
static const struct message_input inputs[] = {{.cid = cid, .data_id = data_id}};

static void start(struct fixture *fixture, int64_t sleep_secs)
{
    struct error error;
    fixture->work = work_noop.start(&(struct work_options){.loop = fixture->loop,
                                                           .command = &command,
                                                           .inputs = inputs,
                                                           .workspace_fd = fixture->fd,
                                                           .noop_sleep_secs = sleep_secs,
                                                           .on_done = on_done,
                                                           .context = fixture},
                                    &error);
    assert_non_null(fixture->work);
    assert_false(fixture->done);
}

static void run(struct fixture *fixture)
{
    struct error error;
    start(fixture, 0);
    for (int i = 0; i < 100 && !fixture->done; i++)
        assert_true(loop_turn(fixture->loop, 100, &error));
    assert_true(fixture->done);
}

static char *read_output(const struct fixture *fixture, const char *path, size_t *length)
{
    char below[128];
    struct error error;
    snprintf(below, sizeof below, "outputs/%s", path);
    char *text = file_read_text(fixture->fd, below, 4096, false, length, &error);
    assert_non_null(text);
    return text;
}

static void the_six_files_of_the_contract_are_valid(void **state)
{
    static const char *const paths[] = {"job_manifest.json", "refined/global/refined_manifest.json",
                                        "outputs_index.json", "result.json", "scan_data_summary.json"};
    struct fixture *fixture = *state;
    struct error error;
    struct json_slice value;
    size_t length;
    run(fixture);
    assert_true(fixture->succeeded);
    for (size_t i = 0; i < sizeof paths / sizeof paths[0]; i++) {
        char *text = read_output(fixture, paths[i], &length);
        assert_true(json_text_parse(text, length, &value, &error));
        assert_non_null(strstr(text, "\"taskId\":\"t-\\\"1\""));
        free(text);
    }
    char *index = read_output(fixture, "outputs_index.json", &length);
    assert_non_null(strstr(index,
                           "\"outputs\":[\"job_manifest.json\",\"refined/global/refined_manifest.json\","
                           "\"refined/global/RefinedPointCloudReduced.ply\",\"outputs_index.json\","
                           "\"result.json\",\"scan_data_summary.json\"]"));
    free(index);
}

static void the_point_cloud_has_a_complete_header_and_no_vertex(void **state)
{
    struct fixture *fixture = *state;
    size_t length;
    run(fixture);
    char *cloud = read_output(fixture, "refined/global/RefinedPointCloudReduced.ply", &length);
    assert_memory_equal(cloud, "ply\nformat ascii 1.0\n", 21);
    assert_non_null(strstr(cloud, "\nelement vertex 0\n"));
    assert_string_equal(cloud + length - 11, "end_header\n");
    free(cloud);
}

static void a_file_that_cannot_be_written_ends_it(void **state)
{
    struct fixture *fixture = *state;
    struct stat status;
    assert_int_equal(mkdirat(fixture->fd, "outputs", 0700), 0);
    assert_int_equal(mkdirat(fixture->fd, "outputs/outputs_index.json", 0700), 0);
    run(fixture);
    assert_false(fixture->succeeded);
    assert_non_null(strstr(fixture->reason, "outputs/outputs_index.json"));
    assert_int_equal(fstatat(fixture->fd, "outputs/job_manifest.json", &status, 0), 0);
    assert_int_equal(fstatat(fixture->fd, "outputs/result.json", &status, 0), -1);
}

static void an_input_is_reported_with_all_its_names(void **state)
{
    start(*state, 3600);
    assert_string_equal(
        told, "{\"event\":\"materialize_input\",\"cid\":\"c\\n1\",\"dataId\":\"i\",\"dataType\":null,"
              "\"name\":null,\"domainId\":null}\n"
              "{\"stage\":\"inputs_materialized\",\"inputsCount\":1}\n");
}

static void a_job_that_is_stopped_leaves_nothing(void **state)
{
    struct fixture *fixture = *state;
    struct error error;
    struct stat status;
    start(fixture, 0);
    fixture->work->kind->stop(fixture->work, false);
    assert_true(fixture->done);
    assert_false(fixture->succeeded);
    assert_true(loop_turn(fixture->loop, 0, &error));
    assert_int_equal(fstatat(fixture->fd, "outputs", &status, 0), -1);
}

#define NOOP_TEST(test) cmocka_unit_test_setup_teardown(test, set_up, tear_down)

int main(void)
{
    const struct CMUnitTest tests[] = {
        NOOP_TEST(the_six_files_of_the_contract_are_valid),
        NOOP_TEST(the_point_cloud_has_a_complete_header_and_no_vertex),
        NOOP_TEST(a_file_that_cannot_be_written_ends_it),
        NOOP_TEST(an_input_is_reported_with_all_its_names),
        NOOP_TEST(a_job_that_is_stopped_leaves_nothing),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
