/* scripted_sink: a store for tests, that writes down what it gets.
 *
 * It answers each commit at once, with the verdicts and outcomes a test asked for. The record is
 * text, one line a sample: "series value", with " @time" for rows; a column begins with
 * "column TIME", vanished series follow as "series stale", metadata as "# family type help",
 * exemplars at the end as "series ~ labels value @time".
 * It checks the promises a caller makes: refs of the generation, hints that are true, rows in
 * order.
 */
#ifndef COLLECT_SCRIPTED_SINK_H
#define COLLECT_SCRIPTED_SINK_H

#include <pthread.h>
#include <stdatomic.h>

#include "base/arena.h"
#include "base/str.h"
#include "model/sink.h"

#define SCRIPTED_SERIES_MAX 256
#define SCRIPTED_GROUPS_MAX 320

struct scripted_sink {
    struct sink sink;     /* first */
    pthread_mutex_t lock; /* guards all below while lanes run */
    struct arena arena;
    struct buf record;

    uint32_t generation; /* raise it to make refs stale */
    uint32_t first_id;
    const struct labels *series[SCRIPTED_SERIES_MAX];
    const struct sink_group *group_of[SCRIPTED_SERIES_MAX];
    const struct labels *groups[SCRIPTED_GROUPS_MAX]; /* by key; a handle points at its entry */
    size_t groups_n;
    size_t series_n, series_max;
    size_t resolves, resolved; /* calls, label sets */
    atomic_size_t commits;
    size_t groups_open;

    /* What the next commits are answered with, then WRITTEN again. */
    enum sink_verdict verdicts[8];
    enum sink_reason reason;
    size_t verdicts_n;
    ts_ms conflict_at, late_at, future_at; /* rows of this time; 0: none */

    /* Of the last column taken. */
    bool present[SCRIPTED_SERIES_MAX];
    double values[SCRIPTED_SERIES_MAX];
    bool have_column;
};

void scripted_sink_init(struct scripted_sink *s);
void scripted_sink_fini(struct scripted_sink *s);
/* As the store when it cuts its head: new generation, all ids are handed out anew. */
void scripted_sink_cut(struct scripted_sink *s);
/* The record since the last call. */
const char *scripted_sink_take(struct scripted_sink *s);

#endif
