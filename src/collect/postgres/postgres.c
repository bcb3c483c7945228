#include "collect/postgres/postgres.h"

#include <stdlib.h>
#include <string.h>

#include "base/arena.h"
#include "base/clock.h"
#include "base/err.h"
#include "base/log.h"
#include "base/mem.h"
#include "collect/entry_settings.h"
#include "collect/postgres/address.h"
#include "collect/postgres/backend.h"
#include "collect/postgres/backends.h"
#include "collect/postgres/catalogue.h"
#include "collect/postgres/libpq.h"
#include "collect/postgres/own.h"
#include "collect/postgres/parameters.h"
#include "collect/postgres/postgres_settings.h"
#include "collect/postgres/tables.h"
#include "collect/postgres/write.h"
#include "model/emit.h"

#define PART "postgres"
/* Of our own queries: databases times states, settings, slots. */
#define ROWS_MAX 100000
/* Below this nothing is begun any more: the server would be asked in vain. */
#define LEFT_MIN_MS 100
#define IDLE_MAX_MS 60000

/* What can fail alone: the catalogue's groups, then these. */
enum part { PART_SETTINGS, PART_TABLES, PART_STATEMENTS, PARTS };

struct health {
    bool asked; /* in this cycle */
    bool failed, failed_before;
};

struct postgres {
    const struct postgres_settings *settings; /* borrowed */
    const char *name;                         /* of the entry, for the log; borrowed */
    int64_t interval_ms, timeout_ms;
    const struct clock *clock;
    struct log *log;
    struct libpq pq;
    bool loaded;
    struct backends backends;
    struct own *own;       /* owned; [settings->queries_n] */
    struct health *health; /* owned; [catalogue_groups_n + PARTS] */
};

/* A cycle. */
struct run {
    struct postgres *p;
    struct backend_deadline deadline;
    struct arena *scratch;
    struct emit *emit;
    struct backend *backend; /* to the entry's own database */
    struct str server;
};

/* ---- what fails alone ---- */

static struct health *health_of(const struct postgres *p, enum part part)
{
    return &p->health[catalogue_groups_n + part];
}

static void fail_alone(struct postgres *p, struct health *h, const char *what,
                       const struct err *why)
{
    if (!h->failed && !h->failed_before)
        log_warn(p->log, PART, "%s: %s: %s; left out until it works again", p->name, what,
                 why->text);
    h->failed = true;
}

static int64_t statement_timeout(const struct run *r)
{
    int64_t left = backend_left_ms(&r->deadline), given = r->p->settings->statement_timeout_ms;

    return left < given ? (left > 0 ? left : 1) : given;
}

/* After a statement that was refused the transaction takes no other. */
static int begin_again(struct run *r, struct err *err)
{
    backend_end(r->backend, &r->deadline);
    return backend_begin(r->backend, statement_timeout(r), &r->deadline, err);
}

/* -1: the connection is gone. Else *got says whether there are rows. */
static int ask(struct run *r, struct health *h, const char *what, const char *sql,
               struct tuples *rows, bool *got, struct err *err)
{
    h->asked = true;
    *got = backend_query(r->backend, sql, ROWS_MAX, &r->deadline, r->scratch, rows, err) == 0;
    if (*got)
        return 0;
    if (!backend_is_open(r->backend))
        return err_context(err, "asking for %s", what);
    fail_alone(r->p, h, what, err);
    return begin_again(r, err);
}

/* ---- the server ---- */

static int write_group(struct run *r, const struct catalogue_group *g, int version,
                       const struct write_source *from, size_t first, struct err *err)
{
    size_t at = first + g->labels_n;

    for (size_t i = 0; i < g->columns_n; i++) {
        const struct catalogue_column *c = &g->columns[i];
        struct metadata family = {
            .family = str_c(c->family), .type = c->type, .help = str_c(c->help)};

        if (catalogue_has(c, version) && write_family(from, &family, at++, r->emit, err) < 0)
            return -1;
    }
    return 0;
}

static struct write_source source_of(const struct run *r, const struct catalogue_group *g,
                                     const struct tuples *rows, size_t first)
{
    struct write_source from = {.rows = rows, .server = r->server, .null_is_nan = g->null_is_nan};

    for (size_t i = 0; i < g->labels_n; i++)
        from.labels[from.labels_n++] = (struct write_label){g->labels[i].name, first + i};
    return from;
}

