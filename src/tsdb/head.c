#include "tsdb/head.h"

#include <assert.h>
#include <string.h>

#include "base/hash.h"
#include "base/mem.h"
#include "base/str.h"

/* A label set of the head: its id stands before the blob, so that the map needs no second look. */
struct held {
    uint32_t id;
    uint32_t unused;
    struct labels labels;
};

struct push_key {
    uint32_t id;
    uint32_t n;
    char text[];
};

static void lock_init(pthread_rwlock_t *lock)
{
    pthread_rwlockattr_t attr;

    pthread_rwlockattr_init(&attr);
    /* The writer must not starve behind a stream of queries. */
    pthread_rwlockattr_setkind_np(&attr, PTHREAD_RWLOCK_PREFER_WRITER_NONRECURSIVE_NP);
    pthread_rwlock_init(lock, &attr);
    pthread_rwlockattr_destroy(&attr);
}

void head_init(struct head *h, size_t series_max)
{
    *h = (struct head){.series_max = series_max, .generation = 1, .max_ts = INT64_MIN};
    lock_init(&h->index_lock);
    lock_init(&h->data_lock);
    map_init(&h->by_labels);
    map_init(&h->push_keys);
    head_index_init(&h->index);
}

static struct held *held_of(struct labels *ls)
{
    return CONTAINER_OF(ls, struct held, labels);
}

static void pull_free(struct pull *p)
{
    if (!p)
        return;
    mem_free(p->key);
    mem_free(p->series);
    mem_free(p->spare);
    pages_fini(&p->slot_of);
    mem_free(p->last);
    mem_free(p->present);
    mem_free(p);
}

void head_fini(struct head *h)
{
    struct push_key *key;

    for (size_t i = 0; i < h->series_n; i++)
        if (h->series[i].labels)
            mem_free(held_of(h->series[i].labels));
    for (size_t at = 0; (key = map_next(&h->push_keys, &at));)
        mem_free(key);
    for (size_t i = 0; i < h->pulls_n; i++)
        pull_free(h->pulls[i]);
    for (size_t i = 0; i < h->active_n; i++)
        window_unref(h->active[i]);
    for (size_t i = 0; i < h->frozen_n; i++)
        window_unref(h->frozen[i]);
    mem_free(h->series);
    mem_free(h->keys);
    mem_free(h->spare);
    mem_free(h->pulls);
    mem_free(h->active);
    mem_free(h->frozen);
    map_fini(&h->by_labels);
    map_fini(&h->push_keys);
    head_index_fini(&h->index);
    pthread_rwlock_destroy(&h->index_lock);
    pthread_rwlock_destroy(&h->data_lock);
}

/* ---- series ---- */

static bool labels_are(const void *item, const void *key)
{
    return labels_equal(&((const struct held *)item)->labels, key);
}

uint32_t head_series_find(const struct head *h, const struct labels *ls)
{
    const struct held *held = map_get(&h->by_labels, ls->hash, ls, labels_are);

    return held ? held->id : HEAD_NO_SERIES;
}

static bool push_key_is(const void *item, const void *key)
{
    const struct push_key *k = item;

    return str_eq((struct str){k->text, k->n}, *(const struct str *)key);
}

/* Series of the same job and instance are likely to be sent together. */
static uint32_t push_key_of(struct head *h, const struct labels *ls)
{
    struct str job = labels_get(ls, STR("job"));
    struct str instance = labels_get(ls, STR("instance"));
    struct buf text;
    struct str s;
    struct push_key *k;
    uint64_t hash;

    buf_init(&text, 0);
    buf_add(&text, job);
    buf_addc(&text, '\xff'); /* in no UTF-8 text */
    buf_add(&text, instance);
    s = buf_str(&text);
    hash = hash_str(s);
    k = map_get(&h->push_keys, hash, &s, push_key_is);
    if (!k) {
        k = mem_zalloc(sizeof *k + s.n);
        k->id = h->push_keys_n++;
        k->n = (uint32_t)s.n;
        memcpy(k->text, s.p, s.n);
        map_put(&h->push_keys, hash, k);
        h->labels_bytes += sizeof *k + s.n + sizeof(struct map_slot);
    }
    buf_fini(&text);
    return k->id;
}

