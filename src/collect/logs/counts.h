/* counts: what has been found in the entries of one log: events, levels, values, histograms.
 *
 * All series of the patterns are there from the start with 0, so that the first event counts.
 * Counts outlast a restart: they are written beside the positions (collector.c) and read again,
 * by their names; what the configuration no longer has is left out then.
 *
 * Threads: one at a time.
 */
#ifndef COLLECT_LOGS_COUNTS_H
#define COLLECT_LOGS_COUNTS_H

#include <stddef.h>

#include "base/attr.h"
#include "base/str.h"
#include "collect/logs/severity.h"

struct arena;
struct counts;
struct emit;
struct err;
struct json_t;
struct json_writer;
struct logs_settings;

#define COUNTS_LABEL_VALUES_MAX 100  /* of one label of a histogram; then "other" */
#define COUNTS_CHILDREN_MAX     1000 /* label sets of one histogram; then all "other" */

struct counts *counts_new(const struct logs_settings *settings); /* borrowed */
void counts_free(struct counts *c);

void counts_line(struct counts *c, enum severity level);
/* `severity` is that of the line, which counts where the pattern has none. */
void counts_event(struct counts *c, size_t pattern, enum severity severity);
void counts_value(struct counts *c, size_t pattern, size_t value, double v);
/* labels[] as many as the pattern's histogram has. */
void counts_observe(struct counts *c, size_t pattern, const struct str labels[], double v);

/* One more of the pattern's counter; labels[] as many as that has. */
void counts_add(struct counts *c, size_t pattern, const struct str labels[]);

MUST_USE int counts_emit(const struct counts *c, struct emit *emit, struct arena *scratch,
                         struct err *err);
/* Members of an object that is open. */
void counts_write(const struct counts *c, struct json_writer *w);
/* Of such an object; what is not understood stays 0. */
void counts_read(struct counts *c, const struct json_t *root);

#endif
