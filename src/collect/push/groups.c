/* A group is never changed, but replaced by another one under the lock: whoever has a reference
 * reads it without. Series are known by the 64-bit hashes of their label sets: two sets that share
 * one would be taken for the same series and a push refused, which 200,000 series meet once in a
 * billion. */
#include "collect/push/groups.h"

#include <pthread.h>
#include <stdatomic.h>

#include "base/arena.h"
#include "base/cursor.h"
#include "base/err.h"
#include "base/hash.h"
#include "base/map.h"
#include "base/mem.h"
#include "collect/push/group_body.h"
#include "collect/push/group_key.h"
#include "model/emit.h"
#include "model/expo.h"

#define LABELS_MAX 64u

struct group {
    atomic_uint refs;
    struct str key;                /* owned */
    ts_ms push, failure;           /* 0: never */
    ts_ms touched;                 /* by any push; decides when it goes */
    struct push_family **families; /* owned, references */
    size_t n;
};

/* What all groups that have a metric say of it. */
struct use {
    struct str name; /* owned */
    enum metric_type type;
    size_t n;
};

struct push_groups {
    struct budget *budget;
    pthread_mutex_t lock; /* guards: all below */
    struct map by_key;    /* struct group, a reference each */
    struct map series;    /* hash of a label set -> struct push_family, borrowed */
    struct map uses;      /* struct use, owned */
    uint64_t version;
};

struct push_groups *push_groups_new(struct budget *budget)
{
    struct push_groups *g = mem_new(struct push_groups);

    g->budget = budget;
    (void)pthread_mutex_init(&g->lock, NULL);
    map_init(&g->by_key);
    map_init(&g->series);
    map_init(&g->uses);
    return g;
}

static struct group *group_ref(struct group *group)
{
    (void)atomic_fetch_add(&group->refs, 1);
    return group;
}

static void group_unref(struct group *group)
{
    if (!group || atomic_fetch_sub(&group->refs, 1) > 1)
        return;
    for (size_t i = 0; i < group->n; i++)
        push_family_unref(group->families[i]);
    mem_free(group->families);
    mem_free((char *)group->key.p);
    mem_free(group);
}

void push_groups_free(struct push_groups *g)
{
    struct group *group;
    struct use *use;
    size_t at = 0;

    if (!g)
        return;
    while ((group = map_next(&g->by_key, &at)))
        group_unref(group);
    at = 0;
    while ((use = map_next(&g->uses, &at))) {
        mem_free((char *)use->name.p);
        mem_free(use);
    }
    map_fini(&g->by_key);
    map_fini(&g->series);
    map_fini(&g->uses);
    (void)pthread_mutex_destroy(&g->lock);
    mem_free(g);
}

/* ---- the indexes; under the lock ---- */

static bool has_key(const void *item, const void *key)
{
    const struct group *group = item;

    return str_eq(group->key, *(const struct str *)key);
}

static bool use_has_name(const void *item, const void *key)
{
    const struct use *use = item;

    return str_eq(use->name, *(const struct str *)key);
}

static bool any(const void *item, const void *key)
{
    (void)item;
    (void)key;
    return true;
}

static struct group *find(const struct push_groups *g, struct str key)
{
    return map_get(&g->by_key, hash_str(key), &key, has_key);
}

static void take_out(struct push_groups *g, const struct push_family *f, size_t series_n)
{
    struct use *use = map_get(&g->uses, hash_str(f->name), &f->name, use_has_name);

    for (size_t i = 0; i < series_n; i++)
        (void)map_remove(&g->series, f->series[i], NULL, any);
    if (--use->n)
        return;
    (void)map_remove(&g->uses, hash_str(f->name), &f->name, use_has_name);
    mem_free((char *)use->name.p);
    mem_free(use);
}

