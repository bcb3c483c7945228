/* stream: change-only encoding of one open series.
 *
 *   event   header u8 | distance uvarint (header >> 6 == 3 only) | payload
 *   header  bits 7..6  d: the event is at position p + d; 3: p + 3 + the varint
 *           bits 5..0  what happens there (enum op and below)
 *
 * p is one past the position of the event before, at first the stream's start. Between events the
 * state of the event before goes on: the same value again, or no sample.
 *
 *   OP_ABSENT        no sample from here on
 *   OP_STALE         a staleness marker here, no sample after it
 *   OP_SAME          the last value again, after an absence
 *   OP_XOR + k       last value ^ payload; k stands for (zero bytes above, bytes of payload)
 *   OP_INT + n - 1   both values are integers: last + zigzag(payload of n bytes)
 *   OP_MILLI + n - 1 the same in thousandths: v = i / 1000.0 bit for bit
 *   OP_SLAB          the rest of the slab is padding
 *
 * An event never crosses the end of a slab, so the decoder reads plain memory.
 */
#include "tsdb/stream.h"

#include <assert.h>
#include <math.h>
#include <string.h>

#include "base/mem.h"
#include "model/sample.h"

enum op {
    OP_ABSENT,
    OP_STALE,
    OP_SAME,
    OP_XOR = 3,
    OP_INT = OP_XOR + 36,
    OP_MILLI = OP_INT + 7,
    OP_END = OP_MILLI + 7,
    OP_SLAB = 63,
};
_Static_assert(OP_END <= OP_SLAB, "six bits of operation");

#define EVENT_BYTES_MAX 16u
#define PAGE_SLABS_MIN  8u
#define PAGE_SLABS_MAX  1024u

/* The 36 pairs (zero bytes above, bytes that follow) with a sum of at most 8, in a triangle. */
static const uint8_t xor_first[8] = {0, 8, 15, 21, 26, 30, 33, 35};
static const uint8_t xor_lead[36] = {0, 0, 0, 0, 0, 0, 0, 0, 1, 1, 1, 1, 1, 1, 1, 2, 2, 2,
                                     2, 2, 2, 3, 3, 3, 3, 3, 4, 4, 4, 4, 5, 5, 5, 6, 6, 7};

struct slab_page {
    struct slab_page *older;
    size_t n;
    struct slab slabs[];
};

void slabs_fini(struct slabs *pool)
{
    while (pool->pages) {
        struct slab_page *older = pool->pages->older;

        mem_free(pool->pages);
        pool->pages = older;
    }
    *pool = (struct slabs){0};
}

struct slab *slabs_take(struct slabs *pool)
{
    struct slab *s;

    if (!pool->left) {
        size_t n = pool->pages ? pool->pages->n * 2 : PAGE_SLABS_MIN;
        size_t bytes;

        n = n < PAGE_SLABS_MAX ? n : PAGE_SLABS_MAX;
        bytes = sizeof(struct slab_page) + n * sizeof(struct slab);
        struct slab_page *page = mem_realloc(NULL, bytes);

        *page = (struct slab_page){.older = pool->pages, .n = n};
        pool->pages = page;
        pool->spare = page->slabs;
        pool->left = n;
        pool->bytes += bytes;
    }
    s = pool->spare++;
    pool->left--;
    s->next = NULL;
    return s;
}

static void append(struct slabs *pool, struct stream *st, const uint8_t *event, size_t n)
{
    uint32_t used = st->bytes % SLAB_BYTES;

    if (!st->tail || used == 0 || SLAB_BYTES - used < n) {
        struct slab *s = slabs_take(pool);

        if (st->tail) {
            if (used) {
                st->tail->bytes[used] = OP_SLAB;
                st->bytes += SLAB_BYTES - used;
            }
            st->tail->next = s;
        } else {
            st->first = s;
        }
        st->tail = s;
        used = 0;
    }
    memcpy(st->tail->bytes + used, event, n);
    st->bytes += (uint32_t)n;
}

