/* backends: the connections of one entry: to its own database, and to others whose tables are read.
 *
 * Three are kept from cycle to cycle, the entry's own among them; a fourth comes and goes. One that
 * is of no use any more is closed when it is put back, at the latest at the end of the cycle.
 *
 * Threads: one at a time.
 */
#ifndef COLLECT_POSTGRES_BACKENDS_H
#define COLLECT_POSTGRES_BACKENDS_H

#include <stdbool.h>

#include "base/attr.h"
#include "base/str.h"

struct arena;
struct backend;
struct backend_deadline;
struct err;
struct libpq;
struct postgres_settings;

#define BACKENDS_KEPT 3

struct backends {
    const struct libpq *pq;                   /* borrowed */
    const struct postgres_settings *settings; /* borrowed */
    const char *socket_path;                  /* borrowed; as address_make */
    struct backends_slot {
        char *database;          /* owned; of the first NULL */
        struct backend *backend; /* owned; NULL: none */
        bool used;               /* in this cycle */
    } slots[BACKENDS_KEPT];      /* the first is to the entry's own database */
};

void backends_init(struct backends *c, const struct libpq *pq,
                   const struct postgres_settings *settings, const char *socket_path);
void backends_fini(struct backends *c);

/* Begins a cycle; *server is "host:port", in `a`. */
MUST_USE int backends_begin(struct backends *c, struct arena *a, struct str *server,
                            struct err *err);
/* Closes those that this cycle did not use; without `keep` all. */
void backends_end(struct backends *c, bool keep);

/* database NULL: the entry's own. Opens it when it is not there. NULL with err. */
MUST_USE struct backend *backends_get(struct backends *c, const char *database,
                                      const struct backend_deadline *deadline, struct arena *a,
                                      struct err *err);
/* Gives back one to another database. */
void backends_put(struct backends *c, struct backend *backend);
bool backends_has_own(const struct backends *c);

#endif
