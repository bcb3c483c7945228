#include "tsdb/ints.h"

#include <assert.h>
#include <math.h>
#include <stdbool.h>
#include <string.h>

#include "base/cursor.h"
#include "tsdb/bits.h"
#include "tsdb/huffman.h"

/* The first byte: order (bits 0-1), folding (2-3), and two flags. */
enum fold { FOLD_NONE, FOLD_ZIGZAG, FOLD_MIN };
#define FLAG_HUFFMAN 0x10u
#define FLAG_GCD     0x20u
#define FLAGS_KNOWN  0x3fu

/* Symbols of the Huffman code: a number of b bits is symbol b (its highest bit is implied); a run
 * of 2^k .. 2^(k+1)-1 zeros is symbol RUN + k, k from 1. */
#define RUN       64u
#define RUN_K_MAX 11u
_Static_assert(RUN + RUN_K_MAX < HUFFMAN_SYMBOLS, "all symbols have a code");
_Static_assert(1u << RUN_K_MAX == INTS_MAX, "the longest run has a symbol");

struct residuals {
    uint64_t r[INTS_MAX];
    size_t n;
    unsigned order;
    enum fold fold;
    int64_t min;  /* FOLD_MIN */
    double bits;  /* estimate */
    bool huffman; /* shorter than packing */
    uint32_t count[HUFFMAN_SYMBOLS];
};

static int64_t minus(int64_t a, int64_t b)
{
    return (int64_t)((uint64_t)a - (uint64_t)b);
}

static int64_t plus(int64_t a, int64_t b)
{
    return (int64_t)((uint64_t)a + (uint64_t)b);
}

static uint64_t folded(int64_t v)
{
    return ((uint64_t)v << 1) ^ (uint64_t)(v >> 63);
}

static int64_t unfolded(uint64_t v)
{
    return (int64_t)(v >> 1) ^ -(int64_t)(v & 1);
}

static uint64_t gcd_of(uint64_t a, uint64_t b)
{
    while (b) {
        uint64_t rest = a % b;

        a = b;
        b = rest;
    }
    return a;
}

/* u = (v - v[0]) / g; returns g. */
static uint64_t scaled(const int64_t *v, size_t n, int64_t *u)
{
    uint64_t g = 0;

    for (size_t i = 0; i < n; i++) {
        u[i] = minus(v[i], v[0]);
        if (g != 1 && u[i])
            g = gcd_of(u[i] < 0 ? -(uint64_t)u[i] : (uint64_t)u[i], g);
    }
    if (g <= 1 || g > INT64_MAX)
        return 1;
    for (size_t i = 0; i < n; i++)
        u[i] /= (int64_t)g;
    return g;
}

/* ---- residuals ---- */

static unsigned run_symbol(size_t zeros)
{
    return RUN + bits_length(zeros) - 1;
}

static void count_symbols(struct residuals *res)
{
    memset(res->count, 0, sizeof res->count);
    for (size_t i = 0; i < res->n;) {
        size_t zeros = 0;

        while (i + zeros < res->n && !res->r[i + zeros])
            zeros++;
        if (zeros > 1)
            res->count[run_symbol(zeros)]++;
        else
            res->count[bits_length(res->r[i])]++;
        i += zeros ? zeros : 1;
    }
}

static unsigned low_bits(unsigned symbol)
{
    if (symbol > RUN)
        return symbol - RUN;
    return symbol ? symbol - 1 : 0;
}

/* What the symbols will cost: by their entropy, but no code is shorter than a bit; and the lengths
 * before them, four bits for each symbol between the first and the last. */
static double huffman_cost(const struct residuals *res)
{
    double bits = 22;
    uint32_t total = 0;
    unsigned first = RUN + 1, last = 0;

    for (unsigned s = 0; s < HUFFMAN_SYMBOLS; s++)
        total += res->count[s];
    for (unsigned s = 0; s < HUFFMAN_SYMBOLS; s++) {
        double code = res->count[s] ? log2(total / (double)res->count[s]) : 0;

        if (!res->count[s])
            continue;
        bits += res->count[s] * (low_bits(s) + (code > 1 ? code : 1));
        if (s > RUN) {
            bits += 4;
            continue;
        }
        first = s < first ? s : first;
        last = s;
    }
    return bits + (first <= last ? 4.0 * (last - first + 1) : 0);
}

static double packed_cost(const struct residuals *res)
{
    uint64_t all = 0;

    for (size_t i = 0; i < res->n; i++)
        all |= res->r[i];
    return 8.0 + (double)res->n * bits_length(all);
}

static void fold(const int64_t *d, size_t n, enum fold how, int64_t min, struct residuals *res)
{
    res->n = n;
    res->fold = how;
    res->min = min;
    for (size_t i = 0; i < n; i++) {
        if (how == FOLD_ZIGZAG)
            res->r[i] = folded(d[i]);
        else
            res->r[i] = (uint64_t)minus(d[i], how == FOLD_MIN ? min : 0);
    }
    count_symbols(res);
    res->bits = packed_cost(res);
    res->huffman = false;
    if (huffman_cost(res) < res->bits) {
        res->bits = huffman_cost(res);
        res->huffman = true;
    }
}

