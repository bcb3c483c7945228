/* ledger: what is known of containers from one cycle to the next, by name, and what is counted of
 * them: an engine forgets a container's restarts with the container, and people make containers
 * anew under the same name.
 *
 *   restarts   what its engine counts, and each further start that was seen: by hand, or of a
 *              container that was made anew
 *   kills      those that its control group counts, and an end that the engine puts down to a lack
 *              of memory, where the group did not tell
 *
 * What comes in the cycle that sees a name for the first time would be missed by increase(), which
 * wants to see the step: it is counted in the next cycle. What was there before this collector
 * began to look is no step.
 *
 * Threads: one at a time.
 */
#ifndef COLLECT_DOCKER_LEDGER_H
#define COLLECT_DOCKER_LEDGER_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/attr.h"
#include "base/map.h"
#include "collect/docker/answers.h"

#define LEDGER_LISTED_MAX 200 /* containers of one cycle; further ones are left out */
#define LEDGER_MAX        1000
#define LEDGER_GONE_S     INT64_C(86400) /* then one that is gone is forgotten */

struct count {
    uint64_t shown, due; /* due: shown from the next cycle on */
};

struct member {
    char *name; /* owned */
    char id[CONTAINER_ID_MAX + 1];
    int64_t seen_ns;
    bool fresh;    /* this is its first cycle */
    bool known;    /* `facts` are */
    uint64_t line; /* hash of its line in the list when they were asked for */
    struct container_facts facts;
    struct count restarts, kills;
    double last_start_s; /* 0: it has not been seen to run */
    uint64_t last_kills; /* of that run, as its control group counted them */
    bool kill_told;      /* one of that run is counted */
};

struct ledger {
    struct map members; /* struct member, owned */
    bool primed;        /* a cycle has ended */
    int64_t now_ns;     /* of the cycle under way */
};

void ledger_init(struct ledger *r);
void ledger_fini(struct ledger *r);
void ledger_begin(struct ledger *r, int64_t now_ns);
void ledger_end(struct ledger *r); /* of a cycle that went well */

/* At most LEDGER_LISTED_MAX a cycle. */
struct member *ledger_find(struct ledger *r, const struct container_line *line);
/* Has its engine something new to tell of it, as far as the list shows? */
bool ledger_is_news(const struct member *m, const struct container_line *line);
void ledger_learn(struct ledger *r, struct member *m, const struct container_line *line,
                  const struct container_facts *facts);
/* How many its control group has counted in the run under way. */
void ledger_see_kills(struct ledger *r, struct member *m, uint64_t kills);
/* After both: was its end one of them, which nobody has counted? */
void ledger_settle(struct ledger *r, struct member *m);

#endif