static int put_in(struct push_groups *g, struct push_family *f, struct err *err)
{
    struct use *use = map_get(&g->uses, hash_str(f->name), &f->name, use_has_name);

    if (use && use->type != f->type)
        return err_set(err, ERR_TYPE, "the type of metric %.*s is %s here and %s in another group",
                       STR_ARGS(str_take(f->name, 100)), metric_type_name(f->type),
                       metric_type_name(use->type));
    if (!use) {
        use = mem_new(struct use);
        use->name = (struct str){mem_dup(f->name.p, f->name.n), f->name.n};
        use->type = f->type;
        map_put(&g->uses, hash_str(f->name), use);
    }
    use->n++;
    for (size_t i = 0; i < f->series_n; i++) {
        if (map_get(&g->series, f->series[i], NULL, any)) {
            take_out(g, f, i);
            return err_set(err, ERR_TYPE,
                           "a series of metric %.*s is there twice, in this push or in another "
                           "group",
                           STR_ARGS(str_take(f->name, 100)));
        }
        map_put(&g->series, f->series[i], f);
    }
    return 0;
}

static void put_back(struct push_groups *g, struct push_family *const families[], size_t n)
{
    for (size_t i = 0; i < n; i++) {
        struct err err;
        int rc = put_in(g, families[i], &err);

        (void)rc; /* they were in just now */
    }
}

/* ---- changes ---- */

static bool has_family(const struct group_body *body, struct str name)
{
    for (size_t i = 0; i < body->n; i++)
        if (str_eq(body->families[i]->name, name))
            return true;
    return false;
}

/* In the place of `old`, NULL: of none. Takes `fresh` over. */
static void replace(struct push_groups *g, struct group *old, struct group *fresh)
{
    g->version++;
    if (old)
        (void)map_remove(&g->by_key, hash_str(old->key), &old->key, has_key);
    if (fresh)
        map_put(&g->by_key, hash_str(fresh->key), fresh);
    group_unref(old);
}

static struct group *group_new(const struct group *old, struct str key, size_t families_max)
{
    struct group *group = mem_new(struct group);

    atomic_store(&group->refs, 1);
    group->key = (struct str){mem_dup(key.p, key.n), key.n};
    group->families = mem_new_array(struct push_family *, families_max + 1);
    if (old) {
        group->push = old->push;
        group->failure = old->failure;
        group->touched = old->touched;
    }
    return group;
}

/* The same metrics, another time of failure. */
static void note_failure(struct push_groups *g, struct group *old, struct str key, ts_ms now)
{
    struct group *fresh;

    if (!old && g->by_key.n >= GROUPS_MAX)
        return;
    fresh = group_new(old, key, old ? old->n : 0);
    for (size_t i = 0; old && i < old->n; i++)
        fresh->families[fresh->n++] = push_family_ref(old->families[i]);
    fresh->failure = fresh->touched = now;
    replace(g, old, fresh);
}

/* With the push in. */
static int check_bounds(const struct push_groups *g, const struct group *old, struct err *err)
{
    if (!old && g->by_key.n >= GROUPS_MAX)
        return err_set(err, ERR_LIMIT,
                       "there are %u groups already; delete some, or let them go with a shorter "
                       "collect.push.ttl",
                       GROUPS_MAX);
    if (g->series.n > GROUPS_SERIES_MAX)
        return err_set(err, ERR_LIMIT,
                       "all groups together would have more than %u series; delete some groups, "
                       "or let them go with a shorter collect.push.ttl",
                       GROUPS_SERIES_MAX);
    return 0;
}

/* Those of `old` that go, first in the list, then those that stay. */
static size_t part(struct group *old, const struct group_body *body, enum groups_how how,
                   struct push_family *out[])
{
    size_t gone = 0, at;

    for (size_t i = 0; i < old->n; i++)
        if (how == GROUPS_PUT || has_family(body, old->families[i]->name))
            out[gone++] = old->families[i];
    at = gone;
    for (size_t i = 0; i < old->n; i++)
        if (how == GROUPS_POST && !has_family(body, old->families[i]->name))
            out[at++] = old->families[i];
    return gone;
}

