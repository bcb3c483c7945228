#include "tsdb/tomb.h"

#include <stdlib.h>
#include <string.h>

#include "base/cursor.h"
#include "base/err.h"
#include "base/mem.h"
#include "model/labels.h"

/* ---- one ---- */

static struct tombstone *tombstone_make(ts_ms mint, ts_ms maxt)
{
    struct tombstone *t = mem_new(struct tombstone);

    atomic_init(&t->refs, 1);
    atomic_init(&t->cleaned, false);
    arena_init(&t->a, NULL); /* deletes are bounded in number, and their text by the request */
    t->mint = mint;
    t->maxt = maxt;
    return t;
}

int tombstone_new(const struct matcher *matchers, size_t n, ts_ms mint, ts_ms maxt,
                  struct tombstone **out, struct err *err)
{
    struct tombstone *t = tombstone_make(mint, maxt);

    t->matchers = arena_new_array(&t->a, struct matcher, n, err);
    for (; t->matchers && t->matchers_n < n; t->matchers_n++) {
        const struct matcher *m = &matchers[t->matchers_n];

        if (matcher_init(&t->matchers[t->matchers_n], &t->a, m->op, m->name, m->value, err) < 0)
            break;
    }
    if (!t->matchers || t->matchers_n < n) {
        tombstone_unref(t);
        return -1;
    }
    *out = t;
    return 0;
}

struct tombstone *tombstone_ref(struct tombstone *t)
{
    atomic_fetch_add(&t->refs, 1);
    return t;
}

void tombstone_unref(struct tombstone *t)
{
    if (!t || atomic_fetch_sub(&t->refs, 1) > 1)
        return;
    for (size_t i = 0; i < t->matchers_n; i++)
        matcher_fini(&t->matchers[i]);
    arena_fini(&t->a);
    mem_free(t->windows);
    mem_free(t);
}

void tombstone_add_window(struct tombstone *t, uint64_t uid, ts_ms start, bool froze)
{
    t->windows = mem_grow(t->windows, &t->windows_cap, t->windows_n + 1, sizeof *t->windows);
    t->windows[t->windows_n++] = (struct tomb_window){uid, start, froze};
}

bool tombstone_has_window(const struct tombstone *t, uint64_t uid)
{
    for (size_t i = 0; i < t->windows_n; i++)
        if (t->windows[i].uid == uid)
            return true;
    return false;
}

void tombstone_encode(const struct tombstone *t, struct buf *b)
{
    put_u32(b, t->generation);
    put_u32(b, t->segment);
    put_u64(b, (uint64_t)t->mint);
    put_u64(b, (uint64_t)t->maxt);
    put_uvarint(b, t->windows_n);
    for (size_t i = 0; i < t->windows_n; i++) {
        put_u64(b, t->windows[i].uid);
        put_u64(b, (uint64_t)t->windows[i].start);
        put_u8(b, t->windows[i].froze);
    }
    put_uvarint(b, t->matchers_n);
    for (size_t i = 0; i < t->matchers_n; i++) {
        put_u8(b, (uint8_t)t->matchers[i].op);
        put_vstr(b, t->matchers[i].name);
        put_vstr(b, t->matchers[i].value);
    }
}

static int decode_matchers(struct cursor *c, struct tombstone *t, struct err *err)
{
    uint64_t n = cursor_uvarint(c);

    if (c->failed || !n || n > cursor_left(c))
        return err_set(err, ERR_CORRUPT, "a tombstone without matchers");
    t->matchers = arena_new_array(&t->a, struct matcher, (size_t)n, err);
    if (!t->matchers)
        return -1;
    for (uint64_t i = 0; i < n; i++) {
        uint8_t op = cursor_u8(c);
        struct str name = cursor_vstr(c), value = cursor_vstr(c);

        if (c->failed || op > MATCH_NRE)
            return err_set(err, ERR_CORRUPT, "a tombstone whose matchers make no sense");
        if (matcher_init(&t->matchers[i], &t->a, (enum match_op)op, name, value, err) < 0)
            return -1;
        t->matchers_n++;
    }
    return 0;
}

int tombstone_decode(struct cursor *c, uint64_t seq, struct tombstone **out, struct err *err)
{
    struct tombstone *t = tombstone_make(0, 0);
    uint64_t n;

    t->seq = seq;
    t->generation = cursor_u32(c);
    t->segment = cursor_u32(c);
    t->mint = (ts_ms)cursor_u64(c);
    t->maxt = (ts_ms)cursor_u64(c);
    n = cursor_uvarint(c);
    for (; n && !c->failed; n--) {
        uint64_t uid = cursor_u64(c);
        ts_ms start = (ts_ms)cursor_u64(c);

        tombstone_add_window(t, uid, start, cursor_u8(c) != 0);
    }
    if (decode_matchers(c, t, err) < 0) {
        tombstone_unref(t);
        return -1;
    }
    *out = t;
    return 0;
}

/* ---- all ---- */

struct tombs *tombs_ref(struct tombs *t)
{
    if (t)
        atomic_fetch_add(&t->refs, 1);
    return t;
}

void tombs_unref(struct tombs *t)
{
    if (!t || atomic_fetch_sub(&t->refs, 1) > 1)
        return;
    for (size_t i = 0; i < t->n; i++)
        tombstone_unref(t->items[i]);
    mem_free(t->items);
    mem_free(t);
}

static struct tombs *tombs_room(size_t n)
{
    struct tombs *t = mem_new(struct tombs);

