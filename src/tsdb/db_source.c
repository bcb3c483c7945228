/* db_source: reads the samples of a selected set, and names and values of labels (model/source.h).
 *
 * A series is read part by part: streams of the head, side lists, blocks. Most often the parts
 * follow each other in time and their runs are handed out as they are. Where they overlap, or have
 * very many gaps, the series is merged into arrays of its own: at the same time the part of the
 * larger owner wins (the head over blocks, a newer block over an older one).
 */
#include <assert.h>
#include <stdlib.h>
#include <string.h>

#include "base/arena.h"
#include "base/err.h"
#include "base/mem.h"
#include "tsdb/block.h"
#include "tsdb/db_impl.h"
#include "tsdb/db_set.h"
#include "tsdb/tomb.h"

#define RUNS_WITHOUT_MERGE 64u

/* A stretch of one part. */
struct piece {
    struct source_run run;
    uint32_t owner;
    size_t values_at; /* in reader.values, when run.values is NULL */
};

struct source_reader {
    struct db_set *set;
    struct arena *a;
    struct arena scratch; /* of the blocks; reset for each series */
    struct block_reader **blocks;
    struct stream_runs runs;
    double *values;
    size_t values_n, values_cap;
    struct piece *pieces;
    size_t pieces_n, pieces_cap;
    struct source_run *out;
    size_t out_cap;
    ts_ms *merged_ts;
    double *merged;
    size_t merged_cap, merged_ts_cap;
    size_t *cursors;
    size_t cursors_cap;
};

static int reader_open(struct source *src, struct source_set *set, struct arena *a,
                       struct source_reader **out, struct err *err)
{
    struct source_reader *r = arena_new(a, struct source_reader, err);

    (void)src;
    if (!r)
        return -1;
    r->set = (struct db_set *)set;
    r->a = a;
    r->blocks = arena_new_array(a, struct block_reader *, r->set->blocks_n, err);
    if (!r->blocks)
        return -1;
    arena_init(&r->scratch, a->budget);
    *out = r;
    return 0;
}

static void reader_close(struct source_reader *r)
{
    if (!r)
        return;
    mem_free(r->runs.items);
    r->runs.items = NULL;
    arena_fini(&r->scratch);
}

static int add_piece(struct source_reader *r, const struct piece *p, struct err *err)
{
    if (arena_grow(r->a, (void **)&r->pieces, &r->pieces_cap, r->pieces_n + 1, sizeof *r->pieces,
                   err) < 0)
        return -1;
    r->pieces[r->pieces_n++] = *p;
    return 0;
}

static int read_stream(struct source_reader *r, const struct set_part *part, struct err *err)
{
    const struct set_column *c = &r->set->columns[part->stream.column];
    const struct stream_view *v = &part->stream.view;
    uint32_t lo = v->start > c->lo ? v->start : c->lo;
    uint32_t hi = v->end < c->hi ? v->end : c->hi;
    size_t at = r->values_n;

    if (lo >= hi)
        return 0;
    if (arena_grow(r->a, (void **)&r->values, &r->values_cap, r->values_n + (hi - lo),
                   sizeof *r->values, err) < 0)
        return -1;
    r->runs.n = 0;
    r->values_n += stream_decode(v, lo, hi, r->values + at, &r->runs);
    for (size_t i = 0; i < r->runs.n; i++) {
        const struct stream_run *run = &r->runs.items[i];
        struct piece p = {.owner = part->owner, .values_at = at};

        p.run = (struct source_run){
            .ts = c->column.ts + run->pos, .n = run->n, .column = &c->column, .first = run->pos};
        at += run->n;
        if (add_piece(r, &p, err) < 0)
            return -1;
    }
    return 0;
}

static int read_block(struct source_reader *r, const struct set_part *part, struct err *err)
{
    uint32_t b = part->block.block;
    struct source_series s;

    if ((!r->blocks[b] && block_reader_open(r->set->blocks[b], r->a, &r->blocks[b], err) < 0) ||
        block_read(r->blocks[b], &r->scratch, part->block.series, r->set->mint, r->set->maxt, &s,
                   err) < 0) {
        if (err->kind != ERR_CORRUPT && err->kind != ERR_OS)
            return -1;
        db_set_damaged(r->set, b);
        return 0;
    }
    for (size_t i = 0; i < s.runs_n; i++) {
        struct piece p = {.run = s.runs[i], .owner = part->owner};

        if (add_piece(r, &p, err) < 0)
            return -1;
    }
    return 0;
}

