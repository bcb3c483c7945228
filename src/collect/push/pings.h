/* pings: jobs that tell when they began and how they ended, by name.
 *
 * Each ping is one of three: a start, an end, a failure. An end that is due and does not come
 * within its grace makes a job late. When it is due says the configuration (`every` or `cron`); a
 * name that it does not know is judged once it has a rhythm: after RHYTHM_ENDS ends no gap between
 * which is twice another one, it is late after one and a half times the longest of them, and the
 * grace.
 *
 * Threads: any; a lock is inside. Times are of the wall clock. The state is kept over restarts
 * (pings_write, pings_read).
 */
#ifndef COLLECT_PUSH_PINGS_H
#define COLLECT_PUSH_PINGS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/attr.h"
#include "base/clock.h"
#include "base/str.h"

#define PINGS_MAX      1000 /* names, those of the configuration not counted */
#define PINGS_NAME_MAX 100

struct emit;
struct err;
struct ping_settings;
struct pings;

enum ping_kind { PING_END, PING_START, PING_FAIL };

struct pings *pings_new(void);
void pings_free(struct pings *p);
/* Those of the configuration, borrowed until the next call. `now`: since when a new one is waited
 * for. */
void pings_configure(struct pings *p, const struct ping_settings *settings, size_t n, ts_ms now);

/* Letters, digits, '.', '_' and '-'. */
bool pings_is_name(struct str name);
/* False: there are too many names already. */
MUST_USE bool pings_take(struct pings *p, struct str name, enum ping_kind kind, ts_ms now);
/* False: there is no such name. One of the configuration begins anew. */
bool pings_forget(struct pings *p, struct str name, ts_ms now);

struct pings_counts {
    size_t names;
    uint64_t version; /* another one: something changed */
};
struct pings_counts pings_count(struct pings *p);

MUST_USE int pings_emit(struct pings *p, ts_ms now, struct emit *emit, struct err *err);
void pings_write(struct pings *p, struct buf *out);
/* Into an empty one. ERR_CORRUPT. */
MUST_USE int pings_read(struct pings *p, struct str bytes, struct err *err);

#endif