    atomic_init(&t->refs, 1);
    t->items = mem_new_array(struct tombstone *, n);
    return t;
}

/* The same matchers, a range that holds the other's, and asked later: it means all that the other
 * did. */
static bool makes_needless(const struct tombstone *later, const struct tombstone *t)
{
    if (later->seq < t->seq || later->mint > t->mint || later->maxt < t->maxt ||
        later->matchers_n != t->matchers_n)
        return false;
    for (size_t i = 0; i < t->matchers_n; i++)
        if (later->matchers[i].op != t->matchers[i].op ||
            !str_eq(later->matchers[i].name, t->matchers[i].name) ||
            !str_eq(later->matchers[i].value, t->matchers[i].value))
            return false;
    return true;
}

static int by_seq(const void *a, const void *b)
{
    const struct tombstone *x = *(struct tombstone *const *)a, *y = *(struct tombstone *const *)b;

    return (x->seq > y->seq) - (x->seq < y->seq);
}

struct tombs *tombs_with(const struct tombs *t, struct tombstone *const more[], size_t n)
{
    size_t old_n = t ? t->n : 0;
    struct tombs *out = tombs_room(old_n + n);

    for (size_t i = 0; i < old_n; i++) {
        bool needless = false;

        for (size_t k = 0; k < n && !needless; k++)
            needless = makes_needless(more[k], t->items[i]);
        if (!needless)
            out->items[out->n++] = tombstone_ref(t->items[i]);
    }
    for (size_t i = 0; i < n; i++)
        out->items[out->n++] = tombstone_ref(more[i]);
    qsort(out->items, out->n, sizeof(void *), by_seq);
    return out;
}

struct tombs *tombs_without(const struct tombs *t, bool (*out)(void *arg, const struct tombstone *),
                            void *arg)
{
    struct tombs *left = tombs_room(t ? t->n : 0);

    for (size_t i = 0; t && i < t->n; i++)
        if (!out(arg, t->items[i]))
            left->items[left->n++] = tombstone_ref(t->items[i]);
    return left;
}

const struct tombstone *tombs_find(const struct tombs *t, uint64_t seq)
{
    for (size_t i = 0; t && i < t->n; i++)
        if (t->items[i]->seq == seq)
            return t->items[i];
    return NULL;
}

/* ---- those that matter ---- */

static void list_add(struct tomb_list *l, const struct tombs *all, const struct tombstone *t)
{
    if (!l->items)
        l->items = mem_new_array(const struct tombstone *, all->n);
    l->items[l->n++] = t;
}

struct tomb_list tombs_of_block(const struct tombs *t, uint32_t generation, ts_ms mint, ts_ms maxt)
{
    struct tomb_list l = {0};

    for (size_t i = 0; t && i < t->n; i++)
        if (t->items[i]->generation >= generation && t->items[i]->mint <= maxt &&
            t->items[i]->maxt >= mint)
            list_add(&l, t, t->items[i]);
    return l;
}

struct tomb_list tombs_of_window(const struct tombs *t, uint64_t uid, ts_ms mint, ts_ms maxt)
{
    struct tomb_list l = {0};

    for (size_t i = 0; t && i < t->n; i++)
        if (t->items[i]->mint <= maxt && t->items[i]->maxt >= mint &&
            tombstone_has_window(t->items[i], uid))
            list_add(&l, t, t->items[i]);
    return l;
}

void tomb_list_fini(struct tomb_list *l)
{
    mem_free(l->items);
    *l = (struct tomb_list){0};
}

/* ---- of one series ---- */

static int by_from(const void *a, const void *b)
{
    const struct tomb_span *x = a, *y = b;

    return (x->from > y->from) - (x->from < y->from);
}

bool tomb_list_spans(const struct tomb_list *l, const struct labels *ls, struct tomb_spans *out)
{
    size_t n = 0;

    out->n = 0;
    for (size_t i = 0; i < l->n; i++) {
        const struct tombstone *t = l->items[i];

        if (!matchers_match(t->matchers, t->matchers_n, ls))
            continue;
        out->items = mem_grow(out->items, &out->cap, out->n + 1, sizeof *out->items);
        out->items[out->n++] = (struct tomb_span){t->mint, t->maxt};
    }
    if (out->n < 2)
        return out->n > 0;
    qsort(out->items, out->n, sizeof *out->items, by_from);
    for (size_t i = 1; i < out->n; i++) {
        struct tomb_span *last = &out->items[n];

        if (last->to == INT64_MAX || out->items[i].from <= last->to + 1)
            last->to = out->items[i].to > last->to ? out->items[i].to : last->to;
        else
            out->items[++n] = out->items[i];
    }
    out->n = n + 1;
    return true;
}

void tomb_spans_fini(struct tomb_spans *s)
{
    mem_free(s->items);
    *s = (struct tomb_spans){0};
}

bool tomb_spans_cover(const struct tomb_span *spans, size_t n, ts_ms from, ts_ms to)
{
    for (size_t i = 0; i < n; i++)
        if (spans[i].from <= from && spans[i].to >= to)
            return true;
    return false;
}

size_t tomb_spans_next(const struct tomb_span *spans, size_t spans_n, const ts_ms *ts, size_t n,
                       size_t at, bool gone, size_t *span)
{
    for (; at < n; at++) {
        while (*span < spans_n && spans[*span].to < ts[at])
            (*span)++;
        if ((*span < spans_n && spans[*span].from <= ts[at]) == gone)
            return at;
    }
    return n;
}