static size_t put_distance(uint8_t *event, uint32_t d)
{
    size_t n = 1;

    if (d < 3) {
        event[0] = (uint8_t)(d << 6);
        return 1;
    }
    event[0] = 3 << 6;
    for (d -= 3; d >= 128; d >>= 7)
        event[n++] = (uint8_t)(d | 128);
    event[n++] = (uint8_t)d;
    return n;
}

static int64_t rounded(double r)
{
    return (int64_t)(r + copysign(.5, r));
}

/* v as i / scale, when that gives v back bit for bit. */
static bool as_scaled(double v, double scale, int64_t *out)
{
    double r = v * scale;
    int64_t i;

    if (!(fabs(r) < 0x1p51))
        return false;
    i = rounded(r);
    *out = i;
    return value_bits((double)i / scale) == value_bits(v);
}

static unsigned bytes_of(uint64_t x)
{
    return x ? (71u - (unsigned)__builtin_clzll(x)) / 8u : 1u;
}

/* Zigzag difference in units of 1/scale; 0 bytes when it does not apply. */
static unsigned scaled_delta(double last, double v, double scale, uint64_t *out)
{
    int64_t a, b, d;

    if (!as_scaled(v, scale, &b) || !as_scaled(last, scale, &a))
        return 0;
    d = b - a;
    *out = ((uint64_t)d << 1) ^ (uint64_t)(d >> 63);
    return bytes_of(*out);
}

static size_t put_value(uint8_t *event, size_t n, uint64_t last, uint64_t bits)
{
    uint64_t x = last ^ bits, payload, scaled;
    unsigned lead, trail, len, scaled_len;
    uint8_t op;

    if (!x) {
        event[0] |= OP_SAME;
        return n;
    }
    lead = (unsigned)__builtin_clzll(x) / 8;
    trail = (unsigned)__builtin_ctzll(x) / 8;
    len = 8 - lead - trail;
    payload = x >> (8 * trail);
    op = (uint8_t)(OP_XOR + xor_first[lead] + len - 1);
    if (len > 1) {
        uint8_t base = OP_INT;

        scaled_len = scaled_delta(value_of_bits(last), value_of_bits(bits), 1.0, &scaled);
        if (!scaled_len && len > 3) {
            base = OP_MILLI;
            scaled_len = scaled_delta(value_of_bits(last), value_of_bits(bits), 1000.0, &scaled);
        }
        if (scaled_len && scaled_len < len) {
            op = (uint8_t)(base + scaled_len - 1);
            len = scaled_len;
            payload = scaled;
        }
    }
    event[0] |= op;
    for (unsigned i = 0; i < len; i++)
        event[n++] = (uint8_t)(payload >> (8 * i));
    return n;
}

void stream_put(struct slabs *pool, struct stream *st, uint32_t pos, uint64_t bits)
{
    uint8_t event[EVENT_BYTES_MAX];
    size_t n;

    assert(pos >= st->next);
    if (st->present && bits == st->last)
        return;
    n = put_distance(event, pos - st->next);
    if (bits == STALE_NAN_BITS) {
        event[0] |= OP_STALE;
        st->present = 0;
    } else {
        n = put_value(event, n, st->last, bits);
        st->last = bits;
        st->present = 1;
    }
    append(pool, st, event, n);
    st->next = pos + 1;
}

void stream_absent(struct slabs *pool, struct stream *st, uint32_t pos)
{
    uint8_t event[EVENT_BYTES_MAX];
    size_t n;

    assert(pos >= st->next);
    if (!st->present)
        return;
    n = put_distance(event, pos - st->next);
    event[0] |= OP_ABSENT;
    append(pool, st, event, n);
    st->present = 0;
    st->next = pos + 1;
}

struct reader {
    const struct slab *slab;
    uint32_t at;   /* in the slab */
    uint32_t left; /* bytes from here to the end of the view */
    uint32_t next;
    uint64_t last;
};

struct event {
    uint32_t pos;
    enum op op; /* OP_ABSENT, OP_STALE, OP_SAME: a value */
};

