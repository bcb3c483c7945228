/* Two passes over the blocks, both in label order:
 *
 *   1. Labels and directories only. Each series gets a home: the group it will be in. Its source
 *      groups (of each block) become members of that home.
 *   2. block_write's: the column of a home is the union of its members' columns, made again when it
 *      is asked for; a series' samples are read, merged, and placed on its home's column.
 *
 * A home is found by the source group of the series' first part in an ordinary block, or of any
 * later one: groups of one target meet through the series they share. Side blocks never found a
 * home when there is another way, since one group of theirs may hold series of many targets. A
 * member may belong to several homes; that costs absent positions, never correctness. */
#include "tsdb/compact.h"

#include <stdlib.h>
#include <string.h>

#include "base/arena.h"
#include "base/err.h"
#include "base/mem.h"
#include "model/labels.h"
#include "model/source.h"
#include "tsdb/block_impl.h"
#include "tsdb/presence.h"

#define CACHE_BYTES  (2u << 20)
#define COLUMNS_KEPT 32u

struct member {
    uint32_t block, group;
};

struct home {
    struct member *members; /* owned */
    size_t n, cap;
};

/* One block being read along. */
struct input {
    struct block *block; /* owned */
    struct block_reader *reader;
    struct dir_walk dir;
    struct arena keep;        /* reader, directory */
    struct arena labels;      /* of the series it stands before */
    const struct labels *now; /* NULL: at the end */
    uint32_t series;
    uint32_t *home_of; /* owned; by group: home + 1, 0 unknown */
};

struct column {
    uint32_t home; /* + 1; 0: empty */
    ts_ms *ts;     /* owned */
    size_t n, cap;
    uint64_t used;
};

struct compaction {
    struct block_input in; /* first */
    struct input *inputs;  /* owned */
    size_t inputs_n;
    struct home *homes; /* owned */
    size_t homes_n, homes_cap;
    uint32_t *series_home; /* owned; in label order */
    size_t series_n, series_cap;
    const atomic_bool *cancelled;
    struct column columns[COLUMNS_KEPT];
    uint64_t asked;
    struct arena scratch; /* one series */
    struct block_series_in out;
    struct block_part part;
};

static int check_cancelled(const struct compaction *c, struct err *err)
{
    if (c->cancelled && atomic_load_explicit(c->cancelled, memory_order_relaxed))
        return err_set(err, ERR_CANCELLED, "compaction was told to stop");
    return 0;
}

/* ---- walking the blocks in label order ---- */

static int load_labels(struct input *in, struct err *err)
{
    in->now = NULL;
    arena_reset(&in->labels);
    if (in->series >= block_meta(in->block)->series)
        return 0;
    return block_labels(in->block, &in->labels, in->series, &in->now, err);
}

static int rewind_all(struct compaction *c, struct err *err)
{
    for (size_t i = 0; i < c->inputs_n; i++) {
        c->inputs[i].series = 0;
        if (load_labels(&c->inputs[i], err) < 0)
            return -1;
    }
    return 0;
}

/* The smallest label set any block stands before; NULL at the end. */
static const struct labels *least(const struct compaction *c)
{
    const struct labels *ls = NULL;

    for (size_t i = 0; i < c->inputs_n; i++)
        if (c->inputs[i].now && (!ls || labels_compare(c->inputs[i].now, ls) < 0))
            ls = c->inputs[i].now;
    return ls;
}

static bool stands_before(const struct input *in, const struct labels *ls)
{
    return in->now && labels_equal(in->now, ls);
}

/* `ls` may be one of the inputs' own, so equality is settled before anything moves. */
static int advance(struct compaction *c, const bool *at_it, struct err *err)
{
    for (size_t i = 0; i < c->inputs_n; i++) {
        if (!at_it[i])
            continue;
        c->inputs[i].series++;
        if (load_labels(&c->inputs[i], err) < 0)
            return -1;
    }
    return 0;
}

/* ---- first pass: homes ---- */

