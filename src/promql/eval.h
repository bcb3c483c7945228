/* eval: one query on its way: its budget, its notes, and the streams its parts become.
 *
 * Every vector is a *stream* of columns: the label sets are known when it is opened, then each
 * column (one series, one value a step, ABSENT where there is none) is made when it is asked for.
 * An aggregation pulls its input column by column into accumulators, so sum(rate(x[5m])) holds one
 * series and the groups, never all series. What must see several series at once (matching, topk,
 * histograms) collects a *matrix* first.
 *
 *   grid      the times at which an expression is wanted: start, start + step, ... (n of them)
 *   column    double[grid.n]
 *   stream    labels[n], then n columns in order
 *   matrix    all columns of a stream
 *   windows   a range vector: for each series the samples and the bounds of each step's window
 *
 * Ownership: a stream owns an arena on the query's budget; closing it frees all it gave out. A
 * column is lent until the next call, and the borrower may overwrite it.
 * Threads: one eval belongs to one thread.
 */
#ifndef PROMQL_EVAL_H
#define PROMQL_EVAL_H

#include "base/arena.h"
#include "model/labels.h"
#include "model/sample.h"
#include "promql/annotate.h"
#include "promql/ast.h"

#define ABSENT value_of_bits(STALE_NAN_BITS)

static inline bool is_absent(double v)
{
    return value_is_stale(v);
}

struct grid {
    ts_ms start;
    int64_t step; /* >= 1 */
    size_t n;     /* may be 0 in a subquery that lies outside */
};

static inline ts_ms grid_at(const struct grid *g, size_t i)
{
    return g->start + (ts_ms)i * g->step;
}

struct eval {
    const struct promql_params *params;
    const struct expr_text *source;
    struct arena *arena; /* the result's */
    struct grid grid;    /* the query's own */
    int64_t lookback_ms;
    bool delayed;   /* names are removed at the end */
    bool any_order; /* of the selector being opened: its series may come unsorted */
    struct annotations notes;
    uint64_t samples_read, samples_now, samples_peak, samples_max;
};

/* ERR_CANCELLED, ERR_TIMEOUT: call it once a series at least. */
MUST_USE int eval_check(const struct eval *ev, struct err *err);
/* Samples held in memory; past samples_max ERR_LIMIT. */
MUST_USE int eval_hold(struct eval *ev, uint64_t samples, struct err *err);
void eval_release(struct eval *ev, uint64_t samples);

struct stream {
    size_t n;
    const struct labels **labels; /* [n] */
    bool *drop;                   /* [n]: the metric's name goes at the end */
    struct grid grid;
    MUST_USE int (*next)(struct stream *s, double **column, struct err *err);
    void (*close)(struct stream *s); /* frees what is no arena memory; NULL: nothing */
    struct arena arena;
    struct eval *ev;
};

/* A stream is the first member of a struct of `size` bytes on the heap. */
MUST_USE struct stream *stream_new(struct eval *ev, const struct grid *grid, size_t size);
void stream_close(struct stream *s); /* NULL is fine */
void stream_closep(struct stream **s);
/* Room for n label sets and flags. */
MUST_USE int stream_head(struct stream *s, size_t n, struct err *err);
MUST_USE int column_new(struct arena *a, const struct grid *grid, double **out, struct err *err);
void column_clear(double *column, size_t n); /* all ABSENT */

struct matrix {
    size_t n, cap;
    const struct labels **labels;
    bool *drop;
    double **columns;
    struct grid grid;
    struct arena arena;
    struct eval *ev;
    uint64_t held; /* samples charged */
};

void matrix_init(struct matrix *m, struct eval *ev, const struct grid *grid);
void matrix_fini(struct matrix *m);
/* Appends a column of ABSENT; the labels are borrowed. */
MUST_USE int matrix_add(struct matrix *m, const struct labels *labels, bool drop, double **column,
                        struct err *err);
