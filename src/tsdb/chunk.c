#include "tsdb/chunk.h"

#include <assert.h>
#include <math.h>
#include <stdbool.h>
#include <stdint.h>

#include "base/cursor.h"
#include "model/sample.h"

/* The first byte: codec (bits 0-2), decimal exponent (bits 3-7). */
enum codec {
    CONSTANT_INT,       /* svarint i: the value is i / 10^e */
    CONSTANT_RAW,       /* the value's 8 bytes */
    DECIMAL,            /* integers */
    DECIMAL_EXCEPTIONS, /* list of exceptions, integers */
    FLOAT_MULT,         /* uvarint length, integers k; integers of errors */
    ORDERED,            /* integers */
    RAW,                /* n x 8 bytes */
    CODECS,
};

#define EXPONENT_MAX 18
#define EXACT_MAX    9007199254740992.0 /* 2^53: integers below are exact as doubles */
#define ULPS_MAX     64

static const double pow10_of[EXPONENT_MAX + 1] = {
    1e0,  1e1,  1e2,  1e3,  1e4,  1e5,  1e6,  1e7,  1e8,  1e9,
    1e10, 1e11, 1e12, 1e13, 1e14, 1e15, 1e16, 1e17, 1e18,
};

/* Doubles as integers in the same order: -0 and +0 are neighbours. */
static int64_t ordered_of(double v)
{
    int64_t bits = (int64_t)value_bits(v);

    return bits < 0 ? (int64_t)(UINT64_C(0x8000000000000000) - (uint64_t)bits) - 1 : bits;
}

static double of_ordered(int64_t i)
{
    return value_of_bits(i < 0 ? UINT64_C(0x8000000000000000) - ((uint64_t)i + 1) : (uint64_t)i);
}

/* Is v = i / 10^e, bit for bit? */
static bool is_decimal(double v, int e, int64_t *i)
{
    double scaled = v * pow10_of[e];
    double whole;

    if (!(fabs(scaled) < EXACT_MAX))
        return false;
    whole = rint(scaled);
    *i = (int64_t)whole;
    return value_bits((double)*i / pow10_of[e]) == value_bits(v);
}

/* The smallest exponent from `e` on that fits, -1 when none does. */
static int exponent_of(double v, int e)
{
    int64_t i;

    for (; e <= EXPONENT_MAX; e++) {
        if (!(fabs(v) * pow10_of[e] < EXACT_MAX))
            return -1;
        if (is_decimal(v, e, &i))
            return e;
    }
    return -1;
}

/* The exponent that fits all values but a few: -1 when too many have none. */
static int common_exponent(const double *v, size_t n)
{
    size_t misfits = 0;
    int e = 0;

    for (size_t i = 0; i < n; i++) {
        int own;

        if (i && value_bits(v[i]) == value_bits(v[i - 1]))
            continue;
        own = exponent_of(v[i], e);
        if (own > e)
            e = own;
        if (own < 0 && !value_is_stale(v[i]) && ++misfits > n / 8 + 2)
            return -1;
    }
    return e;
}

static uint8_t first_byte(enum codec codec, int e)
{
    return (uint8_t)((unsigned)codec | (unsigned)e << 3);
}

/* Exceptions as (distance to the one before, is it a staleness marker) and the bits unless it is;
 * in the integers they repeat what stands before them. */
static void put_decimal(const double *v, size_t n, int e, struct buf *out)
{
    SCOPED(buf_fini) struct buf list = {0};
    int64_t ints[CHUNK_VALUES_MAX], last = 0;
    size_t exceptions = 0, before = 0;

    for (size_t i = 0; i < n; i++) {
        ints[i] = 0;
        if (is_decimal(v[i], e, &ints[i])) {
            if (exceptions == i) /* all before were exceptions: give them the first real number */
                for (size_t j = 0; j < i; j++)
                    ints[j] = ints[i];
            last = ints[i];
            continue;
        }
        ints[i] = last;
        put_uvarint(&list, (i - before) << 1 | value_is_stale(v[i]));
        if (!value_is_stale(v[i]))
            put_f64(&list, v[i]);
        before = i;
        exceptions++;
    }
    put_u8(out, first_byte(exceptions ? DECIMAL_EXCEPTIONS : DECIMAL, e));
    if (exceptions) {
        put_uvarint(out, exceptions);
        buf_add(out, buf_str(&list));
    }
    ints_encode(ints, n, out);
}

