/* catalogue: what is asked of a server, under postgres_exporter's names: one query a group of
 * families, with what each version of PostgreSQL from 11 on has of it.
 *
 * A column is a family of its own; the SELECT is put together from the columns that the server's
 * version has.
 */
#ifndef COLLECT_POSTGRES_CATALOGUE_H
#define COLLECT_POSTGRES_CATALOGUE_H

#include <stdbool.h>
#include <stddef.h>

#include "base/attr.h"
#include "model/metadata.h"

struct arena;
struct err;

struct catalogue_label {
    const char *name, *sql;
};

/* since and until: PQserverVersion's, until exclusive; 0: no bound. */
struct catalogue_column {
    const char *family; /* whole name */
    const char *sql;
    enum metric_type type;
    const char *help;
    int since, until;
};

struct catalogue_group {
    const char *name;                     /* "stat_database", as its success is shown */
    const struct catalogue_label *labels; /* [labels_n] */
    size_t labels_n;
    const struct catalogue_column *columns; /* [columns_n] */
    size_t columns_n;
    const char *from; /* after FROM; NULL: none */
    int since;
    bool null_is_nan; /* as postgres_exporter has it; else what is NULL has no sample */
};

/* Of the whole server, asked over one connection. */
extern const struct catalogue_group catalogue_groups[];
extern const size_t catalogue_groups_n;
/* Of one database's tables: a number of the largest ones. Before its labels and columns come
 * CATALOGUE_TABLES_FIRST columns: pages (to compare with other databases') and how many tables
 * there are. */
extern const struct catalogue_group catalogue_tables;
#define CATALOGUE_TABLES_FIRST 2
/* Those statements that took the most time. Versions are the extension's: 1.11 is 111. */
extern const struct catalogue_group catalogue_statements;
#define CATALOGUE_STATEMENTS_MAX 100
extern const char catalogue_find_statements[]; /* gives the view and the extension's version */

bool catalogue_has(const struct catalogue_column *c, int version);
/* The SELECT for this version. `from` NULL: the group's own. */
MUST_USE const char *catalogue_select(struct arena *a, const struct catalogue_group *g, int version,
                                      const char *from, struct err *err);
MUST_USE const char *catalogue_select_tables(struct arena *a, size_t tables_max, struct err *err);
MUST_USE const char *catalogue_select_statements(struct arena *a, struct str view, int version,
                                                 struct err *err);
/* Is it a name that the catalogue gives, of a family or of a setting? */
bool catalogue_knows(const char *family);

#endif
