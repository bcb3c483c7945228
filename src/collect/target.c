#include "collect/target.h"

#include <inttypes.h>

#include "base/err.h"
#include "base/mem.h"
#include "collect/sample_labels.h"
#include "collect/scrape_settings.h"
#include "collect/target_labels.h"
#include "model/labels.h"
#include "model/metadata.h"
#include "model/sample.h"

static const char *const report_names[TARGET_REPORTS] = {
    [TARGET_REPORT_UP] = "up",
    [TARGET_REPORT_DURATION] = "scrape_duration_seconds",
    [TARGET_REPORT_SCRAPED] = "scrape_samples_scraped",
    [TARGET_REPORT_KEPT] = "scrape_samples_post_metric_relabeling",
    [TARGET_REPORT_ADDED] = "scrape_series_added",
};

/* A sample whose series has no slot yet; `entry` is its place in the cache. */
struct waiting {
    size_t entry;
    double value;
};

/* ---- lists ---- */

static void *list_add(struct arena *a, struct target_list *list, size_t size, struct err *err)
{
    if (list->n == list->cap && arena_grow(a, &list->items, &list->cap, list->n + 1, size, err) < 0)
        return NULL;
    return (char *)list->items + list->n++ * size;
}

/* ---- the column ---- */

static void make_room(struct target *t, uint32_t slot)
{
    size_t cap = t->slots_cap ? t->slots_cap : 64;
    size_t old_words = t->slots_cap / 64, words;

    if (slot < t->slots_cap)
        return;
    while (cap <= slot)
        cap *= 2;
    words = cap / 64;
    t->values = mem_realloc(t->values, cap * sizeof *t->values);
    uint64_t **const bits[] = {&t->present, &t->before, &t->changed};
    for (size_t i = 0; i < ARRAY_LEN(bits); i++) {
        *bits[i] = mem_realloc(*bits[i], words * sizeof **bits[i]);
        memset(*bits[i] + old_words, 0, (words - old_words) * sizeof **bits[i]);
    }
    t->slots_cap = cap;
}

/* The first value of a slot stays. */
static void set_slot(struct target *t, uint32_t slot, double value)
{
    size_t word = slot / 64;
    uint64_t bit = UINT64_C(1) << slot % 64;

    if (t->present[word] & bit) {
        t->counts.duplicates++;
        return;
    }
    t->present[word] |= bit;
    if (!(t->before[word] & bit) || value_bits(t->values[slot]) != value_bits(value))
        t->changed[word] |= bit;
    t->values[slot] = value;
    if (slot >= t->slots)
        t->slots = slot + 1;
}

static void clear_column(struct target *t)
{
    size_t bytes = t->slots_cap / 64 * sizeof *t->present;

    if (bytes) {
        memset(t->present, 0, bytes);
        memset(t->changed, 0, bytes);
    }
    t->slots = 0;
}

/* ---- the emit of a cycle ---- */

static int on_family(struct emit *e, const struct metadata *family, struct err *err)
{
    struct target *t = CONTAINER_OF(e, struct target, emit);
    struct metadata *copy;

    if (!families_note(&t->families, family))
        return 0;
    copy = list_add(&t->arena, &t->metadata, sizeof *copy, err);
    if (!copy)
        return -1;
    copy->type = family->type;
    copy->family = arena_str(&t->arena, family->family, err);
    copy->help = arena_str(&t->arena, family->help, err);
    copy->unit = arena_str(&t->arena, family->unit, err);
    if (copy->family.p && copy->help.p && copy->unit.p)
        return 0;
    t->metadata.n--;
    families_forget(&t->families);
    return -1;
}

/* Samples of collectors of our own come without text: name and labels are hashed one by one. */
static struct hash128 key_of(const struct emit_sample *s)
{
    struct hash128 key;

