/* tomb: tombstones: which samples were deleted.
 *
 * A tombstone is what a delete asked for (matchers, a range of time) and what there was when it was
 * asked: the blocks up to a generation, and windows of the head, which were frozen at that moment.
 * So it never touches what is written later, whatever its times: a series that is written again
 * lives on, and a sample may be written again at a time that was deleted.
 *
 *   tombs       all tombstones of a store; never changes, a delete makes another one
 *   tomb_list   those of them that can matter to one window or block
 *   tomb_spans  what is deleted of one series there
 *
 * Ownership: tombstones and tombs are shared by reference; a list borrows from its tombs.
 * Threads: one makes a tombstone; once in a tombs anyone reads it.
 * Errors: tombstone_decode: ERR_CORRUPT; a regular expression that does not compile: ERR_SYNTAX.
 */
#ifndef TSDB_TOMB_H
#define TSDB_TOMB_H

#include <stdatomic.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/arena.h"
#include "base/attr.h"
#include "base/clock.h"
#include "model/matcher.h"

struct buf;
struct cursor;
struct err;
struct labels;

struct tomb_window {
    uint64_t uid;
    ts_ms start;
    bool froze; /* the delete froze it: a replay does so at this place of the log */
};

struct tombstone {
    atomic_uint refs;
    atomic_bool cleaned;         /* no block holds any of it any more */
    uint64_t seq;                /* of its record in the log */
    uint32_t generation;         /* blocks up to this one are meant */
    uint32_t segment;            /* of the log, in which its record is */
    ts_ms mint, maxt;            /* inclusive */
    struct tomb_window *windows; /* owned */
    size_t windows_n, windows_cap;
    struct matcher *matchers;
    size_t matchers_n;
    struct arena a; /* of the matchers */
};

/* Copies the matchers. */
MUST_USE int tombstone_new(const struct matcher *matchers, size_t n, ts_ms mint, ts_ms maxt,
                           struct tombstone **out, struct err *err);
struct tombstone *tombstone_ref(struct tombstone *t);
void tombstone_unref(struct tombstone *t); /* NULL is fine */
void tombstone_add_window(struct tombstone *t, uint64_t uid, ts_ms start, bool froze);
bool tombstone_has_window(const struct tombstone *t, uint64_t uid);
/* The payload of its record (FORMAT.md); seq stands in the record's header. */
void tombstone_encode(const struct tombstone *t, struct buf *b);
MUST_USE int tombstone_decode(struct cursor *c, uint64_t seq, struct tombstone **out,
                              struct err *err);

struct tombs {
    atomic_uint refs;
    struct tombstone **items; /* [n], owned; by seq */
    size_t n;
};

/* NULL everywhere below: none. */
struct tombs *tombs_ref(struct tombs *t);
void tombs_unref(struct tombs *t);
/* With n more, which take the place of those that they make needless; takes a reference of each. */
struct tombs *tombs_with(const struct tombs *t, struct tombstone *const more[], size_t n);
/* Without those for which `out` says so. */
struct tombs *tombs_without(const struct tombs *t, bool (*out)(void *arg, const struct tombstone *),
                            void *arg);
const struct tombstone *tombs_find(const struct tombs *t, uint64_t seq);

struct tomb_list {
    const struct tombstone **items; /* owned */
    size_t n;
};

/* Those that can matter in [mint, maxt] of a block or window. */
struct tomb_list tombs_of_block(const struct tombs *t, uint32_t generation, ts_ms mint, ts_ms maxt);
struct tomb_list tombs_of_window(const struct tombs *t, uint64_t uid, ts_ms mint, ts_ms maxt);
void tomb_list_fini(struct tomb_list *l);

struct tomb_span {
    ts_ms from, to; /* inclusive */
};

struct tomb_spans {
    struct tomb_span *items; /* owned; ascending, apart */
    size_t n, cap;
};

/* Fills spans anew; true when there are any. */
bool tomb_list_spans(const struct tomb_list *l, const struct labels *ls, struct tomb_spans *out);
void tomb_spans_fini(struct tomb_spans *s);
/* Is all of [from, to] deleted? */
bool tomb_spans_cover(const struct tomb_span *spans, size_t n, ts_ms from, ts_ms to);
/* The first position >= `at` whose time is deleted (or not, with `gone` false); n: none. Cheap for
 * ascending `at`: *span is where to look first, 0 to begin with. */
size_t tomb_spans_next(const struct tomb_span *spans, size_t spans_n, const ts_ms *ts, size_t n,
                       size_t at, bool gone, size_t *span);

#endif
