#include "collect/postgres/tables.h"

#include <stdlib.h>
#include <string.h>

#include "base/arena.h"
#include "collect/postgres/backend.h"
#include "collect/postgres/postgres_settings.h"
#include "text/number.h"

#define DATABASES_MAX 10000
#define TABLES_MAX    1000000 /* above any max_tables that a server has memory for */

enum { COLUMN_PAGES, COLUMN_TABLES };

/* The one we are connected to comes first. */
static const char databases_sql[] =
    "SELECT datname, datname = current_database(), datallowconn AND NOT datistemplate AND "
    "has_database_privilege(oid, 'CONNECT') FROM pg_database ORDER BY 2 DESC, oid";

static bool is_true(struct str cell)
{
    return str_eq(cell, STR("t"));
}

static bool is_own(const struct tuples *all, struct str name)
{
    for (size_t i = 0; i < all->n; i++)
        if (str_eq(tuples_at(all, i)[0], name))
            return is_true(tuples_at(all, i)[1]);
    return false;
}

int tables_find(struct tables *t, struct backend *c, const struct postgres_settings *s,
                const struct backend_deadline *deadline, struct arena *a, struct err *err)
{
    struct tuples all = {.n = 0};

    *t = (struct tables){.databases_n = 0};
    if (backend_query(c, databases_sql, DATABASES_MAX, deadline, a, &all, err) < 0)
        return -1;
    t->databases = arena_new_array(a, struct tables_database, all.n + s->databases_n, err);
    if (!t->databases)
        return -1;
    for (size_t i = 0; i < s->databases_n; i++)
        t->databases[t->databases_n++] =
            (struct tables_database){s->databases[i], is_own(&all, str_c(s->databases[i]))};
    for (size_t i = 0; !s->databases && i < all.n; i++) {
        const struct str *cells = tuples_at(&all, i);

        if (is_true(cells[2]))
            t->databases[t->databases_n++] =
                (struct tables_database){cells[0].p, is_true(cells[1])};
    }
    return 0;
}

static double number_at(const struct tuples *rows, size_t row, size_t column)
{
    double v = 0;

    return number_parse(tuples_at(rows, row)[column], &v) ? v : 0;
}

int tables_ask(struct tables *t, struct backend *c, const char *sql,
               const struct backend_deadline *deadline, struct arena *a, struct err *err)
{
    size_t before = t->rows.n;

    if (backend_query(c, sql, TABLES_MAX, deadline, a, &t->rows, err) < 0) {
        t->rows.n = before;
        return -1;
    }
    if (t->rows.n > before)
        t->total += (uint64_t)number_at(&t->rows, before, COLUMN_TABLES);
    return 0;
}

struct size {
    double pages;
    size_t row;
};

static int by_size(const void *a, const void *b)
{
    const struct size *x = a, *y = b;

    if (x->pages != y->pages)
        return x->pages < y->pages ? 1 : -1;
    return (x->row > y->row) - (x->row < y->row);
}

const bool *tables_choose(const struct tables *t, size_t max, struct arena *a, uint64_t *left_out,
                          struct err *err)
{
    size_t n = t->rows.n;
    struct size *sizes = arena_new_array(a, struct size, n + 1, err);
    bool *keep = arena_new_array(a, bool, n + 1, err);

    if (!sizes || !keep)
        return NULL;
    for (size_t i = 0; i < n; i++)
        sizes[i] = (struct size){number_at(&t->rows, i, COLUMN_PAGES), i};
    if (n > max)
        qsort(sizes, n, sizeof *sizes, by_size);
    for (size_t i = 0; i < n && i < max; i++)
        keep[sizes[i].row] = true;
    *left_out = t->total - (n < max ? n : max);
    return keep;
}