static void keep_shorter(const struct residuals *candidate, struct residuals *best)
{
    if (candidate->bits < best->bits)
        *best = *candidate;
}

/* Tries the foldings of one order that can win. */
static void try_order(const int64_t *d, size_t n, unsigned order, struct residuals *best)
{
    struct residuals candidate;
    int64_t min = n ? d[0] : 0, max = min;

    candidate.order = order;
    for (size_t i = 1; i < n; i++) {
        min = d[i] < min ? d[i] : min;
        max = d[i] > max ? d[i] : max;
    }
    fold(d, n, min >= 0 ? FOLD_NONE : FOLD_ZIGZAG, 0, &candidate);
    keep_shorter(&candidate, best);
    if (order < 2 && min != 0) {
        fold(d, n, FOLD_MIN, min, &candidate);
        candidate.bits += bits_length(folded(min)) + 1;
        keep_shorter(&candidate, best);
    }
}

/* d[i] = d[i+1] - d[i] in place; n - 1 are left. */
static void differentiate(int64_t *d, size_t n)
{
    for (size_t i = 0; i + 1 < n; i++)
        d[i] = minus(d[i + 1], d[i]);
}

/* ---- writing ---- */

static void put_packed(const struct residuals *res, struct buf *out)
{
    struct bits_writer w;
    uint64_t all = 0;

    for (size_t i = 0; i < res->n; i++)
        all |= res->r[i];
    put_u8(out, (uint8_t)bits_length(all));
    w = bits_to(out);
    for (size_t i = 0; i < res->n; i++)
        bits_put(&w, res->r[i], bits_length(all));
    bits_flush(&w);
}

/* Four bits a length, from the first to the last symbol of either kind that occurs. */
static void put_lengths(struct bits_writer *w, const uint8_t *length, unsigned first, unsigned end,
                        unsigned bits)
{
    unsigned lo = first, hi = end;

    while (lo < hi && !length[lo])
        lo++;
    while (hi > lo && !length[hi - 1])
        hi--;
    bits_put(w, lo - first, bits);
    bits_put(w, hi - lo, bits);
    for (unsigned s = lo; s < hi; s++)
        bits_put(w, length[s], 4);
}

static void put_symbol(struct bits_writer *w, const struct huffman *h, unsigned symbol, uint64_t v)
{
    unsigned low = low_bits(symbol);

    bits_put(w, h->code[symbol], h->length[symbol]);
    bits_put(w, v & bits_mask(low), low);
}

/* The symbol of a 64-bit number would be RUN + 0, which is no run: it is free for it. */
static void put_huffman(const struct residuals *res, struct buf *out)
{
    struct bits_writer w = bits_to(out);
    struct huffman h;

    huffman_build(res->count, &h);
    put_lengths(&w, h.length, 0, RUN + 1, 7);
    put_lengths(&w, h.length, RUN + 1, RUN + RUN_K_MAX + 1, 4);
    for (size_t i = 0; i < res->n;) {
        size_t zeros = 0;

        while (i + zeros < res->n && !res->r[i + zeros])
            zeros++;
        if (zeros > 1)
            put_symbol(&w, &h, run_symbol(zeros), zeros);
        else
            put_symbol(&w, &h, bits_length(res->r[i]), res->r[i]);
        i += zeros ? zeros : 1;
    }
    bits_flush(&w);
}

void ints_encode(const int64_t *v, size_t n, struct buf *out)
{
    struct residuals best = {.bits = HUGE_VAL};
    int64_t d[INTS_MAX], first_delta = 0;
    uint64_t g;

    assert(n >= 1 && n <= INTS_MAX);
    g = scaled(v, n, d);
    try_order(d + 1, n - 1, 0, &best); /* u[0] is 0 and not written */
    if (n > 1) {
        differentiate(d, n);
        first_delta = d[0];
        try_order(d, n - 1, 1, &best);
    }
    if (n > 2) {
        differentiate(d, n - 1);
        try_order(d, n - 2, 2, &best);
    }
    put_u8(out, (uint8_t)(best.order | (unsigned)best.fold << 2 |
                          (best.huffman ? FLAG_HUFFMAN : 0) | (g > 1 ? FLAG_GCD : 0)));
    put_svarint(out, v[0]);
    if (g > 1)
        put_uvarint(out, g);
    if (best.order == 2)
        put_svarint(out, first_delta);
    if (best.fold == FOLD_MIN)
        put_svarint(out, best.min);
    if (best.huffman)
        put_huffman(&best, out);
    else
        put_packed(&best, out);
}

/* ---- reading ---- */

