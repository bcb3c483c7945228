/* The section COST of metrics.def: a series for each job and kind of collector. */
#include "base/mem.h"
#include "collect/cost.h"
#include "collect/self.h"
#include "model/emit.h"

struct owner {
    char *job, *kind; /* owned */
};

struct taken {
    struct self_rows rows; /* those of the first owner, then those of the next ... */
    size_t n;
    struct owner owners[];
};

static void read_cost(const struct cost_sum *s, struct self_rows *rows)
{
#define COST SELF_ROW
#include "collect/metrics.def"
}

static void *snapshot(void *arg)
{
    const struct costs *costs = collect_costs(arg);
    struct taken *t = mem_zalloc(sizeof *t + costs->n * sizeof *t->owners);

    t->n = costs->n;
    for (size_t i = 0; i < t->n; i++) {
        t->owners[i] =
            (struct owner){mem_strdup(costs->sums[i]->job), mem_strdup(costs->sums[i]->kind)};
        read_cost(costs->sums[i], &t->rows);
    }
    return t;
}

static void drop(void *taken)
{
    struct taken *t = taken;

    if (!t)
        return;
    for (size_t i = 0; i < t->n; i++) {
        mem_free(t->owners[i].job);
        mem_free(t->owners[i].kind);
    }
    self_rows_fini(&t->rows);
    mem_free(t);
}

/* The row `at` of each owner. */
static int emit_family(const struct taken *t, size_t at, struct emit *emit, struct err *err)
{
    const struct self_row *m = &t->rows.items[at];
    struct metadata family = {.family = str_c(m->name), .type = m->type, .help = str_c(m->help)};

    if (emit->family(emit, &family, err) < 0)
        return -1;
    for (size_t i = 0; i < t->n; i++) {
        struct label labels[] = {{STR("collector"), str_c(t->owners[i].kind)},
                                 {str_c(m->label), str_c(t->owners[i].job)}};
        struct emit_sample sample = {.name = family.family,
                                     .labels = labels,
                                     .labels_n = ARRAY_LEN(labels),
                                     .value = t->rows.items[i * (t->rows.n / t->n) + at].value};

        if (emit->sample(emit, &sample, err) < 0)
            return -1;
    }
    return 0;
}

static int emit_rows(const void *taken, struct emit *emit, struct err *err)
{
    const struct taken *t = taken;

    for (size_t at = 0; t->n && at < t->rows.n / t->n; at++)
        if (emit_family(t, at, emit, err) < 0)
            return -1;
    return 0;
}

void self_add_costs(struct self *self, struct collect *c)
{
    self_add_table(self, &(struct self_table){snapshot, emit_rows, drop, c});
}