static int take_group(struct run *r, const struct catalogue_group *g, struct health *h,
                      struct err *err)
{
    int version = backend_version(r->backend);
    struct tuples rows = {.n = 0};
    struct write_source from = source_of(r, g, &rows, 0);
    const char *sql;
    bool got;

    if (version < g->since)
        return 0;
    sql = catalogue_select(r->scratch, g, version, NULL, err);
    if (!sql || ask(r, h, g->name, sql, &rows, &got, err) < 0)
        return -1;
    return got ? write_group(r, g, version, &from, 0, err) : 0;
}

static int take_settings(struct run *r, struct err *err)
{
    struct tuples rows = {.n = 0};
    bool got;

    if (ask(r, health_of(r->p, PART_SETTINGS), "settings", parameters_sql, &rows, &got, err) < 0)
        return -1;
    return got ? parameters_emit(&rows, r->server, r->emit, r->scratch, err) : 0;
}

static int take_server(struct run *r, struct err *err)
{
    for (size_t i = 0; i < catalogue_groups_n; i++)
        if (take_group(r, &catalogue_groups[i], &r->p->health[i], err) < 0)
            return -1;
    return take_settings(r, err);
}

/* ---- tables ---- */

static int ask_tables(struct run *r, struct backend *c, bool is_own, const char *sql,
                      struct tables *t, struct err *err)
{
    struct err again;
    int rc = 0;

    if (!is_own && backend_begin(c, statement_timeout(r), &r->deadline, err) < 0)
        return -1;
    rc = tables_ask(t, c, sql, &r->deadline, r->scratch, err);
    if (!is_own || (rc < 0 && begin_again(r, &again) < 0))
        backend_end(c, &r->deadline);
    return rc;
}

static int take_tables_of(struct run *r, const struct tables_database *d, const char *sql,
                          struct tables *t, struct err *err)
{
    struct backend *c;
    int rc;

    if (backend_left_ms(&r->deadline) < LEFT_MIN_MS)
        return err_set(err, ERR_TIMEOUT, "no time was left of the timeout");
    c = d->is_own ? r->backend
                  : backends_get(&r->p->backends, d->name, &r->deadline, r->scratch, err);
    if (!c)
        return -1;
    rc = ask_tables(r, c, d->is_own, sql, t, err);
    if (!d->is_own)
        backends_put(&r->p->backends, c);
    return rc;
}

static int write_tables(struct run *r, struct tables *t, struct err *err)
{
    const struct catalogue_group *g = &catalogue_tables;
    struct write_source from = source_of(r, g, &t->rows, CATALOGUE_TABLES_FIRST);
    uint64_t left_out;

    from.keep = tables_choose(t, r->p->settings->max_tables, r->scratch, &left_out, err);
    if (t->rows.n && !from.keep)
        return -1;
    if (write_group(r, g, 0, &from, CATALOGUE_TABLES_FIRST, err) < 0)
        return -1;
    return emit_value(r->emit, "earshot_postgres_tables_left_out", METRIC_GAUGE,
                      "Tables without series of their own: those beyond max_tables, the smallest.",
                      (double)left_out, err);
}

static int take_tables(struct run *r, struct err *err)
{
    const struct postgres_settings *s = r->p->settings;
    struct health *h = health_of(r->p, PART_TABLES);
    struct tables t = {.databases_n = 0};
    struct err why;
    const char *sql = catalogue_select_tables(r->scratch, s->max_tables, err);

    if (!sql)
        return -1;
    h->asked = true;
    if (tables_find(&t, r->backend, s, &r->deadline, r->scratch, &why) < 0) {
        fail_alone(r->p, h, "databases", &why);
        return 0;
    }
    for (size_t i = 0; i < t.databases_n; i++)
        if (take_tables_of(r, &t.databases[i], sql, &t, &why) < 0) {
            (void)err_context(&why, "database %.64s", t.databases[i].name);
            fail_alone(r->p, h, catalogue_tables.name, &why);
        }
    return write_tables(r, &t, err);
}

/* ---- statements ---- */

/* "1.10" is 110. */
static int extension_version(struct str text)
{
    int major = atoi(text.p), minor;
    const char *dot = memchr(text.p, '.', text.n);

    minor = dot ? atoi(dot + 1) : 0;
    return major * 100 + minor;
}

