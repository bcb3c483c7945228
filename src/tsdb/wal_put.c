#include "tsdb/wal_put.h"

#include <string.h>

#include "base/cursor.h"
#include "base/mem.h"
#include "model/metadata.h"
#include "tsdb/head.h"
#include "tsdb/tomb.h"
#include "tsdb/wal.h"

#define KEY_EVERY_COMMITS 64u
#define PUSH_RUN_MIN      8u         /* rows of one time that are worth a PUSH record */
#define ROWS_MAX          (1u << 18) /* a record's; a commit may have several */
#define SERIES_BYTES_MAX  (8u << 20)

void wal_put_init(struct wal_put *p)
{
    *p = (struct wal_put){.epoch = 1};
}

void wal_put_fini(struct wal_put *p)
{
    mem_free(p->ids);
}

void wal_put_segment(struct wal_put *p, uint32_t segment)
{
    if (segment == p->segment)
        return;
    p->segment = segment;
    p->epoch++;
    p->rows = p->explicit_rows = 0;
}

/* ---- definitions ---- */

struct defining {
    struct wal_put *p;
    struct wal *w;
    struct head *h;
    size_t n;
};

static void define(struct defining *d, uint32_t id)
{
    struct series *s = &d->h->series[id];

    if (s->log_segment == d->p->segment)
        return;
    s->log_segment = d->p->segment;
    s->log_epoch = 0;
    d->p->ids = mem_grow(d->p->ids, &d->p->ids_cap, d->n + 1, sizeof *d->p->ids);
    d->p->ids[d->n++] = id;
}

/* SERIES: (id distance svarint, label set) up to the end of the record */
static void define_end(struct defining *d)
{
    for (size_t i = 0; i < d->n;) {
        const struct labels *before = NULL;
        uint32_t last = 0;
        struct buf *b = wal_begin(d->w);
        size_t start = b->n;

        for (; i < d->n && b->n - start < SERIES_BYTES_MAX; i++) {
            uint32_t id = d->p->ids[i];
            const struct labels *ls = d->h->series[id].labels;

            put_svarint(b, (int64_t)id - (int64_t)last);
            wal_put_labels(b, ls, before);
            before = ls;
            last = id;
        }
        wal_end(d->w, WAL_SERIES, 0);
    }
    d->n = 0;
}

/* ---- pull groups ---- */

/* LAYOUT: number u32 | key | first slot uvarint | n uvarint | (id + 1) distance svarint x n */
static void put_layout(struct wal_put *p, struct wal *w, struct head *h, struct pull *g,
                       uint32_t first)
{
    struct defining d = {.p = p, .w = w, .h = h};
    struct buf *b;
    int64_t last = 0;

    for (size_t slot = first; slot < g->n; slot++)
        if (g->series[slot] != HEAD_NO_SERIES)
            define(&d, g->series[slot]);
    define_end(&d);
    b = wal_begin(w);
    put_u32(b, ++g->log_layout);
    wal_put_labels(b, g->key, NULL);
    put_uvarint(b, first);
    put_uvarint(b, g->n - first);
    for (size_t slot = first; slot < g->n; slot++) {
        int64_t id = g->series[slot] == HEAD_NO_SERIES ? 0 : (int64_t)g->series[slot] + 1;

        put_svarint(b, id - last);
        last = id;
    }
    wal_end(w, WAL_LAYOUT, g->id);
    g->log_slots = (uint32_t)g->n;
}

/* KEY: layout u32 | time i64 | markers uvarint | slot distance uvarint x markers |
 *      slots u32 | bitmap of those there | their values f64 */
static void put_key(struct wal *w, struct pull *g, const struct sink_batch *b,
                    const struct head_diff *d)
{
    struct buf *out = wal_begin(w);
    uint32_t last = 0;
    uint64_t word = 0;
    size_t markers = 0;

    put_u32(out, g->log_layout);
    put_u64(out, (uint64_t)b->ts);
    for (size_t i = 0; i < d->n; i++)
        markers += d->values[i] == STALE_NAN_BITS;
    put_uvarint(out, markers);
    for (size_t i = 0; i < d->n; i++)
        if (d->values[i] == STALE_NAN_BITS) {
            put_uvarint(out, d->slots[i] - last);
            last = d->slots[i];
        }
    put_u32(out, b->slots);
    for (uint32_t i = 0; i < b->slots; i += 8) {
        word = b->present[i / 64] >> (i % 64) & 0xff;
        if (b->slots - i < 8)
            word &= (1u << (b->slots - i)) - 1;
        put_u8(out, (uint8_t)word);
    }
    for (uint32_t i = 0; i < b->slots; i++)
        if (b->present[i / 64] >> (i % 64) & 1)
            put_u64(out, value_bits(b->values[i]));
    wal_end(w, WAL_KEY, g->id);
}

