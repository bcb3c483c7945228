#include <assert.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/arena.h"
#include "base/err.h"
#include "base/mem.h"
#include "model/matcher.h"
#include "tsdb/block.h"
#include "tsdb/db_impl.h"
#include "tsdb/db_set.h"
#include "tsdb/tomb.h"

#define LOOK_EVERY 1024u /* series between two looks at the clock and the cancel flag */
#define NO_PART    UINT32_MAX
#define HEAD_OWNER 0xf0000000u /* above the generations of blocks */

/* A series of one list, or of the union so far; its parts are a chain. */
struct entry {
    const struct labels *labels;
    uint32_t first, last; /* into struct links */
};

struct entries {
    struct entry *items;
    size_t n, cap;
};

struct link {
    struct set_part part;
    uint32_t next;
    struct set_gone gone;
};

struct selecting {
    struct db *db;
    struct arena *a;
    struct db_set *set;
    const struct matcher *matchers;
    size_t matchers_n;
    const struct source_hints *hints;
    struct link *links;
    size_t links_n, links_cap;
    size_t columns_n, columns_cap;
    struct window_part *window_parts;
    size_t window_parts_cap;
    struct tombs *tombs;     /* referenced; what is deleted */
    struct tomb_spans spans; /* of the series at hand */
    bool any_gone;
};

static int still_wanted(const struct selecting *s, struct err *err)
{
    const struct source_hints *h = s->hints;

    if (!h)
        return 0;
    if (h->cancelled && atomic_load_explicit(h->cancelled, memory_order_relaxed))
        return err_set(err, ERR_CANCELLED, "cancelled");
    if (h->deadline_ns && s->db->clock->mono_ns(s->db->clock) > h->deadline_ns)
        return err_set(err, ERR_TIMEOUT, "the query took too long to select its series");
    return 0;
}

static int add_part(struct selecting *s, struct entry *e, const struct set_part *part,
                    struct err *err)
{
    if (arena_grow(s->a, (void **)&s->links, &s->links_cap, s->links_n + 1, sizeof *s->links, err) <
        0)
        return -1;
    s->links[s->links_n] = (struct link){.part = *part, .next = NO_PART};
    if (e->first == NO_PART)
        e->first = (uint32_t)s->links_n;
    else
        s->links[e->last].next = (uint32_t)s->links_n;
    e->last = (uint32_t)s->links_n++;
    return 0;
}

/* ---- deletes ---- */

/* Is the series deleted from [from, to], as far as the select goes? */
static bool is_gone(struct selecting *s, const struct tomb_list *deletes, const struct labels *ls,
                    ts_ms from, ts_ms to)
{
    s->spans.n = 0;
    if (!deletes->n || !tomb_list_spans(deletes, ls, &s->spans))
        return false;
    from = from > s->set->mint ? from : s->set->mint;
    to = to < s->set->maxt ? to : s->set->maxt;
    return tomb_spans_cover(s->spans.items, s->spans.n, from, to);
}

/* What is_gone found goes with the parts from `from` on. */
static int note_gone(struct selecting *s, size_t from, struct err *err)
{
    struct tomb_span *spans;

    if (!s->spans.n || from == s->links_n)
        return 0;
    spans = arena_new_array(s->a, struct tomb_span, s->spans.n, err);
    if (!spans)
        return -1;
    memcpy(spans, s->spans.items, s->spans.n * sizeof *spans);
    for (; from < s->links_n; from++)
        s->links[from].gone = (struct set_gone){spans, s->spans.n};
    s->any_gone = true;
    return 0;
}

/* ---- the head ---- */

static uint32_t first_at(const ts_ms *ts, uint32_t n, ts_ms t)
{
    uint32_t lo = 0, hi = n;

    while (lo < hi) {
        uint32_t mid = lo + (hi - lo) / 2;

        if (ts[mid] < t)
            lo = mid + 1;
        else
            hi = mid;
    }
    return lo;
}

/* Columns of a window in the set; made when a series first needs one. */
struct window_columns {
    uint32_t *index; /* by column of the window, + 1 */
    struct tomb_list deletes;
};

