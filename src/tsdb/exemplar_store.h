/* exemplar_store: the newest exemplars: samples with a trace to look at, beside the series.
 *
 * A queue of all of them, bounded in number and bytes: a new one pushes out the oldest. Those of
 * one series are chained in time order, so its newest decides what is taken: the same once more is
 * skipped, an older one is refused, as Prometheus does.
 *
 * Ownership: copies label sets. Exemplars survive a start as long as the log has them.
 * Threads: any; the lock is a leaf.
 */
#ifndef TSDB_EXEMPLAR_STORE_H
#define TSDB_EXEMPLAR_STORE_H

#include <pthread.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/attr.h"
#include "base/clock.h"
#include "base/map.h"

struct arena;
struct err;
struct labels;
struct source_exemplars;
struct source_selector;

#define EXEMPLARS_BYTES_MAX  (64u << 20)
#define EXEMPLAR_LABEL_CHARS 128u /* UTF-8 characters of names and values together */

enum exemplar_outcome {
    EXEMPLAR_OK,
    EXEMPLAR_DUPLICATE, /* the newest of its series */
    EXEMPLAR_OUT_OF_ORDER,
    EXEMPLAR_TOO_LONG, /* its labels */
    EXEMPLAR_OFF,      /* the store keeps none */
    EXEMPLAR_OUTCOMES,
};

struct exemplar {
    ts_ms ts;
    double value;
    const struct labels *labels;
    bool undated; /* its time is only that of the scrape: it may be the same as one before */
};

struct exemplar_entry;

struct exemplar_store {
    pthread_rwlock_t lock;                  /* guards all below */
    struct map series;                      /* by label set */
    struct exemplar_entry *oldest, *newest; /* owned */
    size_t n, n_max, bytes;
};

void exemplar_store_init(struct exemplar_store *s, size_t n_max); /* 0: keeps none */
void exemplar_store_fini(struct exemplar_store *s);
/* What would become of it. */
enum exemplar_outcome exemplar_store_check(struct exemplar_store *s, const struct labels *series,
                                           const struct exemplar *e);
enum exemplar_outcome exemplar_store_put(struct exemplar_store *s, const struct labels *series,
                                         const struct exemplar *e);
/* Those in [mint, maxt] of the series that any selector matches, by series in label order, each in
 * time order; copies in the arena. */
MUST_USE int exemplar_store_select(struct exemplar_store *s, struct arena *a,
                                   const struct source_selector *selectors, size_t selectors_n,
                                   ts_ms mint, ts_ms maxt, struct source_exemplars **out, size_t *n,
                                   struct err *err);

struct exemplar_sums {
    size_t exemplars, series, bytes;
    ts_ms oldest_ts; /* of the first in the queue; 0: it is empty */
};
struct exemplar_sums exemplar_store_sums(struct exemplar_store *s);

#endif
