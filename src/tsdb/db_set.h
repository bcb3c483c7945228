/* db_set: what a select found (db_set.c) and how its samples are read (db_source.c). Not for
 * others.
 *
 *   series i  ->  parts[first[i] .. first[i + 1])   one for each stream, side list or block
 *
 * A set holds references to the windows and blocks it came from; views of streams and copies of
 * side lists were taken under data_lock, so nothing in it changes.
 */
#ifndef TSDB_DB_SET_H
#define TSDB_DB_SET_H

#include <pthread.h>
#include <stdatomic.h>

#include "model/source.h"
#include "tsdb/stream.h"

struct block;
struct db;
struct tomb_span;
struct window;

enum part_kind { PART_STREAM, PART_SIDE, PART_BLOCK };

struct set_part {
    enum part_kind kind;
    uint32_t owner; /* parts of one owner follow each other in time; a larger one wins */
    union {
        struct {
            struct stream_view view;
            uint32_t column;
        } stream;
        struct {
            const ts_ms *ts;
            const double *values;
            uint32_t n;
        } side;
        struct {
            uint32_t block, series;
        } block;
    };
};

/* What is deleted of a part. */
struct set_gone {
    const struct tomb_span *spans;
    size_t n;
};

struct set_column {
    struct source_column column;
    uint32_t lo, hi; /* positions in [mint, maxt] */
};

struct db_set {
    struct source_set set; /* first */
    ts_ms mint, maxt;
    struct set_part *parts;
    uint32_t *first;       /* [set.n + 1] */
    struct set_gone *gone; /* by part; NULL: nothing is deleted of any */
    struct set_column *columns;
    struct window **windows; /* referenced */
    size_t windows_n;
    struct block **blocks; /* referenced */
    size_t blocks_n;
    bool *block_warned;       /* [blocks_n]; guarded by lock */
    char (*block_texts)[160]; /* [blocks_n] */
    const char **warnings;    /* [set.warnings_n]; room for all there can be */
    pthread_mutex_t *lock;    /* guards warnings: readers on several threads */
};

/* Adds a warning; text lives as long as the set. */
void db_set_warn(struct db_set *s, const char *text);
/* Says once a set that block b is damaged. Any thread. */
void db_set_damaged(struct db_set *s, size_t b);

/* source.h, the part of db_set.c */
int db_set_select(struct source *src, struct arena *a, const struct matcher *matchers,
                  size_t matchers_n, ts_ms mint, ts_ms maxt, const struct source_hints *hints,
                  struct source_set **out, struct err *err);
void db_set_free(struct source *src, struct source_set *set);

#endif