static uint64_t apply(uint64_t last, unsigned op, const uint8_t *p, unsigned len)
{
    uint64_t payload = 0;
    double v = value_of_bits(last);
    int64_t d;

    for (unsigned k = 0; k < len; k++)
        payload |= (uint64_t)p[k] << (8 * k);
    if (op < OP_INT)
        return last ^ (payload << (8 * (8 - xor_lead[op - OP_XOR] - len)));
    d = (int64_t)(payload >> 1) ^ -(int64_t)(payload & 1);
    if (op < OP_MILLI)
        return value_bits((double)((int64_t)v + d));
    return value_bits((double)(rounded(v * 1000.0) + d) / 1000.0);
}

static bool next_event(struct reader *r, struct event *out)
{
    const uint8_t *p;
    uint32_t d, used;
    unsigned op, len = 0;

    if (!r->left)
        return false;
    if (r->at == SLAB_BYTES || (r->slab->bytes[r->at] & 63) == OP_SLAB) {
        r->left -= SLAB_BYTES - r->at;
        r->slab = r->slab->next;
        r->at = 0;
        if (!r->left)
            return false;
    }
    p = r->slab->bytes + r->at;
    op = *p & 63;
    d = *p++ >> 6;
    if (d == 3) {
        unsigned shift = 0;

        for (; *p & 128; shift += 7)
            d += (uint32_t)(*p++ & 127) << shift;
        d += (uint32_t)*p++ << shift;
    }
    out->pos = r->next + d;
    out->op = (enum op)op;
    if (op >= OP_XOR) {
        assert(op < OP_END);
        len = op >= OP_MILLI ? op - OP_MILLI + 1
              : op >= OP_INT ? op - OP_INT + 1
                             : op - OP_XOR - xor_first[xor_lead[op - OP_XOR]] + 1;
        r->last = apply(r->last, op, p, len);
        out->op = OP_SAME;
    }
    used = (uint32_t)(p - (r->slab->bytes + r->at)) + len;
    r->at += used;
    r->left -= used;
    r->next = out->pos + 1;
    return true;
}

static struct reader reader_of(const struct stream_view *v)
{
    return (struct reader){.slab = v->first, .left = v->bytes, .next = v->start};
}

static size_t emit(uint32_t from, uint32_t to, uint32_t lo, uint32_t hi, double v, double *out,
                   struct stream_runs *runs, size_t runs_from)
{
    struct stream_run *newest;
    uint32_t n;

    from = from > lo ? from : lo;
    to = to < hi ? to : hi;
    if (from >= to)
        return 0;
    n = to - from;
    for (uint32_t i = 0; i < n; i++)
        out[i] = v;
    newest = runs->n > runs_from ? &runs->items[runs->n - 1] : NULL;
    if (newest && newest->pos + newest->n == from) {
        newest->n += n;
    } else {
        runs->items = mem_grow(runs->items, &runs->cap, runs->n + 1, sizeof *runs->items);
        runs->items[runs->n++] = (struct stream_run){from, n};
    }
    return n;
}

size_t stream_decode(const struct stream_view *v, uint32_t lo, uint32_t hi, double *values,
                     struct stream_runs *runs)
{
    struct reader r = reader_of(v);
    struct event e;
    uint32_t since = v->start;
    bool present = false;
    size_t n = 0, runs_from = runs->n;

    hi = hi < v->end ? hi : v->end;
    for (;;) {
        double before = value_of_bits(r.last);
        bool more = next_event(&r, &e);
        uint32_t until = more ? e.pos : v->end;

        if (present)
            n += emit(since, until, lo, hi, before, values + n, runs, runs_from);
        if (!more || until >= hi)
            return n;
        since = e.pos;
        present = e.op == OP_SAME;
        if (e.op == OP_STALE)
            n += emit(since, since + 1, lo, hi, value_of_bits(STALE_NAN_BITS), values + n, runs,
                      runs_from);
    }
}

bool stream_at(const struct stream_view *v, uint32_t pos, uint64_t *bits)
{
    struct stream_runs runs = {0};
    double value = 0;
    size_t n = stream_decode(v, pos, pos + 1, &value, &runs);

    mem_free(runs.items);
    if (n)
        *bits = value_bits(value);
    return n != 0;
}
