/* tables: whose tables are read, and which of them are kept: the largest ones of all databases
 * together. */
#ifndef COLLECT_POSTGRES_TABLES_H
#define COLLECT_POSTGRES_TABLES_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/attr.h"
#include "collect/postgres/tuples.h"

struct arena;
struct backend;
struct backend_deadline;
struct err;
struct postgres_settings;

struct tables_database {
    const char *name;
    bool is_own; /* that of the entry's URL */
};

struct tables {
    struct tables_database *databases; /* [databases_n] */
    size_t databases_n;
    struct tuples rows; /* of catalogue_select_tables, of all databases */
    uint64_t total;     /* tables that there are */
};

/* Those of the settings, else all that may be connected to and are no templates. One that the
 * settings name and that is not there stays in the list: connecting to it says so. */
MUST_USE int tables_find(struct tables *t, struct backend *c, const struct postgres_settings *s,
                         const struct backend_deadline *deadline, struct arena *a, struct err *err);
/* Adds those of the database that the connection is to. */
MUST_USE int tables_ask(struct tables *t, struct backend *c, const char *sql,
                        const struct backend_deadline *deadline, struct arena *a, struct err *err);
/* [t->rows.n] for each row whether it is kept: at most `max` are. NULL with err. */
MUST_USE const bool *tables_choose(const struct tables *t, size_t max, struct arena *a,
                                   uint64_t *left_out, struct err *err);

#endif
