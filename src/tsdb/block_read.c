#include <assert.h>

#include "base/arena.h"
#include "base/err.h"
#include "model/source.h"
#include "tsdb/block_impl.h"
#include "tsdb/chunk.h"
#include "tsdb/column.h"
#include "tsdb/presence.h"

/* Columns are kept decoded up to so many positions together; more only when one series has parts in
 * more groups. */
#define POSITIONS_KEPT 65536u

/* A part with more gaps than this gives one run with timestamps of its own. */
#define RUNS_MAX 32u

struct column_slot {
    struct source_column column; /* handed out: slots never move */
    ts_ms *ts;
    size_t cap;
    uint32_t group;
    uint64_t used; /* number of the last read that looked at it */
};

struct block_reader {
    struct block *block;
    struct arena *a;
    struct dir_walk dir;
    struct column_slot **slots;
    size_t slots_n, slots_cap;
    size_t positions; /* that the slots have room for */
    uint64_t reads;
};

int block_reader_open(struct block *b, struct arena *a, struct block_reader **out, struct err *err)
{
    struct block_reader *r = arena_new(a, struct block_reader, err);

    if (!r)
        return -1;
    r->block = b;
    r->a = a;
    dir_walk_init(&r->dir, b, a);
    *out = r;
    return 0;
}

/* ---- columns ---- */

static int slot_fill(struct block_reader *r, struct column_slot *slot, uint32_t group,
                     struct arena *a, struct err *err)
{
    struct block *b = r->block;
    struct block_view v;
    struct str bytes;
    size_t n, room = slot->cap;
    int result;

    if (block_slice(b, SECTION_GROUP, group, b->sections[SECTION_GROUP].count, 4, a, &v, err) < 0)
        return -1;
    bytes = (struct str){(const char *)v.p, v.n};
    result = column_count(bytes, &n);
    if (result == 0 &&
        arena_grow(r->a, (void **)&slot->ts, &slot->cap, n, sizeof *slot->ts, err) < 0) {
        block_view_end(b, &v);
        return -1;
    }
    r->positions += slot->cap - room;
    if (result == 0)
        result = column_decode(bytes, slot->ts, n);
    block_view_end(b, &v);
    if (result < 0)
        return block_corrupt(b, SECTION_GROUP, 0, "timestamps that make no sense", err);
    slot->group = group;
    slot->column = (struct source_column){b->cache_file << 32 | group, slot->ts, n};
    return 0;
}

/* The slot to decode into: the one not used for the longest time, but none that this read has
 * handed out already. */
static struct column_slot *slot_to_fill(struct block_reader *r, struct err *err)
{
    struct column_slot *oldest = NULL;

    for (size_t i = 0; i < r->slots_n; i++)
        if (!oldest || r->slots[i]->used < oldest->used)
            oldest = r->slots[i];
    if (oldest && r->positions >= POSITIONS_KEPT && oldest->used < r->reads)
        return oldest;
    if (arena_grow(r->a, (void **)&r->slots, &r->slots_cap, r->slots_n + 1, sizeof(void *), err) <
        0)
        return NULL;
    oldest = arena_new(r->a, struct column_slot, err);
    if (oldest)
        r->slots[r->slots_n++] = oldest;
    return oldest;
}

static int column_of(struct block_reader *r, uint32_t group, struct arena *a,
                     const struct source_column **out, struct err *err)
{
    struct column_slot *slot;

    for (size_t i = 0; i < r->slots_n; i++) {
        slot = r->slots[i];
        if (slot->column.ts && slot->group == group) {
            slot->used = r->reads;
            *out = &slot->column;
            return 0;
        }
    }
    slot = slot_to_fill(r, err);
    if (!slot)
        return -1;
    slot->column.ts = NULL;
    slot->used = r->reads;
    if (slot_fill(r, slot, group, a, err) < 0)
        return -1;
    *out = &slot->column;
    return 0;
}

