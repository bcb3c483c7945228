/* Exemplars: what is taken, what is read, and that a start gives them back. */
#include <stdio.h>

#include "base/err.h"
#include "base/test.h"
#include "model/labels.h"
#include "model/matcher.h"
#include "model/source.h"
#include "tsdb/db_fixture.h"
#include "tsdb/exemplar_store.h"

#define T0 FIXTURE_T0

/* "series: ts value trace, ..." for each line, times as in db_fixture_read. */
static const char *print(struct db_fixture *f, const struct source_exemplars *found, size_t n)
{
    struct buf b;
    struct err err;
    char *text;

    buf_init(&b, 0);
    for (size_t i = 0; i < n; i++) {
        buf_addf(&b, "%.*s:", STR_ARGS(labels_get(found[i].series, STR("__name__"))));
        for (size_t k = 0; k < found[i].n; k++)
            buf_addf(&b, " %g %g %.*s,", (double)(found[i].items[k].ts - T0) / 1000,
                     found[i].items[k].value,
                     STR_ARGS(labels_get(found[i].items[k].labels, STR("trace"))));
        buf_addc(&b, '\n');
    }
    text = arena_cstr(&f->a, buf_str(&b), &err);
    buf_fini(&b);
    return text;
}

static const char *read(struct db_fixture *f, const char *name, ts_ms mint, ts_ms maxt)
{
    struct source *src = db_source(f->db);
    struct source_exemplars *found;
    struct matcher m;
    struct source_selector selector = {&m, 1};
    struct err err = {0};
    size_t n;

    assert_ok(matcher_init(&m, &f->a, MATCH_RE, STR("__name__"), str_c(name), &err), err);
    assert_ok(src->exemplars(src, &f->a, &selector, 1, mint, maxt, &found, &n, &err), err);
    matcher_fini(&m);
    return print(f, found, n);
}

static const char *read_all(struct db_fixture *f, const char *name)
{
    return read(f, name, INT64_MIN, INT64_MAX);
}

static const struct labels *trace(struct db_fixture *f, const char *id)
{
    char text[700];

    (void)snprintf(text, sizeof text, "{trace=\"%s\"}", id);
    return db_fixture_labels(f, text);
}

/* One column with one exemplar for the first series. */
static void commit(struct db_fixture *f, struct fixture_pull *p, ts_ms s, double value, ts_ms at,
                   const char *id)
{
    struct sink_exemplar e = {p->refs[0], T0 + at * 1000, value, trace(f, id)};

    p->exemplars = &e;
    p->exemplars_n = 1;
    e.ref.id = 0;
    assert_int_equal(db_fixture_pull(f, p, T0 + s * 1000, (double[]){1, 1}).verdict, SINK_WRITTEN);
    p->exemplars_n = 0;
}

static int open_store(void **state)
{
    static struct db_fixture f;

    f = (struct db_fixture){0};
    db_fixture_open(&f, NULL);
    *state = &f;
    return 0;
}

static int close_store(void **state)
{
    db_fixture_close(*state);
    return 0;
}

static const char *const names[] = {"b", "a"};

static void exemplars_are_read_by_series_and_time(void **state)
{
    struct db_fixture *f = *state;
    struct fixture_pull p;

    db_fixture_pull_open(f, &p, "key", names, 2);
    commit(f, &p, 10, 1, 1, "x");
    commit(f, &p, 20, 2, 12, "y");
    commit(f, &p, 30, 3, 22, "z");
    assert_string_equal(read_all(f, "a|b"), "b: 1 1 x, 12 2 y, 22 3 z,\n");
    assert_string_equal(read(f, "b", T0 + 2000, T0 + 12000), "b: 12 2 y,\n");
    assert_string_equal(read(f, "b", T0 + 13000, T0 + 14000), "");
    assert_string_equal(read_all(f, "a"), "");
    assert_int_equal(db_stats(f->db).exemplars, 3);
    assert_int_equal(db_stats(f->db).exemplar_series, 1);
    assert_int_equal(db_stats(f->db).exemplars_written, 3);
    db_fixture_pull_close(f, &p);
}

static void they_survive_a_start_and_a_cut(void **state)
{
    struct db_fixture *f = *state;
    struct fixture_pull p;
    struct err err = {0};

    db_fixture_pull_open(f, &p, "key", names, 2);
    commit(f, &p, 10, 1, 1, "x");
    commit(f, &p, 20, 2, 12, "y");
    db_fixture_pull_close(f, &p);
    db_fixture_restart(f);
    assert_string_equal(read_all(f, "b"), "b: 1 1 x, 12 2 y,\n");
    assert_ok(db_compact(f->db, NULL, &err), err);
    assert_string_equal(read_all(f, "b"), "b: 1 1 x, 12 2 y,\n");
    assert_int_equal(db_stats(f->db).corrupt_records, 0);
}