static void add_member(struct home *home, struct member m)
{
    for (size_t i = home->n; i-- > 0;)
        if (home->members[i].block == m.block && home->members[i].group == m.group)
            return;
    home->members = mem_grow(home->members, &home->cap, home->n + 1, sizeof *home->members);
    home->members[home->n++] = m;
}

static uint32_t new_home(struct compaction *c)
{
    c->homes = mem_grow(c->homes, &c->homes_cap, c->homes_n + 1, sizeof *c->homes);
    c->homes[c->homes_n] = (struct home){0};
    return (uint32_t)c->homes_n++;
}

/* The home that a source group of the series has already: of ordinary blocks first. */
static bool known_home(const struct compaction *c, const bool *at_it, uint32_t *out)
{
    for (int side = 0; side < 2; side++)
        for (size_t i = 0; i < c->inputs_n; i++) {
            const struct input *in = &c->inputs[i];

            if (!at_it[i] || block_meta(in->block)->side != (side == 1))
                continue;
            for (size_t p = 0; p < in->dir.parts_n; p++)
                if (in->home_of[in->dir.parts[p].group]) {
                    *out = in->home_of[in->dir.parts[p].group] - 1;
                    return true;
                }
        }
    return false;
}

static bool only_in_side_blocks(const struct compaction *c, const bool *at_it)
{
    for (size_t i = 0; i < c->inputs_n; i++)
        if (at_it[i] && !block_meta(c->inputs[i].block)->side)
            return false;
    return true;
}

static void settle(struct compaction *c, const bool *at_it)
{
    bool side_only = only_in_side_blocks(c, at_it);
    uint32_t home;

    if (!known_home(c, at_it, &home))
        home = new_home(c);
    for (size_t i = 0; i < c->inputs_n; i++) {
        struct input *in = &c->inputs[i];

        for (size_t p = 0; at_it[i] && p < in->dir.parts_n; p++) {
            uint32_t group = in->dir.parts[p].group;

            add_member(&c->homes[home], (struct member){(uint32_t)i, group});
            if (!in->home_of[group] && (side_only || !block_meta(in->block)->side))
                in->home_of[group] = home + 1;
        }
    }
    c->series_home =
        mem_grow(c->series_home, &c->series_cap, c->series_n + 1, sizeof *c->series_home);
    c->series_home[c->series_n++] = home;
}

static int find_homes(struct compaction *c, struct err *err)
{
    const struct labels *ls;

    if (rewind_all(c, err) < 0)
        return -1;
    while ((ls = least(c))) {
        bool at_it[COMPACT_BLOCKS_MAX];

        if (check_cancelled(c, err) < 0)
            return -1;
        for (size_t i = 0; i < c->inputs_n; i++) {
            at_it[i] = stands_before(&c->inputs[i], ls);
            if (at_it[i] && dir_walk_to(&c->inputs[i].dir, c->inputs[i].series, err) < 0)
                return -1;
        }
        settle(c, at_it);
        if (advance(c, at_it, err) < 0)
            return -1;
    }
    return rewind_all(c, err);
}

/* ---- second pass: columns ---- */

/* Both ascend; the union replaces `into`. */
static void unite(struct column *into, const ts_ms *ts, size_t n)
{
    SCOPED(mem_freep) ts_ms *old = NULL;
    size_t i = 0, j = 0, old_n = into->n;

    if (!n)
        return;
    if (!into->n || into->ts[into->n - 1] < ts[0]) { /* the usual case: a later window */
        into->ts = mem_grow(into->ts, &into->cap, into->n + n, sizeof *into->ts);
        memcpy(into->ts + into->n, ts, n * sizeof *ts);
        into->n += n;
        return;
    }
    old = mem_dup(into->ts, into->n * sizeof *into->ts);
    into->ts = mem_grow(into->ts, &into->cap, into->n + n, sizeof *into->ts);
    into->n = 0;
    while (i < old_n || j < n) {
        ts_ms next = j == n || (i < old_n && old[i] <= ts[j]) ? old[i] : ts[j];

        into->ts[into->n++] = next;
        i += i < old_n && old[i] == next;
        j += j < n && ts[j] == next;
    }
}