    if (s->series.p)
        return hash_bytes128(s->series.p, s->series.n);
    key = hash_bytes128(s->name.p, s->name.n);
    for (size_t i = 0; i < s->labels_n; i++) {
        struct hash128 name = hash_bytes128(s->labels[i].name.p, s->labels[i].name.n);
        struct hash128 value = hash_bytes128(s->labels[i].value.p, s->labels[i].value.n);
        struct hash128 all[3] = {key, name, value};

        key = hash_bytes128(all, sizeof all);
    }
    return key;
}

/* How many samples are left after relabelling. */
static uint64_t kept(const struct target_counts *c)
{
    return c->scraped - c->dropped;
}

/* More samples than the job allows: the cycle fails in the end, and nothing more is gathered. */
static bool is_over_limit(const struct target *t)
{
    const struct scrape_job *job = t->settings.job;

    return job && job->limits.samples && kept(&t->counts) > job->limits.samples;
}

/* A series seen for the first time: its labels are made, or it is remembered as dropped. */
static int add_series(struct target *t, struct hash128 key, const struct emit_sample *sample,
                      size_t *out, struct err *err)
{
    const struct target_settings_core *s = &t->settings;
    uint32_t length = sample->series.n < UINT32_MAX ? (uint32_t)sample->series.n : 0;
    bool over = is_over_limit(t);
    struct arena *a = over ? &t->beyond : &t->arena;
    const struct labels *labels, **item;

    if (over)
        arena_reset(&t->beyond); /* made for the count alone */
    if (sample_labels_make(s->job, s->sample_labels, s->honor_labels, sample, a, &labels, err) <
        0) {
        t->counts.dropped++; /* as Prometheus counts the one that failed */
        return -1;
    }
    if (over) {
        t->counts.dropped += !labels;
        *out = SIZE_MAX;
        return 0;
    }
    if (labels) {
        item = list_add(&t->arena, &t->labels, sizeof(const struct labels *), err);
        if (!item)
            return -1;
        *item = labels;
        t->counts.added++;
    }
    *out = series_cache_add(&t->cache, key, length, t->round);
    if (!labels)
        t->cache.items[*out].slot = SERIES_CACHE_DROPPED;
    t->seen++;
    return 0;
}

/* The place of the sample's series in the cache, where it is put if need be; SIZE_MAX: nowhere. */
static int find_series(struct target *t, const struct emit_sample *s, size_t *out, bool *repeats,
                       struct err *err)
{
    struct series_entry *entry;
    struct hash128 key;

    if (s->expected) {
        *out = t->cache.next++;
    } else {
        ptrdiff_t found;

        key = key_of(s);
        found = series_cache_find(&t->cache, key);
        *repeats = false;
        if (found < 0)
            return add_series(t, key, s, out, err);
        *out = (size_t)found;
    }
    entry = &t->cache.items[*out];
    *repeats = entry->round == t->round;
    entry->round = t->round;
    t->seen += !*repeats;
    return 0;
}

static size_t expect(struct emit *e, struct str line)
{
    struct target *t = CONTAINER_OF(e, struct target, emit);

    return series_cache_expect(&t->cache, line);
}

static bool expect_block(struct emit *e, struct str block, enum metric_type *type)
{
    struct target *t = CONTAINER_OF(e, struct target, emit);

    return families_expect_block(&t->families, block, type);
}

static void learn_block(struct emit *e, struct str block, enum metric_type type)
{
    struct target *t = CONTAINER_OF(e, struct target, emit);

    families_learn_block(&t->families, block, type);
}

/* Rows and exemplars hold the place in the cache until all slots are known. */
static int add_row(struct target *t, size_t entry, bool repeats, const struct emit_sample *s,
                   struct err *err)
{
    struct sink_row *row = list_add(&t->arena, &t->rows, sizeof *row, err);

    if (!row)
        return -1;
    *row = (struct sink_row){{(uint32_t)entry, 0}, s->ts, s->value};
    t->rows_repeat |= repeats;
    return 0;
}

