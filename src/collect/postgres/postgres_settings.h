/* postgres_settings: what an entry of collect.postgres says of its own.
 *
 * Ownership: the configuration's arena. Threads: immutable once loaded.
 */
#ifndef COLLECT_POSTGRES_POSTGRES_SETTINGS_H
#define COLLECT_POSTGRES_POSTGRES_SETTINGS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "http/client_settings.h"

/* A column of a query's result that is a value: pg_<query>_<column>. */
struct postgres_value {
    const char *column;
    bool is_counter; /* else a gauge */
};

/* A person's own SQL. */
struct postgres_query {
    const char *name, *sql;
    int64_t interval_ms; /* 0: each cycle; between two runs the values of the last one stand */
    const char *const *labels; /* [labels_n] columns */
    size_t labels_n;
    const struct postgres_value *values; /* [values_n] */
    size_t values_n;
};

struct postgres_settings {
    struct client_secret url;      /* postgresql://user@host:port/database */
    struct client_secret password; /* both NULL: that of the URL, or none */
    /* Whose tables are read; NULL: all that can be connected to and are no templates. */
    const char *const *databases; /* [databases_n] */
    size_t databases_n;
    bool user_tables, statements;
    size_t max_tables;                    /* of all databases together, the largest ones */
    const struct postgres_query *queries; /* [queries_n] */
    size_t queries_n;
    int64_t statement_timeout_ms; /* the server ends what takes longer */
};

#endif