/* Returns whether every value is near a multiple. */
static bool put_float_mult(const double *v, size_t n, int e, struct buf *out)
{
    SCOPED(buf_fini) struct buf ints = {0};
    int64_t k[CHUNK_VALUES_MAX], ulps[CHUNK_VALUES_MAX];

    for (size_t i = 0; i < n; i++) {
        double scaled = v[i] * pow10_of[e];

        if (!(fabs(scaled) < EXACT_MAX))
            return false;
        k[i] = (int64_t)rint(scaled);
        ulps[i] = (int64_t)((uint64_t)ordered_of(v[i]) -
                            (uint64_t)ordered_of((double)k[i] / pow10_of[e]));
        if (ulps[i] < -ULPS_MAX || ulps[i] > ULPS_MAX)
            return false;
    }
    put_u8(out, first_byte(FLOAT_MULT, e));
    ints_encode(k, n, &ints);
    put_vstr(out, buf_str(&ints));
    ints_encode(ulps, n, out);
    return true;
}

static void put_ordered(const double *v, size_t n, struct buf *out)
{
    int64_t ints[CHUNK_VALUES_MAX];

    for (size_t i = 0; i < n; i++)
        ints[i] = ordered_of(v[i]);
    put_u8(out, first_byte(ORDERED, 0));
    ints_encode(ints, n, out);
}

static void put_raw(const double *v, size_t n, struct buf *out)
{
    put_u8(out, first_byte(RAW, 0));
    for (size_t i = 0; i < n; i++)
        put_f64(out, v[i]);
}

static void put_constant(double v, struct buf *out)
{
    int e = exponent_of(v, 0);
    int64_t i;

    if (e >= 0 && is_decimal(v, e, &i) && i > -(INT64_C(1) << 48) && i < INT64_C(1) << 48) {
        put_u8(out, first_byte(CONSTANT_INT, e));
        put_svarint(out, i);
    } else {
        put_u8(out, first_byte(CONSTANT_RAW, 0));
        put_f64(out, v);
    }
}

static bool is_constant(const double *v, size_t n)
{
    for (size_t i = 1; i < n; i++)
        if (value_bits(v[i]) != value_bits(v[0]))
            return false;
    return true;
}

/* Keeps the shorter of what `best` holds and `candidate`, and empties `candidate`. */
static void keep_shorter(struct buf *candidate, struct buf *best)
{
    if (candidate->n && (!best->n || candidate->n < best->n)) {
        struct buf swap = *best;

        *best = *candidate;
        *candidate = swap;
    }
    candidate->n = 0;
}

void chunk_encode(const double *v, size_t n, struct buf *out)
{
    static const int scales[] = {9, 6, 3};
    SCOPED(buf_fini) struct buf best = {0}, candidate = {0};
    int e;

    assert(n >= 1 && n <= CHUNK_VALUES_MAX);
    if (is_constant(v, n)) {
        put_constant(v[0], out);
        return;
    }
    e = common_exponent(v, n);
    if (e >= 0)
        put_decimal(v, n, e, &best);
    if (e < 0 || e > 4 || best.p[0] != (char)first_byte(DECIMAL, e)) {
        for (size_t i = 0; i < ARRAY_LEN(scales); i++) {
            if (put_float_mult(v, n, scales[i], &candidate))
                keep_shorter(&candidate, &best);
            else
                candidate.n = 0;
        }
        put_ordered(v, n, &candidate);
        keep_shorter(&candidate, &best);
        if (best.n > 1 + 8 * n) {
            put_raw(v, n, &candidate);
            keep_shorter(&candidate, &best);
        }
    }
    buf_add(out, buf_str(&best));
}

