/* Shapes. Nearly all expressions people write are one of a few shapes that need no regex engine:
 * literals, alternations of literals, prefix.*, .* and .+. They are found here by a small parser of
 * its own over the part of RE2's syntax that denotes a finite set of strings:
 *
 *   alternation = concat ('|' concat)*
 *   concat      = (literal | escaped punctuation | '(' alternation ')' | '(?:' alternation ')')*
 *
 * As soon as it meets anything else it gives up, and RE2 gets the pattern. What it accepts, RE2
 * accepts too, with the same meaning; test_matcher.c holds both against each other.
 */
#include "model/matcher.h"

#include <assert.h>
#include <stdlib.h>

#include "base/arena.h"
#include "base/err.h"
#include "model/labels.h"
#include "text/regex.h"

#define SET_MAX     10000 /* strings that an expression may stand for */
#define NESTING_MAX 20

/* --- the finite set of strings that an expression stands for -----------------------------------
 */

struct strings {
    struct str *items;
    size_t n, cap;
};

struct set_parser {
    struct arena *arena;
    const char *p, *end;
    unsigned depth;
    struct err *err;
    bool failed; /* the arena's budget; otherwise "no" just means: not a finite set */
};

static bool strings_add(struct set_parser *s, struct strings *out, struct str item)
{
    if (out->n >= SET_MAX)
        return false;
    if (arena_grow(s->arena, (void **)&out->items, &out->cap, out->n + 1, sizeof *out->items,
                   s->err) < 0) {
        s->failed = true;
        return false;
    }
    out->items[out->n++] = item;
    return true;
}

/* out = every string of a followed by every string of b. */
static bool strings_product(struct set_parser *s, const struct strings *a, const struct strings *b,
                            struct strings *out)
{
    struct strings product = {0};

    if (a->n * b->n > SET_MAX)
        return false;
    for (size_t i = 0; i < a->n; i++) {
        for (size_t k = 0; k < b->n; k++) {
            struct str x = a->items[i], y = b->items[k];
            char *p = arena_alloc(s->arena, x.n + y.n, s->err);

            if (!p) {
                s->failed = true;
                return false;
            }
            if (x.n)
                memcpy(p, x.p, x.n);
            if (y.n)
                memcpy(p + x.n, y.p, y.n);
            if (!strings_add(s, &product, (struct str){p, x.n + y.n}))
                return false;
        }
    }
    *out = product;
    return true;
}

static bool is_one_of(const char *set, char c)
{
    return c != '\0' && strchr(set, c) != NULL;
}

/* After a backslash these stand for themselves. */
static bool is_punctuation(char c)
{
    return (c >= '!' && c <= '/') || (c >= ':' && c <= '@') || (c >= '[' && c <= '^') || c == '`' ||
           (c >= '{' && c <= '~');
}

static bool is_repeat(const struct set_parser *s)
{
    return s->p < s->end && is_one_of("*+?{", *s->p);
}

/* A run of literal characters and escapes, as one string. False: nothing taken, or not finite. */
static bool take_literal(struct set_parser *s, struct str *out)
{
    const char *start = s->p;
    size_t escapes = 0, n = 0;
    char *text;

    while (s->p < s->end && (*s->p == '\\' || !regex_is_meta(*s->p))) {
        if (*s->p == '\\') {
            if (s->end - s->p < 2 || !is_punctuation(s->p[1]))
                return false;
            escapes++;
            s->p++;
        }
        s->p++;
    }
    *out = (struct str){start, (size_t)(s->p - start)};
    if (out->n == 0 || is_repeat(s))
        return false;
    if (escapes == 0)
        return true;
    text = arena_alloc(s->arena, out->n - escapes, s->err);
    if (!text) {
        s->failed = true;
        return false;
    }
    for (const char *p = start; p < s->p; p++) {
        if (*p == '\\')
            p++;
        text[n++] = *p;
    }
    *out = (struct str){text, n};
    return true;
}

static bool take_alternation(struct set_parser *s, struct strings *out);

