#include <assert.h>
#include <stdlib.h>
#include <string.h>
#include <zstd.h>

#include "base/arena.h"
#include "base/err.h"
#include "base/mem.h"
#include "tsdb/block_impl.h"

/* Kinds of decoded entries in the cache, beside the pages of the sections. */
#define KIND_FRAME (0x100u | SECTION_SYM)   /* an uncompressed frame of symbols */
#define KIND_PAIRS (0x100u | SECTION_PAIRS) /* values of PAIRS_FRAME pairs: u32 ends, then text */

/* ---- symbols ---- */

static uint64_t frames_of(const struct block *b)
{
    return (b->sections[SECTION_SYM].bytes - b->sections[SECTION_SYM].table) / 8;
}

static int load_frame(void *arg, struct cache_key key, unsigned char **bytes, size_t *n,
                      struct err *err)
{
    struct block *b = arg;
    SCOPED(arena_fini) struct arena a;
    SCOPED(mem_freep) unsigned char *raw = NULL;
    struct block_view v;
    struct cursor c;
    uint64_t raw_n;
    size_t got;

    arena_init(&a, NULL); /* a frame is bounded */
    if (block_slice(b, SECTION_SYM, key.page, frames_of(b), 8, &a, &v, err) < 0)
        return -1;
    c = cursor_of(v.p, v.n);
    raw_n = cursor_uvarint(&c);
    if (c.failed || raw_n > SYM_FRAME_MAX || raw_n < 4) {
        block_view_end(b, &v);
        return block_corrupt(b, SECTION_SYM, 0, "symbols of an impossible length", err);
    }
    raw = mem_zalloc((size_t)raw_n);
    got = ZSTD_decompress(raw, (size_t)raw_n, c.p, cursor_left(&c));
    block_view_end(b, &v);
    if (ZSTD_isError(got) || got != raw_n)
        return block_corrupt(b, SECTION_SYM, 0, "symbols that do not decompress", err);
    *bytes = take(raw);
    *n = got;
    return 0;
}

/* Reads symbols one after another; the frame stays pinned between neighbours. */
struct symbol_reader {
    struct block *b;
    const struct cache_page *frame;
    uint32_t first, end; /* symbols in the frame */
    struct buf text;     /* of symbol `at` */
    uint32_t at;
    struct cursor c; /* behind symbol `at` */
    bool valid;
};

static void symbol_reader_fini(struct symbol_reader *r)
{
    cache_unpin(r->b->cache, r->frame);
    buf_fini(&r->text);
}

static int frame_first(struct block *b, uint64_t frame, uint32_t *first, struct err *err)
{
    struct block_view v;
    struct cursor c;

    if (block_table(b, SECTION_SYM, frame, 8, NULL, &v, err) < 0)
        return -1;
    c = cursor_of(v.p, v.n);
    (void)cursor_u32(&c);
    *first = cursor_u32(&c);
    block_view_end(b, &v);
    return 0;
}

static int open_frame(struct symbol_reader *r, uint32_t symbol, struct err *err)
{
    struct block *b = r->b;
    uint64_t lo = 0, hi = frames_of(b);
    uint32_t first = 0;

    if (symbol >= b->sections[SECTION_SYM].count || !hi)
        return block_corrupt(b, SECTION_SYM, 0, "a symbol out of bounds", err);
    while (hi - lo > 1) {
        uint64_t mid = lo + (hi - lo) / 2;

        if (frame_first(b, mid, &first, err) < 0)
            return -1;
        if (first <= symbol)
            lo = mid;
        else
            hi = mid;
    }
    cache_unpin(b->cache, r->frame);
    r->frame = NULL;
    r->valid = false;
    if (frame_first(b, lo, &r->first, err) < 0)
        return -1;
    r->end = (uint32_t)b->sections[SECTION_SYM].count;
    if (lo + 1 < frames_of(b) && frame_first(b, lo + 1, &r->end, err) < 0)
        return -1;
    return cache_pin(b->cache, (struct cache_key){b->cache_file, KIND_FRAME, (uint32_t)lo},
                     load_frame, b, &r->frame, err);
}

