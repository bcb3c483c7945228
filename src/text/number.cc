#include "text/number.h"

#include <charconv>
#include <cmath>
#include <cstring>

/* The shortest digits of a finite value: 0.d1d2d3... * 10^point, as Go's decimalSlice. */
struct digits {
    char d[24];
    size_t n;
    int point;
};

static const uint64_t normal_nan_bits = UINT64_C(0x7ff8000000000001); /* model/sample.h, rank 2 */

/* |v| in digits; v is finite and not 0. to_chars gives "d.ddde+XX", which is taken apart. */
static void digits_of(double v, struct digits *out)
{
    char text[40];
    auto end = std::to_chars(text, text + sizeof text, std::fabs(v), std::chars_format::scientific);
    const char *p = text;
    int exponent = 0;

    out->n = 0;
    for (; p < end.ptr && *p != 'e'; p++) {
        if (*p != '.')
            out->d[out->n++] = *p;
    }
    p++; /* 'e' */
    if (*p == '+')
        p++;
    (void)std::from_chars(p, end.ptr, exponent);
    out->point = exponent + 1;
}

static size_t put(char *out, const char *text)
{
    size_t n = strlen(text);

    memcpy(out, text, n);
    return n;
}

/* NaN, infinities and zero; 0 bytes when v is none of these. */
static size_t print_special(double v, char *out)
{
    if (std::isnan(v))
        return put(out, "NaN");
    if (std::isinf(v))
        return put(out, v > 0 ? "+Inf" : "-Inf");
    if (v == 0)
        return put(out, std::signbit(v) ? "-0" : "0");
    return 0;
}

static size_t print_fixed(double v, const struct digits *d, char *out)
{
    char *p = out;

    if (v < 0)
        *p++ = '-';
    if (d->point <= 0) {
        *p++ = '0';
        *p++ = '.';
        memset(p, '0', (size_t)-d->point);
        p += -d->point;
        memcpy(p, d->d, d->n);
        p += d->n;
    } else if ((size_t)d->point >= d->n) {
        memcpy(p, d->d, d->n);
        p += d->n;
        memset(p, '0', (size_t)d->point - d->n);
        p += (size_t)d->point - d->n;
    } else {
        memcpy(p, d->d, (size_t)d->point);
        p += d->point;
        *p++ = '.';
        memcpy(p, d->d + d->point, d->n - (size_t)d->point);
        p += d->n - (size_t)d->point;
    }
    return (size_t)(p - out);
}

/* to_chars' scientific form is Go's 'e': at least two digits in the exponent. */
static size_t print_exponent(double v, char *out)
{
    auto end = std::to_chars(out, out + NUMBER_TEXT_MAX, v, std::chars_format::scientific);

    return (size_t)(end.ptr - out);
}

/* Most values are whole numbers below 10^15: as an integer they print several times faster. */
static bool is_small_integer(double v)
{
    return v > -1e15 && v < 1e15 && v == (double)(int64_t)v && v != 0;
}

size_t number_print(double v, char *out)
{
    double abs = std::fabs(v);
    struct digits d;
    size_t n;

    if (is_small_integer(v))
        return number_print_i64((int64_t)v, out);
    n = print_special(v, out);
    if (n)
        return n;
    if (abs < 1e-6 || abs >= 1e21)
        return print_exponent(v, out);
    digits_of(v, &d);
    return print_fixed(v, &d, out);
}

size_t number_print_f(double v, char *out)
{
    struct digits d;
    size_t n;

    if (is_small_integer(v))
        return number_print_i64((int64_t)v, out);
    n = print_special(v, out);
    if (n)
        return n;
    digits_of(v, &d);
    return print_fixed(v, &d, out);
}

size_t number_print_g(double v, char *out)
{
    struct digits d;
    size_t n;

    if (is_small_integer(v) && std::fabs(v) < 1e6)
        return number_print_i64((int64_t)v, out);
    n = print_special(v, out);
    if (n)
        return n;
    digits_of(v, &d);
    if (d.point - 1 < -4 || d.point - 1 >= 6) /* strconv's bounds for the shortest 'g' */
        return print_exponent(v, out);
    return print_fixed(v, &d, out);
}

size_t number_print_i64(int64_t v, char *out)
{
    return (size_t)(std::to_chars(out, out + NUMBER_TEXT_MAX, v).ptr - out);
}

