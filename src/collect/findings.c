#include "collect/findings.h"

#include <stdlib.h>

#include "base/arena.h"
#include "model/emit.h"

struct finding {
    const struct finding_family *family;
    const char *suffix; /* "" mostly */
    double value;
    struct label *labels;
    size_t labels_n, at; /* as added */
};

void findings_init(struct findings *f, struct arena *a)
{
    *f = (struct findings){.arena = a};
}

static int check_labels(const struct label labels[], size_t n, struct err *err)
{
    for (size_t i = 0; i < n; i++) {
        if (labels[i].value.n > FINDINGS_VALUE_MAX)
            return err_set(err, ERR_LIMIT, "a value of label %.*s is longer than %d bytes",
                           STR_ARGS(labels[i].name), FINDINGS_VALUE_MAX);
        if (!str_is_utf8(labels[i].value))
            return err_set(err, ERR_SYNTAX, "a value of label %.*s is no UTF-8",
                           STR_ARGS(labels[i].name));
    }
    return 0;
}

static int add(struct findings *f, const struct finding *finding, const struct label labels[])
{
    struct finding *item;

    if (check_labels(labels, finding->labels_n, &f->err) < 0)
        return -1;
    if (f->n >= FINDINGS_MAX)
        return err_set(&f->err, ERR_LIMIT, "more than %d samples", FINDINGS_MAX);
    if (arena_grow(f->arena, (void **)&f->items, &f->cap, f->n + 1, sizeof *f->items, &f->err) < 0)
        return -1;
    item = &f->items[f->n];
    *item = *finding;
    item->at = f->n;
    item->labels = arena_new_array(f->arena, struct label, finding->labels_n, &f->err);
    if (!item->labels)
        return -1;
    for (size_t i = 0; i < finding->labels_n; i++) {
        item->labels[i] =
            (struct label){labels[i].name, arena_str(f->arena, labels[i].value, &f->err)};
        if (!item->labels[i].value.p)
            return -1;
    }
    f->n++;
    return 0;
}

void findings_add_part(struct findings *f, const struct finding_family *family, const char *suffix,
                       double value, const struct label labels[], size_t n)
{
    struct finding finding = {.family = family, .suffix = suffix, .value = value, .labels_n = n};

    if (!f->failed)
        f->failed = add(f, &finding, labels) < 0;
}

void findings_add(struct findings *f, const struct finding_family *family, double value,
                  const struct label labels[], size_t n)
{
    findings_add_part(f, family, "", value, labels, n);
}

static int by_family(const void *a, const void *b)
{
    const struct finding *x = a, *y = b;
    int c = str_cmp(x->family->name, y->family->name);

    return c ? c : (x->at > y->at) - (x->at < y->at);
}

static int emit_one(struct findings *f, const struct finding *x, struct emit *emit, struct err *err)
{
    struct emit_sample sample = {
        .name = x->family->name, .value = x->value, .labels = x->labels, .labels_n = x->labels_n};

    if (*x->suffix) {
        const char *name =
            arena_printf(f->arena, err, "%.*s%s", STR_ARGS(x->family->name), x->suffix);

        if (!name)
            return -1;
        sample.name = str_c(name);
    }
    return emit->sample(emit, &sample, err);
}

int findings_emit(struct findings *f, struct emit *emit, struct err *err)
{
    if (f->failed) {
        *err = f->err;
        return -1;
    }
    if (f->n > 0)
        qsort(f->items, f->n, sizeof *f->items, by_family);
    for (size_t i = 0; i < f->n; i++) {
        const struct finding_family *family = f->items[i].family;

        if (i == 0 || !str_eq(family->name, f->items[i - 1].family->name)) {
            struct metadata metadata = {
                .family = family->name, .type = family->type, .help = family->help};

            if (emit->family(emit, &metadata, err) < 0)
                return -1;
        }
        if (emit_one(f, &f->items[i], emit, err) < 0)
            return -1;
    }
    return 0;
}
