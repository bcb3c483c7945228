#include "tsdb/db_fixture.h"

#include <pthread.h>
#include <stdio.h>

#include "base/err.h"
#include "base/mem.h"
#include "base/test.h"
#include "model/labels.h"
#include "model/matcher.h"
#include "model/source.h"
#include "sys/fs.h"
#include "sys/fs_fault.h"

/* ---- open and close ---- */

int db_fixture_try_open(struct db_fixture *f, struct fs *fs, struct err *err)
{
    struct db_settings settings = {
        .exemplars_max = FIXTURE_EXEMPLARS,
        .fs = fs,
        .clock = &f->clock.clock,
        .budget = &f->budget,
        .late_window_ms = f->late_window_ms,
        .head_series_max = f->series_max,
        .sync_each_commit = f->sync_each_commit,
    };

    fs_fault_capacity(fs, FIXTURE_DISK_BYTES);
    f->fs = fs;
    f->db = NULL;
    if (db_open(&settings, &f->db, err) == 0)
        return 0;
    fs_free(fs);
    return -1;
}

void db_fixture_open(struct db_fixture *f, struct fs *fs)
{
    struct err err = {0};

    if (!f->clock.clock.wall_ms) {
        manual_clock_init(&f->clock, FIXTURE_T0);
        budget_init(&f->budget, "test", SIZE_MAX / 2, NULL);
        arena_init(&f->a, &f->budget);
        if (!f->late_window_ms)
            f->late_window_ms = -1;
    }
    assert_ok(db_fixture_try_open(f, fs ? fs : fs_fault_new(), &err), err);
}

void db_fixture_close(struct db_fixture *f)
{
    db_close(f->db);
    f->db = NULL;
    arena_fini(&f->a);
}

struct fs *db_fixture_copy(struct db_fixture *f)
{
    return fs_fault_copy(f->fs);
}

void db_fixture_restart(struct db_fixture *f)
{
    struct fs *copy = db_fixture_copy(f);
    struct err err = {0};

    db_close(f->db);
    assert_ok(db_fixture_try_open(f, copy, &err), err);
}

/* ---- writing ---- */

const struct labels *db_fixture_labels(struct db_fixture *f, const char *text)
{
    struct label pairs[16];
    const struct labels *ls;
    const char *brace = strchr(text, '{');
    size_t n = 0;
    struct err err;

    pairs[n++] =
        (struct label){STR("__name__"), {text, brace ? (size_t)(brace - text) : strlen(text)}};
    while (brace && *++brace != '}') {
        const char *equals = strchr(brace, '='), *end = strchr(equals + 2, '"');

        pairs[n++] = (struct label){{brace, (size_t)(equals - brace)},
                                    {equals + 2, (size_t)(end - equals - 2)}};
        brace = end + 1;
        if (*brace != ',')
            break;
    }
    assert_ok(labels_build(&f->a, pairs, n, &ls, &err), err);
    return ls;
}

struct waiting {
    pthread_mutex_t lock;
    pthread_cond_t cond;
    bool done;
};

static void on_done(struct sink_batch *b)
{
    struct waiting *w = b->done_arg;

    pthread_mutex_lock(&w->lock);
    w->done = true;
    pthread_cond_signal(&w->cond);
    pthread_mutex_unlock(&w->lock);
}

void db_fixture_commit(struct db_fixture *f, struct sink_batch *b)
{
    struct waiting w = {PTHREAD_MUTEX_INITIALIZER, PTHREAD_COND_INITIALIZER, false};
    struct sink *sink = db_sink(f->db);

    b->done = on_done;
    b->done_arg = &w;
    sink->commit(sink, b);
    pthread_mutex_lock(&w.lock);
    while (!w.done)
        pthread_cond_wait(&w.cond, &w.lock);
    pthread_mutex_unlock(&w.lock);
}

struct sink_batch db_fixture_push(struct db_fixture *f, const struct fixture_row *rows, size_t n)
{
    struct sink *sink = db_sink(f->db);
    const struct labels **labels = mem_new_array(const struct labels *, n);
    struct sink_ref *refs = mem_new_array(struct sink_ref, n);
    struct sink_row *out = mem_new_array(struct sink_row, n);
    struct sink_batch b = {0};
    struct err err;

