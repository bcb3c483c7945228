#include "collect/push/group_body.h"

#include "base/arena.h"
#include "base/err.h"
#include "base/hash.h"
#include "base/map.h"
#include "base/mem.h"
#include "collect/push/group_key.h"
#include "model/expo.h"
#include "model/labels.h"

#define LABELS_MAX 128u /* of a sample, those of the key included */

/* A family while it is read. */
struct draft {
    struct str name; /* in the arena */
    enum metric_type type;
    struct buf text; /* owned */
    uint64_t *series;
    size_t series_n, series_cap;
};

struct reader {
    struct emit emit; /* first */
    const struct group_key *key;
    struct arena *a;
    struct arena scratch; /* of one sample */
    struct draft *drafts; /* owned; [n] */
    size_t n, cap;
    struct map by_name; /* place in drafts + 1, as a pointer */
    size_t series_n, text_bytes;
    bool has_timestamps;
};

struct push_family *push_family_ref(struct push_family *f)
{
    (void)atomic_fetch_add(&f->refs, 1);
    return f;
}

void push_family_unref(struct push_family *f)
{
    if (!f || atomic_fetch_sub(&f->refs, 1) > 1)
        return;
    budget_return(f->budget, f->charged);
    mem_free((char *)f->name.p);
    mem_free((char *)f->text.p);
    mem_free(f->series);
    mem_free(f);
}

void group_body_fini(struct group_body *b)
{
    for (size_t i = 0; i < b->n; i++)
        push_family_unref(b->families[i]);
    *b = (struct group_body){.n = 0};
}

/* ---- samples become text ---- */

struct name_key {
    const struct reader *r;
    struct str name;
};

static bool has_name(const void *item, const void *key)
{
    const struct name_key *k = key;

    return str_eq(k->r->drafts[(uintptr_t)item - 1].name, k->name);
}

static struct draft *find(const struct reader *r, struct str name)
{
    struct name_key key = {r, name};
    void *at = map_get(&r->by_name, hash_str(name), &key, has_name);

    return at ? &r->drafts[(uintptr_t)at - 1] : NULL;
}

static struct draft *add(struct reader *r, const struct metadata *family, struct err *err)
{
    struct draft *d;
    struct expo_writer w;
    struct str name = arena_str(r->a, family->family, err);

    if (!name.p)
        return NULL;
    if (!name_is_legacy_metric(name)) {
        (void)err_set(err, ERR_SYNTAX, "invalid metric name \"%.*s\"",
                      STR_ARGS(str_take(name, 100)));
        return NULL;
    }
    r->drafts = mem_grow(r->drafts, &r->cap, r->n + 1, sizeof *r->drafts);
    d = &r->drafts[r->n];
    *d = (struct draft){.name = name, .type = family->type};
    buf_init(&d->text, GROUP_TEXT_MAX);
    map_put(&r->by_name, hash_str(name), (void *)(uintptr_t)++r->n);
    expo_writer_init(&w, EXPO_TEXT, &d->text);
    if (w.emit.family(&w.emit, family, err) < 0)
        return NULL;
    r->text_bytes += d->text.n;
    return d;
}

static bool is_own(struct str name)
{
    return str_eq(name, STR(PUSH_TIME_NAME)) || str_eq(name, STR(PUSH_FAILURE_NAME));
}

static int on_family(struct emit *e, const struct metadata *family, struct err *err)
{
    struct reader *r = CONTAINER_OF(e, struct reader, emit);

    if (is_own(family->family))
        return 0;
    if (find(r, family->family))
        return err_set(err, ERR_SYNTAX, "metric %.*s is described twice, or after its samples",
                       STR_ARGS(str_take(family->family, 100)));
    return add(r, family, err) ? 0 : -1;
}

/* The family that a sample belongs to: that of its name, or that of which it is a part. */
static struct draft *family_of(struct reader *r, struct str name, struct err *err)
{
    static const struct str parts[] = {{"_bucket", 7}, {"_sum", 4}, {"_count", 6}};
    struct draft *d = find(r, name);

    for (size_t i = 0; !d && i < ARRAY_LEN(parts); i++) {
        if (!str_ends(name, parts[i]))
            continue;
        d = find(r, str_take(name, name.n - parts[i].n));
        if (d && d->type != METRIC_HISTOGRAM && (d->type != METRIC_SUMMARY || i == 0))
            d = NULL;
    }
    return d ? d : add(r, &(struct metadata){.family = name}, err);
}

static bool key_has(const struct group_key *key, struct str name)
{
    for (size_t i = 0; i < key->n; i++)
        if (str_eq(key->labels[i].name, name))
            return true;
    return false;
}

/* The labels as they are exposed; *n of them. Empty ones stay: `instance`. */
static int merge(const struct reader *r, const struct emit_sample *s, struct label out[], size_t *n,
                 struct err *err)
{
    bool has_instance = key_has(r->key, STR("instance"));