static void put_bitmap(struct buf *out, const uint32_t *set, size_t n, uint32_t bits)
{
    size_t bytes = (bits + 7) / 8;
    char *p = buf_reserve(out, bytes);

    memset(p, 0, bytes);
    for (size_t i = 0; i < n; i++)
        p[set[i] / 8] |= (char)(1 << (set[i] % 8));
    out->n += bytes;
}

/* SCRAPE: layout u32 | time i64 | slots u32 | bitmap of changed | their bits, or the staleness NaN
 * ABSENT: layout u32 | time i64 */
static void put_scrape(struct wal *w, struct pull *g, const struct sink_batch *b,
                       const struct head_diff *d)
{
    struct buf *out = wal_begin(w);
    bool gone = d->n && d->n == g->there;

    for (size_t i = 0; i < d->n && gone; i++)
        gone = d->values[i] == STALE_NAN_BITS;
    put_u32(out, g->log_layout);
    put_u64(out, (uint64_t)b->ts);
    if (gone) {
        wal_end(w, WAL_ABSENT, g->id);
        return;
    }
    put_u32(out, (uint32_t)g->n);
    put_bitmap(out, d->slots, d->n, (uint32_t)g->n);
    for (size_t i = 0; i < d->n; i++)
        put_u64(out, d->values[i]);
    wal_end(w, WAL_SCRAPE, g->id);
}

void wal_put_column(struct wal_put *p, struct wal *w, struct head *h, struct pull *g,
                    const struct sink_batch *b, const struct head_diff *d)
{
    bool key = g->log_key_due || g->log_commits >= KEY_EVERY_COMMITS;

    if (g->log_segment != p->segment) {
        put_layout(p, w, h, g, 0);
        key = true;
    } else if (key && g->log_layout > 1) {
        put_layout(p, w, h, g, 0); /* heals a lost one */
    } else if (g->n > g->log_slots) {
        put_layout(p, w, h, g, g->log_slots);
    }
    g->log_segment = p->segment;
    if (!key) {
        put_scrape(w, g, b, d);
        g->log_commits++;
        return;
    }
    put_key(w, g, b, d);
    g->log_commits = 0;
    g->log_key_due = false;
}

/* ---- pushed rows ---- */

static size_t put_id_runs(struct buf *b, const uint32_t *ids, size_t n)
{
    size_t runs = 0;
    int64_t end = 0;

    for (size_t i = 0; i < n; runs++) {
        size_t k = i + 1;

        while (k < n && ids[k] == ids[k - 1] + 1)
            k++;
        put_svarint(b, (int64_t)ids[i] - end);
        put_uvarint(b, k - i);
        end = (int64_t)ids[k - 1] + 1;
        i = k;
    }
    return runs;
}

/* PUSH: time i64 | n uvarint | (id - end of the run before svarint, length uvarint) ... n ids |
 *       bitmap of changed | their values f64 */
static void put_push(struct wal_put *p, struct wal *w, struct head *h, const struct sink_row *rows,
                     const uint32_t *ids, size_t n)
{
    struct buf *b = wal_begin(w);
    size_t bitmap, at = 0;

    put_u64(b, (uint64_t)rows[0].ts);
    put_uvarint(b, n);
    (void)put_id_runs(b, ids, n);
    memset(buf_reserve(b, (n + 7) / 8), 0, (n + 7) / 8);
    bitmap = b->n;
    b->n += (n + 7) / 8;
    for (size_t i = 0; i < n; i++, at++) {
        struct series *s = &h->series[ids[i]];
        uint64_t bits;

        while (rows[at].ref.id != ids[i])
            at++; /* a row that was refused */
        bits = value_bits(rows[at].value);
        if (s->log_epoch == p->epoch && s->log_last == bits)
            continue;
        p->explicit_rows += s->log_epoch != p->epoch;
        s->log_epoch = p->epoch;
        s->log_last = bits;
        b->p[bitmap + i / 8] |= (char)(1 << (i % 8));
        put_u64(b, bits);
    }
    p->rows += n;
    wal_end(w, WAL_PUSH, 0);
    if (p->rows >= KEY_EVERY_COMMITS * p->explicit_rows && p->rows >= KEY_EVERY_COMMITS) {
        p->epoch++;
        p->rows = p->explicit_rows = 0;
    }
}

