/* window: the samples of one stretch of time (2 h, aligned) in memory, until it is cut to a block.
 *
 * A window holds *columns* (struct column: one shared list of timestamps each) and *streams* (the
 * values of one series over positions of one column, stream.h). A pull group has one column a
 * window. Pushed series are put together by their (job, instance): a series whose timestamps miss
 * its column twice in a row moves to a sibling column, so that what is sent together shares
 * timestamps. The streams of one series are chained, newest first, and follow each other in time.
 * Samples behind their series go to a sorted side list of that series.
 *
 * Ownership: by reference count; a reader that took a view holds a reference.
 * Threads: changed by the writer under the head's data_lock (write); views are taken under it
 *          (read) and used without. A frozen window never changes.
 */
#ifndef TSDB_WINDOW_H
#define TSDB_WINDOW_H

#include <stdatomic.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/attr.h"
#include "base/clock.h"
#include "base/map.h"
#include "model/sample.h"
#include "model/sink.h"
#include "tsdb/pages.h"
#include "tsdb/stream.h"

#define WINDOW_MS (INT64_C(2) * 3600 * 1000)

struct column {
    ts_ms *ts; /* ascending; [n] never change, and outgrown arrays stay until the window ends */
    uint32_t n, cap;
    uint32_t sibling; /* older column of the same key, + 1; 0: none */
    bool pull;
    /* Of a pull group: */
    struct pages stream_of; /* slot -> stream + 1 */
    struct pages slow;      /* slot -> 1: another writer owns the series here; take it by row */
    uint32_t slow_n;
};

/* Samples of one series that came behind newer ones. */
struct side {
    uint32_t series;
    uint32_t n;
    size_t cap;
    struct sample *samples; /* owned, ascending, unique */
};

struct outgrown;

struct window {
    atomic_uint refs;
    uint64_t uid;         /* unique over all runs of the store */
    ts_ms start, end;     /* [start, end) */
    ts_ms min_ts, max_ts; /* of the samples; min > max: empty */
    uint64_t samples;
    bool frozen;
    bool late;          /* was begun when it was due already: becomes a side block */
    int64_t touched_ns; /* when the newest sample came */
    int64_t born_ns;
    bool unlogged; /* some samples are not in the log */
    bool buried;   /* a tombstone names it; guarded by the head's data_lock */

    struct stream **stream_pages; /* WINDOW_STREAMS each */
    uint32_t streams_n;
    struct column **columns;
    size_t columns_n, columns_cap;
    struct pages stream_of; /* series -> newest stream + 1 */
    struct pages column_of; /* push key -> newest column + 1 */
    struct pages pull_of;   /* pull group -> column + 1 */
    struct map sides;
    size_t side_bytes, column_bytes;
    struct slabs slabs;
    struct outgrown *outgrown;
};

#define WINDOW_STREAMS 512u

struct window *window_new(ts_ms start, uint64_t uid);
struct window *window_ref(struct window *w);
void window_unref(struct window *w); /* NULL is fine */
ts_ms window_start_of(ts_ms ts);
size_t window_bytes(const struct window *w);

static inline struct stream *window_stream(const struct window *w, uint32_t i)
{
    return &w->stream_pages[i / WINDOW_STREAMS][i % WINDOW_STREAMS];
}

/* What would become of a sample: SINK_OK, SINK_DUPLICATE or SINK_CONFLICT. */
enum sink_outcome window_check(const struct window *w, uint32_t series, ts_ms ts, uint64_t bits);
/* Takes one sample of a pushed series (or by row); `key` is its (job, instance). */
enum sink_outcome window_put(struct window *w, uint32_t series, uint32_t key, ts_ms ts,
                             uint64_t bits);

/* One column of a pull group. All its slots are given as they are after this column; the staleness
 * NaN: not there. */
struct window_pull {
    uint32_t group;
    ts_ms ts;
    uint32_t slots;
    const uint32_t *series;         /* by slot; STREAM_NONE: unused slot */
    const uint64_t *values;         /* by slot, bits */
    const uint32_t *changed;        /* slots whose bits differ from the column before, ascending */
    const uint64_t *changed_values; /* their new bits; the staleness NaN: a marker */
    size_t changed_n;
    uint64_t samples;     /* that are there, markers included */
    const uint32_t *keys; /* push key by series, for those taken by row */
    uint64_t *outcomes;   /* [SINK_OUTCOMES], of the slots taken by row; the rest is OK */
    uint64_t by_row;      /* out: how many were taken by row */
};
void window_pull(struct window *w, struct window_pull *p);

/* The samples of one series: its streams oldest first, and its side list. */
struct window_part {
    struct stream_view view;
    uint32_t column;
};
/* Takes views of a series' streams into parts[] (oldest first) and returns how many there are;
 * fills at most `max`. */
size_t window_parts(const struct window *w, uint32_t series, struct window_part *parts, size_t max);
const struct side *window_side(const struct window *w, uint32_t series);
bool window_has(const struct window *w, uint32_t series);
/* Walks all invariants; for tests and fuzzing. */
bool window_valid(const struct window *w);

#endif
