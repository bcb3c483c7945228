/* The section COST of metrics.def: a series for each job and kind of collector. */
#include "base/mem.h"
#include "collect/cost.h"
#include "collect/self.h"
#include "model/emit.h"

#define COST(...) +1
enum {
    FAMILIES =
#include "collect/metrics.def"
};

static const struct self_metric families[] = {
#define COST(name, type, help, label, is, value) SELF_METRIC(name, type, help, label, is)
#include "collect/metrics.def"
};

struct row {
    char *job, *kind; /* owned */
    double values[FAMILIES];
};

struct taken {
    size_t n;
    struct row rows[];
};

static void read_row(const struct cost_sum *s, double values[])
{
    size_t n = 0;

#define COST(name, type, help, label, is, value) values[n++] = (double)(value);
#include "collect/metrics.def"
}

static void *snapshot(void *arg)
{
    const struct costs *costs = collect_costs(arg);
    struct taken *t = mem_zalloc(sizeof *t + costs->n * sizeof(struct row));

    t->n = costs->n;
    for (size_t i = 0; i < t->n; i++) {
        t->rows[i].job = mem_strdup(costs->sums[i]->job);
        t->rows[i].kind = mem_strdup(costs->sums[i]->kind);
        read_row(costs->sums[i], t->rows[i].values);
    }
    return t;
}

static void drop(void *taken)
{
    struct taken *t = taken;

    for (size_t i = 0; t && i < t->n; i++) {
        mem_free(t->rows[i].job);
        mem_free(t->rows[i].kind);
    }
    mem_free(t);
}

static int emit_family(const struct taken *t, size_t at, struct emit *emit, struct err *err)
{
    const struct self_metric *m = &families[at];
    struct metadata family = {.family = str_c(m->name), .type = m->type, .help = str_c(m->help)};

    if (t->n && emit->family(emit, &family, err) < 0)
        return -1;
    for (size_t i = 0; i < t->n; i++) {
        struct label labels[] = {{STR("collector"), str_c(t->rows[i].kind)},
                                 {str_c(m->label), str_c(t->rows[i].job)}};
        struct emit_sample sample = {.name = family.family,
                                     .labels = labels,
                                     .labels_n = ARRAY_LEN(labels),
                                     .value = t->rows[i].values[at]};

        if (emit->sample(emit, &sample, err) < 0)
            return -1;
    }
    return 0;
}

static int emit_rows(const void *taken, struct emit *emit, struct err *err)
{
    for (size_t at = 0; at < FAMILIES; at++)
        if (emit_family(taken, at, emit, err) < 0)
            return -1;
    return 0;
}

void self_add_costs(struct self *self, struct collect *c)
{
    self_add_table(self, &(struct self_table){snapshot, emit_rows, drop, c});
}
