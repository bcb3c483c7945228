#include "tsdb/window.h"

#include <assert.h>
#include <string.h>

#include "base/hash.h"
#include "base/mem.h"

#define SIBLINGS_LOOKED_AT 8
#define MISSES_BEFORE_MOVE 2

struct outgrown {
    struct outgrown *older;
    ts_ms *ts;
};

ts_ms window_start_of(ts_ms ts)
{
    ts_ms r = ts % WINDOW_MS;

    return ts - (r < 0 ? r + WINDOW_MS : r);
}

struct window *window_new(ts_ms start, uint64_t uid)
{
    struct window *w = mem_new(struct window);

    atomic_init(&w->refs, 1);
    w->uid = uid;
    w->start = start;
    w->end = start > INT64_MAX - WINDOW_MS ? INT64_MAX : start + WINDOW_MS;
    w->min_ts = INT64_MAX;
    w->max_ts = INT64_MIN;
    map_init(&w->sides);
    return w;
}

struct window *window_ref(struct window *w)
{
    atomic_fetch_add_explicit(&w->refs, 1, memory_order_relaxed);
    return w;
}

void window_unref(struct window *w)
{
    size_t at = 0;
    struct side *side;

    if (!w || atomic_fetch_sub_explicit(&w->refs, 1, memory_order_acq_rel) != 1)
        return;
    for (size_t i = 0; i * WINDOW_STREAMS < w->streams_n; i++)
        mem_free(w->stream_pages[i]);
    mem_free(w->stream_pages);
    for (size_t i = 0; i < w->columns_n; i++) {
        mem_free(w->columns[i]->ts);
        pages_fini(&w->columns[i]->stream_of);
        pages_fini(&w->columns[i]->slow);
        mem_free(w->columns[i]);
    }
    mem_free(w->columns);
    while ((side = map_next(&w->sides, &at))) {
        mem_free(side->samples);
        mem_free(side);
    }
    map_fini(&w->sides);
    while (w->outgrown) {
        struct outgrown *older = w->outgrown->older;

        mem_free(w->outgrown->ts);
        mem_free(w->outgrown);
        w->outgrown = older;
    }
    pages_fini(&w->stream_of);
    pages_fini(&w->column_of);
    pages_fini(&w->pull_of);
    slabs_fini(&w->slabs);
    mem_free(w);
}

size_t window_bytes(const struct window *w)
{
    size_t pages = (w->streams_n + WINDOW_STREAMS - 1) / WINDOW_STREAMS;

    return sizeof *w + pages * WINDOW_STREAMS * sizeof(struct stream) + w->slabs.bytes +
           w->side_bytes + w->column_bytes + w->stream_of.bytes + w->column_of.bytes +
           w->pull_of.bytes;
}

/* ---- columns ---- */

static uint32_t column_new(struct window *w, bool pull)
{
    struct column *c = mem_new(struct column);

    c->pull = pull;
    w->columns = mem_grow(w->columns, &w->columns_cap, w->columns_n + 1, sizeof(void *));
    w->columns[w->columns_n] = c;
    w->column_bytes += sizeof *c;
    return (uint32_t)w->columns_n++;
}

static void column_push(struct window *w, struct column *c, ts_ms ts)
{
    assert(!c->n || c->ts[c->n - 1] < ts);
    if (c->n == c->cap) {
        uint32_t cap = c->cap ? c->cap + c->cap / 2 + 4 : 4;
        ts_ms *bigger = mem_realloc(NULL, cap * sizeof *bigger);

        if (c->n) {
            struct outgrown *o = mem_new(struct outgrown);

            memcpy(bigger, c->ts, c->n * sizeof *bigger);
            *o = (struct outgrown){w->outgrown, c->ts};
            w->outgrown = o;
        }
        c->ts = bigger;
        c->cap = cap;
        w->column_bytes += cap * sizeof *bigger;
    }
    c->ts[c->n++] = ts;
}

/* First position in [from, n) whose time is >= ts; n: none. */
static uint32_t column_find(const struct column *c, uint32_t from, ts_ms ts)
{
    uint32_t lo = from, hi = c->n;

    while (lo < hi) {
        uint32_t mid = lo + (hi - lo) / 2;

        if (c->ts[mid] < ts)
            lo = mid + 1;
        else
            hi = mid;
    }
    return lo;
}

/* ---- streams ---- */