static bool take_group(struct set_parser *s, struct strings *out)
{
    s->p++; /* '(' */
    if (s->end - s->p >= 2 && s->p[0] == '?' && s->p[1] == ':')
        s->p += 2;
    else if (s->p < s->end && *s->p == '?')
        return false;
    if (++s->depth > NESTING_MAX || !take_alternation(s, out))
        return false;
    s->depth--;
    if (s->p == s->end || *s->p != ')')
        return false;
    s->p++;
    return !is_repeat(s);
}

static bool take_concat(struct set_parser *s, struct strings *out)
{
    struct strings all = {0};

    if (!strings_add(s, &all, (struct str){"", 0}))
        return false;
    while (s->p < s->end && *s->p != '|' && *s->p != ')') {
        struct strings one = {0};

        if (*s->p == '(') {
            if (!take_group(s, &one))
                return false;
        } else {
            struct str literal;

            if (!take_literal(s, &literal) || !strings_add(s, &one, literal))
                return false;
        }
        if (!strings_product(s, &all, &one, &all))
            return false;
    }
    *out = all;
    return true;
}

static bool take_alternation(struct set_parser *s, struct strings *out)
{
    struct strings all = {0};

    for (;;) {
        struct strings one;

        if (!take_concat(s, &one))
            return false;
        for (size_t i = 0; i < one.n; i++) {
            if (!strings_add(s, &all, one.items[i]))
                return false;
        }
        if (s->p == s->end || *s->p != '|')
            break;
        s->p++;
    }
    *out = all;
    return true;
}

static int compare_str(const void *a, const void *b)
{
    const struct str *x = a, *y = b;

    return str_cmp(*x, *y);
}

static void sort_unique(struct strings *s)
{
    size_t n = 0;

    assert(s->items); /* an alternation has one string at least */
    qsort(s->items, s->n, sizeof *s->items, compare_str);
    for (size_t i = 0; i < s->n; i++) {
        if (n == 0 || !str_eq(s->items[n - 1], s->items[i]))
            s->items[n++] = s->items[i];
    }
    s->n = n;
}

/* --- what else needs no engine, or helps it ----------------------------------------------------
 */

/* Does the pattern alternate outside of groups? True when in doubt. */
static bool has_top_alternation(struct str pattern)
{
    int depth = 0;

    for (size_t i = 0; i < pattern.n; i++) {
        switch (pattern.p[i]) {
        case '\\':
            if (i + 1 < pattern.n && pattern.p[i + 1] == 'Q')
                return true;
            i++;
            break;
        case '[':
            return memchr(pattern.p, '|', pattern.n) != NULL; /* classes are not worth a parser */
        case '(':
            depth++;
            break;
        case ')':
            depth--;
            break;
        case '|':
            if (depth == 0)
                return true;
            break;
        default:
            break;
        }
    }
    return false;
}

/* Literal characters that every match starts with; the rest is left in *rest. */
static int leading_literal(struct arena *a, struct str pattern, struct str *prefix,
                           struct str *rest, struct err *err)
{
    char *text = arena_alloc(a, pattern.n, err);
    size_t i = 0, n = 0, last = 0, last_i = 0;

    if (!text)
        return -1;
    while (i < pattern.n) {
        bool escaped =
            pattern.p[i] == '\\' && i + 1 < pattern.n && is_punctuation(pattern.p[i + 1]);

        if (!escaped && regex_is_meta(pattern.p[i]))
            break;
        if (((unsigned char)pattern.p[i] & 0xc0) != 0x80) { /* not inside a UTF-8 character */
            last = n;
            last_i = i;
        }
        text[n++] = pattern.p[i + escaped];
        i += 1u + escaped;
    }
    /* A repetition belongs to the last character, which may then be missing. */
    if (i < pattern.n && is_one_of("*+?{", pattern.p[i])) {
        n = last;
        i = last_i;
    }
    *prefix = (struct str){text, n};
    *rest = str_skip(pattern, i);
    return 0;
}

