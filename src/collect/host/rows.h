/* rows: samples of families whose names come from the hardware, gathered device by device and then
 * written family by family, as an exposition must be.
 *
 * Threads: that of the collector. Memory is scratch.
 */
#ifndef COLLECT_HOST_ROWS_H
#define COLLECT_HOST_ROWS_H

#include "collect/host/run.h"

#define ROW_LABELS_MAX 16

struct row {
    struct str family, help;
    enum metric_type type;
    double value;
    struct label labels[ROW_LABELS_MAX]; /* the values must stay until rows_emit */
    size_t labels_n;
};

struct rows {
    struct row *items;
    size_t n, cap;
};

/* NULL when scratch is used up. */
struct row *rows_add(struct host_run *r, struct rows *rows);
/* prefix + name + suffix in scratch, with what a metric name cannot hold as '_'. */
struct str rows_name(struct host_run *r, const char *prefix, struct str name, const char *suffix);
/* In the order of the names; within a family as added. */
void rows_emit(struct host_run *r, const struct rows *rows);

#endif
