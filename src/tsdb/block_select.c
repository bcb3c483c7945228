/* Which series match, by POST where that is cheap and by looking at their labels where it is not:
 *
 *   1. A matcher that needs a label no series has: nothing matches. One that takes everything it
 *      could meet: dropped.
 *   2. Matchers that name their values (=, a|b|c) know how long their lists are: the shortest is
 *      the base. Without one, the matcher of the rarest label is, by testing that label's values.
 *      Without any, all series are.
 *   3. Single lists are intersected by skipping; everything else is tested on the labels of the
 *      series that are left, each distinct value once. So a wide regex never makes a union while a
 *      smaller list exists.
 *
 * Damage: a list that cannot be read turns its matcher into a test of labels; series whose labels
 * cannot be read are left out and counted (block_bad_pages). */
#include <stdlib.h>
#include <string.h>

#include "base/arena.h"
#include "base/err.h"
#include "model/matcher.h"
#include "tsdb/block_impl.h"
#include "tsdb/postings.h"

#define SET_LISTS_MAX                                                                              \
    64u /* an alternation of more is tested on labels unless it must be the base */

enum plan { BY_LISTS, BY_VALUES, BY_LABELS, DONE };

struct condition {
    const struct matcher *matcher;
    const struct block_name *name;
    enum plan plan;
    uint32_t *pairs; /* BY_LISTS */
    size_t pairs_n;
    uint64_t length; /* of the lists together */
    uint8_t *memo;   /* by pair of the name: 0 unknown, 1 no, 2 yes */
};

struct selection {
    struct block *b;
    struct arena *a;
    struct condition *conditions;
    size_t conditions_n;
    uint32_t *series;
    size_t n;
    bool empty;
};

static bool is_damage(const struct err *err)
{
    return err->kind == ERR_CORRUPT || err->kind == ERR_OS;
}

/* ---- posting lists ---- */

static int list_open(struct selection *s, uint32_t pair, struct block_view *v, struct postings *out,
                     struct err *err)
{
    struct block *b = s->b;

    if (block_slice(b, SECTION_POST, pair, b->sections[SECTION_POST].count, 4, s->a, v, err) < 0)
        return -1;
    if (postings_open((struct str){(const char *)v->p, v->n}, (uint32_t)b->meta.series, out) == 0)
        return 0;
    block_view_end(b, v);
    return block_corrupt(b, SECTION_POST, 0, "a posting list that makes no sense", err);
}

/* Adds the lists of pairs to a bitmap over all series. */
static int unite(struct selection *s, const uint32_t *pairs, size_t n, uint64_t *bits,
                 struct err *err)
{
    uint32_t *list = NULL;
    size_t cap = 0;

    for (size_t i = 0; i < n; i++) {
        struct block_view v;
        struct postings p;
        int r;

        if (list_open(s, pairs[i], &v, &p, err) < 0)
            return -1;
        r = arena_grow(s->a, (void **)&list, &cap, p.n, sizeof *list, err);
        if (r == 0 && postings_unpack(&p, list) < 0)
            r = block_corrupt(s->b, SECTION_POST, 0, "a posting list that makes no sense", err);
        block_view_end(s->b, &v);
        if (r < 0)
            return -1;
        for (uint32_t j = 0; j < p.n; j++)
            bits[list[j] / 64] |= UINT64_C(1) << (list[j] % 64);
    }
    return 0;
}

static int from_bits(struct selection *s, const uint64_t *bits, size_t words, struct err *err)
{
    size_t n = 0;

    for (size_t i = 0; i < words; i++)
        n += (size_t)__builtin_popcountll(bits[i]);
    s->series = arena_new_array(s->a, uint32_t, n, err);
    if (!s->series)
        return -1;
    s->n = 0;
    for (size_t i = 0; i < words; i++)
        for (uint64_t word = bits[i]; word; word &= word - 1)
            s->series[s->n++] = (uint32_t)(i * 64 + (size_t)__builtin_ctzll(word));
    return 0;
}

static int base_from_pairs(struct selection *s, const uint32_t *pairs, size_t n, struct err *err)
{
    size_t words = ((size_t)s->b->meta.series + 63) / 64;
    uint64_t *bits;

    if (n == 1) {
        struct block_view v;
        struct postings p;
        int r = 0;

        if (list_open(s, pairs[0], &v, &p, err) < 0)
            return -1;
        s->series = arena_new_array(s->a, uint32_t, p.n, err);
        if (!s->series)
            r = -1;
        else if (postings_unpack(&p, s->series) < 0)
            r = block_corrupt(s->b, SECTION_POST, 0, "a posting list that makes no sense", err);
        s->n = p.n;
        block_view_end(s->b, &v);
        return r;
    }
    bits = arena_new_array(s->a, uint64_t, words, err);
    if (!bits || unite(s, pairs, n, bits, err) < 0)
        return -1;
    return from_bits(s, bits, words, err);
}

