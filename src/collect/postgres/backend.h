/* backend: one connection to a PostgreSQL server, and its queries, each with a deadline.
 *
 * Nothing here waits longer than the deadline, whatever the server does; only the look-up of a host
 * name may (libpq asks the C library). A connection that was lost or that did not answer in time is
 * closed at once: backend_is_open is false then. The server ends what it was doing by its own
 * statement_timeout, which each transaction sets.
 *
 * Everything is read in a READ ONLY transaction, and what a transaction sets ends with it: nothing
 * stays behind in a pooler's connection.
 *
 * Errors: ERR_TIMEOUT not in time, ERR_OS not connected or lost, ERR_EVAL refused by the server
 * (the connection is fine, its transaction is not), ERR_LIMIT too many rows or too much memory.
 * No message holds the password.
 * Threads: one at a time.
 */
#ifndef COLLECT_POSTGRES_BACKEND_H
#define COLLECT_POSTGRES_BACKEND_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/attr.h"

struct arena;
struct clock;
struct backend;
struct err;
struct libpq;
struct tuples;

struct backend_deadline {
    const struct clock *clock;
    int64_t at_ns; /* monotonic */
};

/* Milliseconds left, never below 0. */
int64_t backend_left_ms(const struct backend_deadline *d);

struct backend_address {
    const char *shown;           /* "127.0.0.1:5432": for messages */
    const char *const *keywords; /* libpq's, NULL at the end */
    const char *const *values;
    const char *password; /* taken out of what libpq says; NULL: none */
};

/* Borrows pq; copies nothing of the place that it needs later but `shown` and the password. */
MUST_USE int backend_open(const struct libpq *pq, const struct backend_address *place,
                          const struct backend_deadline *deadline, struct backend **out,
                          struct err *err);
void backend_close(struct backend *c); /* NULL is fine */

bool backend_is_open(const struct backend *c); /* false for NULL */
int backend_version(const struct backend *c);  /* 150004 is 15.4 */

/* Begins a transaction that only reads and whose statements end after timeout_ms. */
MUST_USE int backend_begin(struct backend *c, int64_t timeout_ms,
                           const struct backend_deadline *deadline, struct err *err);
/* Ends it. A connection that cannot is closed; one that is closed already stays so. */
void backend_end(struct backend *c, const struct backend_deadline *deadline);

/* One statement; its rows are added to `rows`, at most rows_max more. `a` holds them. An answer
 * with other columns than `rows` has already is ERR_EVAL. */
MUST_USE int backend_query(struct backend *c, const char *sql, size_t rows_max,
                           const struct backend_deadline *deadline, struct arena *a,
                           struct tuples *rows, struct err *err);

#endif
