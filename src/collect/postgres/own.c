#include "collect/postgres/own.h"

#include <stdio.h>
#include <string.h>

#include "base/err.h"
#include "collect/postgres/backend.h"
#include "collect/postgres/catalogue.h"
#include "collect/postgres/cell.h"
#include "collect/postgres/postgres_settings.h"
#include "collect/postgres/write.h"
#include "model/metadata.h"

#define MEMORY_MAX      (16u << 20)
#define LABEL_BYTES_MAX 1024
#define NONE            SIZE_MAX

static const char *family_name(struct arena *a, const struct postgres_query *q,
                               const struct postgres_value *v, struct err *err)
{
    return arena_printf(a, err, "pg_%s_%s", q->name, v->column);
}

int own_check(const struct postgres_query *query, struct err *err)
{
    SCOPED(arena_fini) struct arena a;

    arena_init(&a, NULL); /* a few names */
    if (query->labels_n >= WRITE_LABELS_MAX)
        return err_set(err, ERR_LIMIT, "query %s: more than %d labels", query->name,
                       WRITE_LABELS_MAX - 1);
    for (size_t i = 0; i < query->values_n; i++) {
        const char *name = family_name(&a, query, &query->values[i], err);

        if (!name)
            return -1;
        if (catalogue_knows(name))
            return err_set(err, ERR_TYPE,
                           "query %s: %s is collected already; give the query another name",
                           query->name, name);
    }
    return 0;
}

void own_init(struct own *o, const struct postgres_query *query)
{
    *o = (struct own){.query = query};
    budget_init(&o->budget, "memory of a query's answer (select less)", MEMORY_MAX, NULL);
    arena_init(&o->arena, &o->budget);
}

void own_fini(struct own *o)
{
    arena_fini(&o->arena);
}

/* ---- what came ---- */

static size_t find_column(const struct tuples *rows, const char *name)
{
    for (size_t i = 0; i < rows->columns_n; i++)
        if (strcmp(rows->columns[i].name, name) == 0)
            return i;
    return NONE;
}

static int missing(const struct tuples *rows, const char *name, struct err *err)
{
    char words[160] = "";
    size_t at = 0;

    for (size_t n = 0; n < rows->columns_n && at < sizeof words - 70; n++)
        at += (size_t)snprintf(words + at, sizeof words - at, "%s%.60s", n ? ", " : "",
                               rows->columns[n].name);
    return err_set(err, ERR_EVAL, "the SQL gives no column %s; it gives: %s", name, words);
}

static int check_value(const struct tuples *rows, const char *name, struct err *err)
{
    size_t at = find_column(rows, name);

    if (at == NONE)
        return missing(rows, name, err);
    for (size_t i = 0; i < rows->n; i++) {
        struct str cell = tuples_at(rows, i)[at];
        unsigned type = rows->columns[at].type;
        double v;

        if (cell.p && !cell_number(cell, type, &v))
            return err_set(err, ERR_EVAL, "column %s: \"%.*s\" is no number; select %s", name,
                           STR_ARGS(str_take(cell, 60)), cell_hint(type));
    }
    return 0;
}

static int check_label(const struct tuples *rows, const char *name, struct err *err)
{
    size_t at = find_column(rows, name);

    if (at == NONE)
        return missing(rows, name, err);
    for (size_t i = 0; i < rows->n; i++)
        if (tuples_at(rows, i)[at].n > LABEL_BYTES_MAX)
            return err_set(err, ERR_EVAL,
                           "column %s: a text of %zu bytes is no label; at most %d, like "
                           "left(%s, 100)",
                           name, tuples_at(rows, i)[at].n, LABEL_BYTES_MAX, name);
    return 0;
}

static int check(const struct own *o, struct err *err)
{
    const struct postgres_query *q = o->query;

    for (size_t i = 0; i < q->labels_n; i++)
        if (check_label(&o->rows, q->labels[i], err) < 0)
            return -1;
    for (size_t i = 0; i < q->values_n; i++)
        if (check_value(&o->rows, q->values[i].column, err) < 0)
            return -1;
    return 0;
}

int own_run(struct own *o, struct backend *c, int64_t timeout_ms,
            const struct backend_deadline *deadline, struct err *err)
{
    int rc;

    o->has_rows = false;
    arena_reset(&o->arena);
    o->rows = (struct tuples){.n = 0};
    rc = backend_begin(c, timeout_ms, deadline, err);
    if (rc == 0)
        rc = backend_query(c, o->query->sql, OWN_ROWS_MAX, deadline, &o->arena, &o->rows, err);
    backend_end(c, deadline);
    if (rc == 0)
        rc = check(o, err);
    o->has_rows = rc == 0;
    return rc;
}

int own_write(const struct own *o, struct emit *emit, struct arena *scratch, struct err *err)
{
    const struct postgres_query *q = o->query;
    struct write_source from = {.rows = &o->rows};

    if (!o->has_rows)
        return 0;
    for (; from.labels_n < q->labels_n; from.labels_n++)
        from.labels[from.labels_n] = (struct write_label){
            q->labels[from.labels_n], find_column(&o->rows, q->labels[from.labels_n])};
    for (size_t i = 0; i < q->values_n; i++) {
        const struct postgres_value *v = &q->values[i];
        const char *name = family_name(scratch, q, v, err);
        const char *help = arena_printf(scratch, err, "%s of the query %s.", v->column, q->name);
        struct metadata family = {.family = str_c(name),
                                  .type = v->is_counter ? METRIC_COUNTER : METRIC_GAUGE,
                                  .help = str_c(help)};

        if (!name || !help ||
            write_family(&from, &family, find_column(&o->rows, v->column), emit, err) < 0)
            return -1;
    }
    return 0;
}