static int base_of_all(struct selection *s, struct err *err)
{
    s->n = (size_t)s->b->meta.series;
    s->series = arena_new_array(s->a, uint32_t, s->n, err);
    if (!s->series)
        return -1;
    for (size_t i = 0; i < s->n; i++)
        s->series[i] = (uint32_t)i;
    return 0;
}

/* ---- conditions ---- */

/* The pair of this value, if there is one, into c->pairs. */
static int add_value(struct selection *s, struct condition *c, struct str value, struct err *err)
{
    struct pairs_frame f = {0};
    struct block_view v;
    struct postings p;
    uint32_t pair;
    bool found = false;

    if (pairs_lower_bound(s->b, c->name, value, &pair, err) < 0)
        return -1;
    if (pair < c->name->end) {
        if (pairs_frame_at(s->b, pair, &f, err) < 0)
            return -1;
        found = str_eq(pairs_frame_value(&f, pair), value);
        pairs_frame_end(s->b, &f);
    }
    if (!found)
        return 0;
    if (list_open(s, pair, &v, &p, err) < 0)
        return -1;
    block_view_end(s->b, &v);
    c->length += p.n;
    c->pairs[c->pairs_n++] = pair;
    return 0;
}

static int find_values(struct selection *s, struct condition *c, const struct str *values, size_t n,
                       struct err *err)
{
    c->pairs = arena_new_array(s->a, uint32_t, n, err);
    if (!c->pairs)
        return -1;
    for (size_t i = 0; i < n; i++) {
        struct err mine = {0};

        if (add_value(s, c, values[i], &mine) == 0)
            continue;
        if (!is_damage(&mine)) {
            if (err)
                *err = mine;
            return -1;
        }
        c->plan = BY_LABELS;
        return 0;
    }
    c->plan = BY_LISTS;
    s->empty |= !c->pairs_n;
    return 0;
}

static int plan_condition(struct selection *s, struct condition *c, struct err *err)
{
    const struct matcher *m = c->matcher;
    const struct block *b = s->b;
    bool takes_empty = matcher_matches_empty(m);

    if (!c->name) {
        c->plan = DONE;
        s->empty |= !takes_empty;
        return 0;
    }
    if (m->op == MATCH_RE && (m->shape == SHAPE_ANY ||
                              (m->shape == SHAPE_SOME && c->name->series_n == b->meta.series))) {
        c->plan = DONE;
        return 0;
    }
    c->plan = BY_LABELS;
    if (takes_empty)
        return 0;
    if (m->op == MATCH_EQ)
        return find_values(s, c, &m->value, 1, err);
    if (m->op == MATCH_RE && (m->shape == SHAPE_LITERAL || m->shape == SHAPE_SET) &&
        m->set_n <= SET_LISTS_MAX)
        return find_values(s, c, m->set, m->set_n, err);
    c->plan = BY_VALUES; /* only series that have the label can match */
    c->length = c->name->series_n;
    return 0;
}

/* The pairs of a label whose values match, for a base. */
static int matching_pairs(struct selection *s, struct condition *c, struct err *err)
{
    const struct matcher *m = c->matcher;
    struct pairs_frame f = {0};
    uint32_t first = c->name->first, n = 0, *pairs;
    int r = 0;

    pairs = arena_new_array(s->a, uint32_t, c->name->end - first, err);
    if (!pairs)
        return -1;
    if (m->op == MATCH_RE && m->prefix.n &&
        pairs_lower_bound(s->b, c->name, m->prefix, &first, err) < 0)
        return -1;
    for (uint32_t pair = first; pair < c->name->end && r == 0; pair++) {
        struct str value;

        r = pairs_frame_at(s->b, pair, &f, err);
        if (r < 0)
            break;
        value = pairs_frame_value(&f, pair);
        if (m->op == MATCH_RE && m->prefix.n && !str_starts(value, m->prefix))
            break; /* sorted: no later one starts with it */
        if (matcher_matches(m, value))
            pairs[n++] = pair;
    }
    pairs_frame_end(s->b, &f);
    c->pairs = pairs;
    c->pairs_n = n;
    return r;
}

static struct condition *cheapest(struct selection *s, enum plan plan)
{
    struct condition *best = NULL;

    for (size_t i = 0; i < s->conditions_n; i++) {
        struct condition *c = &s->conditions[i];

        if (c->plan == plan && (!best || c->length < best->length))
            best = c;
    }
    return best;
}

static int try_base(struct selection *s, struct condition *c, struct err *err)
{
    if (c->plan == BY_VALUES && matching_pairs(s, c, err) < 0)
        return -1;
    return base_from_pairs(s, c->pairs, c->pairs_n, err);
}

static int choose_base(struct selection *s, struct err *err)
{
    for (;;) {
        struct condition *c = cheapest(s, BY_LISTS);
        struct err mine = {0};

        if (!c)
            c = cheapest(s, BY_VALUES);
        if (!c)
            return base_of_all(s, err);
        if (try_base(s, c, &mine) == 0) {
            c->plan = DONE;
            return 0;
        }
        if (!is_damage(&mine)) {
            if (err)
                *err = mine;
            return -1;
        }
        c->plan = BY_LABELS;
    }
}