static int column_of(struct selecting *s, const struct window *w, struct window_columns *wc,
                     uint32_t column, uint32_t *out, struct err *err)
{
    const struct column *c = w->columns[column];
    struct set_column *sc;

    if (wc->index[column]) {
        *out = wc->index[column] - 1;
        return 0;
    }
    if (arena_grow(s->a, (void **)&s->set->columns, &s->columns_cap, s->columns_n + 1,
                   sizeof *s->set->columns, err) < 0)
        return -1;
    sc = &s->set->columns[s->columns_n];
    *sc = (struct set_column){
        .column = {s->columns_n, c->ts, c->n},
        .lo = first_at(c->ts, c->n, s->set->mint),
        .hi = s->set->maxt == INT64_MAX ? c->n : first_at(c->ts, c->n, s->set->maxt + 1),
    };
    *out = (uint32_t)s->columns_n;
    wc->index[column] = (uint32_t)++s->columns_n;
    return 0;
}

static int add_side(struct selecting *s, struct entry *e, const struct side *side, uint32_t owner,
                    struct err *err)
{
    struct set_part part = {.kind = PART_SIDE, .owner = owner};
    ts_ms *ts;
    double *values;
    uint32_t n = 0;

    for (uint32_t i = 0; i < side->n; i++)
        n += side->samples[i].ts >= s->set->mint && side->samples[i].ts <= s->set->maxt;
    if (!n)
        return 0;
    ts = arena_new_array(s->a, ts_ms, n, err);
    values = arena_new_array(s->a, double, n, err);
    if (!ts || !values)
        return -1;
    n = 0;
    for (uint32_t i = 0; i < side->n; i++)
        if (side->samples[i].ts >= s->set->mint && side->samples[i].ts <= s->set->maxt) {
            ts[n] = side->samples[i].ts;
            values[n++] = side->samples[i].value;
        }
    part.side.ts = ts;
    part.side.values = values;
    part.side.n = n;
    return add_part(s, e, &part, err);
}

static int add_window(struct selecting *s, struct entry *e, const struct window *w,
                      struct window_columns *wc, uint32_t series, uint32_t owner, struct err *err)
{
    size_t n = window_parts(w, series, s->window_parts, s->window_parts_cap);
    const struct side *side;

    if (n > s->window_parts_cap) {
        if (arena_grow(s->a, (void **)&s->window_parts, &s->window_parts_cap, n,
                       sizeof *s->window_parts, err) < 0)
            return -1;
        (void)window_parts(w, series, s->window_parts, s->window_parts_cap);
    }
    for (size_t i = 0; i < n; i++) {
        struct set_part part = {.kind = PART_STREAM, .owner = owner};
        const struct set_column *c;

        part.stream.view = s->window_parts[i].view;
        if (column_of(s, w, wc, s->window_parts[i].column, &part.stream.column, err) < 0)
            return -1;
        c = &s->set->columns[part.stream.column];
        if (part.stream.view.start < c->hi && part.stream.view.end > c->lo &&
            add_part(s, e, &part, err) < 0)
            return -1;
    }
    side = window_side(w, series);
    return side ? add_side(s, e, side, owner + 1, err) : 0;
}

static const struct labels *labels_of(void *arg, uint32_t id)
{
    return ((const struct head *)arg)->series[id].labels;
}

static int by_labels(const void *a, const void *b)
{
    return labels_compare(((const struct entry *)a)->labels, ((const struct entry *)b)->labels);
}

static bool overlaps(const struct selecting *s, ts_ms from, ts_ms to)
{
    return from <= to && from <= s->set->maxt && to >= s->set->mint;
}

/* Under data_lock: what this set sees. */
static int take_references(struct selecting *s, struct err *err)
{
    struct db *db = s->db;
    struct head *h = &db->head;
    struct db_set *set = s->set;

    s->tombs = tombs_ref(db->tombs);
    set->windows = arena_new_array(s->a, struct window *, h->active_n + h->frozen_n, err);
    set->blocks = arena_new_array(s->a, struct block *, db->blocks_n, err);
    if (!set->windows || !set->blocks)
        return -1;
    for (size_t i = 0; i < h->frozen_n + h->active_n; i++) {
        struct window *w = i < h->frozen_n ? h->frozen[i] : h->active[i - h->frozen_n];

        if (overlaps(s, w->min_ts, w->max_ts))
            set->windows[set->windows_n++] = window_ref(w);
    }
    for (size_t i = 0; i < db->blocks_n; i++) {
        const struct block_meta *m = block_meta(db->blocks[i]);

        if (overlaps(s, m->mint, m->maxt))
            set->blocks[set->blocks_n++] = block_ref(db->blocks[i]);
    }
    return 0;
}

