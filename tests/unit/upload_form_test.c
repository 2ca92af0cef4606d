#include "services/stored/artifacts/upload_form.h"

#include "libcommon/base/memory.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include <cmocka.h>

enum { SEED = 7 };

static struct artifact_file make_file(const void *bytes, size_t length)
{
    struct artifact_file file;
    struct error error;
    int fd = memfd_create("artifact", MFD_CLOEXEC);
    assert_int_equal(write(fd, bytes, length), (ssize_t)length);
    assert_true(artifact_file_take(&file, fd, &error));
    return file;
}

/* All of the body in pieces of `piece` bytes; NULL when a read failed. free() it. */
static char *read_all(struct upload_form *form, size_t piece)
{
    size_t length = (size_t)upload_form_bytes(form);
    char *body = memory_allocate(length + 1);
    for (size_t at = 0; at < length;) {
        size_t capacity = length - at < piece ? length - at : piece;
        ssize_t got = upload_form_read(form, (int64_t)at, body + at, capacity);
        if (got <= 0) {
            free(body);
            return NULL;
        }
        at += (size_t)got;
    }
    return body;
}

static void frames_one_part_for_a_new_artifact(void **state)
{
    (void)state;
    struct upload_form form;
    struct random random = random_seeded(SEED);
    struct artifact_file file = make_file("12345", 5);
    upload_form_init(&form, &file, "a\"b\r\nc", "json", NULL, &random);
    char *expected =
        memory_format("--%s\r\nContent-Type: application/octet-stream\r\n"
                      "Content-Disposition: form-data; name=\"a%%22b%%0D%%0Ac\"; data-type=\"json\"\r\n\r\n"
                      "12345\r\n--%s--\r\n",
                      form.boundary, form.boundary);
    for (size_t piece = 1; piece < 64; piece += 9) {
        char *body = read_all(&form, piece);
        assert_string_equal(body, expected);
        free(body);
    }
    assert_non_null(strstr(form.content_type, form.boundary));
    free(expected);
    upload_form_clear(&form);
    artifact_file_close(&file);
}

static void names_the_id_of_an_artifact_that_is_replaced(void **state)
{
    (void)state;
    struct upload_form form;
    struct random random = random_seeded(SEED);
    struct artifact_file file = make_file("", 0);
    upload_form_init(&form, &file, "name", "json", "the-id", &random);
    char *body = read_all(&form, 4096);
    assert_non_null(strstr(body, "\r\nContent-Disposition: form-data; id=\"the-id\"\r\n\r\n\r\n--"));
    assert_null(strstr(body, "name=\"name\""));
    free(body);
    upload_form_clear(&form);
    artifact_file_close(&file);
}

static void notices_its_boundary_in_the_data_wherever_pieces_are_cut(void **state)
{
    (void)state;
    struct upload_form form;
    struct random random = random_seeded(SEED);
    struct artifact_file nothing = make_file("", 0);
    upload_form_init(&form, &nothing, "n", "t", NULL, &random);
    char *data = memory_format("some bytes before %s and behind", form.boundary);
    upload_form_clear(&form);
    artifact_file_close(&nothing);
    struct artifact_file file = make_file(data, strlen(data));
    for (size_t piece = 1; piece < 200; piece += 7) {
        random = random_seeded(SEED);
        upload_form_init(&form, &file, "n", "t", NULL, &random);
        assert_null(read_all(&form, piece));
        assert_true(form.collided);
        upload_form_clear(&form);
    }
    upload_form_init(&form, &file, "n", "t", NULL, &random);
    char *body = read_all(&form, 64);
    assert_non_null(body);
    free(body);
    upload_form_clear(&form);
    artifact_file_close(&file);
    free(data);
}

static void tells_when_the_file_changed(void **state)
{
    (void)state;
    struct error error;
    struct artifact_file file = make_file("12345", 5);
    assert_true(artifact_file_is_unchanged(&file, &error));
    assert_int_equal(ftruncate(file.fd, 3), 0);
    assert_false(artifact_file_is_unchanged(&file, &error));
    assert_int_equal(error.code, ERROR_CONFLICT);
    artifact_file_close(&file);
}

static void keeps_to_the_size_it_began_with_when_the_file_grows(void **state)
{
    (void)state;
    struct upload_form form;
    struct random random = random_seeded(SEED);
    struct artifact_file file = make_file("12345", 5);
    upload_form_init(&form, &file, "n", "t", NULL, &random);
    assert_int_equal(write(file.fd, "67890", 5), 5);
    char *body = read_all(&form, 4096);
    assert_non_null(strstr(body, "\r\n\r\n12345\r\n--"));
    free(body);
    upload_form_clear(&form);
    artifact_file_close(&file);
}