static int ask_statements(struct run *r, struct tuples *rows, int *version, struct err *err)
{
    struct tuples where = {.n = 0};
    const char *sql;

    if (backend_query(r->backend, catalogue_find_statements, 1, &r->deadline, r->scratch, &where,
                      err) < 0)
        return -1;
    if (where.n == 0 || !where.cells[0].n || !where.cells[1].n)
        return err_set(err, ERR_EVAL,
                       "the extension pg_stat_statements is not in the database of the URL; "
                       "CREATE EXTENSION pg_stat_statements there, or set statements: false");
    *version = extension_version(where.cells[1]);
    sql = catalogue_select_statements(r->scratch, where.cells[0], *version, err);
    return sql ? backend_query(r->backend, sql, ROWS_MAX, &r->deadline, r->scratch, rows, err) : -1;
}

static int take_statements(struct run *r, struct err *err)
{
    const struct catalogue_group *g = &catalogue_statements;
    struct health *h = health_of(r->p, PART_STATEMENTS);
    struct tuples rows = {.n = 0};
    struct write_source from = source_of(r, g, &rows, 0);
    struct err why;
    int version;

    h->asked = true;
    if (ask_statements(r, &rows, &version, &why) < 0) {
        fail_alone(r->p, h, g->name, &why);
        return 0;
    }
    return write_group(r, g, version, &from, 0, err);
}

/* ---- a person's own ---- */

static int run_own(struct run *r, struct own *o, struct err *err)
{
    int64_t left = backend_left_ms(&r->deadline);

    if (left < LEFT_MIN_MS)
        return err_set(err, ERR_TIMEOUT, "no time was left of the timeout");
    r->backend = backends_get(&r->p->backends, NULL, &r->deadline, r->scratch, err);
    if (!r->backend)
        return -1;
    /* The server ends the statement a moment before we would, so that the connection lives on. */
    left -= LEFT_MIN_MS / 2;
    if (left > r->p->settings->statement_timeout_ms)
        left = r->p->settings->statement_timeout_ms;
    return own_run(o, r->backend, left, &r->deadline, err);
}

static void try_own(struct run *r, struct own *o)
{
    const struct postgres *p = r->p;
    int64_t now = p->clock->mono_ns(p->clock), wait_ms = o->query->interval_ms;
    struct err why;
    bool ok;

    /* Half a cycle early is on time: cycles do not come to the nanosecond. */
    o->due_ns = now + (wait_ms - p->interval_ms / 2) * 1000000;
    ok = run_own(r, o, &why) == 0;
    if (!ok && !o->failed)
        log_warn(p->log, PART, "%s: query %s: %s; it has no values until it works again", p->name,
                 o->query->name, why.text);
    if (ok && o->failed)
        log_info(p->log, PART, "%s: query %s works again", p->name, o->query->name);
    o->failed = !ok;
    o->ran = true;
}

/* Those that failed come last: a slow one does not take the time of the others twice. */
static void run_all_own(struct run *r)
{
    const struct postgres *p = r->p;
    int64_t now = p->clock->mono_ns(p->clock);

    for (size_t i = 0; i < p->settings->queries_n; i++)
        p->own[i].ran = p->own[i].due_ns > now;
    for (int pass = 0; pass < 2; pass++)
        for (size_t i = 0; i < p->settings->queries_n; i++)
            if (!p->own[i].ran && (pass || !p->own[i].failed))
                try_own(r, &p->own[i]);
}

static int write_own(struct run *r, struct err *err)
{
    const struct postgres *p = r->p;
    struct metadata family = {
        .family = STR("earshot_postgres_query_success"),
        .type = METRIC_GAUGE,
        .help = STR("Whether a query of the configuration worked when it was run last.")};

    if (p->settings->queries_n == 0)
        return 0;
    for (size_t i = 0; i < p->settings->queries_n; i++)
        if (own_write(&p->own[i], r->emit, r->scratch, err) < 0)
            return -1;
    if (r->emit->family(r->emit, &family, err) < 0)
        return -1;
    for (size_t i = 0; i < p->settings->queries_n; i++) {
        struct label label = {STR("query"), str_c(p->own[i].query->name)};
        struct emit_sample sample = {.name = family.family,
                                     .labels = &label,
                                     .labels_n = 1,
                                     .value = p->own[i].failed ? 0 : 1};

        if (r->emit->sample(r->emit, &sample, err) < 0)
            return -1;
    }
    return 0;
}

/* ---- a cycle ---- */

static const char *part_name(size_t i)
{
    static const char *const names[PARTS] = {[PART_SETTINGS] = "settings",
                                             [PART_TABLES] = "user_tables",
                                             [PART_STATEMENTS] = "statements"};

    return i < catalogue_groups_n ? catalogue_groups[i].name : names[i - catalogue_groups_n];
}

