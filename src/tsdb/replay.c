#include "tsdb/replay.h"

#include <stdio.h>
#include <string.h>

#include "base/arena.h"
#include "base/cursor.h"
#include "base/err.h"
#include "base/mem.h"
#include "model/metadata.h"
#include "model/sink.h"
#include "tsdb/exemplar_store.h"
#include "tsdb/head.h"
#include "tsdb/metadata_store.h"
#include "tsdb/tomb.h"

#define IDS_MAX (1u << 26) /* of series and slots in a record that we believe */

struct replay_series {
    uint64_t last; /* bits of its newest pushed value */
    uint32_t id;   /* the head's; HEAD_NO_SERIES: not defined */
    bool known;    /* `last` is right */
};

struct replay_group {
    struct pull *pull; /* NULL: not defined */
    uint32_t layout;
    bool valid; /* no hole since its last KEY */
};

static struct replay *of(struct wal_handler *h)
{
    return CONTAINER_OF(h, struct replay, handler);
}

static struct replay_segment *segment_now(struct replay *r)
{
    return &r->segments[r->segments_n - 1];
}

static void touch_window(struct replay *r, uint64_t uid)
{
    struct replay_segment *s = segment_now(r);

    for (size_t i = s->windows_n; i; i--)
        if (s->windows[i - 1] == uid)
            return;
    s->windows = mem_grow(s->windows, &s->windows_cap, s->windows_n + 1, sizeof *s->windows);
    s->windows[s->windows_n++] = uid;
}

static void touch(struct replay *r)
{
    if (r->head->recent)
        touch_window(r, r->head->recent->uid);
}

static void rename_window(struct replay *r, uint64_t from, uint64_t to)
{
    for (size_t k = 0; k < r->segments_n; k++)
        for (size_t i = 0; i < r->segments[k].windows_n; i++)
            if (r->segments[k].windows[i] == from)
                r->segments[k].windows[i] = to;
}

/* ---- definitions ---- */

static struct replay_series *series_at(struct replay *r, uint64_t id)
{
    if (id >= IDS_MAX)
        return NULL;
    if (id >= r->series_n) {
        r->series = mem_grow(r->series, &r->series_cap, id + 1, sizeof *r->series);
        for (size_t i = r->series_n; i <= id; i++)
            r->series[i] = (struct replay_series){.id = HEAD_NO_SERIES};
        r->series_n = id + 1;
    }
    return &r->series[id];
}

static struct replay_series *series_known(struct replay *r, uint64_t id)
{
    return id < r->series_n && r->series[id].id != HEAD_NO_SERIES ? &r->series[id] : NULL;
}

static bool on_series(struct replay *r, struct cursor *c)
{
    const struct labels *before = NULL;
    int64_t id = 0;
    struct err err;

    while (cursor_left(c)) {
        const struct labels *ls;
        struct replay_series *s;

        id += cursor_svarint(c);
        s = id < 0 ? NULL : series_at(r, (uint64_t)id);
        if (!s || wal_get_labels(c, &r->scratch, before, &ls, &err) < 0)
            return false;
        *s = (struct replay_series){.id = head_series_make(r->head, ls)};
        before = ls;
    }
    return !c->failed;
}

static struct replay_group *group_at(struct replay *r, uint32_t id)
{
    if (id >= IDS_MAX)
        return NULL;
    if (id >= r->groups_n) {
        r->groups = mem_grow(r->groups, &r->groups_cap, (size_t)id + 1, sizeof *r->groups);
        memset(r->groups + r->groups_n, 0, (id + 1 - r->groups_n) * sizeof *r->groups);
        r->groups_n = (size_t)id + 1;
    }
    return &r->groups[id];
}

static void group_begins_anew(struct replay *r, struct pull *p)
{
    for (size_t i = 0; i < r->groups_n; i++)
        if (r->groups[i].pull == p)
            r->groups[i] = (struct replay_group){0};
    head_pull_forget(r->head, p);
}

/* The slot stands for this series from now on; false when it stood for another one, whose values
 * would be taken for this one's. */
static bool slot_set(struct pull *p, size_t slot, uint32_t series)
{
    if (p->series[slot] == series)
        return true;
    if (p->series[slot] != HEAD_NO_SERIES || pages_get(&p->slot_of, series))
        return false;
    p->series[slot] = series;
    pages_set(&p->slot_of, series, (uint32_t)slot + 1);
    return true;
}

