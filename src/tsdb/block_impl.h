/* block_impl: what the files that read a block share: its struct, and views of its sections.
 *
 *   block.c         open, close, pages and views
 *   block_names.c   symbols, label names, label pairs
 *   block_series.c  SERIES and DIR: the pairs and the parts of a series
 *   block_select.c  matchers over POST
 *   block_read.c    samples
 *   block_verify.c  everything, once
 *
 * Beside them only compact.c and inspect.c include it, for the directory and the groups.
 */
#ifndef TSDB_BLOCK_IMPL_H
#define TSDB_BLOCK_IMPL_H

#include <pthread.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>

#include "base/attr.h"
#include "base/cursor.h"
#include "base/str.h"
#include "tsdb/block.h"
#include "tsdb/block_layout.h"
#include "tsdb/cache.h"
#include "tsdb/section.h"

struct fs_file;

struct block_name {
    struct str text;
    uint32_t symbol, first, end; /* pairs [first, end) have this name */
    uint32_t series_n;           /* with a label of this name */
};

struct block {
    atomic_size_t refs;
    struct fs *fs;
    struct fs_file *file; /* owned */
    struct cache *cache;
    uint64_t cache_file;
    char name[80];
    struct block_meta meta;
    uint8_t (*parents)[16];                 /* owned */
    struct section sections[SECTION_TYPES]; /* by type */
    uint32_t first_page[SECTION_TYPES];
    uint32_t *page_crcs; /* owned */
    uint32_t pages_n;
    _Atomic uint8_t *page_bad; /* owned; by page: was counted as bad */
    _Atomic uint64_t bad_pages;

    pthread_mutex_t names_lock; /* guards: names until names_ready */
    atomic_bool names_ready;
    struct block_name *names; /* owned, the text too */
    char *names_text;
    uint32_t names_n;
};

/* Bytes of a section: within one page they are the cache's, pinned; across pages a copy, in the
 * view itself when it is small, else in an arena. Not to be copied. */
struct block_view {
    const unsigned char *p;
    size_t n;
    const struct cache_page *page;
    unsigned char small[16];
};

MUST_USE int block_view(struct block *b, enum section_type type, uint64_t offset, size_t n,
                        struct arena *a, struct block_view *out, struct err *err);
void block_view_end(struct block *b, struct block_view *v); /* twice is fine */
/* Entry i, of `bytes`, of the section's table. */
MUST_USE int block_table(struct block *b, enum section_type type, uint64_t i, size_t bytes,
                         struct arena *a, struct block_view *out, struct err *err);
/* What lies between entry i of a table of u32 offsets (entries of `bytes`) and the next, or the end
 * of the body. */
MUST_USE int block_slice(struct block *b, enum section_type type, uint64_t i, uint64_t entries,
                         size_t bytes, struct arena *a, struct block_view *out, struct err *err);

/* ERR_CORRUPT with the file's name and the place in it. */
int block_corrupt(struct block *b, enum section_type type, uint64_t offset, const char *what,
                  struct err *err);

/* Counts damage that another handle of the same file has met. */
void block_add_bad_pages(struct block *b, uint64_t n);

/* ---- block_read.c ---- */

struct source_column;

/* A group's decoded column; the reader's, as source_column's rules say. */
MUST_USE int block_reader_column(struct block_reader *r, uint32_t group, struct arena *scratch,
                                 const struct source_column **out, struct err *err);

/* ---- block_names.c ---- */

/* The block's label names in order; loaded at the first call, then kept. */
MUST_USE int block_names(struct block *b, const struct block_name **out, uint32_t *n,
                         struct err *err);
/* The name that pair belongs to; NULL when it is none's. */
const struct block_name *block_name_of_pair(const struct block_name *names, uint32_t n,
                                            uint32_t pair);
const struct block_name *block_name_find(const struct block_name *names, uint32_t n,
                                         struct str text);

/* A stretch of decoded values of pairs, pinned in the cache. */
#define PAIRS_FRAME 256u
struct pairs_frame {
    const struct cache_page *page;
    uint32_t first, n;
};
/* Makes f the frame that holds `pair`, unless it does already. Start with {0}. */
MUST_USE int pairs_frame_at(struct block *b, uint32_t pair, struct pairs_frame *f, struct err *err);
struct str pairs_frame_value(const struct pairs_frame *f, uint32_t pair);
void pairs_frame_end(struct block *b, struct pairs_frame *f);
/* The first pair in [name->first, name->end) whose value is >= text. */
MUST_USE int pairs_lower_bound(struct block *b, const struct block_name *name, struct str text,
                               uint32_t *out, struct err *err);

/* ---- block_series.c ---- */

struct series_ids {
    uint32_t *v; /* in the arena; no more than a label set of LABELS_BYTES_MAX can have */
    size_t n, cap;
};

/* Walks SERIES forward; going to a neighbour is cheap, going back costs a stretch. Holds no pin and
 * no heap: all of it lives in the arena, whose memory is used again. */
struct series_walk {
    struct block *block;
    struct arena *a;
    unsigned char *bytes; /* of one stretch of SERIES_RESTART */
    size_t bytes_cap;
    struct cursor c;
    uint32_t next; /* the series that `c` stands before */
    bool open;
    struct series_ids ids, before;
};

void series_walk_init(struct series_walk *w, struct block *b, struct arena *a);
/* Leaves the pairs of `series` in w->ids. */
MUST_USE int series_walk_to(struct series_walk *w, uint32_t series, struct err *err);

struct part_chunk {
    const unsigned char *inline_bytes; /* NULL: in DATA */
    uint64_t offset;                   /* in DATA */
    uint32_t bytes;
};

struct series_part {
    uint32_t group;
    bool whole;
    uint32_t first, n;       /* when not whole */
    uint32_t presence_bytes; /* 0: all there; else at presence_offset in DATA */
    uint64_t presence_offset;
    struct part_chunk *chunks;
    uint32_t chunks_n;
};

/* Walks DIR forward, likewise. Parts and inline bytes stay until the next call. */
struct dir_walk {
    struct block *block;
    struct arena *a;
    unsigned char *bytes; /* of one stretch of SERIES_RESTART */
    size_t bytes_cap;
    struct cursor c;
    uint64_t data; /* offset in DATA */
    uint32_t next, group_before;
    bool open;
    struct series_part *parts;
    size_t parts_n, parts_cap;
    struct part_chunk *chunks;
    size_t chunks_n, chunks_cap;
};

void dir_walk_init(struct dir_walk *w, struct block *b, struct arena *a);
MUST_USE int dir_walk_to(struct dir_walk *w, uint32_t series, struct err *err);

#endif