uint32_t head_series_make(struct head *h, const struct labels *ls)
{
    uint32_t id = head_series_find(h, ls);
    struct held *held;

    if (id != HEAD_NO_SERIES)
        return id;
    if (h->series_live >= h->series_max)
        return HEAD_NO_SERIES;
    if (h->spare_n) {
        id = h->spare[--h->spare_n];
    } else {
        id = (uint32_t)h->series_n;
        h->series = mem_grow(h->series, &h->series_cap, h->series_n + 1, sizeof *h->series);
        h->keys = mem_grow(h->keys, &h->keys_cap, h->series_n + 1, sizeof *h->keys);
        h->series_n++;
    }
    held = mem_realloc(NULL, offsetof(struct held, labels) + labels_size(ls));
    held->id = id;
    held->unused = 0;
    memcpy(&held->labels, ls, labels_size(ls));
    h->series[id] = (struct series){.labels = &held->labels};
    h->keys[id] = push_key_of(h, ls);
    map_put(&h->by_labels, ls->hash, held);
    head_index_add(&h->index, id, &held->labels);
    h->series_live++;
    h->labels_bytes += labels_size(ls) + 8 + sizeof(struct map_slot);
    return id;
}

/* ---- pull groups ---- */

struct pull *head_pull_find(const struct head *h, const struct labels *key)
{
    for (size_t i = 0; i < h->pulls_n; i++)
        if (h->pulls[i] && labels_equal(h->pulls[i]->key, key))
            return h->pulls[i];
    return NULL;
}

struct pull *head_pull_make(struct head *h, const struct labels *key)
{
    struct pull *p = head_pull_find(h, key);

    if (p)
        return p;
    p = mem_new(struct pull);
    p->key = labels_dup(key);
    p->id = (uint32_t)h->pulls_n;
    p->last_ts = INT64_MIN;
    h->pulls = mem_grow(h->pulls, &h->pulls_cap, h->pulls_n + 1, sizeof(void *));
    h->pulls[h->pulls_n++] = p;
    return p;
}

void head_pull_forget(struct head *h, struct pull *p)
{
    h->pulls[p->id] = NULL;
    pull_free(p);
}

uint32_t head_slot_make(struct pull *p, uint32_t series)
{
    uint32_t slot = pages_get(&p->slot_of, series);

    if (slot)
        return slot - 1;
    if (p->spare_n) {
        slot = p->spare[--p->spare_n];
        p->log_segment = 0; /* the layout changed in its middle: log it whole */
    } else {
        slot = (uint32_t)p->n;
        p->series = mem_grow(p->series, &p->cap, p->n + 1, sizeof *p->series);
        p->n++;
    }
    p->series[slot] = series;
    pages_set(&p->slot_of, series, slot + 1);
    return slot;
}

void head_diff_fini(struct head_diff *d)
{
    mem_free(d->slots);
    mem_free(d->values);
    *d = (struct head_diff){0};
}

static void pull_cover(struct pull *p, size_t slots)
{
    size_t n = (slots + 63) / 64 * 64;

    if (n <= p->last_n)
        return;
    n += n / 4 / 64 * 64;
    p->last = mem_realloc(p->last, n * sizeof *p->last);
    p->present = mem_realloc(p->present, n / 8);
    for (size_t i = p->last_n; i < n; i++)
        p->last[i] = STALE_NAN_BITS;
    memset(p->present + p->last_n / 64, 0, (n - p->last_n) / 8);
    p->last_n = n;
}

void head_pull_diff(struct pull *p, const struct sink_batch *b, struct head_diff *d)
{
    const uint64_t *changed = p->by_row ? NULL : b->changed;
    size_t words;

    pull_cover(p, b->slots > p->n ? b->slots : p->n);
    d->n = 0;
    words = p->last_n / 64;
    for (size_t w = 0; w < words; w++) {
        bool covered = w * 64 < b->slots;
        uint64_t there = covered ? b->present[w] : 0;
        uint64_t look;

        if (covered && b->slots - w * 64 < 64)
            there &= (UINT64_C(1) << (b->slots - w * 64)) - 1;
        look = there ^ p->present[w];
        look |= covered && changed ? changed[w] & there : there;
        for (; look; look &= look - 1) {
            uint32_t slot = (uint32_t)(w * 64 + (size_t)__builtin_ctzll(look));
            uint64_t bits = there >> (slot % 64) & 1 ? value_bits(b->values[slot]) : STALE_NAN_BITS;

            if (bits == p->last[slot])
                continue;
            d->slots = mem_grow(d->slots, &d->slots_cap, d->n + 1, sizeof *d->slots);
            d->values = mem_grow(d->values, &d->values_cap, d->n + 1, sizeof *d->values);
            d->slots[d->n] = slot;
            d->values[d->n++] = bits;
        }
    }
}

void head_pull_assume(struct pull *p, uint32_t slot)
{
    pull_cover(p, (size_t)slot + 1);
    if (p->last[slot] != STALE_NAN_BITS)
        return;
    p->last[slot] = 0;
    p->present[slot / 64] |= UINT64_C(1) << (slot % 64);
    p->there++;
}

