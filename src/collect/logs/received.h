/* received: messages of syslog as entries of a log (source.h), each an entry by itself.
 *
 * The time is the message's, one without a year in the year that brings it nearest to now; else
 * when it was received. There is no position: what was received and is not yet stored is lost with
 * a kill.
 *
 * Threads: one at a time.
 */
#ifndef COLLECT_LOGS_RECEIVED_H
#define COLLECT_LOGS_RECEIVED_H

#include <stddef.h>

#include "base/attr.h"
#include "collect/logs/source.h"

struct received;
struct receiver;
struct zone;

/* All borrowed. */
struct received *received_new(const char *name, struct receiver *receiver, size_t line_max,
                              const struct zone *zone);
void received_free(struct received *r); /* NULL is fine */
/* ERR_OS: nothing is received. */
MUST_USE int received_read(struct received *r, const struct source_pass *pass, struct err *err);
struct source_counts received_counts(const struct received *r);

#endif
