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
#include "base/str.h"
#include "collect/logs/record.h"

struct counts;
struct err;
struct logs_settings;
struct patterns;

#define PATTERNS_GROUPS_MAX 32 /* of one pattern, the whole match among them */

/* The settings are borrowed. ERR_LIMIT: together they are too large. */
MUST_USE int patterns_new(const struct logs_settings *settings, struct patterns **out,
                          struct err *err);
void patterns_free(struct patterns *p);
/* What an entry turned out to be. */
struct patterns_found {
    struct str event; /* n 0: none */
    enum severity level;
    struct log_field groups[PATTERNS_GROUPS_MAX]; /* the named ones of that event's pattern */
    size_t groups_n;
    bool job; /* it is the end of one */
    struct str job_id, job_model;
    double job_s; /* 0: it does not say */
    bool job_failed;
};

/* Counts the entry, its level and its events. The views of *found are into the entry. */
void patterns_apply(struct patterns *p, const struct log_record *record, struct counts *counts,
                    struct patterns_found *found);

#endif