static bool layout_slots(struct replay *r, struct cursor *c, struct pull *p, uint64_t first,
                         uint64_t n)
{
    int64_t id = 0;

    while (p->n < first + n) {
        p->series = mem_grow(p->series, &p->cap, p->n + 1, sizeof *p->series);
        p->series[p->n++] = HEAD_NO_SERIES;
    }
    for (uint64_t i = 0; i < n && !c->failed; i++) {
        struct replay_series *s;

        id += cursor_svarint(c);
        if (id <= 0 || !(s = series_known(r, (uint64_t)id - 1)))
            continue;
        if (!slot_set(p, first + i, s->id))
            return false;
    }
    return true;
}

/* Free slots in the middle are there to be used again. */
static void find_spare(struct pull *p)
{
    p->spare_n = 0;
    for (uint32_t slot = 0; slot < p->n; slot++)
        if (p->series[slot] == HEAD_NO_SERIES) {
            p->spare = mem_grow(p->spare, &p->spare_cap, p->spare_n + 1, sizeof *p->spare);
            p->spare[p->spare_n++] = slot;
        }
}

static bool on_layout(struct replay *r, uint32_t id, struct cursor *c)
{
    struct replay_group *g = group_at(r, id);
    uint32_t number = cursor_u32(c);
    const struct labels *key;
    struct cursor slots;
    uint64_t first, n;
    struct err err;

    if (!g || wal_get_labels(c, &r->scratch, NULL, &key, &err) < 0)
        return false;
    first = cursor_uvarint(c);
    n = cursor_uvarint(c);
    if (c->failed || first > IDS_MAX || n > cursor_left(c))
        return false;
    if (first && (!g->pull || g->layout + 1 != number || first > g->pull->n))
        return true; /* leans on one that was lost */
    if (!first) {
        g->pull = head_pull_make(r->head, key);
        g->valid = false;
    }
    slots = *c;
    if (!layout_slots(r, c, g->pull, first, n)) {
        /* The data group began anew meanwhile; its older columns stay as they are. */
        group_begins_anew(r, g->pull);
        g->pull = head_pull_make(r->head, key);
        g->valid = false;
        *c = slots;
        if (first || !layout_slots(r, c, g->pull, first, n))
            return false;
    }
    find_spare(g->pull);
    g->layout = number;
    return !c->failed;
}

/* ---- columns ---- */

static void take_column(struct replay *r, struct pull *p, ts_ms ts, const struct head_diff *d)
{
    uint64_t outcomes[SINK_OUTCOMES] = {0};

    if (ts <= p->last_ts)
        return; /* it is there already, or rows said it */
    head_column(r->head, p, ts, d, outcomes);
    r->samples += outcomes[SINK_OK];
    touch(r);
}

/* What was there in a column that the log has no more gets its marker nevertheless. */
static bool key_markers(struct pull *p, struct cursor *c)
{
    uint64_t slot = 0;

    for (uint64_t n = cursor_uvarint(c); n; n--) {
        slot += cursor_uvarint(c);
        if (c->failed || slot >= p->n)
            return false;
        if (p->series[slot] != HEAD_NO_SERIES)
            head_pull_assume(p, (uint32_t)slot);
    }
    return true;
}

static bool on_key(struct replay *r, struct replay_group *g, ts_ms ts, struct cursor *c)
{
    struct str bitmap;
    struct sink_batch b = {.ts = ts};
    uint32_t slots;
    struct head_diff d = {0};
    uint64_t *present;
    double *values;
    struct err err;

    if (ts <= g->pull->last_ts)
        return true; /* it is there already */
    if (!key_markers(g->pull, c))
        return false;
    b.slots = slots = cursor_u32(c);
    if (slots > g->pull->n || c->failed)
        return false;
    bitmap = cursor_bytes(c, (slots + 7) / 8);
    present = arena_new_array(&r->scratch, uint64_t, slots / 64 + 1, &err);
    values = arena_new_array(&r->scratch, double, slots + 1, &err);
    if (c->failed || !present || !values)
        return false;
    for (uint32_t i = 0; i < slots; i++)
        if ((uint8_t)bitmap.p[i / 8] >> (i % 8) & 1) {
            values[i] = cursor_f64(c);
            if (g->pull->series[i] == HEAD_NO_SERIES)
                r->gap_samples++;
            else
                present[i / 64] |= UINT64_C(1) << (i % 64);
        }
    if (c->failed)
        return false;
    b.present = present;
    b.values = values;
    head_pull_diff(g->pull, &b, &d);
    take_column(r, g->pull, ts, &d);
    head_diff_fini(&d);
    g->valid = true;
    return true;
}

