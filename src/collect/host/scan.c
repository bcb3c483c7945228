#include "collect/host/scan.h"

bool scan_line(struct str *text, struct str *line)
{
    const char *end = text->n ? memchr(text->p, '\n', text->n) : NULL;

    if (!end)
        return false;
    *line = str_take(*text, (size_t)(end - text->p));
    *text = str_skip(*text, line->n + 1);
    return true;
}

static bool is_blank(char c)
{
    return c == ' ' || c == '\t';
}

bool scan_word(struct str *line, struct str *word)
{
    size_t from = 0, to;

    while (from < line->n && is_blank(line->p[from]))
        from++;
    for (to = from; to < line->n && !is_blank(line->p[to]);)
        to++;
    if (to == from)
        return false;
    *word = (struct str){line->p + from, to - from};
    *line = str_skip(*line, to);
    return true;
}

bool scan_word_u64(struct str *line, uint64_t *out)
{
    struct str word;

    return scan_word(line, &word) && scan_u64(word, out);
}

bool scan_u64(struct str s, uint64_t *out)
{
    uint64_t v = 0;

    if (!s.n)
        return false;
    for (size_t i = 0; i < s.n; i++) {
        unsigned digit = (unsigned)(unsigned char)s.p[i] - '0';

        if (digit > 9 || __builtin_mul_overflow(v, UINT64_C(10), &v) ||
            __builtin_add_overflow(v, (uint64_t)digit, &v))
            return false;
    }
    *out = v;
    return true;
}

bool scan_hex(struct str s, uint64_t *out)
{
    uint64_t v = 0;

    if (!s.n || s.n > 16)
        return false;
    for (size_t i = 0; i < s.n; i++) {
        unsigned c = (unsigned char)s.p[i], lower = c | 0x20;

        if (c - '0' <= 9)
            v = v << 4 | (c - '0');
        else if (lower - 'a' <= 5)
            v = v << 4 | (lower - 'a' + 10);
        else
            return false;
    }
    *out = v;
    return true;
}

bool scan_i64(struct str s, int64_t *out)
{
    bool minus = s.n && s.p[0] == '-';
    uint64_t v;

    if (minus)
        s = str_skip(s, 1);
    if (str_starts(s, STR("0x")) ? !scan_hex(str_skip(s, 2), &v) : !scan_u64(s, &v))
        return false;
    if (v > INT64_MAX)
        return false;
    *out = minus ? -(int64_t)v : (int64_t)v;
    return true;
}

/* Digits and power of ten are both exact in a double, so one division rounds as strtod does. */
bool scan_decimal(struct str s, double *out)
{
    static const double power[] = {1e0,  1e1,  1e2,  1e3,  1e4,  1e5,  1e6,  1e7,  1e8, 1e9,
                                   1e10, 1e11, 1e12, 1e13, 1e14, 1e15, 1e16, 1e17, 1e18};
    bool minus = s.n && s.p[0] == '-';
    uint64_t v = 0;
    size_t digits = 0, behind = 0;
    bool point = false;

    if (minus)
        s = str_skip(s, 1);
    for (size_t i = 0; i < s.n; i++) {
        unsigned digit = (unsigned)(unsigned char)s.p[i] - '0';

        if (s.p[i] == '.' && !point && digits) {
            point = true;
            continue;
        }
        if (digit > 9 || ++digits > 18)
            return false;
        v = v * 10 + digit;
        behind += point;
    }
    if (!digits || (point && !behind))
        return false;
    *out = (minus ? -(double)v : (double)v) / power[behind];
    return true;
}

bool scan_has(struct str s, const char *needle)
{
    return memmem(s.p ? s.p : "", s.n, needle, strlen(needle)) != NULL;
}