/* ROWS: (id distance svarint, time distance svarint, bits u64) up to the end of the record */
static void put_rows(struct wal *w, const struct sink_row *rows, const uint8_t *outcomes, size_t n,
                     size_t ok)
{
    struct buf *b;
    int64_t id = 0;
    ts_ms ts = 0;

    if (!ok)
        return;
    b = wal_begin(w);
    for (size_t i = 0; i < n; i++) {
        if (outcomes[i] != SINK_OK)
            continue;
        put_svarint(b, (int64_t)rows[i].ref.id - id);
        put_svarint(b, (int64_t)((uint64_t)rows[i].ts - (uint64_t)ts));
        put_u64(b, value_bits(rows[i].value));
        id = rows[i].ref.id;
        ts = rows[i].ts;
    }
    wal_end(w, WAL_ROWS, 0);
}

void wal_put_rows(struct wal_put *p, struct wal *w, struct head *h, const struct sink_row *rows,
                  const uint8_t *outcomes, size_t n)
{
    struct defining d = {.p = p, .w = w, .h = h};
    size_t plain = 0, plain_ok = 0; /* rows [plain, i) wait for a ROWS record */

    for (size_t i = 0; i < n; i++)
        if (outcomes[i] == SINK_OK)
            define(&d, rows[i].ref.id);
    define_end(&d);
    for (size_t i = 0; i < n;) {
        size_t k = i, ok = 0;

        for (; k < n && k - i < ROWS_MAX && rows[k].ts == rows[i].ts; k++)
            ok += outcomes[k] == SINK_OK;
        if (ok >= PUSH_RUN_MIN) {
            put_rows(w, rows + plain, outcomes + plain, i - plain, plain_ok);
            p->ids = mem_grow(p->ids, &p->ids_cap, ok, sizeof *p->ids);
            ok = 0;
            for (size_t j = i; j < k; j++)
                if (outcomes[j] == SINK_OK)
                    p->ids[ok++] = rows[j].ref.id;
            put_push(p, w, h, rows + i, p->ids, ok);
            plain = k;
            plain_ok = 0;
        } else {
            plain_ok += ok;
            if (plain_ok >= ROWS_MAX) {
                put_rows(w, rows + plain, outcomes + plain, k - plain, plain_ok);
                plain = k;
                plain_ok = 0;
            }
        }
        i = k;
    }
    put_rows(w, rows + plain, outcomes + plain, n - plain, plain_ok);
}

/* ---- the rest ---- */

/* EXEMPLAR: (id distance svarint, time distance svarint, bits u64, label set) up to the end */
void wal_put_exemplars(struct wal_put *p, struct wal *w, struct head *h,
                       const struct sink_exemplar *items, const uint8_t *outcomes, size_t n)
{
    struct defining d = {.p = p, .w = w, .h = h};
    const struct labels *before = NULL;
    struct buf *b;
    int64_t id = 0;
    ts_ms ts = 0;

    for (size_t i = 0; i < n; i++)
        if (!outcomes[i])
            define(&d, items[i].ref.id);
    define_end(&d);
    b = wal_begin(w);
    for (size_t i = 0; i < n; i++) {
        if (outcomes[i])
            continue;
        put_svarint(b, (int64_t)items[i].ref.id - id);
        put_svarint(b, (int64_t)((uint64_t)items[i].ts - (uint64_t)ts));
        put_u64(b, value_bits(items[i].value));
        wal_put_labels(b, items[i].labels, before);
        before = items[i].labels;
        id = items[i].ref.id;
        ts = items[i].ts;
    }
    wal_end(w, WAL_EXEMPLAR, 0);
}

/* META: n uvarint | (type u8, family, help, unit) x n */
void wal_put_metadata(struct wal *w, const struct metadata *items, size_t n)
{
    struct buf *b = wal_begin(w);

    put_uvarint(b, n);
    for (size_t i = 0; i < n; i++) {
        put_u8(b, (uint8_t)items[i].type);
        put_vstr(b, items[i].family);
        put_vstr(b, items[i].help);
        put_vstr(b, items[i].unit);
    }
    wal_end(w, WAL_META, 0);
}

/* FREEZE: window u64 | start i64 | reset u8 */
void wal_put_freeze(struct wal *w, const struct window *window, bool reset)
{
    struct buf *b = wal_begin(w);

    put_u64(b, window->uid);
    put_u64(b, (uint64_t)window->start);
    put_u8(b, reset);
    wal_end(w, WAL_FREEZE, 0);
}

/* CUT: window u64 | uuid 16 bytes | block's name */
void wal_put_cut(struct wal *w, uint64_t window, const char *block, const uint8_t uuid[16])
{
    struct buf *b = wal_begin(w);

    put_u64(b, window);
    buf_add(b, (struct str){(const char *)uuid, 16});
    put_vstr(b, str_c(block));
    wal_end(w, WAL_CUT, 0);
}

void wal_put_delete(struct wal *w, const struct tombstone *t)
{
    tombstone_encode(t, wal_begin(w));
    wal_end(w, WAL_DELETE, 0);
}