/* All columns of a stream; the label sets are copied. */
MUST_USE int matrix_collect(struct matrix *m, struct stream *s, struct err *err);
/* Copies the label sets, which were borrowed so far. */
MUST_USE int matrix_own_labels(struct matrix *m, struct err *err);
/* Takes the matrix over; *m is empty after. Columns without a value are left out. */
MUST_USE int matrix_stream(struct matrix *m, struct stream **out, struct err *err);

/* Finds label sets again: numbers them in order of first sight. */
struct label_index {
    const struct labels **items; /* [n] */
    size_t n, cap;
    uint32_t *slots; /* [slots_n], a power of two; 0: empty, else number + 1 */
    size_t slots_n;
    struct arena *arena;
};

void label_index_init(struct label_index *x, struct arena *a);
/* The number of the set, new ones copied into the arena when `copy`. */
MUST_USE int label_index_put(struct label_index *x, const struct labels *ls, bool copy,
                             size_t *number, struct err *err);

/* Marks or, without delayed removal, takes away __name__, __type__ and __unit__ of all series.
 * Series that become equal are merged; both present at one step is ERR_EVAL, and with `strict`
 * their being equal already is. Replaces *s where needed. */
MUST_USE int stream_drop_names(struct stream **s, bool strict, struct err *err);
/* Merges series with equal labels (*s is replaced when there are any). */
MUST_USE int stream_merge(struct stream **s, bool strict, struct err *err);
/* The label set without __name__, __type__ and __unit__. */
MUST_USE int labels_nameless(struct arena *a, const struct labels *ls, const struct labels **out,
                             struct err *err);
/* ERR_EVAL "vector cannot contain metrics with the same labelset". */
int same_labelset(struct err *err);

/* ---- what an expression becomes ---- */

MUST_USE int eval_vector(struct eval *ev, const struct grid *grid, const struct expr *e,
                         struct stream **out, struct err *err);
/* One value a step, from the arena. */
MUST_USE int eval_scalar(struct eval *ev, const struct grid *grid, const struct expr *e,
                         struct arena *a, double **out, struct err *err);
/* The text of a literal, behind parentheses. */
struct str eval_string(const struct expr *e);

/* Where a selector or subquery looks at step i of a grid: (at i - range, at i]. */
struct look {
    bool fixed; /* @: the same at all steps */
    ts_ms at_ms;
    int64_t offset_ms;
};

MUST_USE int look_of(const struct eval *ev, const struct timing *timing, struct look *out,
                     struct err *err);
static inline ts_ms look_at(const struct look *l, const struct grid *g, size_t i)
{
    return (l->fixed ? l->at_ms : grid_at(g, i)) - l->offset_ms;
}
/* The value of a duration expression or literal in ms. */
MUST_USE int eval_duration(const struct eval *ev, const struct expr *e, int64_t literal_ms,
                           bool may_be_negative, int64_t *out_ms, struct err *err);

/* select.c */
MUST_USE int select_open(struct eval *ev, const struct grid *grid, const struct expr *e,
                         bool timestamps, struct stream **out, struct err *err);
/* select_smoothed.c */
MUST_USE int select_smoothed(struct eval *ev, const struct grid *grid, const struct expr *e,
                             struct stream **out, struct err *err);
/* binary.c, match.c */
MUST_USE int eval_binary(struct eval *ev, const struct grid *grid, const struct expr *e,
                         struct stream **out, struct err *err);
double binary_scalar(enum token op, double l, double r);
/* The value of l op r between vectors, and whether a comparison keeps it. */
double binary_element(enum token op, double l, double r, bool *keep);
bool binary_changes_meaning(enum token op);
MUST_USE int match_open(struct eval *ev, const struct grid *grid, const struct expr *e,
                        struct stream **out, struct err *err);
MUST_USE int match_set(struct eval *ev, const struct grid *grid, const struct expr *e,
                       struct stream **out, struct err *err);
/* The label set a signature is made of: on(...) or all but ignoring(...) and the name. */
MUST_USE int match_labels(const struct matching *m, struct arena *a, const struct labels *ls,
                          const struct labels **out, struct err *err);
/* aggregate.c and its neighbours */
MUST_USE int eval_aggregate(struct eval *ev, const struct grid *grid, const struct expr *e,
                            struct stream **out, struct err *err);

#endif