void head_column(struct head *h, struct pull *p, ts_ms ts, const struct head_diff *d,
                 uint64_t outcomes[SINK_OUTCOMES])
{
    uint64_t by_row[SINK_OUTCOMES] = {0};
    size_t markers = 0;
    struct window_pull column;

    pull_cover(p, d->n ? (size_t)d->slots[d->n - 1] + 1 : 1);
    for (size_t i = 0; i < d->n; i++) {
        uint32_t slot = d->slots[i];
        uint64_t bit = UINT64_C(1) << (slot % 64);

        if (d->values[i] == STALE_NAN_BITS) {
            p->there -= p->present[slot / 64] & bit ? 1 : 0;
            p->present[slot / 64] &= ~bit;
            markers++;
        } else if (!(p->present[slot / 64] & bit)) {
            p->present[slot / 64] |= bit;
            p->there++;
        }
        p->last[slot] = d->values[i];
    }
    p->last_ts = ts;
    p->by_row = false;
    column = (struct window_pull){
        .group = p->id,
        .ts = ts,
        .slots = (uint32_t)(p->n < p->last_n ? p->n : p->last_n),
        .series = p->series,
        .values = p->last,
        .changed = d->slots,
        .changed_values = d->values,
        .changed_n = d->n,
        .samples = p->there + markers,
        .keys = h->keys,
        .outcomes = by_row,
    };
    if (p->there + markers == 0)
        return; /* a column of nothing leaves no trace but its time */
    h->max_ts = ts > h->max_ts ? ts : h->max_ts;
    window_pull(head_window(h, ts), &column);
    for (int i = 0; i < SINK_OUTCOMES; i++)
        outcomes[i] += by_row[i];
    outcomes[SINK_OK] += p->there > column.by_row ? p->there - column.by_row : 0;
}

/* ---- windows ---- */

static size_t active_at(const struct head *h, ts_ms start)
{
    size_t lo = 0, hi = h->active_n;

    while (lo < hi) {
        size_t mid = lo + (hi - lo) / 2;

        if (h->active[mid]->start < start)
            lo = mid + 1;
        else
            hi = mid;
    }
    return lo;
}

struct window *head_window_find(struct head *h, ts_ms ts)
{
    ts_ms start;
    size_t at;

    if (h->recent && ts >= h->recent->start && ts < h->recent->end)
        return h->recent;
    start = window_start_of(ts);
    at = active_at(h, start);
    if (at < h->active_n && h->active[at]->start == start)
        return h->recent = h->active[at];
    return NULL;
}

struct window *head_window(struct head *h, ts_ms ts)
{
    struct window *w = head_window_find(h, ts);
    size_t at;

    if (w)
        return w;
    w = window_new(window_start_of(ts), ++h->window_uid);
    at = active_at(h, w->start);
    h->active = mem_grow(h->active, &h->active_cap, h->active_n + 1, sizeof(void *));
    memmove(h->active + at + 1, h->active + at, (h->active_n - at) * sizeof(void *));
    h->active[at] = w;
    h->active_n++;
    return h->recent = w;
}

enum sink_outcome head_check(struct head *h, uint32_t series, ts_ms ts, uint64_t bits)
{
    struct window *w = head_window_find(h, ts);
    enum sink_outcome o = w ? window_check(w, series, ts, bits) : SINK_OK;

    for (size_t i = 0; i < h->frozen_n && o == SINK_OK; i++)
        if (ts >= h->frozen[i]->start && ts < h->frozen[i]->end) {
            o = window_check(h->frozen[i], series, ts, bits);
            /* What was deleted may be written again. */
            if (o != SINK_OK && h->frozen[i]->buried && h->deleted &&
                h->deleted(h->deleted_arg, h->frozen[i], series, ts))
                o = SINK_OK;
        }
    return o;
}

enum sink_outcome head_put(struct head *h, uint32_t series, ts_ms ts, uint64_t bits)
{
    h->max_ts = ts > h->max_ts ? ts : h->max_ts;
    return window_put(head_window(h, ts), series, h->keys[series], ts, bits);
}

static void take_out(struct window **list, size_t *n, const struct window *w)
{
    for (size_t i = 0; i < *n; i++)
        if (list[i] == w) {
            memmove(list + i, list + i + 1, (*n - i - 1) * sizeof(void *));
            (*n)--;
            return;
        }
}