static uint32_t stream_new(struct window *w, uint32_t series, uint32_t column, uint32_t pos)
{
    uint32_t i = w->streams_n;
    uint32_t newest = pages_get(&w->stream_of, series);
    struct stream *st;

    if (i % WINDOW_STREAMS == 0) {
        size_t pages = i / WINDOW_STREAMS;

        if ((pages & (pages - 1)) == 0) /* room doubles at powers of two */
            w->stream_pages =
                mem_realloc(w->stream_pages, (pages ? pages * 2 : 1) * sizeof(void *));
        w->stream_pages[pages] = mem_new_array(struct stream, WINDOW_STREAMS);
    }
    w->streams_n++;
    st = window_stream(w, i);
    *st = (struct stream){.start = pos,
                          .next = pos,
                          .end = pos,
                          .series = series,
                          .group = column,
                          .prev = newest ? newest - 1 : STREAM_NONE};
    pages_set(&w->stream_of, series, i + 1);
    return i;
}

/* One past the last position with a sample. */
static uint32_t stream_samples_end(const struct window *w, const struct stream *st)
{
    uint32_t end = st->end == STREAM_OPEN ? w->columns[st->group]->n : st->end;

    return st->present ? end : st->next < end ? st->next : end;
}

static struct stream_view view_of(const struct window *w, const struct stream *st)
{
    return (struct stream_view){
        .first = st->first,
        .bytes = st->bytes,
        .start = st->start,
        .end = st->end == STREAM_OPEN ? w->columns[st->group]->n : st->end,
    };
}

static ts_ms stream_last_ts(const struct window *w, const struct stream *st)
{
    uint32_t end = stream_samples_end(w, st);

    return end > st->start ? w->columns[st->group]->ts[end - 1] : INT64_MIN;
}

/* Another writer takes the series over: the stream ends at what its column holds now. */
static void stream_close(struct window *w, struct stream *st)
{
    struct column *c = w->columns[st->group];

    if (st->end != STREAM_OPEN)
        return;
    st->end = c->n;
    pages_set(&c->slow, st->slot, 1);
    c->slow_n++;
}

static void note_sample(struct window *w, ts_ms ts, uint64_t n)
{
    w->min_ts = ts < w->min_ts ? ts : w->min_ts;
    w->max_ts = ts > w->max_ts ? ts : w->max_ts;
    w->samples += n;
}

/* ---- the side list ---- */

static bool side_is(const void *item, const void *key)
{
    return ((const struct side *)item)->series == *(const uint32_t *)key;
}

static uint64_t side_hash(uint32_t series)
{
    return hash_mix(series, 1);
}

const struct side *window_side(const struct window *w, uint32_t series)
{
    return w->sides.n ? map_get(&w->sides, side_hash(series), &series, side_is) : NULL;
}

static uint32_t side_find(const struct side *s, ts_ms ts)
{
    uint32_t lo = 0, hi = s->n;

    if (hi && s->samples[hi - 1].ts < ts)
        return hi;
    while (lo < hi) {
        uint32_t mid = lo + (hi - lo) / 2;

        if (s->samples[mid].ts < ts)
            lo = mid + 1;
        else
            hi = mid;
    }
    return lo;
}

static void side_put(struct window *w, uint32_t series, ts_ms ts, uint64_t bits)
{
    struct side *s = map_get(&w->sides, side_hash(series), &series, side_is);
    uint32_t at;
    size_t cap;

    if (!s) {
        s = mem_new(struct side);
        s->series = series;
        map_put(&w->sides, side_hash(series), s);
        w->side_bytes += sizeof *s;
    }
    at = side_find(s, ts);
    cap = s->cap;
    s->samples = mem_grow(s->samples, &s->cap, (size_t)s->n + 1, sizeof *s->samples);
    w->side_bytes += (s->cap - cap) * sizeof *s->samples;
    memmove(s->samples + at + 1, s->samples + at, (s->n - at) * sizeof *s->samples);
    s->samples[at] = (struct sample){ts, value_of_bits(bits)};
    s->n++;
}

/* ---- rows ---- */

/* The sample of a series at a time that is not after its newest one. */
static bool find_older(const struct window *w, uint32_t series, ts_ms ts, uint64_t *bits)
{
    const struct side *side = window_side(w, series);
    uint32_t at, i = pages_get(&w->stream_of, series);

    if (side) {
        at = side_find(side, ts);
        if (at < side->n && side->samples[at].ts == ts) {
            *bits = value_bits(side->samples[at].value);
            return true;
        }
    }
    for (i = i ? i - 1 : STREAM_NONE; i != STREAM_NONE;) {
        const struct stream *st = window_stream(w, i);
        const struct column *c = w->columns[st->group];
        struct stream_view view = view_of(w, st);

        if (view.start < c->n && c->ts[view.start] <= ts) {
            uint32_t pos = column_find(c, view.start, ts);

            if (pos < view.end && c->ts[pos] == ts && stream_at(&view, pos, bits))
                return true;
        }
        i = st->prev;
    }
    return false;
}