/* ---- reading ---- */

static void fill(double *v, size_t n, double with)
{
    for (size_t i = 0; i < n; i++)
        v[i] = with;
}

static int get_decimal(struct cursor *c, double *v, size_t n, unsigned e, struct cursor *list,
                       uint64_t exceptions)
{
    int64_t ints[CHUNK_VALUES_MAX];
    size_t at = 0;

    if (ints_decode((struct str){(const char *)c->p, cursor_left(c)}, ints, n) < 0)
        return -1;
    if (e == 0) {
        for (size_t i = 0; i < n; i++)
            v[i] = (double)ints[i];
    } else {
        for (size_t i = 0; i < n; i++)
            v[i] = (double)ints[i] / pow10_of[e];
    }
    for (uint64_t i = 0; i < exceptions; i++) {
        uint64_t step = cursor_uvarint(list);

        at += (size_t)(step >> 1);
        if (step >> 1 >= n || at >= n || (i && step < 2))
            return -1;
        v[at] = step & 1 ? value_of_bits(STALE_NAN_BITS) : cursor_f64(list);
    }
    return list->failed ? -1 : 0;
}

static int get_exceptions(struct cursor *c, double *v, size_t n, unsigned e)
{
    uint64_t exceptions = cursor_uvarint(c);
    struct cursor list;

    if (c->failed || !exceptions || exceptions > n)
        return -1;
    list = *c;
    for (uint64_t i = 0; i < exceptions; i++)
        if (!(cursor_uvarint(c) & 1))
            cursor_skip(c, 8);
    if (c->failed)
        return -1;
    return get_decimal(c, v, n, e, &list, exceptions);
}

static int get_float_mult(struct cursor *c, double *v, size_t n, unsigned e)
{
    int64_t k[CHUNK_VALUES_MAX], ulps[CHUNK_VALUES_MAX];
    struct str ints = cursor_vstr(c);

    if (c->failed || ints_decode(ints, k, n) < 0 ||
        ints_decode((struct str){(const char *)c->p, cursor_left(c)}, ulps, n) < 0)
        return -1;
    for (size_t i = 0; i < n; i++)
        v[i] = of_ordered(
            (int64_t)((uint64_t)ordered_of((double)k[i] / pow10_of[e]) + (uint64_t)ulps[i]));
    return 0;
}

static int get_ordered(struct cursor *c, double *v, size_t n)
{
    int64_t ints[CHUNK_VALUES_MAX];

    if (ints_decode((struct str){(const char *)c->p, cursor_left(c)}, ints, n) < 0)
        return -1;
    for (size_t i = 0; i < n; i++)
        v[i] = of_ordered(ints[i]);
    return 0;
}

static int whole(const struct cursor *c)
{
    return c->failed || cursor_left(c) ? -1 : 0;
}

int chunk_decode(struct str in, double *v, size_t n)
{
    struct cursor c = cursor_of(in.p, in.n);
    unsigned head = cursor_u8(&c), e = head >> 3;
    struct cursor none = cursor_of("", 0);

    if (c.failed || !n || n > CHUNK_VALUES_MAX || e > EXPONENT_MAX)
        return -1;
    switch ((enum codec)(head & 7)) {
    case CONSTANT_INT:
        fill(v, n, (double)cursor_svarint(&c) / pow10_of[e]);
        return whole(&c);
    case CONSTANT_RAW:
        fill(v, n, cursor_f64(&c));
        return whole(&c);
    case DECIMAL:
        return get_decimal(&c, v, n, e, &none, 0);
    case DECIMAL_EXCEPTIONS:
        return get_exceptions(&c, v, n, e);
    case FLOAT_MULT:
        return get_float_mult(&c, v, n, e);
    case ORDERED:
        return get_ordered(&c, v, n);
    case RAW:
        for (size_t i = 0; i < n; i++)
            v[i] = cursor_f64(&c);
        return whole(&c);
    case CODECS:
        break;
    }
    return -1;
}