    for (size_t i = 0; i < n; i++)
        labels[i] = db_fixture_labels(f, rows[i].series);
    do {
        assert_ok(sink->resolve(sink, NULL, labels, n, refs, &err), err);
        for (size_t i = 0; i < n; i++)
            out[i] = (struct sink_row){refs[i], rows[i].ts, rows[i].value};
        b = (struct sink_batch){.generation = n ? refs[0].generation : 0,
                                .rows = out,
                                .rows_n = n,
                                .any_age = f->any_age};
        db_fixture_commit(f, &b);
    } while (b.verdict == SINK_STALE);
    mem_free(labels);
    mem_free(refs);
    mem_free(out);
    return b;
}

enum sink_verdict db_fixture_put(struct db_fixture *f, const char *series, ts_ms ts, double value,
                                 enum sink_outcome *outcome)
{
    struct fixture_row row = {series, ts, value};
    struct sink_batch b = db_fixture_push(f, &row, 1);

    if (!outcome) {
        assert_int_equal(b.verdict, SINK_WRITTEN);
        assert_int_equal(b.outcomes[SINK_OK], 1);
        return b.verdict;
    }
    *outcome = SINK_OK;
    for (int i = 0; i < SINK_OUTCOMES; i++)
        if (b.outcomes[i])
            *outcome = (enum sink_outcome)i;
    return b.verdict;
}

static void resolve_pull(struct db_fixture *f, struct fixture_pull *p)
{
    struct sink *sink = db_sink(f->db);
    struct err err;

    for (size_t i = 0; i < p->n; i++) {
        const struct labels *ls = db_fixture_labels(f, p->names[i]);

        assert_ok(sink->resolve(sink, p->group, &ls, 1, &p->refs[i], &err), err);
    }
}

void db_fixture_pull_open(struct db_fixture *f, struct fixture_pull *p, const char *key,
                          const char *const names[], size_t n)
{
    struct sink *sink = db_sink(f->db);
    struct err err;

    *p = (struct fixture_pull){.names = names, .n = n};
    p->refs = mem_new_array(struct sink_ref, n);
    assert_ok(sink->group_open(sink, db_fixture_labels(f, key), 0, &p->group, &err), err);
    resolve_pull(f, p);
}

void db_fixture_pull_close(struct db_fixture *f, struct fixture_pull *p)
{
    struct sink *sink = db_sink(f->db);

    sink->group_close(sink, p->group);
    mem_free(p->refs);
}

struct sink_batch db_fixture_pull(struct db_fixture *f, struct fixture_pull *p, ts_ms ts,
                                  const double values[])
{
    struct sink_batch b;

    for (;;) {
        uint64_t present[16] = {0};
        double by_slot[1024] = {0};
        uint32_t slots = 0;

        for (size_t i = 0; i < p->n; i++) {
            uint32_t slot = p->refs[i].id;

            slots = slot + 1 > slots ? slot + 1 : slots;
            if (value_is_stale(values[i]))
                continue;
            present[slot / 64] |= UINT64_C(1) << (slot % 64);
            by_slot[slot] = values[i];
        }
        b = (struct sink_batch){.group = p->group,
                                .generation = p->refs[0].generation,
                                .ts = ts,
                                .slots = slots,
                                .present = present,
                                .changed = p->changed,
                                .values = by_slot,
                                .exemplars = p->exemplars,
                                .exemplars_n = p->exemplars_n,
                                .metadata = p->metadata,
                                .metadata_n = p->metadata_n};
        db_fixture_commit(f, &b);
        if (b.verdict != SINK_STALE)
            return b;
        resolve_pull(f, p);
    }
}

/* ---- reading ---- */

