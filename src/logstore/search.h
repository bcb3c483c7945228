/* search: lines of the store, in the order of their times.
 *
 * A search is done piece by piece: each call opens the files it needs, goes on behind where the
 * last one stopped, and closes them again. So a slow reader holds no file, and none keeps the
 * writer from taking its log in.
 *
 * Threads: any, beside the writer and each other. Never the loop's: it reads from the disk.
 */
#ifndef LOGSTORE_SEARCH_H
#define LOGSTORE_SEARCH_H

#include <stdatomic.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/attr.h"
#include "base/str.h"
#include "logstore/words.h"

struct clock;
struct err;
struct logstore;

/* A field with exactly this value. `event`, `source` and `message` are those of the line where it
 * has no field of that name. */
struct logstore_where {
    struct str name, value;
};

/* Lines that came into the store within a time, in whatever order they are themselves. */
struct logstore_arrivals {
    uint64_t from, to;         /* numbers of lines, `to` not included */
    int64_t first_id, last_id; /* what they lie between */
    uint64_t missed;           /* lines before `from` that are too long ago to be told */
};

struct logstore_query {
    int64_t start_ms, end_ms; /* both included */
    struct str source;        /* or x of x/y, x@y; n 0: all, as in the next */
    struct str event;
    uint8_t level_min;
    const struct logstore_where *where; /* [where_n] */
    size_t where_n;
    struct words words;                      /* n 0: any */
    bool forward;                            /* oldest first */
    const struct logstore_arrivals *arrived; /* NULL: whenever they came */
};

/* Where a search stands; zeroed: at its beginning. */
struct logstore_at {
    int64_t id, file;
    bool set, ended;
};

struct logstore_row {
    int64_t id, time_ms;
    uint8_t level;
    struct str source, event, message;
    struct str fields; /* packed_field_next of batch.h */
};

struct logstore_bounds {
    const struct clock *clock;
    const atomic_bool *cancelled; /* NULL: nobody does */
    int64_t deadline_ns;          /* monotonic; 0: none */
};

/* Calls `row` for each line that fits; when it returns false the piece ends behind that line.
 * at->ended is set when there is none left. ERR_TIMEOUT, ERR_CANCELLED; ERR_CORRUPT: a file is
 * damaged, the next search does without it. */
MUST_USE int logstore_search(struct logstore *s, const struct logstore_query *query,
                             const struct logstore_bounds *bounds, struct logstore_at *at,
                             bool (*row)(void *arg, const struct logstore_row *row), void *arg,
                             struct err *err);

/* What has come since line number `from` (which `to` of the last answer is; UINT64_MAX: nothing
 * yet, as from now on). Of what is long ago only the number is known. Any thread; does not wait for
 * the disk. */
void logstore_arrivals(struct logstore *s, uint64_t from, struct logstore_arrivals *out);
bool logstore_has_arrived(const struct logstore_arrivals *a, int64_t id);

struct logstore_source {
    char *name; /* owned */
    uint64_t lines;
    int64_t first_ms, last_ms;
};

/* Whether `wanted` of a query stands for the source of this name, which has a NUL behind it. */
bool logstore_is_source(struct str wanted, struct str name);
/* Sorted by name; logstore_sources_free it. */
MUST_USE int logstore_sources(struct logstore *s, struct logstore_source **out, size_t *n,
                              struct err *err);
void logstore_sources_free(struct logstore_source *sources, size_t n);

#endif