enum sink_outcome window_check(const struct window *w, uint32_t series, ts_ms ts, uint64_t bits)
{
    uint32_t i = pages_get(&w->stream_of, series);
    uint64_t there;

    if (!i)
        return SINK_OK;
    if (ts > stream_last_ts(w, window_stream(w, i - 1)))
        return SINK_OK;
    if (!find_older(w, series, ts, &there))
        return SINK_OK;
    return there == bits ? SINK_DUPLICATE : SINK_CONFLICT;
}

/* Puts one sample at a position >= the stream's end. */
static void row_at(struct window *w, struct stream *st, uint32_t pos, uint64_t bits)
{
    if (pos > st->end)
        stream_absent(&w->slabs, st, st->end);
    stream_put(&w->slabs, st, pos, bits);
    st->end = pos + 1;
}

/* The column for a pushed series that has none, or that leaves `leaving`: the sibling whose newest
 * time is this one, else one that holds this time or goes on to it, else a new one. */
static uint32_t column_choose(struct window *w, uint32_t key, ts_ms ts, uint32_t leaving,
                              uint32_t *pos)
{
    uint32_t newest = pages_get(&w->column_of, key);
    uint32_t found = STREAM_NONE, goes_on = STREAM_NONE, i = newest;

    for (int looked = 0; i && looked < SIBLINGS_LOOKED_AT; looked++) {
        const struct column *c = w->columns[i - 1];
        uint32_t at;

        if (i - 1 != leaving) {
            if (c->ts[c->n - 1] == ts) {
                *pos = c->n - 1;
                return i - 1;
            }
            at = column_find(c, 0, ts);
            if (at < c->n && c->ts[at] == ts && found == STREAM_NONE) {
                found = i - 1;
                *pos = at;
            } else if (at == c->n && goes_on == STREAM_NONE) {
                goes_on = i - 1;
            }
        }
        i = c->sibling;
    }
    if (found != STREAM_NONE)
        return found;
    /* A series that moves had its chance with the times of others. */
    if (goes_on == STREAM_NONE || leaving != STREAM_NONE) {
        goes_on = column_new(w, false);
        w->columns[goes_on]->sibling = newest;
        pages_set(&w->column_of, key, goes_on + 1);
    }
    *pos = w->columns[goes_on]->n;
    column_push(w, w->columns[goes_on], ts);
    return goes_on;
}

static void row_new_stream(struct window *w, uint32_t series, uint32_t key, ts_ms ts, uint64_t bits,
                           uint32_t leaving)
{
    uint32_t pos, column = column_choose(w, key, ts, leaving, &pos);

    row_at(w, window_stream(w, stream_new(w, series, column, pos)), pos, bits);
}

/* A sample after the newest one of its stream. */
static void row_after(struct window *w, struct stream *st, uint32_t key, ts_ms ts, uint64_t bits)
{
    struct column *c = w->columns[st->group];
    uint32_t series = st->series, pos;

    if (c->pull) {
        stream_close(w, st);
        row_new_stream(w, series, key, ts, bits, STREAM_NONE);
        return;
    }
    if (st->end == c->n && (!c->n || ts > c->ts[c->n - 1])) {
        column_push(w, c, ts);
        st->misses = 0;
        row_at(w, st, c->n - 1, bits);
        return;
    }
    if (st->end < c->n && c->ts[st->end] == ts) {
        st->misses = 0;
        row_at(w, st, st->end, bits);
        return;
    }
    pos = column_find(c, st->end, ts);
    if (++st->misses >= MISSES_BEFORE_MOVE || (pos < c->n && c->ts[pos] != ts)) {
        row_new_stream(w, series, key, ts, bits, st->group);
        return;
    }
    if (pos == c->n)
        column_push(w, c, ts);
    row_at(w, st, pos, bits);
}

enum sink_outcome window_put(struct window *w, uint32_t series, uint32_t key, ts_ms ts,
                             uint64_t bits)
{
    uint32_t i = pages_get(&w->stream_of, series);
    struct stream *st;
    uint64_t there;

    if (!i) {
        row_new_stream(w, series, key, ts, bits, STREAM_NONE);
    } else {
        st = window_stream(w, i - 1);
        if (ts > stream_last_ts(w, st)) {
            row_after(w, st, key, ts, bits);
        } else {
            if (find_older(w, series, ts, &there))
                return there == bits ? SINK_DUPLICATE : SINK_CONFLICT;
            side_put(w, series, ts, bits);
        }
    }
    note_sample(w, ts, 1);
    return SINK_OK;
}

/* ---- pull groups ---- */