static int intersect(struct selection *s, struct condition *c, struct err *err)
{
    struct block_view v;
    struct postings p;
    struct err mine = {0};
    int r;

    if (c->pairs_n != 1) {
        c->plan = BY_LABELS;
        return 0;
    }
    r = list_open(s, c->pairs[0], &v, &p, &mine);
    if (r == 0) {
        /* In a copy: a bad list must not leave half of its work behind. */
        uint32_t *copy = arena_new_array(s->a, uint32_t, s->n, &mine);
        size_t n = s->n;

        r = copy ? 0 : -1;
        if (r == 0) {
            memcpy(copy, s->series, s->n * sizeof *copy);
            r = postings_keep_common(&p, copy, &n);
            if (r < 0)
                (void)block_corrupt(s->b, SECTION_POST, 0, "a posting list that makes no sense",
                                    &mine);
        }
        block_view_end(s->b, &v);
        if (r == 0) {
            s->series = copy;
            s->n = n;
            c->plan = DONE;
            return 0;
        }
    }
    if (!is_damage(&mine)) {
        if (err)
            *err = mine;
        return -1;
    }
    c->plan = BY_LABELS;
    return 0;
}

/* ---- labels ---- */

static int pair_matches(struct selection *s, struct condition *c, uint32_t pair,
                        struct pairs_frame *f, bool *out, struct err *err)
{
    uint8_t *memo = &c->memo[pair - c->name->first];

    if (!*memo) {
        if (pairs_frame_at(s->b, pair, f, err) < 0)
            return -1;
        *memo = matcher_matches(c->matcher, pairs_frame_value(f, pair)) ? 2 : 1;
    }
    *out = *memo == 2;
    return 0;
}

static int labels_match(struct selection *s, const struct series_ids *ids, struct pairs_frame *f,
                        bool *out, struct err *err)
{
    *out = true;
    for (size_t i = 0; i < s->conditions_n && *out; i++) {
        struct condition *c = &s->conditions[i];
        size_t at = 0;

        if (c->plan == DONE)
            continue;
        while (at < ids->n && ids->v[at] < c->name->first)
            at++;
        if (at == ids->n || ids->v[at] >= c->name->end)
            *out = matcher_matches_empty(c->matcher);
        else if (pair_matches(s, c, ids->v[at], f, out, err) < 0)
            return -1;
    }
    return 0;
}

static int filter(struct selection *s, struct err *err)
{
    struct series_walk w;
    struct pairs_frame f = {0};
    size_t kept = 0;
    int r = 0;

    series_walk_init(&w, s->b, s->a);
    for (size_t i = 0; i < s->n; i++) {
        struct err mine = {0};
        bool matches;

        if (series_walk_to(&w, s->series[i], &mine) == 0 &&
            labels_match(s, &w.ids, &f, &matches, &mine) == 0) {
            if (matches)
                s->series[kept++] = s->series[i];
        } else if (!is_damage(&mine)) {
            if (err)
                *err = mine;
            r = -1;
            break;
        }
    }
    pairs_frame_end(s->b, &f);
    s->n = kept;
    return r;
}

static int apply_rest(struct selection *s, struct err *err)
{
    bool labels_needed = false;

    for (size_t i = 0; i < s->conditions_n; i++) {
        struct condition *c = &s->conditions[i];

        if (c->plan == BY_LISTS && intersect(s, c, err) < 0)
            return -1;
        if (c->plan == DONE)
            continue;
        c->memo = arena_new_array(s->a, uint8_t, c->name->end - c->name->first, err);
        if (!c->memo)
            return -1;
        labels_needed = true;
    }
    return labels_needed ? filter(s, err) : 0;
}

int block_select(struct block *b, struct arena *a, const struct matcher *matchers,
                 size_t matchers_n, uint32_t **out, size_t *n, struct err *err)
{
    const struct block_name *names;
    uint32_t names_n;
    struct selection s = {.b = b, .a = a, .conditions_n = matchers_n};

    if (block_names(b, &names, &names_n, err) < 0)
        return -1;
    s.conditions = arena_new_array(a, struct condition, matchers_n, err);
    if (!s.conditions)
        return -1;
    for (size_t i = 0; i < matchers_n && !s.empty; i++) {
        s.conditions[i].matcher = &matchers[i];
        s.conditions[i].name = block_name_find(names, names_n, matchers[i].name);
        if (plan_condition(&s, &s.conditions[i], err) < 0)
            return -1;
    }
    if (!s.empty && (choose_base(&s, err) < 0 || apply_rest(&s, err) < 0))
        return -1;
    *out = s.empty ? NULL : s.series;
    *n = s.empty ? 0 : s.n;
    return 0;
}