static bool on_scrape(struct replay *r, struct replay_group *g, ts_ms ts, struct cursor *c)
{
    uint32_t slots = cursor_u32(c);
    struct str bitmap = cursor_bytes(c, ((uint64_t)slots + 7) / 8);
    struct head_diff d = {0};
    struct err err;

    if (c->failed || slots > g->pull->n)
        return false;
    d.slots = arena_new_array(&r->scratch, uint32_t, cursor_left(c) / 8 + 1, &err);
    d.values = arena_new_array(&r->scratch, uint64_t, cursor_left(c) / 8 + 1, &err);
    if (!d.slots || !d.values)
        return false;
    for (uint32_t at = 0; at < bitmap.n; at++)
        for (unsigned bits = (uint8_t)bitmap.p[at]; bits; bits &= bits - 1) {
            uint32_t slot = at * 8 + (uint32_t)__builtin_ctz(bits);
            uint64_t value = cursor_u64(c);

            if (c->failed || slot >= slots)
                return false;
            if (g->pull->series[slot] == HEAD_NO_SERIES) {
                r->gap_samples++;
                continue;
            }
            d.slots[d.n] = slot;
            d.values[d.n++] = value;
        }
    take_column(r, g->pull, ts, &d);
    return true;
}

static bool on_absent(struct replay *r, struct replay_group *g, ts_ms ts)
{
    uint64_t none = 0;
    struct sink_batch b = {.ts = ts, .present = &none};
    struct head_diff d = {0};

    head_pull_diff(g->pull, &b, &d);
    take_column(r, g->pull, ts, &d);
    head_diff_fini(&d);
    return true;
}

static bool on_column(struct replay *r, const struct wal_header *h, struct cursor *c)
{
    struct replay_group *g = h->group < r->groups_n ? &r->groups[h->group] : NULL;
    uint32_t layout = cursor_u32(c);
    ts_ms ts = (ts_ms)cursor_u64(c);

    if (c->failed)
        return false;
    if (!g || !g->pull || g->layout != layout || (!g->valid && h->type != WAL_KEY)) {
        r->gap_samples += g && g->pull ? g->pull->there : 0;
        if (g)
            g->valid = false;
        return true;
    }
    switch (h->type) {
    case WAL_KEY:
        return on_key(r, g, ts, c);
    case WAL_SCRAPE:
        return on_scrape(r, g, ts, c);
    default:
        return on_absent(r, g, ts);
    }
}

/* ---- rows ---- */

static void take_row(struct replay *r, uint32_t series, ts_ms ts, uint64_t bits)
{
    struct window *before = r->head->recent;

    r->samples += head_put(r->head, series, ts, bits) == SINK_OK;
    if (r->head->recent != before)
        touch(r);
}

static bool on_push(struct replay *r, struct cursor *c)
{
    ts_ms ts = (ts_ms)cursor_u64(c);
    uint64_t n = cursor_uvarint(c), at = 0;
    struct cursor runs = *c, values;
    struct str bitmap;
    int64_t id = 0;

    if (c->failed || n > IDS_MAX)
        return false;
    for (uint64_t left = n; left;) {
        uint64_t len;

        (void)cursor_svarint(c);
        len = cursor_uvarint(c);
        if (c->failed || !len || len > left)
            return false;
        left -= len;
    }
    bitmap = cursor_bytes(c, (n + 7) / 8);
    values = *c;
    if (c->failed)
        return false;
    while (at < n) {
        id += cursor_svarint(&runs);
        for (uint64_t len = cursor_uvarint(&runs); len; len--, id++, at++) {
            struct replay_series *s = id < 0 ? NULL : series_known(r, (uint64_t)id);
            bool written = (uint8_t)bitmap.p[at / 8] >> (at % 8) & 1;
            uint64_t bits = written ? cursor_u64(&values) : 0;

            if (values.failed)
                return false;
            if (s && written) {
                s->last = bits;
                s->known = true;
            }
            if (s && s->known)
                take_row(r, s->id, ts, s->last);
            else
                r->gap_samples++;
        }
    }
    touch(r);
    return true;
}