static int get_packed(struct cursor *c, int64_t *r, size_t n)
{
    unsigned width = cursor_u8(c);
    struct bits_reader in = bits_of(c->p, cursor_left(c));

    if (c->failed || width > 64 || cursor_left(c) != (n * width + 7) / 8)
        return -1;
    if (width <= 56) {
        for (size_t i = 0; i < n; i++) {
            bits_refill(&in);
            r[i] = (int64_t)bits_peek(&in, width);
            bits_take(&in, width);
        }
    } else {
        for (size_t i = 0; i < n; i++)
            r[i] = (int64_t)bits_get(&in, width);
    }
    return in.failed ? -1 : 0;
}

static int get_lengths(struct bits_reader *in, uint8_t *length, unsigned first, unsigned end,
                       unsigned bits)
{
    unsigned lo = first + (unsigned)bits_get(in, bits), n = (unsigned)bits_get(in, bits);

    if (in->failed || lo + n > end)
        return -1;
    for (unsigned s = lo; s < lo + n; s++)
        length[s] = (uint8_t)bits_get(in, 4);
    return in->failed ? -1 : 0;
}

static int get_huffman(struct cursor *c, int64_t *r, size_t n)
{
    struct bits_reader in = bits_of(c->p, cursor_left(c));
    uint8_t length[HUFFMAN_SYMBOLS] = {0};
    struct huffman_entry table[1u << HUFFMAN_BITS_MAX];
    int bits;

    if (get_lengths(&in, length, 0, RUN + 1, 7) < 0 ||
        get_lengths(&in, length, RUN + 1, RUN + RUN_K_MAX + 1, 4) < 0)
        return -1;
    bits = huffman_table(length, table);
    if (bits < 0)
        return -1;
    for (size_t i = 0; i < n;) {
        struct huffman_entry e;
        unsigned low;
        uint64_t v;

        bits_refill(&in);
        e = table[bits_peek(&in, (unsigned)bits)];
        if (!e.length)
            return -1;
        bits_take(&in, e.length);
        low = low_bits(e.symbol);
        if (e.symbol <= RUN) {
            if (low + HUFFMAN_BITS_MAX <= 56) {
                v = bits_peek(&in, low);
                bits_take(&in, low);
            } else {
                v = bits_get(&in, low);
            }
            r[i++] = (int64_t)(e.symbol ? v | UINT64_C(1) << low : 0);
            continue;
        }
        v = bits_get(&in, low) | UINT64_C(1) << low;
        if (in.failed || v > n - i)
            return -1;
        memset(r + i, 0, (size_t)v * sizeof *r);
        i += (size_t)v;
    }
    /* All bytes are used, and what fills the last one is zero. */
    if (in.failed || in.p != in.end || in.n >= 8 || bits_peek(&in, in.n))
        return -1;
    return 0;
}

static void unfold(int64_t *r, size_t n, enum fold how, int64_t min)
{
    if (how == FOLD_ZIGZAG)
        for (size_t i = 0; i < n; i++)
            r[i] = unfolded((uint64_t)r[i]);
    else if (how == FOLD_MIN)
        for (size_t i = 0; i < n; i++)
            r[i] = plus(r[i], min);
}

/* Sums up from `start`, in place. */
static void integrate(int64_t *d, size_t n, int64_t start)
{
    for (size_t i = 0; i < n; i++)
        d[i] = start = plus(start, d[i]);
}

int ints_decode(struct str in, int64_t *v, size_t n)
{
    struct cursor c = cursor_of(in.p, in.n);
    unsigned head = cursor_u8(&c), order = head & 3, how = head >> 2 & 3;
    int64_t first = cursor_svarint(&c), first_delta = 0, min = 0;
    uint64_t g = 1;
    size_t left;

    if (!n || n > INTS_MAX || head & ~FLAGS_KNOWN || order > 2 || how > FOLD_MIN || n < order)
        return -1;
    if (head & FLAG_GCD)
        g = cursor_uvarint(&c);
    if (order == 2)
        first_delta = cursor_svarint(&c);
    if (how == FOLD_MIN)
        min = cursor_svarint(&c);
    if (c.failed || !g)
        return -1;
    left = n - (order == 2 ? 2 : 1);
    /* Residuals go to the end of v, so that integrating in place leaves the start free. */
    int64_t *r = v + (n - left);
    if ((head & FLAG_HUFFMAN ? get_huffman(&c, r, left) : get_packed(&c, r, left)) < 0)
        return -1;
    unfold(r, left, (enum fold)how, min);
    if (order == 2) {
        v[1] = first_delta;
        integrate(r, left, first_delta);
        integrate(v + 1, n - 1, 0);
    } else if (order == 1) {
        integrate(r, left, 0);
    }
    v[0] = first;
    for (size_t i = 1; i < n; i++)
        v[i] = (int64_t)((uint64_t)first + g * (uint64_t)v[i]);
    return 0;
}