void head_freeze(struct head *h, struct window *w)
{
    take_out(h->active, &h->active_n, w);
    if (h->recent == w)
        h->recent = NULL;
    w->frozen = true;
    h->frozen = mem_grow(h->frozen, &h->frozen_cap, h->frozen_n + 1, sizeof(void *));
    h->frozen[h->frozen_n++] = w;
}

void head_clock_reset(struct head *h)
{
    h->max_ts = INT64_MIN;
    for (size_t i = 0; i < h->pulls_n; i++)
        if (h->pulls[i])
            h->pulls[i]->last_ts = INT64_MIN;
}

void head_drop(struct head *h, struct window *w)
{
    take_out(h->active, &h->active_n, w);
    take_out(h->frozen, &h->frozen_n, w);
    if (h->recent == w)
        h->recent = NULL;
    window_unref(w);
}

struct head_sums head_sums(const struct head *h)
{
    struct head_sums s = {.min_ts = INT64_MAX, .max_ts = INT64_MIN};

    for (size_t i = 0; i < h->active_n + h->frozen_n; i++) {
        const struct window *w = i < h->active_n ? h->active[i] : h->frozen[i - h->active_n];

        s.samples += w->samples;
        s.bytes += window_bytes(w);
        s.min_ts = w->min_ts < s.min_ts ? w->min_ts : s.min_ts;
        s.max_ts = w->max_ts > s.max_ts ? w->max_ts : s.max_ts;
    }
    s.oldest_ts = s.min_ts;
    return s;
}

/* ---- after a cut ---- */

static bool series_in_window(const struct head *h, uint32_t id)
{
    for (size_t i = 0; i < h->active_n; i++)
        if (window_has(h->active[i], id))
            return true;
    for (size_t i = 0; i < h->frozen_n; i++)
        if (window_has(h->frozen[i], id))
            return true;
    return false;
}

static void mark(uint64_t *bits, uint32_t i)
{
    bits[i / 64] |= UINT64_C(1) << (i % 64);
}

static bool marked(const uint64_t *bits, uint32_t i)
{
    return bits[i / 64] >> (i % 64) & 1;
}

static void collect_slots(struct pull *p, const uint64_t *live)
{
    for (uint32_t slot = 0; slot < p->n; slot++) {
        if (p->series[slot] == HEAD_NO_SERIES || marked(live, p->series[slot]))
            continue;
        pages_set(&p->slot_of, p->series[slot], 0);
        p->series[slot] = HEAD_NO_SERIES;
        p->spare = mem_grow(p->spare, &p->spare_cap, p->spare_n + 1, sizeof *p->spare);
        p->spare[p->spare_n++] = slot;
    }
    p->log_segment = 0;
}

static void collect_series(struct head *h, const uint64_t *live)
{
    for (uint32_t id = 0; id < h->series_n; id++) {
        struct labels *ls = h->series[id].labels;

        if (!ls || marked(live, id))
            continue;
        (void)map_remove(&h->by_labels, ls->hash, ls, labels_are);
        h->labels_bytes -= labels_size(ls) + 8 + sizeof(struct map_slot);
        mem_free(held_of(ls));
        h->series[id] = (struct series){0};
        h->spare = mem_grow(h->spare, &h->spare_cap, h->spare_n + 1, sizeof *h->spare);
        h->spare[h->spare_n++] = id;
        h->series_live--;
    }
    head_index_fini(&h->index);
    head_index_init(&h->index);
    for (uint32_t id = 0; id < h->series_n; id++)
        if (h->series[id].labels)
            head_index_add(&h->index, id, h->series[id].labels);
}

void head_collect(struct head *h)
{
    uint64_t *live = mem_new_array(uint64_t, h->series_n / 64 + 1);
    size_t live_n = 0;

    h->generation++;
    for (size_t i = 0; i < h->pulls_n; i++) {
        struct pull *p = h->pulls[i];

        /* The last column's series are needed for staleness, also after their samples are cut. */
        for (uint32_t slot = 0; p && slot < p->n && slot < p->last_n; slot++)
            if (p->series[slot] != HEAD_NO_SERIES && p->last[slot] != STALE_NAN_BITS)
                mark(live, p->series[slot]);
    }
    for (uint32_t id = 0; id < h->series_n; id++) {
        if (h->series[id].labels && !marked(live, id) && series_in_window(h, id))
            mark(live, id);
        live_n += marked(live, id);
    }
    for (size_t i = 0; i < h->pulls_n; i++) {
        struct pull *p = h->pulls[i];

        if (!p)
            continue;
        collect_slots(p, live);
        if (!p->open && p->spare_n == p->n) {
            pull_free(p);
            h->pulls[i] = NULL;
        }
    }
    if (live_n < h->series_live)
        collect_series(h, live);
    mem_free(live);
}