/* What of a series is in window k of the set; *there: it is in it. */
static int head_part(struct selecting *s, struct entry *e, size_t k, struct window_columns *wc,
                     uint32_t id, const struct labels *ls, bool *there, struct err *err)
{
    const struct window *w = s->set->windows[k];
    size_t from = s->links_n;

    if (!window_has(w, id) || is_gone(s, &wc->deletes, ls, w->min_ts, w->max_ts))
        return 0;
    *there = true;
    if (s->hints && s->hints->labels_only)
        return 0;
    if (add_window(s, e, w, wc, id, HEAD_OWNER + (uint32_t)(2 * k), err) < 0)
        return -1;
    return note_gone(s, from, err);
}

static int head_entries(struct selecting *s, const uint32_t *ids, size_t n,
                        struct window_columns *wc, struct entries *entries, struct err *err)
{
    struct db_set *set = s->set;
    bool labels_only = s->hints && s->hints->labels_only;

    for (size_t k = 0; k < set->windows_n; k++)
        if (!(wc[k].index = arena_new_array(s->a, uint32_t, set->windows[k]->columns_n, err)))
            return -1;
    for (size_t i = 0; i < n; i++) {
        struct entry e = {.first = NO_PART, .last = NO_PART};
        const struct labels *ls = s->db->head.series[ids[i]].labels;
        bool there = false;
        struct labels *copy;

        if (i % LOOK_EVERY == 0 && still_wanted(s, err) < 0)
            return -1;
        for (size_t k = 0; k < set->windows_n; k++)
            if (head_part(s, &e, k, &wc[k], ids[i], ls, &there, err) < 0)
                return -1;
        if (!there || (!labels_only && e.first == NO_PART))
            continue;
        if (arena_grow(s->a, (void **)&entries->items, &entries->cap, entries->n + 1,
                       sizeof *entries->items, err) < 0 ||
            !(copy = arena_alloc(s->a, labels_size(ls), err)))
            return -1;
        memcpy(copy, ls, labels_size(ls));
        e.labels = copy;
        entries->items[entries->n++] = e;
    }
    return 0;
}

static int all_head_entries(struct selecting *s, const uint32_t *ids, size_t n,
                            struct entries *entries, struct err *err)
{
    struct db_set *set = s->set;
    struct window_columns *wc = arena_new_array(s->a, struct window_columns, set->windows_n, err);
    int rc;

    if (!wc)
        return -1;
    for (size_t k = 0; k < set->windows_n; k++)
        wc[k].deletes = tombs_of_window(s->tombs, set->windows[k]->uid, set->mint, set->maxt);
    rc = head_entries(s, ids, n, wc, entries, err);
    for (size_t k = 0; k < set->windows_n; k++)
        tomb_list_fini(&wc[k].deletes);
    return rc;
}

static int select_head(struct selecting *s, struct entries *entries, struct err *err)
{
    struct head *h = &s->db->head;
    uint32_t *ids = NULL;
    size_t n = 0;
    int rc;

    pthread_rwlock_rdlock(&h->index_lock);
    rc =
        head_index_select(&h->index, s->a, s->matchers, s->matchers_n, labels_of, h, &ids, &n, err);
    if (rc == 0) {
        pthread_rwlock_rdlock(&h->data_lock);
        rc = take_references(s, err);
        if (rc == 0)
            rc = all_head_entries(s, ids, n, entries, err);
        pthread_rwlock_unlock(&h->data_lock);
    }
    pthread_rwlock_unlock(&h->index_lock);
    /* Blocks are sorted, and are merged in with what is sorted too. */
    if (rc == 0 && entries->n && !(s->hints && s->hints->any_order && !s->set->blocks_n))
        qsort(entries->items, entries->n, sizeof *entries->items, by_labels);
    return rc;
}

/* ---- blocks ---- */