    *n = 0;
    for (size_t i = 0; i < s->labels_n; i++) {
        if (!name_is_legacy_label(s->labels[i].name) || str_eq(s->labels[i].name, STR(LABEL_NAME)))
            return err_set(err, ERR_SYNTAX, "invalid label name \"%.*s\" of %.*s",
                           STR_ARGS(str_take(s->labels[i].name, 100)),
                           STR_ARGS(str_take(s->name, 100)));
        if (!str_is_utf8(s->labels[i].value))
            return err_set(err, ERR_SYNTAX, "a label of %.*s is not UTF-8",
                           STR_ARGS(str_take(s->name, 100)));
        if (key_has(r->key, s->labels[i].name))
            continue;
        has_instance |= str_eq(s->labels[i].name, STR("instance"));
        if (*n + r->key->n + 1 >= LABELS_MAX)
            return err_set(err, ERR_LIMIT, "a sample of %.*s has more than %u labels",
                           STR_ARGS(str_take(s->name, 100)), LABELS_MAX - 1);
        out[(*n)++] = s->labels[i];
    }
    if (!has_instance) /* before those of the key, so that what was written reads as the same */
        out[(*n)++] = (struct label){STR("instance"), STR("")};
    for (size_t i = 0; i < r->key->n; i++)
        out[(*n)++] = r->key->labels[i];
    return 0;
}

static int hash_of(struct reader *r, struct str name, const struct label labels[], size_t n,
                   uint64_t *out, struct err *err)
{
    struct label pairs[LABELS_MAX + 1];
    const struct labels *set;

    memcpy(pairs, labels, n * sizeof *labels);
    pairs[n] = (struct label){STR(LABEL_NAME), name};
    arena_reset(&r->scratch);
    if (labels_build(&r->scratch, pairs, n + 1, &set, err) < 0)
        return -1;
    *out = set->hash;
    return 0;
}

static int on_sample(struct emit *e, const struct emit_sample *sample, struct err *err)
{
    struct reader *r = CONTAINER_OF(e, struct reader, emit);
    struct label labels[LABELS_MAX];
    struct emit_sample out = *sample;
    struct expo_writer w;
    struct draft *d;
    size_t n, before;

    r->has_timestamps |= sample->has_ts;
    if (is_own(sample->name))
        return 0;
    d = family_of(r, sample->name, err);
    if (!d || merge(r, sample, labels, &n, err) < 0)
        return -1;
    if (++r->series_n > GROUP_SERIES_MAX)
        return err_set(err, ERR_LIMIT, "more than %u series in one push", GROUP_SERIES_MAX);
    d->series = mem_grow(d->series, &d->series_cap, d->series_n + 1, sizeof *d->series);
    if (hash_of(r, sample->name, labels, n, &d->series[d->series_n], err) < 0)
        return -1;
    d->series_n++;
    before = d->text.n;
    expo_writer_init(&w, EXPO_TEXT, &d->text);
    w.type = d->type;
    out.labels = labels;
    out.labels_n = n;
    out.has_ts = false;
    if (w.emit.sample(&w.emit, &out, err) < 0)
        return -1;
    r->text_bytes += d->text.n - before;
    if (r->text_bytes > GROUP_TEXT_MAX || d->text.overflowed)
        return err_set(err, ERR_LIMIT,
                       "the metrics of one push, with the labels of the path, "
                       "take more than %u MB",
                       GROUP_TEXT_MAX >> 20);
    return 0;
}

/* ---- drafts become families ---- */

static int family_make(struct draft *d, struct budget *budget, struct push_family **out,
                       struct err *err)
{
    size_t bytes =
        sizeof(struct push_family) + d->name.n + d->text.cap + d->series_cap * sizeof *d->series;
    struct push_family *f;

    if (budget_charge(budget, bytes, err) < 0)
        return -1;
    f = mem_new(struct push_family);
    atomic_store(&f->refs, 1);
    f->budget = budget;
    f->charged = bytes;
    f->name = (struct str){d->name.n ? mem_dup(d->name.p, d->name.n) : NULL, d->name.n};
    f->type = d->type;
    f->text = (struct str){d->text.p, d->text.n};
    f->series = d->series;
    f->series_n = d->series_n;
    d->text = (struct buf){.p = NULL};
    d->series = NULL;
    *out = f;
    return 0;
}

static int make_all(struct reader *r, struct budget *budget, struct group_body *out,
                    struct err *err)
{
    out->families = arena_new_array(r->a, struct push_family *, r->n + 1, err);
    if (!out->families)
        return -1;
    for (size_t i = 0; i < r->n; i++) {
        if (!r->drafts[i].series_n) /* described, but without a sample: there is nothing of it */
            continue;
        if (family_make(&r->drafts[i], budget, &out->families[out->n], err) < 0)
            return -1;
        out->n++;
    }
    return 0;
}

int group_body_read(struct str body, const struct group_key *key, struct budget *budget,
                    struct arena *a, struct group_body *out, struct err *err)
{
    struct reader r = {.emit = {.family = on_family, .sample = on_sample}, .key = key, .a = a};
    struct group_body made = {.n = 0};
    struct arena lines;
    int rc;

    arena_init(&r.scratch, budget);
    arena_init(&lines, budget);
    map_init(&r.by_name);
    rc = expo_parse(body, EXPO_TEXT, &lines, &r.emit, err);
    if (rc == 0)
        rc = make_all(&r, budget, &made, err);
    made.has_timestamps = r.has_timestamps;
    if (rc == 0)
        *out = made;
    else
        group_body_fini(&made);
    for (size_t i = 0; i < r.n; i++) {
        buf_fini(&r.drafts[i].text);
        mem_free(r.drafts[i].series);
    }
    mem_free(r.drafts);
    map_fini(&r.by_name);
    arena_fini(&lines);
    arena_fini(&r.scratch);
    return rc;
}