static bool on_rows(struct replay *r, struct cursor *c)
{
    int64_t id = 0;
    ts_ms ts = 0;

    while (cursor_left(c)) {
        struct replay_series *s;
        uint64_t bits;

        id += cursor_svarint(c);
        ts = (ts_ms)((uint64_t)ts + (uint64_t)cursor_svarint(c));
        bits = cursor_u64(c);
        if (c->failed || id < 0)
            return false;
        s = series_known(r, (uint64_t)id);
        if (s)
            take_row(r, s->id, ts, bits);
        else
            r->gap_samples++;
    }
    touch(r);
    return !c->failed;
}

/* ---- the rest ---- */

static bool on_meta(struct replay *r, struct cursor *c)
{
    uint64_t n = cursor_uvarint(c);

    for (uint64_t i = 0; i < n && !c->failed; i++) {
        struct metadata m;
        uint8_t type = cursor_u8(c);

        if (type > METRIC_STATESET)
            return false;
        m.type = (enum metric_type)type;
        m.family = cursor_vstr(c);
        m.help = cursor_vstr(c);
        m.unit = cursor_vstr(c);
        if (!c->failed && r->metadata)
            metadata_store_put(r->metadata, &m);
    }
    return !c->failed;
}

static bool on_exemplars(struct replay *r, struct cursor *c)
{
    const struct labels *before = NULL;
    int64_t id = 0;
    ts_ms ts = 0;
    struct err err;

    while (cursor_left(c)) {
        struct replay_series *s;
        struct exemplar e;

        id += cursor_svarint(c);
        ts = (ts_ms)((uint64_t)ts + (uint64_t)cursor_svarint(c));
        e = (struct exemplar){.ts = ts, .value = cursor_f64(c)};
        if (c->failed || id < 0 || wal_get_labels(c, &r->scratch, before, &e.labels, &err) < 0)
            return false;
        before = e.labels;
        s = series_known(r, (uint64_t)id);
        if (s && r->exemplars)
            (void)exemplar_store_put(r->exemplars, r->head->series[s->id].labels, &e);
    }
    return !c->failed;
}

static bool on_freeze(struct replay *r, struct cursor *c)
{
    uint64_t uid = cursor_u64(c);
    ts_ms start = (ts_ms)cursor_u64(c);
    bool reset = cursor_u8(c) != 0;
    struct window *w;

    if (c->failed || start != window_start_of(start))
        return false;
    w = head_window_find(r->head, start);
    if (w) {
        rename_window(r, w->uid, uid);
        w->uid = uid;
        head_freeze(r->head, w);
    }
    if (reset) {
        head_clock_reset(r->head);
        r->times_anew = true;
    }
    return true;
}

/* The step back of the clock froze all windows, each by a record of its own. Where such a record
 * is lost, the window is left to later times than it must take now. */
static void freeze_rest(struct replay *r)
{
    while (r->head->active_n)
        head_freeze(r->head, r->head->active[0]);
    r->times_anew = false;
}

static bool on_cut(struct replay *r, struct cursor *c)
{
    uint64_t uid = cursor_u64(c);
    struct str uuid = cursor_bytes(c, 16);
    struct str name = cursor_vstr(c);
    char text[96];

    if (c->failed || name.n >= sizeof text)
        return false;
    (void)snprintf(text, sizeof text, "%.*s", STR_ARGS(name));
    for (size_t i = 0; i < r->head->frozen_n; i++) {
        struct window *w = r->head->frozen[i];

        if (w->uid != uid)
            continue;
        if (!name.n || !r->block_is_there ||
            r->block_is_there(r->arg, text, (const uint8_t *)uuid.p)) {
            head_drop(r->head, w);
            for (size_t k = 0; k < r->segments_n; k++)
                for (size_t j = 0; j < r->segments[k].windows_n; j++)
                    if (r->segments[k].windows[j] == uid)
                        r->segments[k].windows[j--] =
                            r->segments[k].windows[--r->segments[k].windows_n];
        }
        return true;
    }
    return true;
}

/* ---- deletes ---- */

static bool is_frozen(const struct head *h, uint64_t uid)
{
    for (size_t i = 0; i < h->frozen_n; i++)
        if (h->frozen[i]->uid == uid)
            return true;
    return false;
}