static int build_column(struct compaction *c, uint32_t home, struct column *out, struct err *err)
{
    const struct home *h = &c->homes[home];

    out->home = 0;
    out->n = 0;
    for (size_t i = 0; i < h->n; i++) {
        const struct source_column *column;
        struct input *in = &c->inputs[h->members[i].block];

        if (block_reader_column(in->reader, h->members[i].group, &c->scratch, &column, err) < 0)
            return -1;
        unite(out, column->ts, column->n);
    }
    out->home = home + 1;
    return 0;
}

static int column_of(struct compaction *c, uint32_t home, struct column **out, struct err *err)
{
    struct column *oldest = &c->columns[0];

    c->asked++;
    for (size_t i = 0; i < COLUMNS_KEPT; i++) {
        struct column *column = &c->columns[i];

        if (column->home == home + 1) {
            column->used = c->asked;
            *out = column;
            return 0;
        }
        oldest = column->used < oldest->used ? column : oldest;
    }
    if (build_column(c, home, oldest, err) < 0)
        return -1;
    oldest->used = c->asked;
    *out = oldest;
    return 0;
}

static int give_group(struct block_input *in, size_t group, const ts_ms **ts, size_t *n,
                      struct err *err)
{
    struct compaction *c = (struct compaction *)in;
    struct column *column;

    if (check_cancelled(c, err) < 0)
        return -1;
    arena_reset(&c->scratch);
    if (column_of(c, (uint32_t)group, &column, err) < 0)
        return -1;
    *ts = column->ts;
    *n = column->n;
    return 0;
}

/* ---- second pass: samples ---- */

/* Samples of one series from one block. */
struct strand {
    ts_ms *ts;
    double *values;
    size_t n;
    uint32_t generation;
};

static int read_strand(struct compaction *c, struct input *in, struct strand *out, struct err *err)
{
    struct source_series got;
    size_t n = 0;

    if (block_read(in->reader, &c->scratch, in->series, INT64_MIN, INT64_MAX, &got, err) < 0)
        return -1;
    for (size_t i = 0; i < got.runs_n; i++)
        n += got.runs[i].n;
    out->generation = block_meta(in->block)->generation;
    out->ts = arena_alloc(&c->scratch, n * sizeof *out->ts, err);
    out->values = arena_alloc(&c->scratch, n * sizeof *out->values, err);
    if (!out->ts || !out->values)
        return -1;
    out->n = 0;
    for (size_t i = 0; i < got.runs_n; i++) {
        memcpy(out->ts + out->n, got.runs[i].ts, got.runs[i].n * sizeof *out->ts);
        memcpy(out->values + out->n, got.runs[i].values, got.runs[i].n * sizeof *out->values);
        out->n += got.runs[i].n;
    }
    return 0;
}

/* Where both have a time, the larger generation wins. */
static int merge(struct compaction *c, const struct strand *a, const struct strand *b,
                 struct strand *out, struct err *err)
{
    size_t i = 0, j = 0;

    out->ts = arena_alloc(&c->scratch, (a->n + b->n) * sizeof *out->ts, err);
    out->values = arena_alloc(&c->scratch, (a->n + b->n) * sizeof *out->values, err);
    if (!out->ts || !out->values)
        return -1;
    out->n = 0;
    while (i < a->n || j < b->n) {
        bool has_a = i < a->n && (j == b->n || a->ts[i] <= b->ts[j]);
        bool has_b = j < b->n && (i == a->n || b->ts[j] <= a->ts[i]);
        bool from_a = has_a && (!has_b || a->generation > b->generation);

        out->ts[out->n] = has_a ? a->ts[i] : b->ts[j];
        out->values[out->n++] = from_a ? a->values[i] : b->values[j];
        i += has_a;
        j += has_b;
    }
    return 0;
}

/* Merges in ascending generation, so that the merged strand always carries the larger one. */
static int by_generation(const void *a, const void *b)
{
    const struct strand *x = a, *y = b;

    return (x->generation > y->generation) - (x->generation < y->generation);
}