static int add_exemplar(struct target *t, size_t entry, const struct emit_sample *s,
                        struct err *err)
{
    struct sink_exemplar *exemplar;
    struct label *pairs = arena_alloc(&t->arena, s->exemplar_labels_n * sizeof *pairs, err);
    const struct labels *labels;

    if (!pairs)
        return -1;
    if (s->exemplar_labels_n)
        memcpy(pairs, s->exemplar_labels, s->exemplar_labels_n * sizeof *pairs);
    if (labels_build(&t->arena, pairs, s->exemplar_labels_n, &labels, err) < 0) {
        t->counts.exemplars_dropped++; /* the sample is worth more than its exemplar */
        return 0;
    }
    exemplar = list_add(&t->arena, &t->exemplars, sizeof *exemplar, err);
    if (!exemplar)
        return -1;
    *exemplar = (struct sink_exemplar){.ref = {(uint32_t)entry, 0},
                                       .ts = s->exemplar_has_ts ? s->exemplar_ts : t->batch.ts,
                                       .value = s->exemplar_value,
                                       .labels = labels};
    return 0;
}

static int on_sample(struct emit *e, const struct emit_sample *s, struct err *err)
{
    struct target *t = CONTAINER_OF(e, struct target, emit);
    struct series_entry *known;
    bool repeats;
    size_t entry;

    t->counts.scraped++;
    if (find_series(t, s, &entry, &repeats, err) < 0)
        return -1;
    if (entry == SIZE_MAX)
        return 0;
    known = &t->cache.items[entry];
    if (known->slot == SERIES_CACHE_DROPPED) {
        t->counts.dropped++;
        return 0;
    }
    if (s->has_exemplar && add_exemplar(t, entry, s, err) < 0)
        return -1;
    if (s->has_ts && t->settings.honor_timestamps)
        return add_row(t, entry, repeats, s, err);
    if (known->slot == SERIES_CACHE_NO_SLOT) {
        struct waiting *waiting = list_add(&t->arena, &t->waiting, sizeof *waiting, err);

        if (!waiting)
            return -1;
        *waiting = (struct waiting){.entry = entry, .value = s->value};
        return 0;
    }
    set_slot(t, known->slot, s->value);
    return 0;
}

/* ---- begin and finish ---- */

void target_init(struct target *t, const struct target_settings_core *settings)
{
    *t = (struct target){.settings = *settings,
                         .emit = {on_family, on_sample, expect, expect_block, learn_block}};
    series_cache_init(&t->cache);
    families_init(&t->families);
    arena_init(&t->arena, settings->budget);
    arena_init(&t->beyond, settings->budget);
}

void target_fini(struct target *t)
{
    if (t->group)
        t->settings.sink->group_close(t->settings.sink, t->group);
    series_cache_fini(&t->cache);
    families_fini(&t->families);
    arena_fini(&t->arena);
    arena_fini(&t->beyond);
    mem_free(t->values);
    mem_free(t->present);
    mem_free(t->before);
    mem_free(t->changed);
}

void target_begin(struct target *t, ts_ms ts)
{
    if (t->metadata.n)
        families_forget(&t->families); /* the cycle before told the store nothing */
    arena_reset(&t->arena);
    arena_reset(&t->beyond);
    t->labels = t->waiting = t->rows = t->exemplars = t->metadata =
        (struct target_list){NULL, 0, 0};
    t->counts = (struct target_counts){.scraped = 0};
    t->round++;
    t->known = t->cache.n;
    t->seen = 0;
    t->rows_repeat = false;
    t->families.next_block = 0;
    clear_column(t);
    t->batch = (struct sink_batch){.ts = ts, .done = t->batch.done, .done_arg = t->batch.done_arg};
}

/* All slots of a generation are worthless. */
static void forget(struct target *t)
{
    series_cache_cut(&t->cache, 0);
    t->has_generation = t->hint = false;
}