int block_reader_column(struct block_reader *r, uint32_t group, struct arena *scratch,
                        const struct source_column **out, struct err *err)
{
    r->reads++;
    return column_of(r, group, scratch, out, err);
}

/* The first position whose time is >= t. */
static size_t lower_bound(const ts_ms *ts, size_t n, ts_ms t)
{
    size_t lo = 0, hi = n;

    while (lo < hi) {
        size_t mid = lo + (hi - lo) / 2;

        if (ts[mid] < t)
            lo = mid + 1;
        else
            hi = mid;
    }
    return lo;
}

/* ---- values ---- */

/* A part as it is read: positions count from the part's first. */
struct reading {
    struct block *b;
    struct arena *a;
    const struct series_part *part;
    const struct source_column *column;
    size_t first, n;         /* of the part, in the column */
    size_t lo, hi;           /* wanted positions */
    const uint64_t *present; /* NULL: all are there */
    double *values;          /* of positions from `decoded` on, dense */
    size_t decoded;
};

static int no_sense(const struct reading *rd, uint64_t offset, struct err *err)
{
    return block_corrupt(rd->b, SECTION_DATA, offset, "a chunk that makes no sense", err);
}

static int read_presence(struct reading *rd, struct err *err)
{
    const struct series_part *part = rd->part;
    struct block_view v;
    uint64_t *bits;
    int r;

    if (!part->presence_bytes)
        return 0;
    bits = arena_new_array(rd->a, uint64_t, presence_words(rd->n), err);
    if (!bits || block_view(rd->b, SECTION_DATA, part->presence_offset, part->presence_bytes, rd->a,
                            &v, err) < 0)
        return -1;
    r = presence_decode((struct str){(const char *)v.p, v.n}, bits, rd->n);
    block_view_end(rd->b, &v);
    rd->present = bits;
    return r < 0 ? no_sense(rd, part->presence_offset, err) : 0;
}

static size_t count(const struct reading *rd, size_t first, size_t end)
{
    return rd->present ? presence_count(rd->present, first, end) : end - first;
}

static int read_chunk(const struct reading *rd, const struct part_chunk *chunk, size_t n,
                      double *out, struct err *err)
{
    struct block_view v = {.p = chunk->inline_bytes, .n = chunk->bytes};
    int r;

    if (!n)
        return chunk->bytes ? no_sense(rd, chunk->offset, err) : 0;
    if (!chunk->inline_bytes &&
        block_view(rd->b, SECTION_DATA, chunk->offset, chunk->bytes, rd->a, &v, err) < 0)
        return -1;
    r = chunk_decode((struct str){(const char *)v.p, v.n}, out, n);
    block_view_end(rd->b, &v);
    return r < 0 ? no_sense(rd, chunk->offset, err) : 0;
}

/* Decodes the chunks that hold wanted positions. */
static int read_values(struct reading *rd, struct err *err)
{
    size_t step = part_chunk_positions((uint32_t)rd->n), from, to, end;
    double *at;

    assert(step > 0); /* the part is not empty */
    from = rd->lo / step;
    to = (rd->hi - 1) / step;
    end = (to + 1) * step < rd->n ? (to + 1) * step : rd->n;
    rd->decoded = from * step;
    rd->values = arena_alloc(rd->a, count(rd, rd->decoded, end) * sizeof(double), err);
    if (!rd->values)
        return -1;
    at = rd->values;
    for (size_t i = from; i <= to; i++) {
        size_t chunk_end = (i + 1) * step < rd->n ? (i + 1) * step : rd->n;
        size_t n = count(rd, i * step, chunk_end);

        if (read_chunk(rd, &rd->part->chunks[i], n, at, err) < 0)
            return -1;
        at += n;
    }
    return 0;
}

/* ---- runs ---- */

struct runs {
    struct source_run *v;
    size_t n, cap;
};

