#include <assert.h>
#include <string.h>

#include "base/arena.h"
#include "base/err.h"
#include "model/labels.h"
#include "tsdb/block_impl.h"

/* More labels than this cannot be in a set of LABELS_BYTES_MAX. */
#define IDS_MAX (LABELS_BYTES_MAX / 8u)

/* ---- SERIES ---- */

void series_walk_init(struct series_walk *w, struct block *b, struct arena *a)
{
    *w = (struct series_walk){.block = b, .a = a};
}

/* One id from what the series before has at its place: FORMAT.md, "SERIES". */
static uint64_t next_id(struct cursor *c, const struct series_ids *before, const uint32_t *ids,
                        size_t i, size_t shared)
{
    uint64_t code = cursor_uvarint(c);
    uint64_t least = i ? (uint64_t)ids[i - 1] + 1 : 0;

    if (code > UINT32_MAX)
        return UINT64_MAX;
    if (i == shared && i < before->n)
        return (uint64_t)before->v[i] + 1 + code;
    if (i == shared || i >= before->n || before->v[i] < least)
        return least + code;
    return code ? least + code - 1 : before->v[i];
}

static int series_no_sense(struct series_walk *w, struct err *err)
{
    return block_corrupt(w->block, SECTION_SERIES, 0, "series that make no sense", err);
}

static int next_series(struct series_walk *w, struct err *err)
{
    struct cursor *c = &w->c;
    uint8_t head = cursor_u8(c);
    uint64_t shared = head >> 4, rest = head & 15, pairs;
    struct series_ids swap = w->before;

    w->before = w->ids;
    w->ids = swap;
    if (shared == 15)
        shared += cursor_uvarint(c);
    if (rest == 15)
        rest += cursor_uvarint(c);
    if (c->failed || shared > w->before.n || rest > IDS_MAX || shared + rest > IDS_MAX)
        return series_no_sense(w, err);
    pairs = w->block->sections[SECTION_PAIRS].count;
    w->ids.n = (size_t)(shared + rest);
    if (arena_grow(w->a, (void **)&w->ids.v, &w->ids.cap, w->ids.n, sizeof *w->ids.v, err) < 0)
        return -1;
    for (size_t i = 0; i < shared; i++)
        w->ids.v[i] = w->before.v[i];
    for (size_t i = (size_t)shared; i < w->ids.n; i++) {
        uint64_t id = next_id(c, &w->before, w->ids.v, i, (size_t)shared);

        if (id >= pairs || (i && id <= w->ids.v[i - 1]))
            return series_no_sense(w, err);
        w->ids.v[i] = (uint32_t)id;
    }
    w->next++;
    return c->failed ? series_no_sense(w, err) : 0;
}

/* Copies the bytes of a view, so that no page stays pinned between calls. */
static int keep_bytes(struct block *b, struct block_view *v, struct arena *a, unsigned char **bytes,
                      size_t *cap, struct cursor *c, struct err *err)
{
    int r = arena_grow(a, (void **)bytes, cap, v->n, 1, err);

    if (r == 0) {
        if (v->n)
            memcpy(*bytes, v->p, v->n);
        *c = cursor_of(*bytes, v->n);
    }
    block_view_end(b, v);
    return r;
}

/* Opens the stretch that holds `series`, standing before its first. */
static int open_stretch(struct series_walk *w, uint32_t series, struct err *err)
{
    struct block *b = w->block;
    uint64_t stretches = ((uint64_t)b->meta.series + SERIES_RESTART - 1) / SERIES_RESTART;
    struct block_view v;

    w->open = false;
    if (block_slice(b, SECTION_SERIES, series / SERIES_RESTART, stretches, 4, w->a, &v, err) < 0 ||
        keep_bytes(b, &v, w->a, &w->bytes, &w->bytes_cap, &w->c, err) < 0)
        return -1;
    w->next = series - series % SERIES_RESTART;
    w->ids.n = 0;
    w->open = true;
    return 0;
}