static int report_labels(struct target *t, const struct labels *out[TARGET_REPORTS],
                         struct err *err)
{
    for (size_t i = 0; i < TARGET_REPORTS; i++) {
        struct emit_sample sample = {.name = str_c(report_names[i])};

        if (target_labels_build(&t->arena, t->settings.labels, t->settings.honor_labels, &sample,
                                &out[i], err) < 0)
            return -1;
    }
    return 0;
}

/* One call for all that is new, the target's own series behind; refs come back in order. */
static enum target_next resolve(struct target *t, struct err *err)
{
    struct sink *sink = t->settings.sink;
    size_t fresh = t->labels.n;
    size_t n = fresh + (t->has_generation ? 0 : TARGET_REPORTS);
    const struct labels **labels;
    struct sink_ref *refs;

    if (!n)
        return TARGET_COMMIT;
    labels = arena_new_array(&t->arena, const struct labels *, n, err);
    refs = arena_alloc(&t->arena, n * sizeof *refs, err);
    if (!labels || !refs)
        return TARGET_FAILED;
    if (fresh)
        memcpy(labels, t->labels.items, fresh * sizeof(const struct labels *));
    if (!t->has_generation && report_labels(t, labels + fresh, err) < 0)
        return TARGET_FAILED;
    if (!t->group && sink->group_open(sink, t->settings.labels, &t->group, err) < 0)
        return TARGET_FAILED;
    if (sink->resolve(sink, t->group, labels, n, refs, err) < 0)
        return TARGET_FAILED;
    if (t->has_generation && refs[0].generation != t->generation) {
        forget(t);
        return TARGET_AGAIN;
    }
    for (size_t i = 0; i < n; i++)
        if (refs[i].id != SINK_NO_ID)
            make_room(t, refs[i].id);
    for (size_t i = 0, at = t->known; i < fresh; at++)
        if (t->cache.items[at].slot != SERIES_CACHE_DROPPED)
            t->cache.items[at].slot = refs[i++].id; /* SINK_NO_ID is NO_SLOT */
    for (size_t i = 0; !t->has_generation && i < TARGET_REPORTS; i++)
        t->report_slots[i] = refs[fresh + i].id;
    t->has_generation = true;
    t->generation = refs[0].generation;
    return TARGET_COMMIT;
}
_Static_assert(SINK_NO_ID == SERIES_CACHE_NO_SLOT, "resolve stores one as the other");

/* Places in the cache become slots; what the store has no room for goes. */
static void place_samples(struct target *t)
{
    const struct series_entry *entries = t->cache.items;
    const struct waiting *waiting = t->waiting.items;
    struct sink_row *rows = t->rows.items;
    struct sink_exemplar *exemplars = t->exemplars.items;
    size_t kept = 0;

    for (size_t i = 0; i < t->waiting.n; i++) {
        uint32_t slot = entries[waiting[i].entry].slot;

        if (slot == SERIES_CACHE_NO_SLOT)
            t->counts.limited++;
        else
            set_slot(t, slot, waiting[i].value);
    }
    for (size_t i = 0; i < t->rows.n; i++) {
        rows[kept] = rows[i];
        rows[kept].ref = (struct sink_ref){entries[rows[i].ref.id].slot, t->generation};
        if (rows[kept].ref.id == SERIES_CACHE_NO_SLOT)
            t->counts.limited++;
        else
            kept++;
    }
    t->rows.n = kept;
    kept = 0;
    for (size_t i = 0; i < t->exemplars.n; i++) {
        exemplars[kept] = exemplars[i];
        exemplars[kept].ref = (struct sink_ref){entries[exemplars[i].ref.id].slot, t->generation};
        kept += exemplars[kept].ref.id != SERIES_CACHE_NO_SLOT;
    }
    t->exemplars.n = kept;
}

