/* plan_packs: what packs say about recognising a service, handed to the scan as data; and the entry
 * of `packs` for what was found.
 *
 * Threads: any. Ownership: the arena.
 */
#ifndef API_PLAN_PACKS_H
#define API_PLAN_PACKS_H

#include <stddef.h>

#include "base/attr.h"

struct arena;
struct err;
struct found;
struct pack;
struct packs;
struct recogniser;

/* Of all packs that stand for one service at one address. */
MUST_USE int plan_recognisers(struct arena *a, const struct packs *packs, struct recogniser **out,
                              size_t *n, struct err *err);
/* The entry of `packs`: "vllm: {url: 'http://127.0.0.1:8000'}". NULL: memory ran out. */
const char *plan_pack_entry(struct arena *a, const struct pack *pack, const struct found *f,
                            struct err *err);
/* The names of the alerts of its rules: texts[*n]. */
MUST_USE int plan_pack_rules(struct arena *a, const struct pack *pack, const char *const **out,
                             size_t *n, struct err *err);

#endif
