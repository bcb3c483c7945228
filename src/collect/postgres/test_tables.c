#include "base/test.h"

#include <stdio.h>

#include "base/arena.h"
#include "base/err.h"
#include "collect/postgres/tables.h"

static struct arena a;

static void add(struct tables *t, unsigned pages)
{
    static struct tuples_column columns[2] = {{"relpages", 23}, {"tables", 20}};
    struct err err;
    char text[16];

    (void)snprintf(text, sizeof text, "%u", pages);
    t->rows.columns = columns;
    t->rows.columns_n = 2;
    assert_ok(tuples_add(&t->rows, &a, (struct str[]){str_c(text), STR("9")}, &err), err);
}

static void the_largest_tables_of_all_databases_are_kept(void **state)
{
    struct tables t = {.total = 9};
    const bool *keep;
    uint64_t left_out;
    struct err err;

    (void)state;
    arena_init(&a, NULL);
    add(&t, 5);
    add(&t, 100);
    add(&t, 7);
    add(&t, 100);
    add(&t, 7);
    keep = tables_choose(&t, 3, &a, &left_out, &err);
    assert_non_null(keep);
    assert_false(keep[0]);
    assert_true(keep[1] && keep[2] && keep[3]);
    assert_false(keep[4]); /* as large as the third, which came before */
    assert_int_equal(left_out, 6);
    keep = tables_choose(&t, 500, &a, &left_out, &err);
    assert_true(keep[0] && keep[4]);
    assert_int_equal(left_out, 4);
    arena_fini(&a);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_largest_tables_of_all_databases_are_kept),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