static int apply(struct push_groups *g, struct group *old, const struct group_key *key,
                 const struct group_body *body, enum groups_how how, ts_ms now, struct err *err)
{
    SCOPED(mem_freep)
    struct push_family **were = mem_new_array(struct push_family *, (old ? old->n : 0) + 1);
    size_t gone = old ? part(old, body, how, were) : 0;
    struct group *fresh;

    for (size_t i = 0; i < gone; i++)
        take_out(g, were[i], were[i]->series_n);
    for (size_t i = 0; i < body->n; i++) {
        if (put_in(g, body->families[i], err) == 0)
            continue;
        while (i-- > 0)
            take_out(g, body->families[i], body->families[i]->series_n);
        put_back(g, were, gone);
        return -1;
    }
    if (check_bounds(g, old, err) < 0) {
        for (size_t i = 0; i < body->n; i++)
            take_out(g, body->families[i], body->families[i]->series_n);
        put_back(g, were, gone);
        return -1;
    }
    fresh = group_new(old, key->text, body->n + (old ? old->n - gone : 0));
    for (size_t i = gone; old && i < old->n; i++)
        fresh->families[fresh->n++] = push_family_ref(were[i]);
    for (size_t i = 0; i < body->n; i++)
        fresh->families[fresh->n++] = push_family_ref(body->families[i]);
    fresh->push = fresh->touched = now;
    replace(g, old, fresh);
    return 0;
}

int push_groups_push(struct push_groups *g, const struct group_key *key,
                     const struct group_body *body, enum groups_how how, ts_ms now, struct err *err)
{
    struct group *old;
    int rc = 0;

    (void)pthread_mutex_lock(&g->lock);
    old = find(g, key->text);
    if (body->has_timestamps)
        rc = err_set(err, ERR_TYPE, "pushed metrics must not have timestamps");
    else
        rc = apply(g, old, key, body, how, now, err);
    if (rc < 0)
        note_failure(g, old, key->text, now);
    (void)pthread_mutex_unlock(&g->lock);
    return rc;
}

static void drop(struct push_groups *g, struct group *group)
{
    for (size_t i = 0; i < group->n; i++)
        take_out(g, group->families[i], group->families[i]->series_n);
    replace(g, group, NULL);
}

void push_groups_delete(struct push_groups *g, const struct group_key *key)
{
    struct group *group;

    (void)pthread_mutex_lock(&g->lock);
    group = find(g, key->text);
    if (group)
        drop(g, group);
    (void)pthread_mutex_unlock(&g->lock);
}

/* A reference each; *n of them. */
static struct group **snapshot(struct push_groups *g, size_t *n)
{
    struct group **all, *group;
    size_t at = 0;

    (void)pthread_mutex_lock(&g->lock);
    all = mem_new_array(struct group *, g->by_key.n + 1);
    *n = 0;
    while ((group = map_next(&g->by_key, &at)))
        all[(*n)++] = group_ref(group);
    (void)pthread_mutex_unlock(&g->lock);
    return all;
}

static void snapshot_free(struct group **all, size_t n)
{
    for (size_t i = 0; i < n; i++)
        group_unref(all[i]);
    mem_free(all);
}

size_t push_groups_expire(struct push_groups *g, ts_ms now, int64_t ttl_ms)
{
    size_t n, expired = 0;
    struct group **all;

    if (ttl_ms == 0)
        return 0;
    all = snapshot(g, &n);
    (void)pthread_mutex_lock(&g->lock);
    for (size_t i = 0; i < n; i++) {
        if (all[i]->touched > now - ttl_ms || find(g, all[i]->key) != all[i])
            continue;
        drop(g, all[i]);
        expired++;
    }
    (void)pthread_mutex_unlock(&g->lock);
    snapshot_free(all, n);
    return expired;
}

struct push_groups_counts push_groups_count(struct push_groups *g)
{
    struct push_groups_counts counts;

    (void)pthread_mutex_lock(&g->lock);
    counts = (struct push_groups_counts){g->by_key.n, g->series.n, g->version};
    (void)pthread_mutex_unlock(&g->lock);
    return counts;
}

/* ---- exposing ---- */

static int emit_time(struct emit *emit, const char *name, const struct group_key *key, ts_ms t,
                     struct err *err)
{
    struct label labels[LABELS_MAX + 1];
    struct emit_sample sample = {.name = str_c(name), .labels = labels, .value = (double)t / 1000};
    bool has_instance = false;

    for (size_t i = 0; i < key->n; i++)
        has_instance |= str_eq(key->labels[i].name, STR("instance"));
    if (!has_instance)
        labels[sample.labels_n++] = (struct label){STR("instance"), STR("")};
    for (size_t i = 0; i < key->n; i++)
        labels[sample.labels_n++] = key->labels[i];
    return emit->sample(emit, &sample, err);
}