static void knows_how_much_of_the_file_a_piece_of_the_form_holds(void **state)
{
    (void)state;
    struct upload_form form;
    struct random random = random_seeded(SEED);
    struct artifact_file file = make_file("12345", 5);
    upload_form_init(&form, &file, "n", "t", NULL, &random);
    int64_t head = (int64_t)strlen(form.head);
    assert_int_equal(upload_form_bytes(&form), head + 5 + (int64_t)strlen(form.tail));
    assert_int_equal(upload_form_file_bytes(&form, 0), 0);
    assert_int_equal(upload_form_file_bytes(&form, head - 1), 0);
    assert_int_equal(upload_form_file_bytes(&form, head), 0);
    assert_int_equal(upload_form_file_bytes(&form, head + 1), 1);
    assert_int_equal(upload_form_file_bytes(&form, head + 5), 5);
    assert_int_equal(upload_form_file_bytes(&form, head + 6), 5);
    assert_int_equal(upload_form_file_bytes(&form, upload_form_bytes(&form)), 5);
    char byte;
    assert_int_equal(upload_form_read(&form, upload_form_bytes(&form), &byte, 1), 0);
    assert_int_equal(upload_form_read(&form, upload_form_bytes(&form) + 1, &byte, 1), 0);
    upload_form_clear(&form);
    assert_null(form.head);
    artifact_file_close(&file);
}

static void every_form_has_a_boundary_of_its_own(void **state)
{
    (void)state;
    struct upload_form first;
    struct upload_form second;
    struct random random = random_seeded(SEED);
    struct artifact_file file = make_file("", 0);
    upload_form_init(&first, &file, "n", "t", NULL, &random);
    upload_form_init(&second, &file, "n", "t", NULL, &random);
    assert_string_not_equal(first.boundary, second.boundary);
    assert_int_equal(strlen(first.boundary), strlen("posemesh-") + 32);
    assert_memory_equal(first.boundary, "posemesh-", strlen("posemesh-"));
    assert_int_equal(strspn(first.boundary + strlen("posemesh-"), "0123456789abcdef"), 32);
    char *expected = memory_format("multipart/form-data; boundary=%s", first.boundary);
    assert_string_equal(first.content_type, expected);
    free(expected);
    upload_form_clear(&first);
    upload_form_clear(&second);
    artifact_file_close(&file);
}

/* A boundary almost there, cut off by the end of the file or of a piece, is data as any other. */
static void the_beginning_of_the_boundary_alone_is_data(void **state)
{
    (void)state;
    struct upload_form form;
    struct random random = random_seeded(SEED);
    struct artifact_file nothing = make_file("", 0);
    upload_form_init(&form, &nothing, "n", "t", NULL, &random);
    size_t length = strlen(form.boundary);
    char *data = memory_format("%.*s|%.*s", (int)length - 1, form.boundary, (int)length - 1, form.boundary);
    char *whole = memory_copy_text(form.boundary);
    upload_form_clear(&form);
    artifact_file_close(&nothing);
    struct artifact_file file = make_file(data, strlen(data));
    for (size_t piece = 1; piece < 100; piece += 3) {
        random = random_seeded(SEED);
        upload_form_init(&form, &file, "n", "t", NULL, &random);
        char *body = read_all(&form, piece);
        assert_non_null(body);
        assert_false(form.collided);
        free(body);
        upload_form_clear(&form);
    }
    artifact_file_close(&file);
    /* All of it, at the very beginning and as the whole file. */
    file = make_file(whole, length);
    for (size_t piece = 1; piece < 100; piece += 3) {
        random = random_seeded(SEED);
        upload_form_init(&form, &file, "n", "t", NULL, &random);
        assert_null(read_all(&form, piece));
        assert_true(form.collided);
        upload_form_clear(&form);
    }
    random = random_seeded(SEED);
    upload_form_init(&form, &file, "n", "t", NULL, &random);
    assert_int_equal(upload_form_read(&form, (int64_t)strlen(form.head), whole, length), -1);
    upload_form_clear(&form);
    artifact_file_close(&file);
    free(whole);
    free(data);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(frames_one_part_for_a_new_artifact),
        cmocka_unit_test(names_the_id_of_an_artifact_that_is_replaced),
        cmocka_unit_test(notices_its_boundary_in_the_data_wherever_pieces_are_cut),
        cmocka_unit_test(tells_when_the_file_changed),
        cmocka_unit_test(keeps_to_the_size_it_began_with_when_the_file_grows),
        cmocka_unit_test(knows_how_much_of_the_file_a_piece_of_the_form_holds),
        cmocka_unit_test(every_form_has_a_boundary_of_its_own),
        cmocka_unit_test(the_beginning_of_the_boundary_alone_is_data),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