static void the_newest_of_a_series_decides_what_is_taken(void **state)
{
    struct db_fixture *f = *state;
    struct fixture_pull p;
    char long_id[EXEMPLAR_LABEL_CHARS] = {0};

    db_fixture_pull_open(f, &p, "key", names, 2);
    commit(f, &p, 10, 1, 5, "x");
    commit(f, &p, 20, 1, 5, "x"); /* the same again, as most scrapes bring it */
    commit(f, &p, 30, 1, 4, "y"); /* older */
    commit(f, &p, 40, .5, 5, "y");
    memset(long_id, 'i', EXEMPLAR_LABEL_CHARS - 5); /* and "trace" */
    commit(f, &p, 50, 2, 50, long_id);              /* no time of its own, 128 characters */
    commit(f, &p, 60, 2, 60, long_id);              /* the same again */
    long_id[EXEMPLAR_LABEL_CHARS - 5] = 'i';
    commit(f, &p, 70, 3, 70, long_id);
    assert_int_equal(db_stats(f->db).exemplars_written, 2);
    assert_int_equal(db_stats(f->db).exemplars_duplicate, 2);
    assert_int_equal(db_stats(f->db).exemplars_out_of_order, 2);
    assert_int_equal(db_stats(f->db).exemplars_too_long, 1);
    db_fixture_pull_close(f, &p);
}

static void two_of_one_series_in_one_batch_are_judged_one_after_the_other(void **state)
{
    struct db_fixture *f = *state;
    struct fixture_pull p;
    struct sink_exemplar e[3];

    db_fixture_pull_open(f, &p, "key", names, 2);
    for (size_t i = 0; i < 3; i++)
        e[i] = (struct sink_exemplar){{0, 0}, T0 + (i == 1 ? 1000 : 2000), 1, trace(f, "x")};
    p.exemplars = e;
    p.exemplars_n = 3;
    (void)db_fixture_pull(f, &p, T0 + 60000, (double[]){1, 1});
    assert_string_equal(read_all(f, "b"), "b: 2 1 x,\n");
    assert_int_equal(db_stats(f->db).exemplars_out_of_order, 1);
    assert_int_equal(db_stats(f->db).exemplars_duplicate, 1);
    db_fixture_pull_close(f, &p);
    db_fixture_restart(f);
    assert_string_equal(read_all(f, "b"), "b: 2 1 x,\n");
}

static void characters_are_counted_not_bytes(void **state)
{
    struct db_fixture *f = *state;
    struct exemplar_store s;
    char id[2 * (EXEMPLAR_LABEL_CHARS - 5) + 1] = {0};

    exemplar_store_init(&s, 10);
    for (size_t i = 0; i < EXEMPLAR_LABEL_CHARS - 5; i++)
        memcpy(id + 2 * i, "\xc3\xa4", 2);
    assert_int_equal(exemplar_store_put(&s, db_fixture_labels(f, "a"),
                                        &(struct exemplar){1, 1, trace(f, id), false}),
                     EXEMPLAR_OK);
    exemplar_store_fini(&s);
}

static void a_new_one_pushes_out_the_oldest(void **state)
{
    struct db_fixture *f = *state;
    struct exemplar_store s;
    struct matcher m;
    struct source_selector selector = {&m, 1};
    struct source_exemplars *found;
    struct err err = {0};
    size_t n;

    exemplar_store_init(&s, 3);
    for (int i = 0; i < 5; i++) {
        struct exemplar e = {T0 + i * 1000, i, &labels_empty, false};

        assert_int_equal(
            exemplar_store_put(&s, db_fixture_labels(f, i == 1 ? "once" : "often"), &e),
            EXEMPLAR_OK);
    }
    assert_int_equal(exemplar_store_sums(&s).exemplars, 3);
    assert_int_equal(exemplar_store_sums(&s).series, 1);
    assert_int_equal(exemplar_store_sums(&s).oldest_ts, T0 + 2000);
    assert_ok(matcher_init(&m, &f->a, MATCH_EQ, STR("__name__"), STR("often"), &err), err);
    assert_ok(exemplar_store_select(&s, &f->a, &selector, 1, 0, INT64_MAX, &found, &n, &err), err);
    assert_string_equal(print(f, found, n), "often: 2 2 , 3 3 , 4 4 ,\n");
    matcher_fini(&m);
    exemplar_store_fini(&s);
}

static void a_store_of_none_keeps_none(void **state)
{
    struct db_fixture *f = *state;
    struct exemplar_store s;
    struct exemplar e = {T0, 1, &labels_empty, false};

    exemplar_store_init(&s, 0);
    assert_int_equal(exemplar_store_check(&s, db_fixture_labels(f, "a"), &e), EXEMPLAR_OFF);
    assert_int_equal(exemplar_store_put(&s, db_fixture_labels(f, "a"), &e), EXEMPLAR_OFF);
    assert_int_equal(exemplar_store_sums(&s).exemplars, 0);
    exemplar_store_fini(&s);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(exemplars_are_read_by_series_and_time, open_store,
                                        close_store),
        cmocka_unit_test_setup_teardown(they_survive_a_start_and_a_cut, open_store, close_store),
        cmocka_unit_test_setup_teardown(the_newest_of_a_series_decides_what_is_taken, open_store,
                                        close_store),
        cmocka_unit_test_setup_teardown(
            two_of_one_series_in_one_batch_are_judged_one_after_the_other, open_store, close_store),
        cmocka_unit_test_setup_teardown(characters_are_counted_not_bytes, open_store, close_store),
        cmocka_unit_test_setup_teardown(a_store_of_none_keeps_none, open_store, close_store),
        cmocka_unit_test_setup_teardown(a_new_one_pushes_out_the_oldest, open_store, close_store),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