static int by_time(const void *a, const void *b)
{
    const struct strand *x = a, *y = b;

    return (x->ts[0] > y->ts[0]) - (x->ts[0] < y->ts[0]);
}

static bool are_apart(const struct strand *strands, size_t n)
{
    for (size_t i = 1; i < n; i++)
        if (strands[i].ts[0] <= strands[i - 1].ts[strands[i - 1].n - 1])
            return false;
    return true;
}

static int concatenate(struct compaction *c, const struct strand *strands, size_t n,
                       struct strand *out, struct err *err)
{
    size_t total = 0;

    for (size_t i = 0; i < n; i++)
        total += strands[i].n;
    out->ts = arena_alloc(&c->scratch, total * sizeof *out->ts, err);
    out->values = arena_alloc(&c->scratch, total * sizeof *out->values, err);
    if (!out->ts || !out->values)
        return -1;
    out->n = 0;
    for (size_t i = 0; i < n; i++) {
        memcpy(out->ts + out->n, strands[i].ts, strands[i].n * sizeof *out->ts);
        memcpy(out->values + out->n, strands[i].values, strands[i].n * sizeof *out->values);
        out->n += strands[i].n;
    }
    return 0;
}

static int join_strands(struct compaction *c, struct strand *strands, size_t n, struct strand *out,
                        struct err *err)
{
    qsort(strands, n, sizeof *strands, by_time);
    if (are_apart(strands, n))
        return concatenate(c, strands, n, out, err);
    qsort(strands, n, sizeof *strands, by_generation);
    *out = strands[0];
    for (size_t i = 1; i < n; i++) {
        struct strand both = {.generation = strands[i].generation};

        if (merge(c, out, &strands[i], &both, err) < 0)
            return -1;
        *out = both;
    }
    return 0;
}

/* Every time of the strand is in the column: both come from the same source groups. */
static int place(struct compaction *c, const struct strand *s, const struct column *column,
                 struct err *err)
{
    size_t at = 0, lo = 0, hi = column->n;
    uint64_t *present;

    while (lo < hi) {
        size_t mid = lo + (hi - lo) / 2;

        if (column->ts[mid] < s->ts[0])
            lo = mid + 1;
        else
            hi = mid;
    }
    for (at = lo, hi = 0; hi < s->n && at < column->n; at++)
        hi += column->ts[at] == s->ts[hi];
    if (hi < s->n)
        return err_set(err, ERR_EVAL, "compaction lost a timestamp of a series");
    c->part.first = (uint32_t)lo;
    c->part.n = (uint32_t)(at - lo);
    c->part.values = s->values;
    c->part.present = NULL;
    if (c->part.n == s->n)
        return 0;
    present = arena_new_array(&c->scratch, uint64_t, presence_words(c->part.n), err);
    if (!present)
        return -1;
    hi = 0;
    for (at = 0; at < c->part.n; at++) {
        if (column->ts[lo + at] != s->ts[hi])
            continue;
        presence_set(present, at);
        hi++;
    }
    c->part.present = present;
    return 0;
}

static int read_series(struct compaction *c, const bool *at_it, size_t i, struct err *err)
{
    struct strand strands[COMPACT_BLOCKS_MAX], all = {0};
    struct column *column;
    size_t n = 0;

    for (size_t k = 0; k < c->inputs_n; k++) {
        if (!at_it[k])
            continue;
        if (read_strand(c, &c->inputs[k], &strands[n], err) < 0)
            return -1;
        n += strands[n].n > 0;
    }
    c->out.parts_n = 0;
    if (!n)
        return 0;
    if (join_strands(c, strands, n, &all, err) < 0 ||
        column_of(c, c->series_home[i], &column, err) < 0)
        return -1;
    c->part.group = c->series_home[i];
    c->out.parts = &c->part;
    c->out.parts_n = 1;
    return place(c, &all, column, err);
}