static int find_shape(struct matcher *m, struct arena *a, struct err *err)
{
    struct set_parser s = {a, m->value.p, m->value.p + m->value.n, 0, err, false};
    struct strings set;
    struct str rest;

    if (str_eq(m->value, STR(".*"))) {
        m->shape = SHAPE_ANY;
        return 0;
    }
    if (str_eq(m->value, STR(".+"))) {
        m->shape = SHAPE_SOME;
        return 0;
    }
    if (str_is_utf8(m->value)) {
        if (take_alternation(&s, &set) && s.p == s.end) {
            sort_unique(&set);
            m->shape = set.n == 1 ? SHAPE_LITERAL : SHAPE_SET;
            m->set = set.items;
            m->set_n = set.n;
            return 0;
        }
        if (s.failed)
            return -1;
        if (!has_top_alternation(m->value)) {
            if (leading_literal(a, m->value, &m->prefix, &rest, err) < 0)
                return -1;
            if (str_eq(rest, STR(".*"))) {
                m->shape = SHAPE_PREFIX;
                return 0;
            }
        }
    }
    m->shape = SHAPE_REGEX;
    return regex_new(m->value, true, &m->regex, err);
}

/* --- the face ----------------------------------------------------------------------------------
 */

int matcher_init(struct matcher *out, struct arena *a, enum match_op op, struct str name,
                 struct str value, struct err *err)
{
    struct matcher m = {.op = op, .prefix = {"", 0}};

    m.name = arena_str(a, name, err);
    if (!m.name.p)
        return -1;
    m.value = arena_str(a, value, err);
    if (!m.value.p)
        return -1;
    if (op == MATCH_EQ || op == MATCH_NE) {
        m.shape = SHAPE_LITERAL;
        m.set_n = 1;
        m.set = arena_new(a, struct str, err);
        if (!m.set)
            return -1;
        m.set[0] = m.value;
    } else if (find_shape(&m, a, err) < 0) {
        return -1;
    }
    *out = m;
    return 0;
}

void matcher_fini(struct matcher *m)
{
    regex_free(m->regex);
    m->regex = NULL;
}

static bool shape_matches(const struct matcher *m, struct str value)
{
    switch (m->shape) {
    case SHAPE_LITERAL:
        return str_eq(m->set[0], value);
    case SHAPE_SET:
        return bsearch(&value, m->set, m->set_n, sizeof *m->set, compare_str) != NULL;
    case SHAPE_PREFIX:
        return str_starts(value, m->prefix);
    case SHAPE_ANY:
        return true;
    case SHAPE_SOME:
        return value.n > 0;
    case SHAPE_REGEX:
        break;
    }
    return str_starts(value, m->prefix) && regex_matches(m->regex, value);
}

bool matcher_matches(const struct matcher *m, struct str value)
{
    bool negated = m->op == MATCH_NE || m->op == MATCH_NRE;

    return shape_matches(m, value) != negated;
}

bool matcher_matches_empty(const struct matcher *m)
{
    return matcher_matches(m, (struct str){"", 0});
}

bool matchers_match(const struct matcher *matchers, size_t n, const struct labels *ls)
{
    for (size_t i = 0; i < n; i++) {
        if (!matcher_matches(&matchers[i], labels_get(ls, matchers[i].name)))
            return false;
    }
    return true;
}

/* A string in double quotes as Go's %q writes it, for the bytes that matter. */
static void print_quoted(struct str s, struct buf *out)
{
    buf_addc(out, '"');
    for (size_t i = 0; i < s.n; i++) {
        unsigned char c = (unsigned char)s.p[i];

        if (c == '"' || c == '\\') {
            buf_addc(out, '\\');
            buf_addc(out, (char)c);
        } else if (c == '\n') {
            buf_adds(out, "\\n");
        } else if (c == '\t') {
            buf_adds(out, "\\t");
        } else if (c == '\r') {
            buf_adds(out, "\\r");
        } else if (c < 0x20 || c == 0x7f) {
            buf_addf(out, "\\x%02x", c);
        } else {
            buf_addc(out, (char)c);
        }
    }
    buf_addc(out, '"');
}

void matcher_print(const struct matcher *m, struct buf *out)
{
    static const char *const ops[] = {
        [MATCH_EQ] = "=", [MATCH_NE] = "!=", [MATCH_RE] = "=~", [MATCH_NRE] = "!~"};

    if (name_is_legacy_label(m->name))
        buf_add(out, m->name);
    else
        print_quoted(m->name, out);
    buf_adds(out, ops[m->op]);
    print_quoted(m->value, out);
}