static int emit_times(struct group *const all[], size_t n, bool failures, struct emit *emit,
                      struct arena *scratch, struct err *err)
{
    const struct metadata family = {
        .family = failures ? STR(PUSH_FAILURE_NAME) : STR(PUSH_TIME_NAME),
        .type = METRIC_GAUGE,
        .help = failures ? STR("Unix time of the last push to this group that was refused.")
                         : STR("Unix time of the last push to this group that was taken.")};

    if (n && emit->family(emit, &family, err) < 0)
        return -1;
    for (size_t i = 0; i < n; i++) {
        struct group_key key;

        arena_reset(scratch);
        if (group_key_of_text(all[i]->key, scratch, &key, err) < 0 ||
            emit_time(emit, family.family.p, &key, failures ? all[i]->failure : all[i]->push, err) <
                0)
            return -1;
    }
    return 0;
}

static int emit_all(struct group *const all[], size_t n, struct emit *emit, struct arena *scratch,
                    struct err *err)
{
    for (size_t i = 0; i < n; i++)
        for (size_t k = 0; k < all[i]->n; k++)
            if (expo_parse(all[i]->families[k]->text, EXPO_TEXT, scratch, emit, err) < 0)
                return -1;
    return emit_times(all, n, false, emit, scratch, err) < 0
               ? -1
               : emit_times(all, n, true, emit, scratch, err);
}

int push_groups_emit(struct push_groups *g, struct emit *emit, struct arena *scratch,
                     struct err *err)
{
    size_t n;
    struct group **all = snapshot(g, &n);
    int rc = emit_all(all, n, emit, scratch, err);

    snapshot_free(all, n);
    return rc;
}

/* ---- as bytes: a count, then each group: key, three times, the text of its families ---- */

void push_groups_write(struct push_groups *g, struct buf *out)
{
    size_t n;
    struct group **all = snapshot(g, &n);

    put_uvarint(out, n);
    for (size_t i = 0; i < n; i++) {
        size_t bytes = 0;

        put_vstr(out, all[i]->key);
        put_svarint(out, all[i]->push);
        put_svarint(out, all[i]->failure);
        put_svarint(out, all[i]->touched);
        for (size_t k = 0; k < all[i]->n; k++)
            bytes += all[i]->families[k]->text.n;
        put_uvarint(out, bytes);
        for (size_t k = 0; k < all[i]->n; k++)
            buf_add(out, all[i]->families[k]->text);
    }
    snapshot_free(all, n);
}

static int read_group(struct push_groups *g, struct cursor *c, struct arena *a, struct err *err)
{
    struct str text = cursor_vstr(c), body;
    ts_ms push = cursor_svarint(c), failure = cursor_svarint(c), touched = cursor_svarint(c);
    struct group_key key;
    struct group_body families = {.n = 0};
    int rc;

    body = cursor_vstr(c);
    if (c->failed)
        return err_set(err, ERR_CORRUPT, "it ends early");
    if (group_key_of_text(text, a, &key, err) < 0 ||
        group_body_read(body, &key, g->budget, a, &families, err) < 0)
        return -1;
    rc = push_groups_push(g, &key, &families, GROUPS_PUT, push, err);
    group_body_fini(&families);
    if (rc < 0)
        return -1;
    (void)pthread_mutex_lock(&g->lock);
    find(g, key.text)->failure = failure; /* nobody else has a reference yet */
    find(g, key.text)->touched = touched;
    (void)pthread_mutex_unlock(&g->lock);
    return 0;
}

int push_groups_read(struct push_groups *g, struct str bytes, struct err *err)
{
    struct cursor c = cursor_of(bytes.p, bytes.n);
    uint64_t n = cursor_uvarint(&c);
    struct arena a;
    int rc = 0;

    arena_init(&a, g->budget);
    for (uint64_t i = 0; rc == 0 && i < n; i++) {
        arena_reset(&a);
        rc = read_group(g, &c, &a, err);
    }
    arena_fini(&a);
    if (rc == 0 && (c.failed || cursor_left(&c)))
        rc = err_set(err, ERR_CORRUPT, "bytes are left over");
    return rc;
}