static int entries_of_block(struct selecting *s, uint32_t b, const struct tomb_list *deletes,
                            struct entries *entries, struct err *err)
{
    struct block *block = s->set->blocks[b];
    const struct block_meta *meta = block_meta(block);
    struct block_walk *walk;
    uint32_t *ids;
    size_t n;

    if (block_select(block, s->a, s->matchers, s->matchers_n, &ids, &n, err) < 0 ||
        block_walk_open(block, s->a, &walk, err) < 0)
        return -1;
    entries->n = 0;
    if (arena_grow(s->a, (void **)&entries->items, &entries->cap, n, sizeof *entries->items, err) <
        0)
        return -1;
    for (size_t i = 0; i < n; i++) {
        struct entry e = {.first = NO_PART, .last = NO_PART};
        struct set_part part = {.kind = PART_BLOCK, .owner = meta->generation};
        size_t from = s->links_n;

        if (i % LOOK_EVERY == 0 && still_wanted(s, err) < 0)
            return -1;
        if (block_walk_labels(walk, s->a, ids[i], &e.labels, err) < 0) {
            if (err->kind != ERR_CORRUPT && err->kind != ERR_OS)
                return -1;
            continue; /* counted by the block, told below */
        }
        if (is_gone(s, deletes, e.labels, meta->mint, meta->maxt))
            continue;
        part.block.block = b;
        part.block.series = ids[i];
        if (add_part(s, &e, &part, err) < 0 || note_gone(s, from, err) < 0)
            return -1;
        entries->items[entries->n++] = e;
    }
    return 0;
}

static int block_entries(struct selecting *s, uint32_t b, struct entries *entries, struct err *err)
{
    struct tomb_list deletes = tombs_of_block(s->tombs, block_meta(s->set->blocks[b])->generation,
                                              s->set->mint, s->set->maxt);
    int rc = entries_of_block(s, b, &deletes, entries, err);

    tomb_list_fini(&deletes);
    return rc;
}

/* ---- union ---- */

/* Parts of lists merged later are later in time, mostly. */
static void chain(struct selecting *s, struct entry *e, const struct entry *more)
{
    if (more->first == NO_PART)
        return;
    if (e->first == NO_PART) {
        e->first = more->first;
    } else {
        s->links[e->last].next = more->first;
    }
    e->last = more->last;
}

static int merge(struct selecting *s, struct entries *into, const struct entries *more,
                 struct err *err)
{
    struct entries out = {0};
    size_t i = 0, k = 0;

    if (!more->n)
        return 0;
    if (arena_grow(s->a, (void **)&out.items, &out.cap, into->n + more->n, sizeof *out.items, err) <
        0)
        return -1;
    while (i < into->n || k < more->n) {
        int c;

        if (i < into->n && k < more->n)
            c = labels_equal(into->items[i].labels, more->items[k].labels)
                    ? 0
                    : labels_compare(into->items[i].labels, more->items[k].labels);
        else
            c = i < into->n ? -1 : 1;
        if (c > 0) {
            out.items[out.n++] = more->items[k++];
            continue;
        }
        out.items[out.n] = into->items[i++];
        if (c == 0)
            chain(s, &out.items[out.n], &more->items[k++]);
        out.n++;
    }
    *into = out;
    return 0;
}

static int finish(struct selecting *s, const struct entries *all, struct err *err)
{
    struct db_set *set = s->set;
    const struct labels **labels;
    size_t at = 0;

    if (s->hints && s->hints->series_max && all->n > s->hints->series_max)
        return err_set(err, ERR_LIMIT, "more than %zu series match (%zu)", s->hints->series_max,
                       all->n);
    labels = arena_new_array(s->a, const struct labels *, all->n, err);
    set->first = arena_new_array(s->a, uint32_t, all->n + 1, err);
    set->parts = arena_new_array(s->a, struct set_part, s->links_n, err);
    if (!labels || !set->first || !set->parts)
        return -1;
    if (s->any_gone && !(set->gone = arena_new_array(s->a, struct set_gone, s->links_n, err)))
        return -1;
    for (size_t i = 0; i < all->n; i++) {
        uint32_t k = all->items[i].first;

        labels[i] = all->items[i].labels;
        set->first[i] = (uint32_t)at;
        /* Of series in the head alone, who asks for labels only gets no parts. */
        assert(s->links || k == NO_PART);
        for (; k != NO_PART; k = s->links[k].next) {
            if (set->gone)
                set->gone[at] = s->links[k].gone;
            set->parts[at++] = s->links[k].part;
        }
    }
    set->first[all->n] = (uint32_t)at;
    set->set.labels = labels;
    set->set.n = all->n;
    return 0;
}