int series_walk_to(struct series_walk *w, uint32_t series, struct err *err)
{
    assert(series < w->block->meta.series);
    if (w->open && w->next == series + 1)
        return 0; /* its ids are there already */
    /* At a border `next` is the first of a stretch that is not open yet. */
    if (!w->open || series < w->next || w->next % SERIES_RESTART == 0 ||
        series / SERIES_RESTART != w->next / SERIES_RESTART)
        if (open_stretch(w, series, err) < 0)
            return -1;
    while (w->next <= series) {
        if (next_series(w, err) < 0) {
            w->open = false;
            return -1;
        }
    }
    return 0;
}

static int build_labels(struct block *b, struct arena *a, const struct series_ids *ids,
                        struct label *pairs, struct pairs_frame *frames, const struct labels **out,
                        struct err *err)
{
    const struct block_name *names;
    uint32_t names_n;

    if (block_names(b, &names, &names_n, err) < 0)
        return -1;
    for (size_t i = 0; i < ids->n; i++) {
        const struct block_name *name = block_name_of_pair(names, names_n, ids->v[i]);

        if (!name || (i && str_cmp(pairs[i - 1].name, name->text) >= 0))
            return block_corrupt(b, SECTION_SERIES, 0, "a series with a label twice", err);
        if (pairs_frame_at(b, ids->v[i], &frames[i], err) < 0)
            return -1;
        pairs[i] = (struct label){name->text, pairs_frame_value(&frames[i], ids->v[i])};
    }
    return labels_build_sorted(a, pairs, ids->n, out, err);
}

struct block_walk {
    struct series_walk series;
    struct label *pairs;
    struct pairs_frame *frames;
    size_t pairs_cap, frames_cap;
};

int block_walk_open(struct block *b, struct arena *a, struct block_walk **out, struct err *err)
{
    struct block_walk *w = arena_new(a, struct block_walk, err);

    if (!w)
        return -1;
    series_walk_init(&w->series, b, a);
    *out = w;
    return 0;
}

int block_walk_labels(struct block_walk *w, struct arena *a, uint32_t series,
                      const struct labels **out, struct err *err)
{
    const struct series_ids *ids = &w->series.ids;
    struct block *b = w->series.block;
    int r;

    if (series_walk_to(&w->series, series, err) < 0 ||
        arena_grow(w->series.a, (void **)&w->pairs, &w->pairs_cap, ids->n, sizeof *w->pairs, err) <
            0 ||
        arena_grow(w->series.a, (void **)&w->frames, &w->frames_cap, ids->n, sizeof *w->frames,
                   err) < 0)
        return -1;
    for (size_t i = 0; i < ids->n; i++)
        w->frames[i] = (struct pairs_frame){0};
    r = build_labels(b, a, ids, w->pairs, w->frames, out, err);
    for (size_t i = 0; i < ids->n; i++)
        pairs_frame_end(b, &w->frames[i]);
    return r;
}

int block_labels(struct block *b, struct arena *a, uint32_t series, const struct labels **out,
                 struct err *err)
{
    SCOPED(arena_fini) struct arena scratch;
    struct block_walk *w;

    arena_init(&scratch, a->budget);
    if (block_walk_open(b, &scratch, &w, err) < 0)
        return -1;
    return block_walk_labels(w, a, series, out, err);
}

/* ---- DIR ---- */

void dir_walk_init(struct dir_walk *w, struct block *b, struct arena *a)
{
    *w = (struct dir_walk){.block = b, .a = a};
}

static int no_sense(struct dir_walk *w, struct err *err)
{
    return block_corrupt(w->block, SECTION_DIR, 0, "chunks that make no sense", err);
}

