/* block_fixture: random series, the block made of them, and the samples it must give back. For
 * tests only.
 */
#ifndef TSDB_BLOCK_FIXTURE_H
#define TSDB_BLOCK_FIXTURE_H

#include "base/arena.h"
#include "base/rng.h"
#include "model/sample.h"
#include "tsdb/block.h"

struct cache;
struct fs;

struct fixture_series {
    const struct labels *labels;
    struct sample *samples; /* what must be read */
    size_t samples_n;
    struct block_part *parts;
    size_t parts_n;
};

struct block_fixture {
    struct arena arena;
    struct rng rng;
    struct fs *fs;
    struct cache *cache;
    struct fixture_series *series; /* sorted by labels */
    size_t series_n;
    ts_ms **columns;
    size_t *columns_n;
    size_t groups_n;
    ts_ms mint, maxt;
    struct block *block; /* after block_fixture_write */
    char name[80];
};

/* Series of `groups` groups with up to `positions` timestamps each from `start` on. */
void block_fixture_init_at(struct block_fixture *f, uint64_t seed, size_t series, size_t groups,
                           size_t positions, ts_ms start);
void block_fixture_init(struct block_fixture *f, uint64_t seed, size_t series, size_t groups,
                        size_t positions);
void block_fixture_fini(struct block_fixture *f);

int block_fixture_try_write(struct block_fixture *f, struct fs *fs, const struct block_meta *meta,
                            char *name, struct err *err);
/* Writes into f->fs and opens. */
void block_fixture_write(struct block_fixture *f, uint32_t generation, bool side);
/* Where the section of posting lists begins in the file. */
size_t block_fixture_post_offset(const unsigned char *bytes, size_t n);
/* Every series, its labels and its samples in the range, bit for bit. */
void block_fixture_check(const struct block_fixture *f, struct block *b, ts_ms mint, ts_ms maxt);

#endif