void db_set_warn(struct db_set *s, const char *text)
{
    pthread_mutex_lock(s->lock);
    s->warnings[s->set.warnings_n++] = text;
    s->set.warnings = s->warnings;
    pthread_mutex_unlock(s->lock);
}

void db_set_damaged(struct db_set *s, size_t b)
{
    bool news;

    pthread_mutex_lock(s->lock);
    news = !s->block_warned[b];
    s->block_warned[b] = true;
    pthread_mutex_unlock(s->lock);
    if (!news)
        return;
    (void)snprintf(s->block_texts[b], sizeof s->block_texts[b],
                   "block %s is damaged: some samples are missing from this answer",
                   block_name(s->blocks[b]));
    db_set_warn(s, s->block_texts[b]);
}

static int prepare_warnings(struct selecting *s, struct err *err)
{
    struct db_set *set = s->set;
    struct db *db = s->db;

    /* One a block, and those of the store itself. */
    set->warnings = arena_new_array(s->a, const char *, set->blocks_n + 4, err);
    set->block_warned = arena_new_array(s->a, bool, set->blocks_n, err);
    set->block_texts = arena_zalloc_array(s->a, set->blocks_n, sizeof *set->block_texts, err);
    if (!set->warnings || !set->block_warned || !set->block_texts)
        return -1;
    if (atomic_load(&db->unlogged_bytes) && atomic_load(&db->unlogged_from) <= set->maxt &&
        atomic_load(&db->unlogged_to) >= set->mint)
        db_set_warn(set, "the disk was full or failing: some of these samples are in memory only");
    return 0;
}

static int select_all(struct selecting *s, struct err *err)
{
    struct entries all = {0}, more = {0};
    int rc;

    if (select_head(s, &more, err) < 0 || prepare_warnings(s, err) < 0)
        return -1;
    for (uint32_t b = 0; b < s->set->blocks_n; b++) {
        struct entries found = {0};
        struct block *block = s->set->blocks[b];
        uint64_t bad = block_bad_pages(block);

        rc = block_entries(s, b, &found, err);
        if (rc < 0 && err->kind != ERR_CORRUPT && err->kind != ERR_OS)
            return -1;
        if (rc < 0 || block_bad_pages(block) != bad)
            db_set_damaged(s->set, b);
        if (merge(s, &all, &found, err) < 0)
            return -1;
    }
    if (merge(s, &all, &more, err) < 0)
        return -1;
    return finish(s, &all, err);
}

int db_set_select(struct source *src, struct arena *a, const struct matcher *matchers,
                  size_t matchers_n, ts_ms mint, ts_ms maxt, const struct source_hints *hints,
                  struct source_set **out, struct err *err)
{
    struct db *db = CONTAINER_OF(src, struct db, source);
    struct selecting s = {
        .db = db, .a = a, .matchers = matchers, .matchers_n = matchers_n, .hints = hints};
    int rc;

    s.set = arena_new(a, struct db_set, err);
    if (!s.set)
        return -1;
    s.set->mint = mint;
    s.set->maxt = maxt;
    s.set->lock = mem_new(pthread_mutex_t);
    pthread_mutex_init(s.set->lock, NULL);
    rc = select_all(&s, err);
    tombs_unref(s.tombs);
    tomb_spans_fini(&s.spans);
    if (rc < 0) {
        db_set_free(src, &s.set->set);
        return -1;
    }
    *out = &s.set->set;
    return 0;
}

void db_set_free(struct source *src, struct source_set *set)
{
    struct db_set *s = (struct db_set *)set;

    (void)src;
    if (!s)
        return;
    for (size_t i = 0; i < s->windows_n; i++)
        window_unref(s->windows[i]);
    for (size_t i = 0; i < s->blocks_n; i++)
        block_unref(s->blocks[i]);
    s->windows_n = s->blocks_n = 0;
    if (s->lock) {
        pthread_mutex_destroy(s->lock);
        mem_free(s->lock);
        s->lock = NULL;
    }
}