static int add_run(const struct reading *rd, struct runs *runs, struct source_run run,
                   struct err *err)
{
    if (!run.n)
        return 0;
    if (arena_grow(rd->a, (void **)&runs->v, &runs->cap, runs->n + 1, sizeof *runs->v, err) < 0)
        return -1;
    runs->v[runs->n++] = run;
    return 0;
}

/* Positions [lo, hi), all there; *values moves past them. */
static int add_stretch(const struct reading *rd, struct runs *runs, size_t lo, size_t hi,
                       const double **values, struct err *err)
{
    struct source_run run = {
        .ts = rd->column->ts + rd->first + lo,
        .values = *values,
        .n = hi - lo,
        .column = rd->column,
        .first = rd->first + lo,
    };

    *values += hi - lo;
    return add_run(rd, runs, run, err);
}

static size_t stretches(const struct reading *rd)
{
    size_t n = 0;

    for (size_t i = rd->lo; i < rd->hi; n++) {
        i = presence_next(rd->present, i, rd->hi, true);
        if (i == rd->hi)
            break;
        i = presence_next(rd->present, i, rd->hi, false);
    }
    return n;
}

/* One run with its own timestamps. */
static int add_gathered(const struct reading *rd, struct runs *runs, const double *values,
                        struct err *err)
{
    size_t n = count(rd, rd->lo, rd->hi), at = 0;
    ts_ms *ts = arena_alloc(rd->a, n * sizeof *ts, err);

    if (!ts)
        return -1;
    for (size_t i = rd->lo; i < rd->hi; i++)
        if (presence_at(rd->present, i))
            ts[at++] = rd->column->ts[rd->first + i];
    return add_run(rd, runs, (struct source_run){.ts = ts, .values = values, .n = n}, err);
}

static int add_runs(const struct reading *rd, struct runs *runs, struct err *err)
{
    const double *values = rd->values + count(rd, rd->decoded, rd->lo);

    if (!rd->present)
        return add_stretch(rd, runs, rd->lo, rd->hi, &values, err);
    if (stretches(rd) > RUNS_MAX)
        return add_gathered(rd, runs, values, err);
    for (size_t i = rd->lo; i < rd->hi;) {
        size_t lo = presence_next(rd->present, i, rd->hi, true);
        size_t hi = presence_next(rd->present, lo, rd->hi, false);

        if (add_stretch(rd, runs, lo, hi, &values, err) < 0)
            return -1;
        i = hi;
    }
    return 0;
}

static int read_part(struct block_reader *r, struct arena *a, const struct series_part *part,
                     ts_ms mint, ts_ms maxt, struct runs *runs, struct err *err)
{
    struct reading rd = {.b = r->block, .a = a, .part = part};

    if (column_of(r, part->group, a, &rd.column, err) < 0)
        return -1;
    rd.first = part->whole ? 0 : part->first;
    rd.n = part->whole ? rd.column->n : part->n;
    if (rd.first > rd.column->n || rd.n > rd.column->n - rd.first || !rd.n ||
        part->chunks_n != part_chunks((uint32_t)rd.n))
        return no_sense(&rd, part->presence_offset, err);
    rd.lo = lower_bound(rd.column->ts + rd.first, rd.n, mint);
    rd.hi = maxt == INT64_MAX ? rd.n : lower_bound(rd.column->ts + rd.first, rd.n, maxt + 1);
    if (rd.lo >= rd.hi)
        return 0;
    if (read_presence(&rd, err) < 0 || read_values(&rd, err) < 0)
        return -1;
    return add_runs(&rd, runs, err);
}

int block_read(struct block_reader *r, struct arena *a, uint32_t series, ts_ms mint, ts_ms maxt,
               struct source_series *out, struct err *err)
{
    struct runs runs = {0};

    r->reads++;
    if (dir_walk_to(&r->dir, series, err) < 0)
        return -1;
    for (size_t i = 0; i < r->dir.parts_n; i++)
        if (read_part(r, a, &r->dir.parts[i], mint, maxt, &runs, err) < 0)
            return -1;
    *out = (struct source_series){runs.v, runs.n};
    return 0;
}
