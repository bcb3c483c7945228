/* alias: two names of one metric, of which a version of a service exposes one. What comes under the
 * one is told under the other too, unless that came by itself, so that what people wrote for either
 * version has its answer.
 *
 * Stands between the parser of an exposition and the emit of a cycle. It sees every line, and hands
 * on samples without their text, so the lines that came before are not skipped.
 *
 * Ownership: what is kept lives until alias_fini; `to` is borrowed. Threads: that of the cycle.
 */
#ifndef COLLECT_ALIAS_H
#define COLLECT_ALIAS_H

#include <stdbool.h>
#include <stddef.h>

#include "base/arena.h"
#include "base/attr.h"
#include "collect/alias_settings.h"
#include "model/emit.h"

struct budget;
struct err;

struct alias {
    struct emit emit; /* to hand to the parser */
    struct emit *to;
    const struct metric_aliases *settings;
    struct arena arena;       /* the parser uses its own anew for each line */
    struct alias_pair *pairs; /* [settings->n] */
};

/* alias_fini in any case. */
MUST_USE int alias_begin(struct alias *a, const struct metric_aliases *settings, struct emit *to,
                         struct budget *budget, struct err *err);
/* After the exposition: tells what is missing. */
MUST_USE int alias_finish(struct alias *a, struct err *err);
void alias_fini(struct alias *a);

#endif