/* The array of chunks may move while a series is read, so parts get their pointers after. */
static int next_part(struct dir_walk *w, bool *more, struct err *err)
{
    struct cursor *c = &w->c;
    unsigned control = cursor_u8(c);
    uint64_t group = w->group_before, first = 0, n = 0, chunks = 1, presence = 0;
    struct series_part part = {0};

    if (control & ~PART_KNOWN)
        return no_sense(w, err);
    if (!(control & PART_SAME_GROUP))
        group = cursor_uvarint(c);
    part.whole = control & PART_WHOLE;
    if (!part.whole) {
        first = cursor_uvarint(c);
        n = cursor_uvarint(c);
    }
    if (control & PART_CHUNKS)
        chunks = cursor_uvarint(c);
    if (control & PART_PRESENCE)
        presence = cursor_uvarint(c);
    if (c->failed || group >= w->block->sections[SECTION_GROUP].count || first > UINT32_MAX ||
        n > UINT32_MAX || chunks > cursor_left(c) || presence > UINT32_MAX ||
        ((control & PART_PRESENCE) && !presence) ||
        (!part.whole && (!n || chunks != part_chunks((uint32_t)n))))
        return no_sense(w, err);
    part.group = w->group_before = (uint32_t)group;
    part.first = (uint32_t)first;
    part.n = (uint32_t)n;
    part.presence_offset = w->data;
    part.presence_bytes = (uint32_t)presence;
    w->data += presence;
    part.chunks_n = (uint32_t)chunks;
    if (arena_grow(w->a, (void **)&w->chunks, &w->chunks_cap, w->chunks_n + part.chunks_n,
                   sizeof *w->chunks, err) < 0)
        return -1;
    for (uint32_t i = 0; i < part.chunks_n; i++) {
        struct part_chunk *chunk = &w->chunks[w->chunks_n++];
        uint64_t head = cursor_uvarint(c);

        if (head >> 1 > UINT32_MAX || (head & 1 && head >> 1 > cursor_left(c)))
            return no_sense(w, err);
        *chunk = (struct part_chunk){NULL, w->data, (uint32_t)(head >> 1)};
        if (head & 1)
            chunk->inline_bytes = (const unsigned char *)cursor_bytes(c, chunk->bytes).p;
        else
            w->data += chunk->bytes;
    }
    if (arena_grow(w->a, (void **)&w->parts, &w->parts_cap, w->parts_n + 1, sizeof *w->parts, err) <
        0)
        return -1;
    w->parts[w->parts_n++] = part;
    *more = control & PART_MORE;
    return c->failed ? no_sense(w, err) : 0;
}

static int next_entry(struct dir_walk *w, struct err *err)
{
    bool more = true;
    size_t at = 0;

    w->parts_n = w->chunks_n = 0;
    while (more)
        if (next_part(w, &more, err) < 0)
            return -1;
    for (size_t i = 0; i < w->parts_n; i++) {
        w->parts[i].chunks = w->chunks + at;
        at += w->parts[i].chunks_n;
    }
    w->next++;
    return 0;
}

static int open_dir_stretch(struct dir_walk *w, uint32_t series, struct err *err)
{
    struct block *b = w->block;
    uint64_t stretches = ((uint64_t)b->meta.series + SERIES_RESTART - 1) / SERIES_RESTART;
    uint64_t stretch = series / SERIES_RESTART;
    struct block_view v;
    struct cursor c;

    w->open = false;
    if (block_table(b, SECTION_DIR, stretch, DIR_TABLE_BYTES, w->a, &v, err) < 0)
        return -1;
    c = cursor_of(v.p, v.n);
    (void)cursor_u32(&c);
    w->data = cursor_u64(&c);
    block_view_end(b, &v);
    if (w->data > b->sections[SECTION_DATA].bytes)
        return block_corrupt(b, SECTION_DIR, b->sections[SECTION_DIR].table,
                             "an offset out of bounds", err);
    if (block_slice(b, SECTION_DIR, stretch, stretches, DIR_TABLE_BYTES, w->a, &v, err) < 0 ||
        keep_bytes(b, &v, w->a, &w->bytes, &w->bytes_cap, &w->c, err) < 0)
        return -1;
    w->next = series - series % SERIES_RESTART;
    w->group_before = UINT32_MAX;
    w->open = true;
    return 0;
}

int dir_walk_to(struct dir_walk *w, uint32_t series, struct err *err)
{
    assert(series < w->block->meta.series);
    if (w->open && w->next == series + 1)
        return 0;
    if (!w->open || series < w->next || w->next % SERIES_RESTART == 0 ||
        series / SERIES_RESTART != w->next / SERIES_RESTART)
        if (open_dir_stretch(w, series, err) < 0)
            return -1;
    while (w->next <= series) {
        if (next_entry(w, err) < 0) {
            w->open = false;
            return -1;
        }
    }
    return 0;
}