static void slot_slow(struct column *c, uint32_t slot)
{
    if (pages_get(&c->slow, slot))
        return;
    pages_set(&c->slow, slot, 1);
    c->slow_n++;
}

static void slot_put(struct window *w, uint32_t column, uint32_t series, uint32_t slot,
                     uint32_t pos, uint64_t bits)
{
    struct column *c = w->columns[column];
    uint32_t i = pages_get(&c->stream_of, slot);
    struct stream *st;

    if (c->slow_n && pages_get(&c->slow, slot))
        return;
    if (!i) {
        if (pages_get(&w->stream_of, series)) {
            slot_slow(c, slot);
            return;
        }
        i = stream_new(w, series, column, pos) + 1;
        pages_set(&c->stream_of, slot, i);
        st = window_stream(w, i - 1);
        st->slot = slot & 0x1fffffff;
        st->end = STREAM_OPEN;
    }
    stream_put(&w->slabs, window_stream(w, i - 1), pos, bits);
}

/* Slots whose series another writer owns in this window: each sample as a row. */
static void pull_slow(struct window *w, struct window_pull *p, struct column *c)
{
    size_t next = 0;

    for (uint32_t slot = 0; slot < p->slots; slot++) {
        uint64_t bits = p->values[slot];
        bool marker = false;

        while (next < p->changed_n && p->changed[next] < slot)
            next++;
        if (next < p->changed_n && p->changed[next] == slot)
            marker = p->changed_values[next] == STALE_NAN_BITS;
        if (!pages_get(&c->slow, slot) || p->series[slot] == STREAM_NONE ||
            (bits == STALE_NAN_BITS && !marker))
            continue;
        p->by_row++;
        p->outcomes[window_put(w, p->series[slot], p->keys[p->series[slot]], p->ts, bits)]++;
    }
}

void window_pull(struct window *w, struct window_pull *p)
{
    uint32_t i = pages_get(&w->pull_of, p->group);
    uint32_t column, pos;
    struct column *c;

    if (!i) {
        i = column_new(w, true) + 1;
        pages_set(&w->pull_of, p->group, i);
    }
    column = i - 1;
    c = w->columns[column];
    pos = c->n;
    if (!pos)
        for (uint32_t slot = 0; slot < p->slots; slot++)
            if (p->values[slot] != STALE_NAN_BITS && p->series[slot] != STREAM_NONE)
                slot_put(w, column, p->series[slot], slot, pos, p->values[slot]);
    for (size_t k = 0; k < p->changed_n; k++)
        if ((pos || p->changed_values[k] == STALE_NAN_BITS) &&
            p->series[p->changed[k]] != STREAM_NONE)
            slot_put(w, column, p->series[p->changed[k]], p->changed[k], pos, p->changed_values[k]);
    /* Rows may find their own series' older streams by time: they come before the column grows,
     * so that a stream closed by one of them ends before this position. */
    if (c->slow_n)
        pull_slow(w, p, c);
    column_push(w, c, p->ts);
    note_sample(w, p->ts, p->samples - p->by_row);
}

/* ---- reading ---- */

bool window_has(const struct window *w, uint32_t series)
{
    return pages_get(&w->stream_of, series) != 0;
}

size_t window_parts(const struct window *w, uint32_t series, struct window_part *parts, size_t max)
{
    uint32_t newest = pages_get(&w->stream_of, series);
    size_t n = 0, at;

    newest = newest ? newest - 1 : STREAM_NONE;
    for (uint32_t i = newest; i != STREAM_NONE; i = window_stream(w, i)->prev)
        n++;
    at = n;
    for (uint32_t i = newest; i != STREAM_NONE; i = window_stream(w, i)->prev)
        if (--at < max)
            parts[at] =
                (struct window_part){view_of(w, window_stream(w, i)), window_stream(w, i)->group};
    return n;
}

bool window_valid(const struct window *w)
{
    for (uint32_t i = 0; i < w->streams_n; i++) {
        const struct stream *st = window_stream(w, i);
        struct stream_view v = view_of(w, st);
        uint32_t end = stream_samples_end(w, st);

        if (st->group >= w->columns_n || v.end > w->columns[st->group]->n || st->start > v.end ||
            end > v.end || (st->bytes > 0) != (st->first != NULL))
            return false;
        if (st->prev != STREAM_NONE &&
            (st->prev >= i || window_stream(w, st->prev)->series != st->series))
            return false;
    }
    for (size_t i = 0; i < w->columns_n; i++)
        for (uint32_t k = 1; k < w->columns[i]->n; k++)
            if (w->columns[i]->ts[k - 1] >= w->columns[i]->ts[k])
                return false;
    return true;
}