/* Stands the cursor before the last restart at or before `symbol`. */
static int restart(struct symbol_reader *r, uint32_t symbol)
{
    struct cursor c = cursor_of(r->frame->bytes, r->frame->n);
    uint32_t index = (symbol - r->first) / SYM_RESTART, restarts, offset;

    cursor_skip(&c, r->frame->n - 4);
    restarts = cursor_u32(&c);
    if (index >= restarts || restarts > (r->frame->n - 4) / 4)
        return -1;
    c = cursor_of(r->frame->bytes + r->frame->n - 4 - (size_t)(restarts - index) * 4, 4);
    offset = cursor_u32(&c);
    r->c = cursor_of(r->frame->bytes, r->frame->n - 4 - (size_t)restarts * 4);
    cursor_skip(&r->c, offset);
    r->at = r->first + index * SYM_RESTART - 1; /* wraps to "before the first"; ++ brings it back */
    buf_reset(&r->text);
    return r->c.failed ? -1 : 0;
}

static int symbol_next(struct symbol_reader *r)
{
    uint64_t shared = cursor_uvarint(&r->c);
    struct str rest = cursor_vstr(&r->c);

    if (r->c.failed || shared > r->text.n)
        return -1;
    r->text.n = (size_t)shared;
    buf_add(&r->text, rest);
    r->at++;
    return 0;
}

/* The text stays until the next call. */
static int symbol_at(struct symbol_reader *r, uint32_t symbol, struct str *out, struct err *err)
{
    bool near;

    if (!r->frame || symbol < r->first || symbol >= r->end)
        if (open_frame(r, symbol, err) < 0)
            return -1;
    near = r->valid && symbol >= r->at && symbol - r->at < SYM_RESTART;
    r->valid = false;
    if (!near && restart(r, symbol) < 0)
        return block_corrupt(r->b, SECTION_SYM, 0, "symbols that make no sense", err);
    while (r->at != symbol)
        if (symbol_next(r) < 0)
            return block_corrupt(r->b, SECTION_SYM, 0, "symbols that make no sense", err);
    r->valid = true;
    *out = buf_str(&r->text);
    return 0;
}

/* ---- names ---- */

static int parse_name(struct block *b, struct cursor *c, struct block_name *name,
                      struct block_name *before, struct err *err)
{
    uint64_t pairs = b->sections[SECTION_PAIRS].count;

    name->symbol = cursor_u32(c);
    name->first = cursor_u32(c);
    name->series_n = cursor_u32(c);
    name->end = (uint32_t)pairs;
    if (c->failed || name->first >= pairs || name->series_n > b->meta.series ||
        (before ? name->first <= before->first || name->symbol <= before->symbol : name->first))
        return block_corrupt(b, SECTION_PAIRS, b->sections[SECTION_PAIRS].table,
                             "label names that make no sense", err);
    if (before)
        before->end = name->first;
    return 0;
}

/* Texts are gathered in one buffer first, so that a view can be made when it no longer moves. */
static int load_names(struct block *b, struct block_name **names_out, char **text_out,
                      uint32_t *n_out, struct err *err)
{
    const struct section *s = &b->sections[SECTION_PAIRS];
    size_t n = (size_t)(s->bytes - s->table) / PAIR_NAME_BYTES;
    SCOPED(arena_fini) struct arena a;
    SCOPED(mem_freep) struct block_name *names = NULL;
    SCOPED(buf_fini) struct buf text = {0};
    SCOPED(symbol_reader_fini) struct symbol_reader r = {.b = b};
    struct block_view v;
    struct cursor c;
    size_t at = 0;
    int failed = 0;

    arena_init(&a,
               NULL); /* the table is as large as the file says it is, and the file is that large */
    if (!n && s->count)
        return block_corrupt(b, SECTION_PAIRS, 0, "label pairs without names", err);
    if (block_view(b, SECTION_PAIRS, s->table, n * PAIR_NAME_BYTES, &a, &v, err) < 0)
        return -1;
    names = mem_new_array(struct block_name, n + 1);
    c = cursor_of(v.p, v.n);
    for (size_t i = 0; i < n && !failed; i++) {
        failed = parse_name(b, &c, &names[i], i ? &names[i - 1] : NULL, err) < 0 ||
                 symbol_at(&r, names[i].symbol, &names[i].text, err) < 0;
        if (!failed)
            buf_add(&text, names[i].text);
    }
    block_view_end(b, &v);
    if (failed)
        return -1;
    for (size_t i = 0; i < n; i++) {
        names[i].text.p = text.p + at;
        at += names[i].text.n;
    }
    *n_out = (uint32_t)n;
    *names_out = take(names);
    *text_out = take(text.p);
    return 0;
}

