#include "collect/gpu/report.h"

#include <math.h>
#include <string.h>

#include "base/arena.h"
#include "base/err.h"
#include "collect/gpu/gpu_settings.h"
#include "model/emit.h"
#include "model/labels.h"
#include "model/metadata.h"

#define GROUPS_MAX 1000 /* names of processes on all GPUs; more are "other" */

struct value {
    const char *family;
    enum metric_type type;
    const char *help, *label, *is;
};

static const struct value values[GPU_VALUES] = {
#define VALUE(id, family, type, help, label, is) {#family, METRIC_##type, help, label, is},
#include "collect/gpu/values.def"
#undef VALUE
};

static bool is_excluded(const struct report *r, struct str uuid)
{
    for (size_t i = 0; i < r->settings->exclude_n; i++)
        if (str_eq(uuid, str_c(r->settings->exclude[i])))
            return true;
    return false;
}

static int copy(struct report *r, struct str *s, struct err *err)
{
    *s = arena_str(r->scratch, *s, err);
    return s->p ? 0 : -1;
}

int report_add(struct report *r, const struct gpu_name *name, struct gpu_reading **out,
               struct err *err)
{
    struct gpu_reading *g;
    struct gpu_name kept = *name;

    *out = NULL;
    if (is_excluded(r, name->uuid))
        return 0;
    if (copy(r, &kept.index, err) < 0 || copy(r, &kept.uuid, err) < 0 ||
        copy(r, &kept.device, err) < 0 || copy(r, &kept.model, err) < 0 ||
        arena_grow(r->scratch, (void **)&r->gpus, &r->gpus_cap, r->gpus_n + 1, sizeof *r->gpus,
                   err) < 0)
        return -1;
    g = &r->gpus[r->gpus_n++];
    g->name = kept;
    for (size_t i = 0; i < GPU_VALUES; i++)
        g->values[i] = NAN;
    *out = g;
    return 0;
}

/* Not known and a number are that number. */
static double join(double a, double b)
{
    if (isnan(a))
        return b;
    return isnan(b) ? a : a + b;
}

int report_add_process(struct report *r, struct str index, struct str group, double bytes,
                       double busy, struct err *err)
{
    struct gpu_group *g;

    if (r->groups_n >= GROUPS_MAX)
        group = STR("other");
    for (size_t i = 0; i < r->groups_n; i++) {
        g = &r->groups[i];
        if (str_eq(g->index, index) && str_eq(g->name, group)) {
            g->bytes = join(g->bytes, bytes);
            g->busy = join(g->busy, busy);
            return 0;
        }
    }
    if (copy(r, &group, err) < 0 || arena_grow(r->scratch, (void **)&r->groups, &r->groups_cap,
                                               r->groups_n + 1, sizeof *r->groups, err) < 0)
        return -1;
    r->groups[r->groups_n++] =
        (struct gpu_group){.index = index, .name = group, .bytes = bytes, .busy = busy};
    return 0;
}

/* ---- series ---- */

/* One family under way: it is told with its first sample. */
struct family {
    struct emit *emit;
    struct err *err;
    struct metadata metadata;
    bool told;
};

/* An empty value means "no such label". */
static int put(struct family *f, double value, const struct label given[], size_t n)
{
    struct label labels[6];
    struct emit_sample s = {.name = f->metadata.family, .labels = labels, .value = value};

    for (size_t i = 0; i < n; i++)
        if (given[i].value.n)
            labels[s.labels_n++] = given[i];
    if (!f->told && f->emit->family(f->emit, &f->metadata, f->err) < 0)
        return -1;
    f->told = true;
    return f->emit->sample(f->emit, &s, f->err);
}

static int emit_value_of_all(const struct report *r, size_t id, struct family *f)
{
    const struct value *v = &values[id];

    for (size_t i = 0; i < r->gpus_n; i++) {
        const struct gpu_name *name = &r->gpus[i].name;
        const struct label labels[] = {{STR("gpu"), name->index},
                                       {STR("UUID"), name->uuid},
                                       {STR("device"), name->device},
                                       {STR("modelName"), name->model},
                                       {str_c(v->label), str_c(v->is)}};

        if (!isnan(r->gpus[i].values[id]) && put(f, r->gpus[i].values[id], labels, 5) < 0)
            return -1;
    }
    return 0;
}

static int emit_groups(const struct report *r, bool busy, struct family *f)
{
    for (size_t i = 0; i < r->groups_n; i++) {
        const struct gpu_group *g = &r->groups[i];
        const struct label labels[] = {{STR("gpu"), g->index}, {STR("groupname"), g->name}};
        double value = busy ? g->busy : g->bytes;

        if (!isnan(value) && put(f, value, labels, 2) < 0)
            return -1;
    }
    return 0;
}

int report_emit(const struct report *r, struct emit *emit, struct err *err)
{
    struct family f = {.emit = emit, .err = err};

    for (size_t id = 0; id < GPU_VALUES; id++) {
        const struct value *v = &values[id];

        if (id == 0 || strcmp(v->family, values[id - 1].family) != 0) {
            f.told = false;
            f.metadata = (struct metadata){
                .family = str_c(v->family), .type = v->type, .help = str_c(v->help)};
        }
        if (emit_value_of_all(r, id, &f) < 0)
            return -1;
    }
    f.told = false;
    f.metadata = (struct metadata){.family = STR("earshot_gpu_process_memory_bytes"),
                                   .type = METRIC_GAUGE,
                                   .help = STR("Memory of the GPU that the processes hold.")};
    if (emit_groups(r, false, &f) < 0)
        return -1;
    f.told = false;
    f.metadata = (struct metadata){
        .family = STR("earshot_gpu_process_busy_ratio"),
        .type = METRIC_GAUGE,
        .help = STR("Share of the GPU's processors that the processes kept busy since the last "
                    "reading.")};
    return emit_groups(r, true, &f);
}
