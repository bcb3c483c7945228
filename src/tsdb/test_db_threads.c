/* Readers beside the writer, the cut and the compaction: made for the build under TSan. */
#include <pthread.h>
#include <stdatomic.h>

#include "base/err.h"
#include "base/test.h"
#include "model/labels.h"
#include "model/matcher.h"
#include "model/source.h"
#include "sys/fs.h"
#include "tsdb/db_fixture.h"

#define COMMITS 400
#define SERIES  4

struct reading {
    struct db_fixture *f;
    atomic_bool stop;
    atomic_uint sets;
};

/* The same twice, then the next: values that repeat and values that do not. */
static double value_of(size_t n)
{
    size_t half = n / 2;

    return (double)half;
}

/* Every set holds whole columns: all series have the same samples, and each value is that of its
 * number. */
static void read_once(struct reading *r, struct arena *a)
{
    struct source *src = db_source(r->f->db);
    struct source_set *set;
    struct source_reader *reader;
    struct matcher m;
    struct err err = {0};
    size_t first = 0;

    assert_ok(matcher_init(&m, a, MATCH_RE, STR("__name__"), STR("m.*"), &err), err);
    assert_ok(src->select(src, a, &m, 1, 0, INT64_MAX, NULL, &set, &err), err);
    assert_ok(src->reader_open(src, set, a, &reader, &err), err);
    for (size_t i = 0; i < set->n; i++) {
        struct source_series s;
        size_t n = 0;

        assert_ok(src->read(reader, i, &s, &err), err);
        for (size_t k = 0; k < s.runs_n; k++)
            for (size_t j = 0; j < s.runs[k].n; j++, n++)
                assert_true(s.runs[k].values[j] == value_of(n));
        assert_true(i == 0 || n == first);
        first = n;
    }
    src->reader_close(reader);
    src->set_free(src, set);
    matcher_fini(&m);
    atomic_fetch_add(&r->sets, 1);
}

static void *read_all(void *arg)
{
    struct reading *r = arg;
    struct arena a;

    arena_init(&a, &r->f->budget);
    while (!atomic_load(&r->stop)) {
        read_once(r, &a);
        (void)db_stats(r->f->db);
        arena_reset(&a);
    }
    return NULL;
}

static void a_reader_sees_whole_columns_whatever_goes_on(void **state)
{
    static const char *const names[SERIES] = {"m1", "m2", "m3", "m4"};
    struct db_fixture f = {0};
    struct reading r = {.f = &f};
    struct fixture_pull p;
    pthread_t readers[2];
    struct err err = {0};

    (void)state;
    db_fixture_open(&f, NULL);
    db_fixture_pull_open(&f, &p, "group", names, SERIES);
    for (int i = 0; i < 2; i++)
        assert_int_equal(pthread_create(&readers[i], NULL, read_all, &r), 0);
    for (size_t n = 0; n < COMMITS; n++) {
        double v = value_of(n);

        (void)db_fixture_pull(&f, &p, FIXTURE_T0 + (ts_ms)n * 60000, (double[]){v, v, v, v});
        if (n % 100 == 99)
            assert_ok(db_compact(f.db, NULL, &err), err);
    }
    while (atomic_load(&r.sets) < 4)
        ;
    atomic_store(&r.stop, true);
    for (int i = 0; i < 2; i++)
        pthread_join(readers[i], NULL);
    db_fixture_pull_close(&f, &p);
    db_fixture_close(&f);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_reader_sees_whole_columns_whatever_goes_on),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
