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

#include <string.h>

#include "base/arena.h"
#include "base/err.h"
#include "base/mem.h"
#include "model/labels.h"
#include "model/source.h"
#include "tsdb/block_impl.h"
#include "tsdb/merge.h"
#include "tsdb/presence.h"

#define COLUMNS_KEPT 32u

struct member {
    uint32_t block, group;
};

struct home {
    struct member *members; /* owned */
    size_t n, cap;
};

struct column {
    uint32_t home; /* + 1; 0: empty */
    ts_ms *ts;     /* owned */
    size_t n, cap;
    uint64_t used;
};

struct compaction {
    struct block_input in; /* first */
    struct merge merge;
    uint32_t *home_of[COMPACT_BLOCKS_MAX]; /* owned; of each block, by group: home + 1, 0 unknown */
    struct home *homes;                    /* owned */
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

static bool is_side(const struct merge_input *in)
{
    return block_meta(in->block)->side;
}

/* The home that a source group of the series has already: of ordinary blocks first. */
static bool known_home(const struct compaction *c, uint32_t *out)
{
    for (int side = 0; side < 2; side++)
        for (size_t i = 0; i < c->merge.inputs_n; i++) {
            const struct merge_input *in = &c->merge.inputs[i];

            if (!in->here || is_side(in) != (side == 1))
                continue;
            for (size_t p = 0; p < in->dir.parts_n; p++)
                if (c->home_of[i][in->dir.parts[p].group]) {
                    *out = c->home_of[i][in->dir.parts[p].group] - 1;
                    return true;
                }
        }
    return false;
}

static bool only_in_side_blocks(const struct compaction *c)
{
    for (size_t i = 0; i < c->merge.inputs_n; i++)
        if (c->merge.inputs[i].here && !is_side(&c->merge.inputs[i]))
            return false;
    return true;
}

static void settle(struct compaction *c)
{
    bool side_only = only_in_side_blocks(c);
    uint32_t home;

    if (!known_home(c, &home))
        home = new_home(c);
    for (size_t i = 0; i < c->merge.inputs_n; i++) {
        const struct merge_input *in = &c->merge.inputs[i];

        for (size_t p = 0; in->here && p < in->dir.parts_n; p++) {
            uint32_t group = in->dir.parts[p].group;

            add_member(&c->homes[home], (struct member){(uint32_t)i, group});
            if (!c->home_of[i][group] && (side_only || !is_side(in)))
                c->home_of[i][group] = home + 1;
        }
    }
    c->series_home =
        mem_grow(c->series_home, &c->series_cap, c->series_n + 1, sizeof *c->series_home);
    c->series_home[c->series_n++] = home;
}

static int find_homes(struct compaction *c, struct err *err)
{
    for (size_t i = 0; i < c->merge.inputs_n; i++)
        c->home_of[i] = mem_new_array(
            uint32_t, (size_t)c->merge.inputs[i].block->sections[SECTION_GROUP].count + 1);
    for (;;) {
        if (check_cancelled(c, err) < 0 || merge_next(&c->merge, err) < 0)
            return -1;
        if (!c->merge.labels)
            return merge_rewind(&c->merge, err);
        for (size_t i = 0; i < c->merge.inputs_n; i++) {
            struct merge_input *in = &c->merge.inputs[i];

            if (in->here && dir_walk_to(&in->dir, in->series, err) < 0)
                return -1;
        }
        settle(c);
    }
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
        struct merge_input *in = &c->merge.inputs[h->members[i].block];

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

/* Every time of a series is in the column: both come from the same source groups. */
static int place(struct compaction *c, const struct merge_samples *s, const struct column *column,
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

static int give_series(struct block_input *in, size_t i, const struct block_series_in **out,
                       struct err *err)
{
    struct compaction *c = (struct compaction *)in;
    struct merge_samples samples;
    struct column *column;

    arena_reset(&c->scratch);
    *out = NULL;
    if (check_cancelled(c, err) < 0 || merge_next(&c->merge, err) < 0)
        return -1;
    if (!c->merge.labels)
        return 0;
    if (merge_read(&c->merge, &c->scratch, INT64_MIN, INT64_MAX, &samples, err) < 0)
        return -1;
    c->out = (struct block_series_in){.labels = c->merge.labels};
    if (samples.n) {
        if (column_of(c, c->series_home[i], &column, err) < 0 ||
            place(c, &samples, column, err) < 0)
            return -1;
        c->part.group = c->series_home[i];
        c->out.parts = &c->part;
        c->out.parts_n = 1;
    }
    *out = &c->out;
    return 0;
}

/* ---- all of it ---- */

static void compaction_fini(struct compaction *c)
{
    merge_close(&c->merge);
    for (size_t i = 0; i < COMPACT_BLOCKS_MAX; i++)
        mem_free(c->home_of[i]);
    for (size_t i = 0; i < c->homes_n; i++)
        mem_free(c->homes[i].members);
    for (size_t i = 0; i < COLUMNS_KEPT; i++)
        mem_free(c->columns[i].ts);
    mem_free(c->homes);
    mem_free(c->series_home);
    arena_fini(&c->scratch);
}

static void compaction_freep(struct compaction **c)
{
    compaction_fini(*c);
    mem_free(*c);
}

static int run(struct compaction *c, struct fs *fs, struct block *const blocks[], size_t n,
               const struct tombs *tombs, const struct block_meta *meta, char *name_out,
               struct err *err)
{
    const char *names[COMPACT_BLOCKS_MAX];

    for (size_t i = 0; i < n; i++)
        names[i] = block_name(blocks[i]);
    if (merge_open(&c->merge, fs, names, n, tombs, err) < 0 || find_homes(c, err) < 0)
        return -1;
    c->in = (struct block_input){c->homes_n, give_group, give_series};
    return block_write(fs, &c->in, meta, name_out, err);
}

int compact_run(struct fs *fs, struct block *const blocks[], size_t n, const struct tombs *tombs,
                uint32_t generation, const uint8_t uuid[16], const atomic_bool *cancelled,
                char *name_out, struct err *err)
{
    SCOPED(compaction_freep) struct compaction *c = mem_new(struct compaction);
    uint8_t parents[COMPACT_BLOCKS_MAX][16];
    struct block_meta meta = {.generation = generation, .parents_n = (uint32_t)n};
    int r;

    c->cancelled = cancelled;
    arena_init(&c->scratch, &c->merge.budget);
    memcpy(meta.uuid, uuid, sizeof meta.uuid);
    meta.parents = (const uint8_t(*)[16])parents;
    for (size_t i = 0; i < n; i++)
        memcpy(parents[i], block_meta(blocks[i])->uuid, 16);
    r = run(c, fs, blocks, n, tombs, &meta, name_out, err);
    for (size_t i = 0; i < c->merge.inputs_n; i++)
        block_add_bad_pages(blocks[i], block_bad_pages(c->merge.inputs[i].block));
    return r;
}
