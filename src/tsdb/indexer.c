#include "tsdb/indexer.h"

#include <assert.h>
#include <stdbool.h>
#include <stdlib.h>
#include <zstd.h>

#include "base/cursor.h"
#include "base/err.h"
#include "base/hash.h"
#include "base/mem.h"
#include "model/labels.h"
#include "tsdb/block_layout.h"
#include "tsdb/postings.h"
#include "tsdb/section.h"

#define ROUND_POSTINGS (1u << 20) /* posting lists are made from arrays of at most so many */
#define ZSTD_LEVEL     9

struct indexer_pair {
    struct str name, value;
    uint32_t number;   /* in order of appearance */
    uint32_t series_n; /* that have it */
};

void indexer_init(struct indexer *x)
{
    *x = (struct indexer){0};
    budget_init(&x->budget, "index of a block being written", SIZE_MAX, NULL);
    arena_init(&x->arena, &x->budget);
    map_init(&x->by_text);
}

void indexer_fini(struct indexer *x)
{
    map_fini(&x->by_text);
    arena_fini(&x->arena);
    mem_free(x->pairs);
    mem_free(x->last);
    buf_fini(&x->series);
}

/* ---- while series stream by ---- */

static bool same_text(const void *item, const void *key)
{
    const struct indexer_pair *pair = item;
    const struct label *label = key;

    return str_eq(pair->value, label->value) && str_eq(pair->name, label->name);
}

static struct indexer_pair *pair_of(struct indexer *x, struct label label, struct err *err)
{
    uint64_t hash = hash_mix(hash_str(label.name), hash_str(label.value));
    struct indexer_pair *pair = map_get(&x->by_text, hash, &label, same_text);

    if (pair)
        return pair;
    if (x->pairs_n == UINT32_MAX) {
        (void)err_set(err, ERR_LIMIT, "a block holds at most %u label pairs", UINT32_MAX);
        return NULL;
    }
    pair = arena_new(&x->arena, struct indexer_pair, err);
    if (!pair)
        return NULL;
    pair->name = arena_str(&x->arena, label.name, err);
    pair->value = arena_str(&x->arena, label.value, err);
    if (!pair->name.p || !pair->value.p)
        return NULL;
    pair->number = (uint32_t)x->pairs_n;
    x->pairs = mem_grow(x->pairs, &x->pairs_cap, x->pairs_n + 1, sizeof(void *));
    x->pairs[x->pairs_n++] = pair;
    map_put(&x->by_text, hash, pair);
    return pair;
}

int indexer_add(struct indexer *x, const struct labels *labels, struct err *err)
{
    if (x->series_n == UINT32_MAX - 1)
        return err_set(err, ERR_LIMIT, "a block holds at most %u series", UINT32_MAX - 1);
    x->last = mem_grow(x->last, &x->last_cap, labels->n, sizeof(void *));
    put_uvarint(&x->series, labels->n);
    for (size_t i = 0; i < labels->n; i++) {
        struct label label = labels_at(labels, i);

        /* Neighbours share most labels: look there before hashing. */
        if (i >= x->last_n || !same_text(x->last[i], &label)) {
            struct indexer_pair *pair = pair_of(x, label, err);

            if (!pair)
                return -1;
            x->last[i] = pair;
        }
        x->last[i]->series_n++;
        put_uvarint(&x->series, x->last[i]->number);
    }
    x->last_n = labels->n;
    x->series_n++;
    return 0;
}

/* ---- symbols ---- */

static int by_text(const void *a, const void *b)
{
    const struct indexer_pair *x = *(struct indexer_pair *const *)a;
    const struct indexer_pair *y = *(struct indexer_pair *const *)b;
    int c = str_cmp(x->name, y->name);

    return c ? c : str_cmp(x->value, y->value);
}

static int by_str(const void *a, const void *b)
{
    return str_cmp(*(const struct str *)a, *(const struct str *)b);
}

struct symbols {
    struct str *v; /* owned; sorted, unique */
    size_t n;
};

static void symbols_fini(struct symbols *s)
{
    mem_free(s->v);
}

/* From pairs in order of text. */
static void symbols_init(struct symbols *s, const struct indexer *x)
{
    size_t n = 0;

    s->v = mem_new_array(struct str, 2 * x->pairs_n + 1);
    for (size_t i = 0; i < x->pairs_n; i++) {
        if (!i || !str_eq(x->pairs[i]->name, x->pairs[i - 1]->name))
            s->v[n++] = x->pairs[i]->name;
        s->v[n++] = x->pairs[i]->value;
    }
    if (n)
        qsort(s->v, n, sizeof *s->v, by_str);
    s->n = 0;
    for (size_t i = 0; i < n; i++)
        if (!i || !str_eq(s->v[i], s->v[s->n - 1]))
            s->v[s->n++] = s->v[i];
}