/* The windows that the delete froze hold what was there before it. */
static void freeze_for(struct replay *r, const struct tombstone *t)
{
    for (size_t i = 0; i < t->windows_n; i++) {
        const struct tomb_window *tw = &t->windows[i];
        struct window *w;

        if (!tw->froze || is_frozen(r->head, tw->uid) ||
            !(w = head_window_find(r->head, tw->start)))
            continue;
        rename_window(r, w->uid, tw->uid);
        w->uid = tw->uid;
        head_freeze(r->head, w);
    }
}

static void known_deletes(struct replay *r, uint64_t before_seq)
{
    for (; r->tombs && r->tombs_at < r->tombs->n && r->tombs->items[r->tombs_at]->seq < before_seq;
         r->tombs_at++)
        freeze_for(r, r->tombs->items[r->tombs_at]);
}

static bool on_delete(struct replay *r, uint64_t seq, struct cursor *c)
{
    struct tombstone *t;
    struct err err;

    if (tombstone_decode(c, seq, &t, &err) < 0)
        return false;
    freeze_for(r, t);
    if (tombs_find(r->tombs, seq)) {
        tombstone_unref(t);
        return true;
    }
    r->deletes = mem_grow(r->deletes, &r->deletes_cap, r->deletes_n + 1, sizeof *r->deletes);
    r->deletes[r->deletes_n++] = t;
    touch_window(r, WAL_DELETES);
    return true;
}

static bool take_record(struct replay *r, const struct wal_header *h, struct cursor *c)
{
    known_deletes(r, h->seq);
    if (r->times_anew && h->type != WAL_FREEZE)
        freeze_rest(r);
    switch (h->type) {
    case WAL_SERIES:
        return on_series(r, c);
    case WAL_LAYOUT:
        return on_layout(r, h->group, c);
    case WAL_KEY:
    case WAL_SCRAPE:
    case WAL_ABSENT:
        return on_column(r, h, c);
    case WAL_PUSH:
        return on_push(r, c);
    case WAL_ROWS:
        return on_rows(r, c);
    case WAL_META:
        return on_meta(r, c);
    case WAL_FREEZE:
        return on_freeze(r, c);
    case WAL_CUT:
        return on_cut(r, c);
    case WAL_EXEMPLAR:
        return on_exemplars(r, c);
    case WAL_DELETE:
        return on_delete(r, h->seq, c);
    default:
        return true;
    }
}

static void on_hole(struct wal_handler *handler)
{
    struct replay *r = of(handler);

    for (size_t i = 0; i < r->groups_n; i++)
        r->groups[i].valid = false;
    for (size_t i = 0; i < r->series_n; i++)
        r->series[i].known = false;
}

static void on_record(struct wal_handler *handler, const struct wal_header *h, struct cursor *c)
{
    struct replay *r = of(handler);

    if (!take_record(r, h, c)) {
        r->malformed++;
        on_hole(handler);
    }
    if (r->scratch.blocks)
        arena_reset(&r->scratch);
}

static void on_segment(struct wal_handler *handler, const char *name, uint32_t number,
                       uint64_t bytes)
{
    struct replay *r = of(handler);
    struct replay_segment *s;

    r->segments = mem_grow(r->segments, &r->segments_cap, r->segments_n + 1, sizeof *r->segments);
    s = &r->segments[r->segments_n++];
    *s = (struct replay_segment){.number = number, .bytes = bytes};
    (void)snprintf(s->name, sizeof s->name, "%s", name);
    r->head->recent = NULL; /* the next sample touches its window here too */
}

void replay_init(struct replay *r, struct head *head, struct metadata_store *metadata)
{
    *r = (struct replay){
        .handler = {.segment = on_segment, .record = on_record, .hole = on_hole},
        .head = head,
        .metadata = metadata,
    };
    arena_init(&r->scratch, NULL);
}

void replay_deletes_end(struct replay *r)
{
    known_deletes(r, UINT64_MAX);
}

void replay_fini(struct replay *r)
{
    for (size_t i = 0; i < r->segments_n; i++)
        mem_free(r->segments[i].windows);
    for (size_t i = 0; i < r->deletes_n; i++)
        tombstone_unref(r->deletes[i]);
    mem_free(r->deletes);
    mem_free(r->segments);
    mem_free(r->series);
    mem_free(r->groups);
    arena_fini(&r->scratch);
}
