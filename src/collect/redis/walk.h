/* walk: how many keys match a pattern, counted with SCAN over as many cycles as it takes.
 *
 * A walk begins at most once a minute and goes on where the cycle before left it; what it counted
 * is told until the next walk has ended. SCAN tells a key more than once when a table grows under
 * it, so a count may be a little high while keys come in fast.
 * A walk of more than WALK_STEPS_MAX calls is given up: then nothing is told of its pattern, and
 * earshot_redis_scan_finished is 0.
 *
 * Threads: that of the collector.
 */
#ifndef COLLECT_REDIS_WALK_H
#define COLLECT_REDIS_WALK_H

#include <stddef.h>
#include <stdint.h>

#include "base/attr.h"

#define WALK_STEPS_MAX   100000
#define WALK_EVERY_MS    60000
#define WALK_STEP_KEYS   "1000" /* that one call looks at */
#define WALK_CURSOR_MAX  20     /* digits of 64 bits */
#define WALK_RUN_ID_SIZE 64

struct clock;
struct err;
struct redis_asker;
struct redis_run;
struct redis_settings;
struct walk;

struct walks {
    struct walk *items; /* [n], as the patterns of the settings */
    size_t n;
    size_t steps_max;              /* WALK_STEPS_MAX */
    char run_id[WALK_RUN_ID_SIZE]; /* of the server: another one knows none of the cursors */
};

void walks_init(struct walks *w, const struct redis_settings *settings);
void walks_fini(struct walks *w);
/* Until when they may go on in a cycle that ends at the deadline: a tenth of the interval, and
 * never the time that the rest needs. */
int64_t walks_end(const struct redis_asker *a, int64_t deadline_ns);
/* Goes on until `until_ns` of the clock, at least one step; adds what is known to the findings.
 * Forgets the answers of the session. */
MUST_USE int walks_run(struct walks *w, struct redis_run *r, const struct clock *clock,
                       int64_t until_ns, struct err *err);

#endif
