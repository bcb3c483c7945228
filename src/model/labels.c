#include "model/labels.h"

#include <stdlib.h>
#include <string.h>

#include "base/arena.h"
#include "base/err.h"
#include "base/hash.h"
#include "base/mem.h"

/* Where the name and the value of one label end, counted from the first byte of text. */
struct ends {
    uint32_t name, value;
};

const struct labels labels_empty = {
    .hash = UINT64_C(0x2d06800538d394c2), /* XXH3 of no bytes, as hash_bytes gives */
    .bytes = sizeof(struct labels),
    .n = 0,
};

static const struct ends *ends_of(const struct labels *ls)
{
    return (const struct ends *)(ls + 1);
}

static const char *text_of(const struct labels *ls)
{
    return (const char *)(ends_of(ls) + ls->n);
}

struct label labels_at(const struct labels *ls, size_t i)
{
    const struct ends *ends = ends_of(ls);
    const char *text = text_of(ls);
    uint32_t start = i ? ends[i - 1].value : 0;

    return (struct label){
        .name = {text + start, ends[i].name - start},
        .value = {text + ends[i].name, ends[i].value - ends[i].name},
    };
}

struct str labels_get(const struct labels *ls, struct str name)
{
    for (size_t i = 0; i < ls->n; i++) {
        struct label label = labels_at(ls, i);

        if (str_eq(label.name, name))
            return label.value;
    }
    return STR("");
}

bool labels_equal(const struct labels *a, const struct labels *b)
{
    return a->hash == b->hash && a->bytes == b->bytes && a->n == b->n &&
           memcmp(a + 1, b + 1, a->bytes - sizeof *a) == 0;
}

/* Of the first byte in which two texts differ, n when they do not. */
static size_t first_difference(const char *a, const char *b, size_t n)
{
    size_t at = 0;

    for (; at + sizeof(uint64_t) <= n; at += sizeof(uint64_t)) {
        uint64_t x, y;

        memcpy(&x, a + at, sizeof x);
        memcpy(&y, b + at, sizeof y);
        if (x != y)
            break;
    }
    while (at < n && a[at] == b[at])
        at++;
    return at;
}

/* How many labels at the start are equal for sure: where all ends lie in the same places, the text
 * before the first byte that differs holds them. Most sets that are compared share their first
 * labels, and this walks them without looking at each. */
static size_t equal_labels(const struct labels *a, const struct labels *b, size_t n)
{
    const struct ends *x = ends_of(a), *y = ends_of(b);
    size_t i = 0, at, bytes;

    while (i < n && x[i].name == y[i].name && x[i].value == y[i].value)
        i++;
    bytes = i ? x[i - 1].value : 0;
    at = first_difference(text_of(a), text_of(b), bytes);
    while (at < bytes && i && x[i - 1].value > at)
        i--;
    return i;
}

int labels_compare(const struct labels *a, const struct labels *b)
{
    size_t n = a->n < b->n ? a->n : b->n;

    for (size_t i = equal_labels(a, b, n); i < n; i++) {
        struct label x = labels_at(a, i), y = labels_at(b, i);
        int c = str_cmp(x.name, y.name);

        if (!c)
            c = str_cmp(x.value, y.value);
        if (c)
            return c;
    }
    return (a->n > b->n) - (a->n < b->n);
}

int labels_build_sorted(struct arena *a, const struct label pairs[], size_t n,
                        const struct labels **out, struct err *err)
{
    size_t bytes = sizeof(struct labels) + n * sizeof(struct ends);
    struct labels *ls;
    struct ends *ends;
    char *text;
    uint32_t at = 0;

    for (size_t i = 0; i < n; i++)
        bytes += pairs[i].name.n + pairs[i].value.n;
    if (bytes > LABELS_BYTES_MAX)
        return err_set(err, ERR_LIMIT, "a label set of %zu bytes; at most %u are taken", bytes,
                       LABELS_BYTES_MAX);
    if (!n) {
        *out = &labels_empty;
        return 0;
    }
    ls = arena_alloc(a, bytes, err);
    if (!ls)
        return -1;
    ls->bytes = (uint32_t)bytes;
    ls->n = (uint32_t)n;
    ends = (struct ends *)(ls + 1);
    text = (char *)(ends + n);
    for (size_t i = 0; i < n; i++) {
        memcpy(text + at, pairs[i].name.p, pairs[i].name.n);
        at += (uint32_t)pairs[i].name.n;
        ends[i].name = at;
        memcpy(text + at, pairs[i].value.p, pairs[i].value.n);
        at += (uint32_t)pairs[i].value.n;
        ends[i].value = at;
    }
    ls->hash = hash_bytes(ls + 1, bytes - sizeof *ls);
    *out = ls;
    return 0;
}

/* Insertion sort: label sets are short and nearly always sorted already. */
static void sort_pairs(struct label pairs[], size_t n)
{
    for (size_t i = 1; i < n; i++) {
        struct label moving = pairs[i];
        size_t j = i;

        for (; j && str_cmp(pairs[j - 1].name, moving.name) > 0; j--)
            pairs[j] = pairs[j - 1];
        pairs[j] = moving;
    }
}

static int by_name(const void *a, const void *b)
{
    return str_cmp(((const struct label *)a)->name, ((const struct label *)b)->name);
}

int labels_build(struct arena *a, struct label pairs[], size_t n, const struct labels **out,
                 struct err *err)
{
    size_t kept = 0;