static int read_part(struct source_reader *r, const struct set_part *part, struct err *err)
{
    struct piece side;

    switch (part->kind) {
    case PART_STREAM:
        return read_stream(r, part, err);
    case PART_BLOCK:
        return read_block(r, part, err);
    case PART_SIDE:
        side = (struct piece){.owner = part->owner};
        side.run.ts = part->side.ts;
        side.run.values = part->side.values;
        side.run.n = part->side.n;
        return add_piece(r, &side, err);
    }
    return 0;
}

static struct piece part_of(const struct piece *p, size_t from, size_t to)
{
    struct piece out = *p;

    out.run.ts += from;
    out.run.n = to - from;
    if (out.run.values)
        out.run.values += from;
    out.values_at += from;
    if (out.run.column)
        out.run.first += from;
    return out;
}

/* Takes what is deleted out of the pieces from `from` on. */
static int leave_out(struct source_reader *r, size_t from, const struct set_gone *gone,
                     struct err *err)
{
    size_t n = r->pieces_n - from;
    struct piece *pieces = arena_new_array(&r->scratch, struct piece, n, err);

    if (!pieces)
        return -1;
    memcpy(pieces, r->pieces + from, n * sizeof *pieces);
    r->pieces_n = from;
    for (size_t i = 0; i < n; i++) {
        const struct source_run *run = &pieces[i].run;
        size_t span = 0;

        for (size_t at = 0; at < run->n;) {
            size_t lo = tomb_spans_next(gone->spans, gone->n, run->ts, run->n, at, false, &span);
            struct piece left;

            at = tomb_spans_next(gone->spans, gone->n, run->ts, run->n, lo, true, &span);
            left = part_of(&pieces[i], lo, at);
            if (at > lo && add_piece(r, &left, err) < 0)
                return -1;
        }
    }
    return 0;
}

static bool in_order(const struct source_reader *r)
{
    for (size_t i = 1; i < r->pieces_n; i++) {
        const struct source_run *before = &r->pieces[i - 1].run;

        if (before->ts[before->n - 1] >= r->pieces[i].run.ts[0])
            return false;
    }
    return true;
}

static int hand_out(struct source_reader *r, struct source_series *out, struct err *err)
{
    if (arena_grow(r->a, (void **)&r->out, &r->out_cap, r->pieces_n, sizeof *r->out, err) < 0)
        return -1;
    for (size_t i = 0; i < r->pieces_n; i++)
        r->out[i] = r->pieces[i].run;
    out->runs = r->out;
    out->runs_n = r->pieces_n;
    return 0;
}

/* ---- merging ---- */

static int by_first_time(const void *a, const void *b)
{
    const struct piece *x = a, *y = b;

    if (x->run.ts[0] != y->run.ts[0])
        return x->run.ts[0] < y->run.ts[0] ? -1 : 1;
    return (x->owner > y->owner) - (x->owner < y->owner);
}

/* Pieces that overlap the one at `from`, directly or through others: [from, to). */
static size_t cluster_end(const struct source_reader *r, size_t from)
{
    ts_ms last = r->pieces[from].run.ts[r->pieces[from].run.n - 1];
    size_t to = from + 1;

    for (; to < r->pieces_n && r->pieces[to].run.ts[0] <= last; to++) {
        const struct source_run *run = &r->pieces[to].run;

        last = run->ts[run->n - 1] > last ? run->ts[run->n - 1] : last;
    }
    return to;
}

/* Merges pieces [from, to), which are sorted by their first times. A piece takes part from its
 * first time on and leaves at its end, so few are looked at for each sample. */
static size_t merge_cluster(struct source_reader *r, size_t from, size_t to, size_t at)
{
    size_t begun = from, live = from;

    for (size_t i = from; i < to; i++)
        r->cursors[i] = 0;
    for (;;) {
        ts_ms ts = INT64_MAX;
        const struct piece *best = NULL;
        double value = 0;

        while (live < begun && r->cursors[live] == r->pieces[live].run.n)
            live++;
        if (live == begun && begun < to)
            begun++;
        for (size_t i = live; i < begun; i++) {
            if (r->cursors[i] < r->pieces[i].run.n && r->pieces[i].run.ts[r->cursors[i]] < ts)
                ts = r->pieces[i].run.ts[r->cursors[i]];
        }
        if (live == begun)
            return at;
        while (begun < to && r->pieces[begun].run.ts[0] <= ts)
            ts = r->pieces[begun++].run.ts[0];
        for (size_t i = live; i < begun; i++) {
            const struct source_run *run = &r->pieces[i].run;

            if (r->cursors[i] == run->n || run->ts[r->cursors[i]] != ts)
                continue;
            if (!best || r->pieces[i].owner >= best->owner) {
                best = &r->pieces[i];
                value = run->values[r->cursors[i]];
            }
            r->cursors[i]++;
        }
        r->merged_ts[at] = ts;
        r->merged[at++] = value;
    }
}