static uint32_t symbol_of(const struct symbols *s, struct str text)
{
    const struct str *found = bsearch(&text, s->v, s->n, sizeof *s->v, by_str);

    assert(found);
    return (uint32_t)(found - s->v);
}

static size_t shared_prefix(struct str a, struct str b)
{
    size_t n = 0;

    while (n < a.n && n < b.n && a.p[n] == b.p[n])
        n++;
    return n;
}

/* Closes a frame: strings, where each SYM_RESTARTth begins, how many of those; compressed. */
static int put_frame(struct section_writer *w, struct buf *frame, struct buf *restarts,
                     struct err *err)
{
    SCOPED(buf_fini) struct buf out = {0};
    char *room;
    size_t n, header;

    buf_add(frame, buf_str(restarts));
    put_u32(frame, (uint32_t)(restarts->n / 4));
    put_uvarint(&out, frame->n);
    header = out.n;
    room = buf_reserve(&out, ZSTD_compressBound(frame->n));
    n = ZSTD_compress(room, ZSTD_compressBound(frame->n), frame->p, frame->n, ZSTD_LEVEL);
    if (ZSTD_isError(n))
        return err_set(err, ERR_NOMEM, "zstd: %s", ZSTD_getErrorName(n));
    out.n = header + n;
    buf_reset(frame);
    buf_reset(restarts);
    return section_put(w, buf_str(&out), err);
}

static int write_symbols(const struct symbols *s, struct section_writer *w, struct err *err)
{
    SCOPED(buf_fini) struct buf frame = {0}, restarts = {0}, table = {0};
    size_t in_frame = 0;

    section_begin(w, SECTION_SYM);
    for (size_t i = 0; i < s->n; i++) {
        size_t shared = 0;

        if (!in_frame) {
            put_u32(&table, (uint32_t)section_bytes(w));
            put_u32(&table, (uint32_t)i);
        }
        if (in_frame % SYM_RESTART == 0)
            put_u32(&restarts, (uint32_t)frame.n);
        else
            shared = shared_prefix(s->v[i], s->v[i - 1]);
        put_uvarint(&frame, shared);
        put_vstr(&frame, str_skip(s->v[i], shared));
        in_frame++;
        if (frame.n >= SYM_FRAME_BYTES || i + 1 == s->n) {
            if (put_frame(w, &frame, &restarts, err) < 0)
                return -1;
            in_frame = 0;
        }
    }
    return section_end(w, buf_str(&table), s->n, err);
}

/* ---- pairs ---- */

static int write_pairs(const struct indexer *x, const struct symbols *s, struct section_writer *w,
                       struct err *err)
{
    SCOPED(buf_fini) struct buf table = {0}, values = {0};
    uint64_t series_n = 0;

    section_begin(w, SECTION_PAIRS);
    for (size_t i = 0; i < x->pairs_n; i++) {
        const struct indexer_pair *pair = x->pairs[i];
        bool last = i + 1 == x->pairs_n || !str_eq(pair->name, x->pairs[i + 1]->name);

        if (!i || !str_eq(pair->name, x->pairs[i - 1]->name)) {
            put_u32(&table, symbol_of(s, pair->name));
            put_u32(&table, (uint32_t)i);
            series_n = 0;
        }
        series_n += pair->series_n;
        if (last)
            put_u32(&table, (uint32_t)series_n);
        put_u32(&values, symbol_of(s, pair->value));
        if (values.n >= BLOCK_PAGE_BYTES) {
            if (section_put(w, buf_str(&values), err) < 0)
                return -1;
            buf_reset(&values);
        }
    }
    if (section_put(w, buf_str(&values), err) < 0)
        return -1;
    return section_end(w, buf_str(&table), x->pairs_n, err);
}

/* ---- series ---- */

struct ids {
    uint32_t *v; /* owned */
    size_t n, cap;
};

static void ids_fini(struct ids *ids)
{
    mem_free(ids->v);
}

/* The next series' pairs by their final numbers, which ascend as label names do. */
static void next_series(struct cursor *c, const uint32_t *final, struct ids *out)
{
    out->n = (size_t)cursor_uvarint(c);
    out->v = mem_grow(out->v, &out->cap, out->n, sizeof *out->v);
    for (size_t i = 0; i < out->n; i++)
        out->v[i] = final[cursor_uvarint(c)];
    assert(!c->failed);
}

