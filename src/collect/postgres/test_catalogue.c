#include "base/test.h"

#include "base/arena.h"
#include "base/err.h"
#include "collect/postgres/catalogue.h"
#include "model/labels.h"

static struct arena a;

static int set_up(void **state)
{
    (void)state;
    arena_init(&a, NULL);
    return 0;
}

static int tear_down(void **state)
{
    (void)state;
    arena_fini(&a);
    return 0;
}

static const struct catalogue_group *group(const char *name)
{
    for (size_t i = 0; i < catalogue_groups_n; i++)
        if (strcmp(catalogue_groups[i].name, name) == 0)
            return &catalogue_groups[i];
    fail_msg("no group %s", name);
    return NULL;
}

static bool asks(const char *name, int version, const char *column)
{
    struct err err;
    const char *sql = catalogue_select(&a, group(name), version, NULL, &err);

    return strstr(sql, column) != NULL;
}

static void a_version_is_asked_only_for_what_it_has(void **state)
{
    (void)state;
    assert_false(asks("stat_database", 110022, "checksum_failures"));
    assert_true(asks("stat_database", 120000, "checksum_failures"));
    assert_false(asks("stat_database", 130023, "active_time"));
    assert_true(asks("stat_database", 140000, "active_time"));
    assert_true(asks("stat_database", 170000, "active_time"));
    assert_false(asks("stat_database_conflicts", 150000, "logicalslot"));
    assert_true(asks("stat_database_conflicts", 160000, "logicalslot"));
    assert_true(asks("stat_bgwriter", 160009, "checkpoints_timed"));
    assert_false(asks("stat_bgwriter", 170000, "checkpoints_timed"));
    assert_true(asks("stat_bgwriter", 170000, "buffers_alloc"));
    assert_int_equal(group("stat_checkpointer")->since, 170000);
}

static void labels_come_before_values(void **state)
{
    struct err err;
    const char *sql = catalogue_select(&a, group("database_wraparound"), 150000, NULL, &err);

    (void)state;
    assert_string_equal(sql,
                        "SELECT datname, age(datfrozenxid), mxid_age(datminmxid) FROM pg_database");
    assert_string_equal(catalogue_select(&a, group("stat_archiver"), 150000, NULL, &err),
                        "SELECT archived_count, failed_count, "
                        "extract(epoch FROM now() - last_archived_time) FROM pg_stat_archiver");
}

static void statements_follow_the_version_of_the_extension(void **state)
{
    struct err err;
    const char *old = catalogue_select_statements(&a, STR("public.x"), 107, &err);
    const char *new = catalogue_select_statements(&a, STR("public.x"), 111, &err);

    (void)state;
    assert_non_null(strstr(old, "s.total_time"));
    assert_null(strstr(old, "total_exec_time"));
    assert_non_null(strstr(old, "s.blk_read_time"));
    assert_non_null(strstr(new, "s.total_exec_time"));
    assert_non_null(strstr(new, "s.shared_blk_read_time"));
    assert_non_null(strstr(new, "FROM public.x s"));
}

/* What one version has, each family has once. */
static void check_group(const struct catalogue_group *g, int version)
{
    for (size_t i = 0; i < g->columns_n; i++) {
        const struct catalogue_column *c = &g->columns[i];

        assert_true(name_is_legacy_metric(str_c(c->family)));
        assert_true(catalogue_knows(c->family));
        assert_true(strlen(c->help) > 0);
        for (size_t k = 0; k < i; k++)
            if (catalogue_has(c, version) && catalogue_has(&g->columns[k], version))
                assert_string_not_equal(c->family, g->columns[k].family);
    }
}

static void families_have_sound_names_and_come_once(void **state)
{
    (void)state;
    for (int version = 110000; version <= 180000; version += 10000) {
        for (size_t i = 0; i < catalogue_groups_n; i++)
            check_group(&catalogue_groups[i], version);
        check_group(&catalogue_tables, version);
    }
    for (int version = 107; version < 112; version++)
        check_group(&catalogue_statements, version);
}

static void names_that_are_taken_are_known(void **state)
{
    (void)state;
    assert_true(catalogue_knows("pg_stat_activity_count"));
    assert_true(catalogue_knows("pg_stat_user_tables_n_live_tup"));
    assert_true(catalogue_knows("pg_settings_anything"));
    assert_true(catalogue_knows("pg_up"));
    assert_false(catalogue_knows("pg_orders_open"));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(a_version_is_asked_only_for_what_it_has, set_up, tear_down),
        cmocka_unit_test_setup_teardown(labels_come_before_values, set_up, tear_down),
        cmocka_unit_test_setup_teardown(statements_follow_the_version_of_the_extension, set_up,
                                        tear_down),
        cmocka_unit_test(families_have_sound_names_and_come_once),
        cmocka_unit_test(names_that_are_taken_are_known),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
