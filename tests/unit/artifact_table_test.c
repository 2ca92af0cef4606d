#include "services/stored/artifacts/artifact_table.h"

#include "libcommon/base/memory.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <stdlib.h>
#include <string.h>

enum {
    ARTIFACTS_MAX = 10000,
    TEXT_BYTES_MAX = 6 * 1024 * 1024,
    ID_BYTES = 256, /* that an entry counts for an id, known or not */
};

static struct artifact_name name_of(const char *logical_path, const char *name, const char *data_type)
{
    return (struct artifact_name){.logical_path = memory_copy_text(logical_path),
                                  .name = memory_copy_text(name),
                                  .data_type = memory_copy_text(data_type)};
}

static struct artifact *enter(struct artifact_table *table, const char *logical_path, const char *name,
                              const char *data_type)
{
    struct artifact_name taken = name_of(logical_path, name, data_type);
    struct artifact *artifact = artifact_table_enter(table, &taken);
    assert_null(taken.logical_path);
    assert_null(taken.name);
    assert_null(taken.data_type);
    return artifact;
}

static struct artifact *append(struct artifact_table *table, const char *logical_path)
{
    struct artifact_name taken = name_of(logical_path, logical_path, "t");
    struct artifact *artifact = artifact_table_append(table, &taken);
    assert_null(taken.logical_path);
    return artifact;
}

static void store(struct artifact *artifact, const char *id)
{
    memory_replace_text(&artifact->id, id);
    artifact->stored = true;
}

static bool has_room(const struct artifact_table *table, const char *name, struct error *error)
{
    struct artifact_name wanted = name_of("q", name, "t");
    bool room = artifact_table_check_room(table, &wanted, error);
    artifact_name_clear(&wanted);
    return room;
}

static void clear(struct artifact_table *table)
{
    while (table->count > 0)
        artifact_table_remove(table, TAILQ_FIRST(&table->list));
    assert_true(TAILQ_EMPTY(&table->list));
    assert_int_equal(table->text_bytes, 0);
}

static void artifacts_keep_the_order_of_their_first_put(void **state)
{
    (void)state;
    static const char *const expected[] = {"b", "a", "d", "c"};
    struct artifact_table table;
    struct message_artifacts list;
    artifact_table_init(&table);
    store(enter(&table, "b", "n1", "t"), "1");
    store(append(&table, "a"), "2");
    store(append(&table, "d"), "3");
    store(enter(&table, "c", "n4", "t"), "4");
    enter(&table, "b", "n1", "t"); /* put again: it keeps its place */
    artifact_table_list(&table, &list);
    const struct message_artifact *items = list.artifacts.items;
    assert_int_equal(list.artifacts.count, 4);
    for (size_t i = 0; i < 4; i++)
        assert_string_equal(items[i].logical_path, expected[i]);
    message_clear(&message_artifacts_type, &list);
    clear(&table);
}

static void only_what_is_stored_is_listed_with_all_its_names(void **state)
{
    (void)state;
    struct artifact_table table;
    struct message_artifacts list;
    artifact_table_init(&table);
    enter(&table, "a", "n1", "t1");
    store(enter(&table, "b", "n2", "t2"), "id-2");
    artifact_table_list(&table, &list);
    const struct message_artifact *items = list.artifacts.items;
    assert_int_equal(list.artifacts.count, 1);
    assert_string_equal(items[0].logical_path, "b");
    assert_string_equal(items[0].name, "n2");
    assert_string_equal(items[0].data_type, "t2");
    assert_string_equal(items[0].id, "id-2");
    message_clear(&message_artifacts_type, &list);
    clear(&table);
}

static void an_output_is_found_by_its_whole_path_alone(void **state)
{
    (void)state;
    struct artifact_table table;
    artifact_table_init(&table);
    assert_null(artifact_table_find(&table, "a/b"));
    const struct artifact *artifact = enter(&table, "a/b", "n", "t");
    append(&table, "a");
    assert_ptr_equal(artifact_table_find(&table, "a/b"), artifact);
    assert_null(artifact_table_find(&table, "a/"));
    assert_null(artifact_table_find(&table, "n"));
    clear(&table);
}

static void a_known_output_keeps_its_id_only_under_its_name_and_type(void **state)
{
    (void)state;
    static const struct {
        const char *name;
        const char *data_type;
        bool kept;
    } cases[] = {{"n", "t", true}, {"N", "t", false}, {"n", "u", false}};
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        struct artifact_table table;
        artifact_table_init(&table);
        struct artifact *artifact = enter(&table, "a", "n", "t");
        store(artifact, "id");
        assert_ptr_equal(enter(&table, "a", cases[i].name, cases[i].data_type), artifact);
        assert_int_equal(artifact->stored, cases[i].kept);
        assert_int_equal(artifact->id != NULL, cases[i].kept);
        assert_true(artifact_is_named(artifact, cases[i].name, cases[i].data_type));
        assert_int_equal(table.count, 1);
        clear(&table);
    }
}

