/* patterns: what an entry of a log says, by the patterns of its configuration.
 *
 * All patterns on the message are tried in one pass (text/regex_set.h), and so are those on the
 * whole entry; the first that matches names the event, and those before it with `continue` theirs.
 *
 * Threads: one at a time.
 */
#ifndef COLLECT_LOGS_PATTERNS_H
#define COLLECT_LOGS_PATTERNS_H

#include "base/attr.h"

struct counts;
struct err;
struct log_record;
struct logs_settings;
struct patterns;

/* The settings are borrowed. ERR_LIMIT: together they are too large. */
MUST_USE int patterns_new(const struct logs_settings *settings, struct patterns **out,
                          struct err *err);
void patterns_free(struct patterns *p);
/* Counts the entry, its level and its events. */
void patterns_apply(struct patterns *p, const struct log_record *record, struct counts *counts);

#endif