static int merge(struct source_reader *r, struct source_series *out, struct err *err)
{
    size_t total = 0, at = 0;

    for (size_t i = 0; i < r->pieces_n; i++)
        total += r->pieces[i].run.n;
    if (arena_grow(r->a, (void **)&r->merged_ts, &r->merged_ts_cap, total, sizeof(ts_ms), err) <
            0 ||
        arena_grow(r->a, (void **)&r->merged, &r->merged_cap, total, sizeof(double), err) < 0 ||
        arena_grow(r->a, (void **)&r->cursors, &r->cursors_cap, r->pieces_n, sizeof(size_t), err) <
            0 ||
        arena_grow(r->a, (void **)&r->out, &r->out_cap, 1, sizeof *r->out, err) < 0)
        return -1;
    qsort(r->pieces, r->pieces_n, sizeof *r->pieces, by_first_time);
    for (size_t from = 0; from < r->pieces_n;) {
        size_t to = cluster_end(r, from);

        if (to == from + 1) {
            const struct source_run *run = &r->pieces[from].run;

            memcpy(r->merged_ts + at, run->ts, run->n * sizeof(ts_ms));
            memcpy(r->merged + at, run->values, run->n * sizeof(double));
            at += run->n;
        } else {
            at = merge_cluster(r, from, to, at);
        }
        from = to;
    }
    r->out[0] = (struct source_run){.ts = r->merged_ts, .values = r->merged, .n = at};
    out->runs = r->out;
    out->runs_n = 1;
    return 0;
}

static int read_series(struct source_reader *r, size_t i, struct source_series *out,
                       struct err *err)
{
    struct db_set *s = r->set;

    arena_reset(&r->scratch);
    r->values_n = r->pieces_n = 0;
    for (uint32_t k = s->first[i]; k < s->first[i + 1]; k++) {
        size_t from = r->pieces_n;

        if (read_part(r, &s->parts[k], err) < 0 ||
            (s->gone && s->gone[k].n && leave_out(r, from, &s->gone[k], err) < 0))
            return -1;
    }
    for (size_t k = 0; k < r->pieces_n; k++) /* `values` moves while it grows */
        if (!r->pieces[k].run.values)
            r->pieces[k].run.values = r->values + r->pieces[k].values_at;
    if (!r->pieces_n) {
        *out = (struct source_series){0};
        return 0;
    }
    if (r->pieces_n <= RUNS_WITHOUT_MERGE && in_order(r))
        return hand_out(r, out, err);
    return merge(r, out, err);
}

/* ---- label names and values ---- */

static int by_text(const void *a, const void *b)
{
    return str_cmp(*(const struct str *)a, *(const struct str *)b);
}

struct texts {
    struct str *items;
    size_t n, cap;
};

static int texts_add(struct texts *t, struct arena *a, const struct str *more, size_t n,
                     struct err *err)
{
    if (arena_grow(a, (void **)&t->items, &t->cap, t->n + n, sizeof *t->items, err) < 0)
        return -1;
    if (n)
        memcpy(t->items + t->n, more, n * sizeof *more);
    t->n += n;
    return 0;
}

static void texts_unique(struct texts *t, size_t limit)
{
    size_t n = 0;

    if (t->n)
        qsort(t->items, t->n, sizeof *t->items, by_text);
    for (size_t i = 0; i < t->n; i++)
        if (!n || !str_eq(t->items[n - 1], t->items[i]))
            t->items[n++] = t->items[i];
    t->n = limit && n > limit ? limit : n;
}

/* Of the series that match: through a select, without samples. */
static int matching_texts(struct source *src, struct arena *a, const struct str *name,
                          const struct matcher *matchers, size_t matchers_n, ts_ms mint, ts_ms maxt,
                          struct texts *t, struct err *err)
{
    struct source_hints hints = {.labels_only = true};
    struct source_set *set;
    int rc = 0;

    if (db_set_select(src, a, matchers, matchers_n, mint, maxt, &hints, &set, err) < 0)
        return -1;
    for (size_t i = 0; i < set->n && rc == 0; i++) {
        struct str value;

        if (name) {
            value = labels_get(set->labels[i], *name);
            rc = value.n ? texts_add(t, a, &value, 1, err) : 0;
            continue;
        }
        for (size_t k = 0; k < set->labels[i]->n && rc == 0; k++) {
            value = labels_at(set->labels[i], k).name;
            rc = texts_add(t, a, &value, 1, err);
        }
        if (t->n > 65536)
            texts_unique(t, 0);
    }
    db_set_free(src, set);
    return rc;
}