/* --- reading ---------------------------------------------------------------------------------- */

static bool is_digit(char c)
{
    return c >= '0' && c <= '9';
}

/* True when p[0..n) is `word` (lower case) in any case. */
static bool is_word(const char *p, size_t n, const char *word)
{
    if (n != strlen(word))
        return false;
    for (size_t i = 0; i < n; i++) {
        if ((p[i] | 0x20) != word[i])
            return false;
    }
    return true;
}

/* What a decimal float is made of; the digits before and after the point are one number. */
struct scanned {
    uint64_t mantissa; /* the first 19 significant digits */
    unsigned digits;   /* significant digits, capped above 19 */
    bool more;         /* digits past the 19th that are not 0 */
    int exponent;      /* value = mantissa * 10^exponent, when !more */
};

/* [0-9]*[.]?[0-9]* with one digit at least, then ([eE][+-]?[0-9]+)?; the whole of p..end. */
static bool scan(const char *p, const char *end, struct scanned *s)
{
    bool any = false, point = false;
    int written = 0;
    bool negative = false;

    memset(s, 0, sizeof *s);
    for (; p < end && (is_digit(*p) || (*p == '.' && !point)); p++) {
        if (*p == '.') {
            point = true;
            continue;
        }
        any = true;
        if (s->digits < 19) {
            s->mantissa = s->mantissa * 10 + (uint64_t)(*p - '0');
            s->digits += s->mantissa != 0;
            s->exponent -= point;
        } else {
            s->more |= *p != '0';
            s->exponent += !point && s->exponent < 100000;
        }
    }
    if (!any)
        return false;
    if (p == end)
        return true;
    if (*p != 'e' && *p != 'E')
        return false;
    p++;
    if (p < end && (*p == '+' || *p == '-'))
        negative = *p++ == '-';
    if (p == end)
        return false;
    for (; p < end; p++) {
        if (!is_digit(*p))
            return false;
        if (written < 100000)
            written = written * 10 + (*p - '0');
    }
    s->exponent += negative ? -written : written;
    return true;
}

/* Exact: both factors are doubles without error, and IEEE rounds their product or quotient once
 * (Clinger, "How to read floating point numbers accurately", 1990). */
static bool convert_exactly(const struct scanned *s, double *out)
{
    static const double powers[] = {1e0,  1e1,  1e2,  1e3,  1e4,  1e5,  1e6,  1e7,
                                    1e8,  1e9,  1e10, 1e11, 1e12, 1e13, 1e14, 1e15,
                                    1e16, 1e17, 1e18, 1e19, 1e20, 1e21, 1e22};

    if (s->more || s->mantissa > (UINT64_C(1) << 53) || s->exponent < -22 || s->exponent > 22)
        return false;
    *out = s->exponent < 0 ? (double)s->mantissa / powers[-s->exponent]
                           : (double)s->mantissa * powers[s->exponent];
    return true;
}

bool number_parse(struct str text, double *out)
{
    const char *p = text.p, *end = text.p + text.n;
    bool negative = false;
    struct scanned s;
    double v;

    if (text.n == 0)
        return false;
    if (is_word(p, text.n, "nan")) {
        memcpy(out, &normal_nan_bits, sizeof *out);
        return true;
    }
    if (*p == '+' || *p == '-')
        negative = *p++ == '-';
    if (is_word(p, (size_t)(end - p), "inf") || is_word(p, (size_t)(end - p), "infinity")) {
        *out = negative ? -INFINITY : INFINITY;
        return true;
    }
    if (!scan(p, end, &s))
        return false;
    if (!convert_exactly(&s, &v)) {
        auto r = std::from_chars(p, end, v);

        if (r.ec == std::errc::result_out_of_range) {
            if (s.exponent > 0)
                return false;
            v = 0;
        } else if (r.ec != std::errc() || r.ptr != end || std::isinf(v)) {
            return false;
        }
    }
    *out = negative ? -v : v;
    return true;
}

bool number_parse_i64(struct str s, int64_t *out)
{
    int64_t v;
    const char *p = s.p, *end = s.p + s.n;

    if (s.n > 1 && *p == '+' && is_digit(p[1]))
        p++;
    if (s.n == 0)
        return false;
    auto r = std::from_chars(p, end, v);
    if (r.ec != std::errc() || r.ptr != end)
        return false;
    *out = v;
    return true;
}
