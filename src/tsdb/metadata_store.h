/* metadata_store: what the metric families said of themselves, newest word each.
 *
 * Threads: any; one lock, a leaf. Families are bounded (100,000): more are not kept.
 */
#ifndef TSDB_METADATA_STORE_H
#define TSDB_METADATA_STORE_H

#include <pthread.h>
#include <stdbool.h>
#include <stddef.h>

#include "base/attr.h"
#include "base/map.h"
#include "model/metadata.h"

struct arena;
struct err;

struct metadata_store {
    pthread_mutex_t lock; /* guards families */
    struct map families;
};

void metadata_store_init(struct metadata_store *s);
void metadata_store_fini(struct metadata_store *s);
/* True when this is news. */
bool metadata_store_put(struct metadata_store *s, const struct metadata *m);
/* family "": all, sorted. Copies into the arena. */
MUST_USE int metadata_store_get(struct metadata_store *s, struct arena *a, struct str family,
                                struct metadata **out, size_t *n, struct err *err);

#endif