/* How the ids differ from those of the series before: see FORMAT.md, "SERIES". */
static void put_series(const struct ids *before, const struct ids *now, struct buf *out)
{
    size_t shared = 0, rest;

    while (shared < before->n && shared < now->n && before->v[shared] == now->v[shared])
        shared++;
    rest = now->n - shared;
    put_u8(out, (uint8_t)((shared < 15 ? shared : 15) << 4 | (rest < 15 ? rest : 15)));
    if (shared >= 15)
        put_uvarint(out, shared - 15);
    if (rest >= 15)
        put_uvarint(out, rest - 15);
    for (size_t i = shared; i < now->n; i++) {
        uint32_t least = i ? now->v[i - 1] + 1 : 0; /* ids ascend within a series */

        if (i == shared && i < before->n)
            put_uvarint(out, now->v[i] - before->v[i] - 1); /* and series ascend */
        else if (i == shared || i >= before->n || before->v[i] < least)
            put_uvarint(out, now->v[i] - least);
        else
            put_uvarint(out, now->v[i] == before->v[i] ? 0 : now->v[i] - least + 1);
    }
}

static int write_series(const struct indexer *x, const uint32_t *final, struct section_writer *w,
                        struct err *err)
{
    SCOPED(ids_fini) struct ids a = {0}, b = {0};
    SCOPED(buf_fini) struct buf out = {0}, table = {0};
    struct cursor c = cursor_of(x->series.p, x->series.n);
    struct ids *before = &a, *now = &b;

    section_begin(w, SECTION_SERIES);
    for (uint32_t i = 0; i < x->series_n; i++) {
        struct ids *swap = before;

        if (i % SERIES_RESTART == 0) {
            if (section_put(w, buf_str(&out), err) < 0)
                return -1;
            buf_reset(&out);
            put_u32(&table, (uint32_t)section_bytes(w));
            before->n = 0;
        }
        next_series(&c, final, now);
        put_series(before, now, &out);
        before = now;
        now = swap;
    }
    if (section_put(w, buf_str(&out), err) < 0)
        return -1;
    return section_end(w, buf_str(&table), x->series_n, err);
}

/* ---- postings ---- */

/* Fills lists[] with the series of pairs [first, end); starts[] has where each list begins. */
static void gather(const struct indexer *x, const uint32_t *final, size_t first, size_t end,
                   uint32_t *lists, size_t *fill)
{
    struct cursor c = cursor_of(x->series.p, x->series.n);

    for (uint32_t series = 0; series < x->series_n; series++) {
        uint64_t n = cursor_uvarint(&c);

        for (uint64_t i = 0; i < n; i++) {
            uint32_t pair = final[cursor_uvarint(&c)];

            if (pair >= first && pair < end)
                lists[fill[pair - first]++] = series;
        }
    }
    assert(!c.failed);
}

static void free_u32(uint32_t **p)
{
    mem_free(*p);
}

static void free_size(size_t **p)
{
    mem_free(*p);
}

static int write_postings(const struct indexer *x, const uint32_t *final, struct section_writer *w,
                          struct err *err)
{
    SCOPED(buf_fini) struct buf out = {0}, table = {0};

    section_begin(w, SECTION_POST);
    for (size_t first = 0, end; first < x->pairs_n; first = end) {
        SCOPED(free_u32) uint32_t *lists = NULL;
        SCOPED(free_size) size_t *fill = NULL;
        size_t total = 0;

        /* A round takes at least one list, however long. */
        for (end = first; end < x->pairs_n && (end == first || total < ROUND_POSTINGS); end++)
            total += x->pairs[end]->series_n;
        lists = mem_new_array(uint32_t, total);
        fill = mem_new_array(size_t, end - first);
        for (size_t i = first + 1; i < end; i++)
            fill[i - first] = fill[i - first - 1] + x->pairs[i - 1]->series_n;
        gather(x, final, first, end, lists, fill);
        for (size_t i = first; i < end; i++) {
            uint32_t n = x->pairs[i]->series_n;

            put_u32(&table, (uint32_t)section_bytes(w));
            postings_encode(lists + fill[i - first] - n, n, &out);
            if (section_put(w, buf_str(&out), err) < 0)
                return -1;
            buf_reset(&out);
        }
    }
    return section_end(w, buf_str(&table), x->pairs_n, err);
}

int indexer_write(struct indexer *x, struct section_writer *w, struct err *err)
{
    SCOPED(free_u32) uint32_t *final = mem_new_array(uint32_t, x->pairs_n + 1);
    SCOPED(symbols_fini) struct symbols symbols = {0};

    if (x->pairs_n)
        qsort(x->pairs, x->pairs_n, sizeof(void *), by_text);
    for (size_t i = 0; i < x->pairs_n; i++)
        final[x->pairs[i]->number] = (uint32_t)i;
    symbols_init(&symbols, x);
    if (write_symbols(&symbols, w, err) < 0 || write_pairs(x, &symbols, w, err) < 0 ||
        write_series(x, final, w, err) < 0)
        return -1;
    return write_postings(x, final, w, err);
}