/* Loading holds no lock; of two threads that load at once the first one's result is kept. */
static int names_make_ready(struct block *b, struct err *err)
{
    SCOPED(mem_freep) struct block_name *names = NULL;
    SCOPED(mem_freep) char *text = NULL;
    uint32_t n = 0;

    if (load_names(b, &names, &text, &n, err) < 0)
        return -1;
    (void)pthread_mutex_lock(&b->names_lock);
    if (!b->names) {
        b->names_n = n;
        b->names_text = take(text);
        b->names = take(names);
        atomic_store_explicit(&b->names_ready, true, memory_order_release);
    }
    (void)pthread_mutex_unlock(&b->names_lock);
    return 0;
}

int block_names(struct block *b, const struct block_name **out, uint32_t *n, struct err *err)
{
    if (!atomic_load_explicit(&b->names_ready, memory_order_acquire) &&
        names_make_ready(b, err) < 0)
        return -1;
    *out = b->names;
    *n = b->names_n;
    return 0;
}

const struct block_name *block_name_of_pair(const struct block_name *names, uint32_t n,
                                            uint32_t pair)
{
    uint32_t lo = 0, hi = n;

    while (hi - lo > 1) {
        uint32_t mid = lo + (hi - lo) / 2;

        if (names[mid].first <= pair)
            lo = mid;
        else
            hi = mid;
    }
    return n && pair < names[lo].end ? &names[lo] : NULL;
}

const struct block_name *block_name_find(const struct block_name *names, uint32_t n,
                                         struct str text)
{
    uint32_t lo = 0, hi = n;

    while (lo < hi) {
        uint32_t mid = lo + (hi - lo) / 2;
        int c = str_cmp(names[mid].text, text);

        if (c == 0)
            return &names[mid];
        if (c < 0)
            lo = mid + 1;
        else
            hi = mid;
    }
    return NULL;
}

/* ---- pairs ---- */

static int load_pairs(void *arg, struct cache_key key, unsigned char **bytes, size_t *n,
                      struct err *err)
{
    struct block *b = arg;
    SCOPED(arena_fini) struct arena a;
    SCOPED(symbol_reader_fini) struct symbol_reader r = {.b = b};
    SCOPED(buf_fini) struct buf ends = {0}, text = {0};
    uint64_t first = (uint64_t)key.page * PAIRS_FRAME;
    uint64_t left = b->sections[SECTION_PAIRS].count - first;
    size_t count = left < PAIRS_FRAME ? left : PAIRS_FRAME;
    struct block_view v;
    struct cursor c;

    arena_init(&a, NULL); /* a frame is bounded */
    if (block_view(b, SECTION_PAIRS, first * 4, count * 4, &a, &v, err) < 0)
        return -1;
    c = cursor_of(v.p, v.n);
    for (size_t i = 0; i < count; i++) {
        struct str value;

        if (symbol_at(&r, cursor_u32(&c), &value, err) < 0) {
            block_view_end(b, &v);
            return -1;
        }
        buf_add(&text, value);
        put_u32(&ends, (uint32_t)text.n);
    }
    block_view_end(b, &v);
    buf_add(&ends, buf_str(&text));
    *n = ends.n;
    *bytes = (unsigned char *)take(ends.p);
    return 0;
}