static int write_health(struct run *r, struct err *err)
{
    struct postgres *p = r->p;
    struct metadata family = {.family = STR("earshot_postgres_collector_success"),
                              .type = METRIC_GAUGE,
                              .help = STR("Whether a part of the PostgreSQL collector worked.")};

    if (r->emit->family(r->emit, &family, err) < 0)
        return -1;
    for (size_t i = 0; i < catalogue_groups_n + PARTS; i++) {
        struct label label = {STR("collector"), str_c(part_name(i))};
        struct emit_sample sample = {.name = family.family,
                                     .labels = &label,
                                     .labels_n = 1,
                                     .value = p->health[i].failed ? 0 : 1};

        if (p->health[i].asked && r->emit->sample(r->emit, &sample, err) < 0)
            return -1;
    }
    return 0;
}

static void begin_health(struct postgres *p)
{
    for (size_t i = 0; i < catalogue_groups_n + PARTS; i++) {
        struct health *h = &p->health[i];

        if (h->asked)
            h->failed_before = h->failed;
        h->asked = h->failed = false;
    }
}

/* The transaction in which the server is asked. A connection that was kept may have ended since: a
 * new one then says whether the server is there. */
static int begin(struct run *r, struct err *err)
{
    for (int attempt = 0; attempt < 2; attempt++) {
        bool kept = backends_has_own(&r->p->backends);

        r->backend = backends_get(&r->p->backends, NULL, &r->deadline, r->scratch, err);
        if (!r->backend)
            return -1;
        if (backend_begin(r->backend, statement_timeout(r), &r->deadline, err) == 0)
            return 0;
        if (!kept || backend_is_open(r->backend))
            return -1;
    }
    return -1;
}

static int take_all(struct run *r, struct err *err)
{
    const struct postgres_settings *s = r->p->settings;

    if (begin(r, err) < 0 || take_server(r, err) < 0)
        return -1;
    if (s->user_tables && s->max_tables && take_tables(r, err) < 0)
        return -1;
    if (s->statements && backend_is_open(r->backend) && take_statements(r, err) < 0)
        return -1;
    backend_end(r->backend, &r->deadline);
    run_all_own(r);
    return write_own(r, err) < 0 || write_health(r, err) < 0 ? -1 : 0;
}

static int postgres_collect(void *arg, struct emit *emit, struct arena *scratch, struct err *err)
{
    struct postgres *p = arg;
    struct run r = {.p = p,
                    .deadline = {p->clock, p->clock->mono_ns(p->clock) + p->timeout_ms * 1000000},
                    .scratch = scratch,
                    .emit = emit};
    int rc;

    if (!p->loaded && libpq_load(&p->pq, err) < 0)
        return -1;
    p->loaded = true;
    begin_health(p);
    if (backends_begin(&p->backends, scratch, &r.server, err) < 0)
        return -1;
    rc = take_all(&r, err);
    backends_end(&p->backends, rc == 0 && p->interval_ms <= IDLE_MAX_MS);
    return rc;
}

/* ---- life ---- */

static void postgres_free(void *arg)
{
    struct postgres *p = arg;

    backends_fini(&p->backends);
    for (size_t i = 0; i < p->settings->queries_n; i++)
        own_fini(&p->own[i]);
    mem_free(p->own);
    mem_free(p->health);
    mem_free(p);
}

int postgres_collector(const struct entry_settings *entry, const struct clock *clock,
                       struct log *log, struct collector *out, struct err *err)
{
    const struct postgres_settings *s = entry->own;
    struct postgres *p;

    for (size_t i = 0; i < s->queries_n; i++)
        if (own_check(&s->queries[i], err) < 0)
            return -1;
    p = mem_new(struct postgres);
    p->settings = s;
    p->name = entry->name;
    p->interval_ms = entry->job.interval_ms;
    p->timeout_ms = collect_wait_ms(entry->job.interval_ms, entry->job.timeout_ms);
    p->clock = clock;
    p->log = log;
    p->own = mem_new_array(struct own, s->queries_n + 1);
    p->health = mem_new_array(struct health, catalogue_groups_n + PARTS);
    for (size_t i = 0; i < s->queries_n; i++)
        own_init(&p->own[i], &s->queries[i]);
    backends_init(&p->backends, &p->pq, s, entry->socket_path);
    *out = (struct collector){.name = "postgres",
                              .collect = postgres_collect,
                              .free = postgres_free,
                              .arg = p,
                              .up = "pg_up",
                              .hangs_on = "the PostgreSQL server"};
    return 0;
}