static void print_series(struct buf *out, const struct labels *ls, const struct source_series *s)
{
    ts_ms last = INT64_MIN;

    labels_print(ls, out);
    buf_addc(out, ':');
    for (size_t r = 0; r < s->runs_n; r++) {
        const struct source_run *run = &s->runs[r];

        assert_true(run->n >= 1);
        if (run->column) {
            assert_true(run->first + run->n <= run->column->n);
            assert_true(run->ts == run->column->ts + run->first);
        }
        for (size_t i = 0; i < run->n; i++) {
            assert_true(!(r || i) || run->ts[i] > last);
            last = run->ts[i];
            if (value_is_stale(run->values[i]))
                buf_addf(out, " %g stale", (double)(last - FIXTURE_T0) / 1000);
            else
                buf_addf(out, " %g %.17g", (double)(last - FIXTURE_T0) / 1000, run->values[i]);
            buf_addc(out, ',');
        }
    }
    buf_addc(out, '\n');
}

/* Calls `each` for every series that matches. */
static void read_set(struct db_fixture *f, const char *value, ts_ms mint, ts_ms maxt,
                     void (*each)(void *arg, const struct labels *ls,
                                  const struct source_series *s),
                     void *arg, size_t *warnings)
{
    struct source *src = db_source(f->db);
    struct source_set *set;
    struct source_reader *r;
    struct source_series s;
    struct matcher m;
    struct arena a;
    struct err err = {0};

    arena_init(&a, &f->budget);
    assert_ok(matcher_init(&m, &a, value[0] == '~' ? MATCH_RE : MATCH_EQ, STR("__name__"),
                           str_c(value[0] == '~' ? value + 1 : value), &err),
              err);
    assert_ok(src->select(src, &a, &m, 1, mint, maxt, NULL, &set, &err), err);
    assert_ok(src->reader_open(src, set, &a, &r, &err), err);
    for (size_t i = 0; i < set->n; i++) {
        assert_true(!i || labels_compare(set->labels[i - 1], set->labels[i]) < 0);
        assert_ok(src->read(r, i, &s, &err), err);
        if (s.runs_n)
            each(arg, set->labels[i], &s);
    }
    src->reader_close(r);
    *warnings = set->warnings_n;
    src->set_free(src, set);
    matcher_fini(&m);
    arena_fini(&a);
}

static void print_each(void *arg, const struct labels *ls, const struct source_series *s)
{
    print_series(arg, ls, s);
}

struct rows {
    struct db_fixture *f;
    struct fixture_row *items;
    size_t n, cap;
};

static void row_each(void *arg, const struct labels *ls, const struct source_series *s)
{
    struct rows *rows = arg;
    struct buf name;
    const char *text;
    struct err err;

    buf_init(&name, 0);
    labels_print(ls, &name);
    text = arena_cstr(&rows->f->a, buf_str(&name), &err);
    buf_fini(&name);
    for (size_t r = 0; r < s->runs_n; r++)
        for (size_t i = 0; i < s->runs[r].n; i++) {
            assert_ok(arena_grow(&rows->f->a, (void **)&rows->items, &rows->cap, rows->n + 1,
                                 sizeof *rows->items, &err),
                      err);
            rows->items[rows->n++] =
                (struct fixture_row){text, s->runs[r].ts[i], s->runs[r].values[i]};
        }
}

size_t db_fixture_samples(struct db_fixture *f, struct fixture_row **out)
{
    struct rows rows = {.f = f};
    size_t warnings;

    read_set(f, "~.+", INT64_MIN, INT64_MAX, row_each, &rows, &warnings);
    *out = rows.items;
    return rows.n;
}

const char *db_fixture_read(struct db_fixture *f, const char *value, ts_ms mint, ts_ms maxt)
{
    const char *text;
    size_t warnings;
    struct buf out;
    struct err err;

    buf_init(&out, 0);
    read_set(f, value, mint, maxt, print_each, &out, &warnings);
    text = arena_cstr(&f->a, buf_str(&out), &err);
    buf_fini(&out);
    return text;
}

const char *db_fixture_read_all(struct db_fixture *f, const char *value)
{
    return db_fixture_read(f, value, INT64_MIN, INT64_MAX);
}

size_t db_fixture_warnings(struct db_fixture *f)
{
    struct rows rows = {.f = f};
    size_t warnings;

    read_set(f, "~.+", INT64_MIN, INT64_MAX, row_each, &rows, &warnings);
    return warnings;
}