/* A failed cycle is an empty one; the series known before stay known. */
static void drop_samples(struct target *t)
{
    series_cache_cut(&t->cache, t->known);
    t->labels.n = t->waiting.n = t->rows.n = t->exemplars.n = 0;
    clear_column(t);
}

static void set_reports(struct target *t, bool ok, double seconds)
{
    double values[TARGET_REPORTS];

    values[TARGET_REPORT_UP] = ok;
    values[TARGET_REPORT_DURATION] = seconds;
    values[TARGET_REPORT_SCRAPED] = (double)t->counts.scraped;
    values[TARGET_REPORT_KEPT] = (double)kept(&t->counts);
    values[TARGET_REPORT_ADDED] = (double)t->counts.added;
    for (size_t i = 0; i < TARGET_REPORTS; i++)
        if (t->report_slots[i] != SINK_NO_ID)
            set_slot(t, t->report_slots[i], values[i]);
}

static int by_slot_then_time(const void *a, const void *b)
{
    const struct sink_row *x = a, *y = b;

    if (x->ref.id != y->ref.id)
        return x->ref.id < y->ref.id ? -1 : 1;
    return (x->ts > y->ts) - (x->ts < y->ts);
}

static void fill_batch(struct target *t)
{
    t->batch.group = t->group;
    t->batch.generation = t->generation;
    t->batch.slots = t->slots;
    t->batch.present = t->present;
    t->batch.changed = t->hint ? t->changed : NULL;
    t->batch.values = t->values;
    t->batch.rows = t->rows.items;
    t->batch.rows_n = t->rows.n;
    t->batch.exemplars = t->exemplars.items;
    t->batch.exemplars_n = t->exemplars.n;
    t->batch.metadata = t->metadata.items;
    t->batch.metadata_n = t->metadata.n;
}

static int check_limit(const struct target *t, struct err *err)
{
    if (!is_over_limit(t))
        return 0;
    return err_set(err, ERR_LIMIT, "%" PRIu64 " samples are more than sample_limit %" PRIu64,
                   kept(&t->counts), t->settings.job->limits.samples);
}

enum target_next target_finish(struct target *t, bool *ok, double seconds, struct err *err)
{
    enum target_next next;

    *ok = *ok && check_limit(t, err) == 0;
    if (!*ok)
        drop_samples(t);
    next = resolve(t, err);
    if (next == TARGET_FAILED && *ok) {
        /* What was exposed cannot be stored: say so with up 0. */
        *ok = false;
        drop_samples(t);
        next = resolve(t, NULL);
    }
    if (next != TARGET_COMMIT)
        return next;
    if (*ok) {
        place_samples(t);
        if (t->cache.n != t->seen || t->counts.limited)
            series_cache_sweep(&t->cache, t->round);
    }
    set_reports(t, *ok, seconds);
    if (t->rows_repeat)
        qsort(t->rows.items, t->rows.n, sizeof(struct sink_row), by_slot_then_time);
    fill_batch(t);
    return TARGET_COMMIT;
}

enum target_next target_vanish(struct target *t, struct err *err)
{
    enum target_next next = t->group ? resolve(t, err) : TARGET_FAILED;

    if (next == TARGET_COMMIT)
        fill_batch(t);
    return next;
}

bool target_committed(struct target *t)
{
    const struct sink_batch *b = &t->batch;
    bool taken = b->verdict == SINK_WRITTEN || b->verdict == SINK_UNLOGGED;

    t->hint = taken && !b->outcomes[SINK_DUPLICATE] && !b->outcomes[SINK_CONFLICT] &&
              !b->outcomes[SINK_LATE] && !b->outcomes[SINK_FUTURE];
    if (taken) {
        uint64_t *before = t->before;

        t->before = t->present;
        t->present = before;
        t->metadata.n = 0; /* told */
    }
    if (b->verdict == SINK_STALE)
        forget(t);
    return b->verdict == SINK_STALE;
}