int pairs_frame_at(struct block *b, uint32_t pair, struct pairs_frame *f, struct err *err)
{
    uint64_t count = b->sections[SECTION_PAIRS].count;
    uint32_t frame = pair / PAIRS_FRAME;
    const struct cache_page *page;

    if (f->page && pair - f->first < f->n)
        return 0;
    if (pair >= count)
        return block_corrupt(b, SECTION_PAIRS, 0, "a label pair out of bounds", err);
    if (cache_pin(b->cache, (struct cache_key){b->cache_file, KIND_PAIRS, frame}, load_pairs, b,
                  &page, err) < 0)
        return -1;
    pairs_frame_end(b, f);
    f->page = page;
    f->first = frame * PAIRS_FRAME;
    f->n = count - f->first < PAIRS_FRAME ? (uint32_t)(count - f->first) : PAIRS_FRAME;
    return 0;
}

struct str pairs_frame_value(const struct pairs_frame *f, uint32_t pair)
{
    uint32_t i = pair - f->first, start = 0, end;
    const unsigned char *text;

    assert(f->page && i < f->n);
    text = f->page->bytes + (size_t)f->n * 4;
    if (i)
        memcpy(&start, f->page->bytes + (size_t)(i - 1) * 4, 4);
    memcpy(&end, f->page->bytes + (size_t)i * 4, 4);
    start = le32toh(start);
    end = le32toh(end);
    return (struct str){(const char *)text + start, end - start};
}

void pairs_frame_end(struct block *b, struct pairs_frame *f)
{
    cache_unpin(b->cache, f->page);
    *f = (struct pairs_frame){0};
}

int pairs_lower_bound(struct block *b, const struct block_name *name, struct str text,
                      uint32_t *out, struct err *err)
{
    struct pairs_frame f = {0};
    uint32_t lo = name->first, hi = name->end;
    int r = 0;

    while (lo < hi && r == 0) {
        uint32_t mid = lo + (hi - lo) / 2;

        r = pairs_frame_at(b, mid, &f, err);
        if (r == 0 && str_cmp(pairs_frame_value(&f, mid), text) < 0)
            lo = mid + 1;
        else
            hi = mid;
    }
    pairs_frame_end(b, &f);
    if (r == 0)
        *out = lo;
    return r;
}

/* ---- label names and values ---- */

int block_label_names(struct block *b, struct arena *a, struct str **out, size_t *n,
                      struct err *err)
{
    const struct block_name *names;
    struct str *list;
    uint32_t names_n;

    if (block_names(b, &names, &names_n, err) < 0)
        return -1;
    list = arena_new_array(a, struct str, names_n, err);
    if (!list)
        return -1;
    for (uint32_t i = 0; i < names_n; i++) {
        list[i] = arena_str(a, names[i].text, err);
        if (!list[i].p)
            return -1;
    }
    *out = list;
    *n = names_n;
    return 0;
}

int block_label_values(struct block *b, struct arena *a, struct str name, struct str **out,
                       size_t *n, struct err *err)
{
    const struct block_name *names, *found;
    struct pairs_frame f = {0};
    struct str *list;
    uint32_t names_n;
    int r = 0;

    if (block_names(b, &names, &names_n, err) < 0)
        return -1;
    found = block_name_find(names, names_n, name);
    if (!found) {
        *out = NULL;
        *n = 0;
        return 0;
    }
    list = arena_new_array(a, struct str, found->end - found->first, err);
    if (!list)
        return -1;
    for (uint32_t pair = found->first; pair < found->end && r == 0; pair++) {
        struct str *value = &list[pair - found->first];

        r = pairs_frame_at(b, pair, &f, err);
        if (r == 0) {
            *value = arena_str(a, pairs_frame_value(&f, pair), err);
            r = value->p ? 0 : -1;
        }
    }
    pairs_frame_end(b, &f);
    if (r < 0)
        return -1;
    *out = list;
    *n = found->end - found->first;
    return 0;
}