static int give_series(struct block_input *in, size_t i, const struct block_series_in **out,
                       struct err *err)
{
    struct compaction *c = (struct compaction *)in;
    const struct labels *ls = least(c);
    bool at_it[COMPACT_BLOCKS_MAX];

    arena_reset(&c->scratch);
    *out = NULL;
    if (!ls)
        return 0;
    if (check_cancelled(c, err) < 0)
        return -1;
    for (size_t k = 0; k < c->inputs_n; k++)
        at_it[k] = stands_before(&c->inputs[k], ls);
    c->out.labels = arena_alloc(&c->scratch, labels_size(ls), err);
    if (!c->out.labels)
        return -1;
    memcpy((void *)(uintptr_t)c->out.labels, ls, labels_size(ls));
    if (read_series(c, at_it, i, err) < 0 || advance(c, at_it, err) < 0)
        return -1;
    *out = &c->out;
    return 0;
}

/* ---- all of it ---- */

static void compaction_fini(struct compaction *c)
{
    for (size_t i = 0; i < c->inputs_n; i++) {
        struct input *in = &c->inputs[i];

        arena_fini(&in->keep);
        arena_fini(&in->labels);
        mem_free(in->home_of);
        block_unref(in->block);
    }
    for (size_t i = 0; i < c->homes_n; i++)
        mem_free(c->homes[i].members);
    for (size_t i = 0; i < COLUMNS_KEPT; i++)
        mem_free(c->columns[i].ts);
    mem_free(c->inputs);
    mem_free(c->homes);
    mem_free(c->series_home);
    arena_fini(&c->scratch);
}

static void cache_freep(struct cache **cache)
{
    cache_free(*cache);
}

static int open_input(struct compaction *c, struct fs *fs, struct cache *cache, const char *name,
                      struct budget *budget, struct err *err)
{
    struct input *in = &c->inputs[c->inputs_n];

    if (block_open(fs, cache, name, &in->block, err) < 0)
        return -1;
    c->inputs_n++;
    arena_init(&in->keep, budget);
    arena_init(&in->labels, budget);
    in->home_of = mem_new_array(uint32_t, (size_t)in->block->sections[SECTION_GROUP].count + 1);
    dir_walk_init(&in->dir, in->block, &in->keep);
    return block_reader_open(in->block, &in->keep, &in->reader, err);
}

static int run(struct compaction *c, struct fs *fs, struct block *const blocks[], size_t n,
               const struct block_meta *meta, struct cache *cache, struct budget *budget,
               char *name_out, struct err *err)
{
    c->inputs = mem_new_array(struct input, n);
    for (size_t i = 0; i < n; i++)
        if (open_input(c, fs, cache, block_name(blocks[i]), budget, err) < 0)
            return -1;
    if (find_homes(c, err) < 0)
        return -1;
    c->in = (struct block_input){c->homes_n, give_group, give_series};
    return block_write(fs, &c->in, meta, name_out, err);
}

int compact_run(struct fs *fs, struct block *const blocks[], size_t n, uint32_t generation,
                const uint8_t uuid[16], const atomic_bool *cancelled, char *name_out,
                struct err *err)
{
    SCOPED(cache_freep) struct cache *cache = cache_new(CACHE_BYTES);
    SCOPED(compaction_fini) struct compaction c = {.cancelled = cancelled};
    struct budget budget;
    uint8_t parents[COMPACT_BLOCKS_MAX][16];
    struct block_meta meta = {.generation = generation, .parents = (const uint8_t(*)[16])parents};
    int r;

    budget_init(&budget, "compaction", SIZE_MAX, NULL);
    arena_init(&c.scratch, &budget);
    memcpy(meta.uuid, uuid, sizeof meta.uuid);
    meta.parents_n = (uint32_t)n;
    for (size_t i = 0; i < n; i++)
        memcpy(parents[i], block_meta(blocks[i])->uuid, 16);
    r = run(&c, fs, blocks, n, &meta, cache, &budget, name_out, err);
    for (size_t i = 0; i < c.inputs_n; i++)
        block_add_bad_pages(blocks[i], block_bad_pages(c.inputs[i].block));
    return r;
}