/* References to the blocks that overlap; what the list was is of no matter afterwards. */
static int blocks_in_range(struct db *db, struct arena *a, ts_ms mint, ts_ms maxt,
                           struct block ***out, size_t *n, struct err *err)
{
    struct block **list;
    size_t k = 0;

    pthread_rwlock_rdlock(&db->head.data_lock);
    list = arena_new_array(a, struct block *, db->blocks_n, err);
    for (size_t i = 0; list && i < db->blocks_n; i++) {
        const struct block_meta *m = block_meta(db->blocks[i]);

        if (m->mint <= maxt && m->maxt >= mint)
            list[k++] = block_ref(db->blocks[i]);
    }
    pthread_rwlock_unlock(&db->head.data_lock);
    if (!list)
        return -1;
    *out = list;
    *n = k;
    return 0;
}

static bool head_in_range(struct db *db, ts_ms mint, ts_ms maxt)
{
    struct head_sums sums;

    pthread_rwlock_rdlock(&db->head.data_lock);
    sums = head_sums(&db->head);
    pthread_rwlock_unlock(&db->head.data_lock);
    return sums.min_ts <= sums.max_ts && sums.min_ts <= maxt && sums.max_ts >= mint;
}

static int all_texts(struct source *src, struct arena *a, const struct str *name, ts_ms mint,
                     ts_ms maxt, struct texts *t, struct err *err)
{
    struct db *db = CONTAINER_OF(src, struct db, source);
    struct block **blocks;
    struct str *found = NULL;
    size_t blocks_n, n = 0;
    int rc = 0;

    if (blocks_in_range(db, a, mint, maxt, &blocks, &blocks_n, err) < 0)
        return -1;
    if (head_in_range(db, mint, maxt)) {
        pthread_rwlock_rdlock(&db->head.index_lock);
        rc = name ? head_index_values(&db->head.index, a, *name, &found, &n, err)
                  : head_index_names(&db->head.index, a, &found, &n, err);
        pthread_rwlock_unlock(&db->head.index_lock);
        if (rc == 0)
            rc = texts_add(t, a, found, n, err);
    }
    for (size_t i = 0; i < blocks_n; i++) {
        if (rc == 0) {
            rc = name ? block_label_values(blocks[i], a, *name, &found, &n, err)
                      : block_label_names(blocks[i], a, &found, &n, err);
            if (rc < 0 && (err->kind == ERR_CORRUPT || err->kind == ERR_OS))
                rc = 0; /* counted by the block; the others still answer */
            else if (rc == 0)
                rc = texts_add(t, a, found, n, err);
        }
        block_unref(blocks[i]);
    }
    return rc;
}

static int texts(struct source *src, struct arena *a, const struct str *name,
                 const struct matcher *matchers, size_t matchers_n, ts_ms mint, ts_ms maxt,
                 size_t limit, struct str **out, size_t *out_n, struct err *err)
{
    struct texts t = {0};
    int rc = matchers_n ? matching_texts(src, a, name, matchers, matchers_n, mint, maxt, &t, err)
                        : all_texts(src, a, name, mint, maxt, &t, err);

    if (rc < 0)
        return -1;
    texts_unique(&t, limit);
    *out = t.items;
    *out_n = t.n;
    return 0;
}

static int label_names(struct source *s, struct arena *a, const struct matcher *matchers,
                       size_t matchers_n, ts_ms mint, ts_ms maxt, size_t limit, struct str **out,
                       size_t *out_n, struct err *err)
{
    return texts(s, a, NULL, matchers, matchers_n, mint, maxt, limit, out, out_n, err);
}

static int label_values(struct source *s, struct arena *a, struct str name,
                        const struct matcher *matchers, size_t matchers_n, ts_ms mint, ts_ms maxt,
                        size_t limit, struct str **out, size_t *out_n, struct err *err)
{
    return texts(s, a, &name, matchers, matchers_n, mint, maxt, limit, out, out_n, err);
}

static int exemplars(struct source *s, struct arena *a, const struct source_selector *selectors,
                     size_t selectors_n, ts_ms mint, ts_ms maxt, struct source_exemplars **out,
                     size_t *out_n, struct err *err)
{
    return exemplar_store_select(&CONTAINER_OF(s, struct db, source)->exemplars, a, selectors,
                                 selectors_n, mint, maxt, out, out_n, err);
}

void db_source_init(struct db *db)
{
    db->source = (struct source){
        .select = db_set_select,
        .set_free = db_set_free,
        .reader_open = reader_open,
        .read = read_series,
        .reader_close = reader_close,
        .label_names = label_names,
        .label_values = label_values,
        .exemplars = exemplars,
    };
}
