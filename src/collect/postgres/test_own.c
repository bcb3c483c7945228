#include "base/test.h"

#include "base/err.h"
#include "collect/postgres/own.h"
#include "collect/postgres/postgres_settings.h"
#include "model/expo.h"

static const char *const labels[] = {"state"};
static const struct postgres_value values[] = {{"open", false}, {"done", true}};
static const struct postgres_query query = {.name = "orders",
                                            .sql = "SELECT ...",
                                            .labels = labels,
                                            .labels_n = 1,
                                            .values = values,
                                            .values_n = 2};

static void add(struct own *o, const char *state, const char *open, const char *done)
{
    static struct tuples_column columns[] = {{"done", 20}, {"state", 25}, {"open", 1700}};
    struct str cells[] = {str_c(done), str_c(state), str_c(open)};
    struct err err;

    o->rows.columns = columns;
    o->rows.columns_n = 3;
    assert_ok(tuples_add(&o->rows, &o->arena, cells, &err), err);
    o->has_rows = true;
}

static void columns_become_families_and_null_has_no_sample(void **state)
{
    SCOPED(arena_fini) struct arena scratch;
    SCOPED(buf_fini) struct buf out;
    struct expo_writer writer;
    struct own o;
    struct err err;

    (void)state;
    arena_init(&scratch, NULL);
    buf_init(&out, 0);
    own_init(&o, &query);
    add(&o, "paid", "2.5", "7");
    add(&o, NULL, NULL, "1");
    expo_writer_init(&writer, EXPO_TEXT, &out);
    assert_ok(own_write(&o, &writer.emit, &scratch, &err), err);
    assert_string_equal(out.p, "# HELP pg_orders_open open of the query orders.\n"
                               "# TYPE pg_orders_open gauge\n"
                               "pg_orders_open{state=\"paid\"} 2.5\n"
                               "# HELP pg_orders_done done of the query orders.\n"
                               "# TYPE pg_orders_done counter\n"
                               "pg_orders_done{state=\"paid\"} 7\n"
                               "pg_orders_done 1\n");
    own_fini(&o);
}

static void a_query_without_an_answer_has_no_values(void **state)
{
    SCOPED(arena_fini) struct arena scratch;
    SCOPED(buf_fini) struct buf out;
    struct expo_writer writer;
    struct own o;
    struct err err;

    (void)state;
    arena_init(&scratch, NULL);
    buf_init(&out, 0);
    own_init(&o, &query);
    expo_writer_init(&writer, EXPO_TEXT, &out);
    assert_ok(own_write(&o, &writer.emit, &scratch, &err), err);
    assert_int_equal(out.n, 0);
    own_fini(&o);
}

static void a_query_may_not_give_what_is_collected_already(void **state)
{
    const struct postgres_value numbackends[] = {{"numbackends", false}};
    struct postgres_query other = query;
    struct err err;

    (void)state;
    assert_ok(own_check(&query, &err), err);
    other.name = "stat_database";
    other.values = numbackends;
    other.values_n = 1;
    assert_fails(own_check(&other, &err), err, ERR_TYPE, "pg_stat_database_numbackends");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(columns_become_families_and_null_has_no_sample),
        cmocka_unit_test(a_query_without_an_answer_has_no_values),
        cmocka_unit_test(a_query_may_not_give_what_is_collected_already),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