static void two_paths_of_one_name_and_type_collide(void **state)
{
    (void)state;
    static const struct {
        const char *logical_path;
        const char *name;
        const char *data_type;
        bool collides;
    } cases[] = {
        {"b", "n", "t", true}, {"a", "n", "t", false}, {"b", "m", "t", false}, {"b", "n", "u", false}};
    struct artifact_table table;
    struct error error;
    artifact_table_init(&table);
    enter(&table, "other", "o", "t");
    enter(&table, "a", "n", "t");
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        struct artifact_name name = name_of(cases[i].logical_path, cases[i].name, cases[i].data_type);
        error = (struct error){0};
        assert_int_equal(artifact_table_check_collisions(&table, &name, &error), !cases[i].collides);
        assert_int_equal(error.code, cases[i].collides ? ERROR_CONFLICT : ERROR_NONE);
        artifact_name_clear(&name);
    }
    clear(&table);
}

static void a_collision_is_told_by_the_beginnings_of_its_names(void **state)
{
    (void)state;
    struct artifact_table table;
    struct error error;
    char *first = memory_format("a%0150d", 0);
    char *second = memory_format("b%0150d", 0);
    char *both = memory_format("n%0150d", 0);
    char *expected =
        memory_format("outputs %.120s and %.120s would be one artifact, %.60s", first, second, both);
    artifact_table_init(&table);
    enter(&table, first, both, "t");
    struct artifact_name name = name_of(second, both, "t");
    assert_false(artifact_table_check_collisions(&table, &name, &error));
    assert_string_equal(error.text, expected);
    artifact_name_clear(&name);
    clear(&table);
    free(expected);
    free(both);
    free(second);
    free(first);
}

static void a_task_has_10000_artifacts_at_most(void **state)
{
    (void)state;
    struct artifact_table table;
    struct error error;
    artifact_table_init(&table);
    for (size_t i = 0; i < ARTIFACTS_MAX; i++) {
        assert_true(has_room(&table, "n", &error));
        append(&table, "p");
    }
    assert_false(has_room(&table, "n", &error));
    assert_int_equal(error.code, ERROR_TOO_LARGE);
    assert_non_null(strstr(error.text, "10000 artifacts"));
    artifact_table_remove(&table, TAILQ_FIRST(&table.list));
    assert_true(has_room(&table, "n", &error));
    clear(&table);
}

/* A name that leaves room for one more artifact whose texts have three bytes, and none for one of four. */
static char *longest_name(void)
{
    size_t others = strlen("p") + strlen("t") + ID_BYTES + strlen("q") + strlen("n") + strlen("t") + ID_BYTES;
    char *name = memory_allocate(TEXT_BYTES_MAX - others + 1);
    memset(name, 'x', TEXT_BYTES_MAX - others);
    return name;
}

static void names_have_room_up_to_the_last_byte(void **state)
{
    (void)state;
    char *name = longest_name();
    struct artifact_table table;
    struct error error;
    artifact_table_init(&table);
    enter(&table, "p", name, "t");
    assert_true(has_room(&table, "n", &error));
    assert_false(has_room(&table, "nn", &error));
    assert_int_equal(error.code, ERROR_TOO_LARGE);
    clear(&table);
    assert_true(has_room(&table, "nn", &error));
    free(name);
}

static void another_name_takes_or_gives_room(void **state)
{
    (void)state;
    char *name = longest_name();
    struct artifact_table table;
    struct error error;
    artifact_table_init(&table);
    enter(&table, "p", "n", "t");
    assert_true(has_room(&table, name, &error));
    enter(&table, "p", name, "t");
    assert_true(has_room(&table, "n", &error));
    enter(&table, "p", name, "tt");
    assert_false(has_room(&table, "n", &error));
    enter(&table, "p", name, "t");
    assert_true(has_room(&table, "n", &error));
    enter(&table, "p", "", "");
    assert_int_equal(table.text_bytes, 1 + ID_BYTES);
    clear(&table);
    free(name);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(artifacts_keep_the_order_of_their_first_put),
        cmocka_unit_test(only_what_is_stored_is_listed_with_all_its_names),
        cmocka_unit_test(an_output_is_found_by_its_whole_path_alone),
        cmocka_unit_test(a_known_output_keeps_its_id_only_under_its_name_and_type),
        cmocka_unit_test(two_paths_of_one_name_and_type_collide),
        cmocka_unit_test(a_collision_is_told_by_the_beginnings_of_its_names),
        cmocka_unit_test(a_task_has_10000_artifacts_at_most),
        cmocka_unit_test(names_have_room_up_to_the_last_byte),
        cmocka_unit_test(another_name_takes_or_gives_room),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
