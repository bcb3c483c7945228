/* Readers beside the writer, the cut, the compaction, deletes and snapshots: made for the build
 * under TSan. */
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

/* ---- deletes, exemplars, cleaning and snapshots beside all that ---- */

/* What is deleted goes by another name, so that the readers' columns stay whole. */
#define DELETED "d"

struct upsetting {
    struct db_fixture *f;
    atomic_bool stop;
    atomic_uint rounds;
    int (*round)(struct db *db, struct arena *a, struct err *err);
};

static int delete_round(struct db *db, struct arena *a, struct err *err)
{
    struct matcher m;
    struct source_selector selector = {&m, 1};
    int rc;

    if (matcher_init(&m, a, MATCH_EQ, STR("__name__"), STR(DELETED), err) < 0)
        return -1;
    rc = db_delete(db, &selector, 1, INT64_MIN, INT64_MAX, err);
    matcher_fini(&m);
    return rc;
}

static int clean_round(struct db *db, struct arena *a, struct err *err)
{
    (void)a;
    return db_clean_tombstones(db, NULL, err);
}

static int snapshot_round(struct db *db, struct arena *a, struct err *err)
{
    static unsigned rounds; /* one thread's */
    char name[DB_SNAPSHOT_NAME];

    (void)a;
    /* The disk of the fixture is small. */
    if (++rounds > 8)
        return 0;
    return db_snapshot(db, false, NULL, name, err);
}

static int exemplar_round(struct db *db, struct arena *a, struct err *err)
{
    struct source *src = db_source(db);
    struct source_exemplars *found;
    struct matcher m;
    struct source_selector selector = {&m, 1};
    size_t n;
    int rc;

    if (matcher_init(&m, a, MATCH_RE, STR("__name__"), STR(".+"), err) < 0)
        return -1;
    rc = src->exemplars(src, a, &selector, 1, INT64_MIN, INT64_MAX, &found, &n, err);
    matcher_fini(&m);
    return rc;
}

static void *upset(void *arg)
{
    struct upsetting *u = arg;
    struct arena a;

    arena_init(&a, &u->f->budget);
    do {
        struct err err = {0};

        assert_ok(u->round(u->f->db, &a, &err), err);
        arena_reset(&a);
        atomic_fetch_add(&u->rounds, 1);
    } while (!atomic_load(&u->stop));
    arena_fini(&a);
    return NULL;
}

static void deletes_and_snapshots_disturb_nobody(void **state)
{
    static const char *const names[SERIES + 1] = {"m1", "m2", "m3", "m4", DELETED};
    static int (*const rounds[])(struct db *, struct arena *, struct err *) = {
        delete_round, clean_round, snapshot_round, exemplar_round};
    struct db_fixture f = {0};
    struct reading r = {.f = &f};
    struct upsetting upsetting[ARRAY_LEN(rounds)];
    pthread_t reader, threads[ARRAY_LEN(rounds)];
    struct fixture_pull p;
    struct err err = {0};

    (void)state;
    db_fixture_open(&f, NULL);
    db_fixture_pull_open(&f, &p, "group", names, SERIES + 1);
    assert_int_equal(pthread_create(&reader, NULL, read_all, &r), 0);
    for (size_t i = 0; i < ARRAY_LEN(rounds); i++) {
        upsetting[i] = (struct upsetting){.f = &f, .round = rounds[i]};
        assert_int_equal(pthread_create(&threads[i], NULL, upset, &upsetting[i]), 0);
    }
    for (size_t n = 0; n < COMMITS / 4; n++) {
        double v = value_of(n);
        ts_ms at = FIXTURE_T0 + (ts_ms)n * 60000;
        struct sink_exemplar e = {{0}, at, v, &labels_empty};

        p.exemplars = &e;
        p.exemplars_n = 1;
        (void)db_fixture_pull(&f, &p, at, (double[]){v, v, v, v, v});
        p.exemplars_n = 0;
        if (n % 25 == 24)
            assert_ok(db_compact(f.db, NULL, &err), err);
    }
    for (size_t i = 0; i < ARRAY_LEN(rounds); i++) {
        atomic_store(&upsetting[i].stop, true);
        pthread_join(threads[i], NULL);
        assert_true(atomic_load(&upsetting[i].rounds) > 0);
    }
    atomic_store(&r.stop, true);
    pthread_join(reader, NULL);
    assert_int_equal(db_stats(f.db).exemplars, COMMITS / 8); /* each value comes twice */
    db_fixture_pull_close(&f, &p);
    db_fixture_close(&f);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_reader_sees_whole_columns_whatever_goes_on),
        cmocka_unit_test(deletes_and_snapshots_disturb_nobody),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