    if (n > 64)
        qsort(pairs, n, sizeof *pairs, by_name); /* only a hostile target has so many */
    else
        sort_pairs(pairs, n);
    for (size_t i = 0; i < n; i++) {
        if (i && str_eq(pairs[i].name, pairs[i - 1].name))
            return err_set(err, ERR_SYNTAX, "label \"%.*s\" is given twice",
                           STR_ARGS(pairs[i].name));
    }
    for (size_t i = 0; i < n; i++)
        if (pairs[i].value.n)
            pairs[kept++] = pairs[i];
    return labels_build_sorted(a, pairs, kept, out, err);
}

struct labels *labels_dup(const struct labels *ls)
{
    return mem_dup(ls, ls->bytes);
}

static bool is_listed(struct str name, const struct str names[], size_t n)
{
    for (size_t i = 0; i < n; i++)
        if (str_eq(name, names[i]))
            return true;
    return false;
}

/* The labels whose presence in `names` equals `listed`. */
static int filter(struct arena *a, const struct labels *ls, const struct str names[], size_t n,
                  bool listed, const struct labels **out, struct err *err)
{
    struct label few[32];
    struct label *pairs = few;
    size_t kept = 0;

    if (ls->n > ARRAY_LEN(few)) {
        pairs = arena_new_array(a, struct label, ls->n, err);
        if (!pairs)
            return -1;
    }
    for (size_t i = 0; i < ls->n; i++) {
        struct label label = labels_at(ls, i);

        if (is_listed(label.name, names, n) == listed)
            pairs[kept++] = label;
    }
    if (kept == ls->n) {
        *out = ls;
        return 0;
    }
    return labels_build_sorted(a, pairs, kept, out, err);
}

int labels_without(struct arena *a, const struct labels *ls, const struct str names[], size_t n,
                   const struct labels **out, struct err *err)
{
    return filter(a, ls, names, n, false, out, err);
}

int labels_only(struct arena *a, const struct labels *ls, const struct str names[], size_t n,
                const struct labels **out, struct err *err)
{
    return filter(a, ls, names, n, true, out, err);
}

int labels_with(struct arena *a, const struct labels *ls, struct str name, struct str value,
                const struct labels **out, struct err *err)
{
    struct label *pairs = arena_new_array(a, struct label, (size_t)ls->n + 1, err);
    size_t n = 0;

    if (!pairs)
        return -1;
    for (size_t i = 0; i < ls->n; i++) {
        struct label label = labels_at(ls, i);

        if (!str_eq(label.name, name))
            pairs[n++] = label;
    }
    pairs[n++] = (struct label){name, value};
    return labels_build(a, pairs, n, out, err);
}

static void print_quoted(struct str s, struct buf *out)
{
    buf_addc(out, '"');
    for (size_t i = 0; i < s.n; i++) {
        char c = s.p[i];

        if (c == '"' || c == '\\') {
            buf_addc(out, '\\');
            buf_addc(out, c);
        } else if (c == '\n') {
            buf_adds(out, "\\n");
        } else {
            buf_addc(out, c);
        }
    }
    buf_addc(out, '"');
}

void labels_print(const struct labels *ls, struct buf *out)
{
    struct str metric = labels_get(ls, STR(LABEL_NAME));
    bool bare = name_is_legacy_metric(metric);
    bool open = false;

    if (bare)
        buf_add(out, metric);
    else if (metric.n) {
        buf_addc(out, '{');
        print_quoted(metric, out);
        open = true;
    }
    for (size_t i = 0; i < ls->n; i++) {
        struct label label = labels_at(ls, i);

        if (str_eq(label.name, STR(LABEL_NAME)))
            continue;
        buf_adds(out, open ? ", " : "{");
        open = true;
        if (name_is_legacy_label(label.name))
            buf_add(out, label.name);
        else
            print_quoted(label.name, out);
        buf_addc(out, '=');
        print_quoted(label.value, out);
    }
    if (open)
        buf_addc(out, '}');
    else if (!metric.n)
        buf_adds(out, "{}");
}

static bool is_name(struct str s, bool colon)
{
    for (size_t i = 0; i < s.n; i++) {
        char c = s.p[i];
        bool letter = (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || c == '_';

        if (!letter && !(colon && c == ':') && !(i && c >= '0' && c <= '9'))
            return false;
    }
    return s.n > 0;
}

bool name_is_legacy_metric(struct str s)
{
    return is_name(s, true);
}

bool name_is_legacy_label(struct str s)
{
    return is_name(s, false);
}

bool labels_check(const struct labels *ls, size_t size)
{
    const struct ends *ends;
    size_t text_bytes;
    uint32_t before = 0;

    if (size < sizeof *ls || ls->bytes != size || size > LABELS_BYTES_MAX ||
        ls->n > (size - sizeof *ls) / sizeof(struct ends))
        return false;
    ends = ends_of(ls);
    text_bytes = size - sizeof *ls - ls->n * sizeof(struct ends);
    for (size_t i = 0; i < ls->n; i++) {
        if (ends[i].name <= before || ends[i].value <= ends[i].name || ends[i].value > text_bytes)
            return false;
        before = ends[i].value;
        if (i && str_cmp(labels_at(ls, i - 1).name, labels_at(ls, i).name) >= 0)
            return false;
    }
    return before == text_bytes;
}
