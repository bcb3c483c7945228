#include "collect/target.h"

#include <inttypes.h>

#include "base/err.h"
#include "base/mem.h"
#include "collect/sample_labels.h"
#include "collect/scrape_settings.h"
#include "collect/target_events.h"
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

#define RESOLVE_BATCH 1024u /* the store's lock is held for so many series */

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

static void set_value(struct target *t, uint32_t slot, double value)
{
    if (value_bits(t->values[slot]) == value_bits(value))
        return;
    t->changed[slot / 64] |= UINT64_C(1) << slot % 64;
    t->values[slot] = value;
}

/* The first sample of a slot stays: false for those that follow. */
static bool claim(struct target *t, uint32_t slot)
{
    size_t word = slot / 64;
    uint64_t bit = UINT64_C(1) << slot % 64;

    if (t->present[word] & bit) {
        t->counts.duplicates++;
        return false;
    }
    t->present[word] |= bit;
    t->changed[word] |= bit & ~t->before[word];
    if (slot >= t->slots)
        t->slots = slot + 1;
    return true;
}

static bool set_slot(struct target *t, uint32_t slot, double value)
{
    if (!claim(t, slot))
        return false;
    set_value(t, slot, value);
    return true;
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

static void note_type(struct target *t, struct str family)
{
    const struct families *f = &t->families;

    if (f->type_before == f->type_after || t->counts.types_changed++)
        return;
    t->retyped.before = f->type_before;
    t->retyped.after = f->type_after;
    family = str_take(family, sizeof t->retyped.family - 1);
    memcpy(t->retyped.family, family.p, family.n);
    t->retyped.family[family.n] = '\0';
}

static int on_family(struct emit *e, const struct metadata *family, struct err *err)
{
    struct target *t = CONTAINER_OF(e, struct target, emit);
    struct metadata *copy;

    if (!families_note(&t->families, family))
        return 0;
    note_type(t, family->family);
    t->known.tell |= t->families.changed; /* another line may say otherwise */
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

/* ---- lines that came before ---- */

/* As long as all lines are those of the cycle before, so is the column but for the values: slots
 * are looked at only where one changed. From here on each line claims its slot. */
static int rebuild(struct target *t, struct err *err)
{
    struct known *k = &t->known;

    if (k->rebuilds)
        return 0;
    if (known_rebuild(k, err) < 0)
        return -1;
    for (size_t i = 0; i < k->at; i++)
        if (k->next[i].place != KNOWN_DROPPED)
            (void)claim(t, k->next[i].place);
    return 0;
}

static void step_over(struct target *t, struct str *text, struct str *metadata)
{
    struct known *k = &t->known;
    size_t dropped = k->dropped;
    size_t n = known_run(k, text, metadata);

    t->counts.scraped += n;
    t->counts.dropped += k->dropped - dropped;
    if (!k->rebuilds)
        return;
    for (size_t i = k->next_n - n; i < k->next_n; i++)
        if (k->next[i].place != KNOWN_DROPPED && !claim(t, k->next[i].place))
            known_always_parse(k, i);
}

static void take_value(struct target *t, double value)
{
    struct known *k = &t->known;
    uint32_t slot = k->lines[k->at - 1].place;

    t->counts.scraped++;
    if (slot == KNOWN_DROPPED)
        t->counts.dropped++;
    else if (!k->rebuilds)
        set_value(t, slot, value);
    else if (!set_slot(t, slot, value))
        known_always_parse(k, k->next_n - 1);
}

static bool resync(struct target *t, struct str text)
{
    return t->known.at < t->known.n && text.n && rebuild(t, NULL) == 0 &&
           known_resync(&t->known, text);
}

static size_t skip(struct emit *e, struct str text, enum metric_type *type, struct str *metadata)
{
    struct target *t = CONTAINER_OF(e, struct target, emit);
    struct known *k = &t->known;
    size_t all = text.n;
    double value;

    if (!known_starts(k, text.p, *type) || (!t->trusts && rebuild(t, NULL) < 0))
        return 0;
    do {
        for (;;) {
            if (t->trusts)
                step_over(t, &text, metadata);
            if (!known_value(k, &text, metadata, &value))
                break;
            take_value(t, value);
        }
    } while (resync(t, text));
    *type = k->type;
    return all - text.n;
}

/* ---- lines that are parsed, and samples of collectors of our own, which come without text ---- */

static char *put(char *p, struct str s)
{
    if (s.n)
        memcpy(p, s.p, s.n);
    return p + s.n;
}

static struct str key_of(struct target *t, const struct emit_sample *s, struct err *err)
{
    size_t n = s->name.n;
    char *key, *p;

    for (size_t i = 0; i < s->labels_n; i++)
        n += s->labels[i].name.n + s->labels[i].value.n + 2;
    key = p = arena_alloc(&t->arena, n, err);
    if (!key)
        return (struct str){NULL, 0};
    p = put(p, s->name);
    for (size_t i = 0; i < s->labels_n; i++) {
        *p++ = '\xff'; /* in no UTF-8 text */
        p = put(p, s->labels[i].name);
        *p++ = '\xfe';
        p = put(p, s->labels[i].value);
    }
    return (struct str){key, n};
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

/* The labels of a series seen for the first time, until the next sample; NULL: it is dropped. */
static int make_labels(struct target *t, const struct emit_sample *sample,
                       const struct labels **out, struct err *err)
{
    const struct target_settings_core *s = &t->settings;

    arena_reset(&t->scratch);
    if (sample_labels_make(s->job, s->sample_labels, s->honor_labels, sample, &t->scratch, out,
                           err) == 0)
        return 0;
    t->counts.dropped++; /* as Prometheus counts the one that failed */
    return -1;
}

static int add_series(struct target *t, const struct emit_sample *sample, uint32_t *place,
                      struct err *err)
{
    const struct labels *labels;
    struct labels *copy;

    if (make_labels(t, sample, &labels, err) < 0)
        return -1;
    if (!labels) {
        *place = known_drop(&t->known);
        return 0;
    }
    copy = arena_alloc(&t->fresh.arena, labels_size(labels), err);
    if (!copy || (!t->stored && fresh_charge(&t->fresh, labels, err) < 0))
        return -1;
    memcpy(copy, labels, labels_size(labels));
    if (fresh_add(&t->fresh, copy, err) < 0)
        return -1;
    t->counts.added++;
    return 0;
}

/* What the sample is known by. */
static int find_key(struct target *t, const struct emit_sample *s, struct str *key, struct err *err)
{
    *key = s->text.series.p ? s->text.series : key_of(t, s, err);
    return key->p ? 0 : -1;
}

/* The place of the sample's series; the line stands among those known from here on. */
static int find_series(struct target *t, const struct emit_sample *s, uint32_t *place,
                       struct err *err)
{
    struct known *k = &t->known;
    uint32_t fresh = k->fresh;
    struct str key;

    if (find_key(t, s, &key, err) < 0 || known_find(k, key, s->text.type, place, err) < 0 ||
        (k->fresh > fresh && add_series(t, s, place, err) < 0))
        return -1;
    return s->text.series.p ? known_push(k, &s->text, *place, err)
                            : known_push_key(k, key, *place, err);
}

/* Past the limit samples are only counted. */
static int count_sample(struct target *t, const struct emit_sample *s, struct err *err)
{
    const struct labels *labels;
    uint32_t place;
    struct str key;

    if (find_key(t, s, &key, err) < 0 || known_look(&t->known, key, s->text.type, &place, err) < 0)
        return -1;
    if (place == KNOWN_NO_SLOT) {
        if (make_labels(t, s, &labels, err) < 0)
            return -1;
        t->counts.dropped += !labels;
    } else {
        t->counts.dropped += place == KNOWN_DROPPED;
    }
    return 0;
}

/* Rows and exemplars hold the place of their series until all slots are known. */
static int add_row(struct target *t, uint32_t place, const struct emit_sample *s, struct err *err)
{
    struct sink_row *row = list_add(&t->arena, &t->rows, sizeof *row, err);

    if (!row)
        return -1;
    *row = (struct sink_row){{place, 0}, s->ts, s->value};
    return 0;
}

static int add_exemplar(struct target *t, uint32_t place, const struct emit_sample *s,
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
    *exemplar = (struct sink_exemplar){.ref = {place, 0},
                                       .ts = s->exemplar_has_ts ? s->exemplar_ts : t->batch.ts,
                                       .value = s->exemplar_value,
                                       .labels = labels};
    return 0;
}

static int on_sample(struct emit *e, const struct emit_sample *s, struct err *err)
{
    struct target *t = CONTAINER_OF(e, struct target, emit);
    uint32_t place, line;

    t->counts.scraped++;
    if (rebuild(t, err) < 0)
        return -1;
    if (is_over_limit(t))
        return count_sample(t, s, err);
    if (find_series(t, s, &place, err) < 0)
        return -1;
    line = (uint32_t)t->known.next_n - 1;
    if (place == KNOWN_DROPPED) {
        t->counts.dropped++;
        return 0;
    }
    if (s->has_exemplar && add_exemplar(t, place, s, err) < 0)
        return -1;
    if (s->has_ts && t->settings.honor_timestamps)
        return add_row(t, place, s, err);
    if (place & KNOWN_FRESH)
        return fresh_wait(&t->fresh, place, line, s->value, err);
    if (!set_slot(t, place, s->value))
        known_always_parse(&t->known, line);
    return 0;
}

/* ---- begin and finish ---- */

/* What is gathered of new series goes as soon as they have their slots, or none. */
static void end_fresh(struct target *t)
{
    arena_reset(&t->scratch);
    fresh_end(&t->fresh);
}

void target_init(struct target *t, const struct target_settings_core *settings)
{
    *t = (struct target){.settings = *settings, .emit = {on_family, on_sample, skip, NULL, NULL}};
    if (settings->events)
        target_hear_events(t);
    watch_init(&t->watch, settings->events);
    known_init(&t->known, settings->budget);
    families_init(&t->families);
    arena_init(&t->arena, settings->budget);
    arena_init(&t->scratch, settings->budget);
    fresh_init(&t->fresh, settings->budget);
}

void target_fini(struct target *t)
{
    if (t->group)
        t->settings.sink->group_close(t->settings.sink, t->group);
    known_fini(&t->known);
    families_fini(&t->families);
    end_fresh(t);
    arena_fini(&t->arena);
    mem_free(t->values);
    mem_free(t->present);
    mem_free(t->before);
    mem_free(t->changed);
    watch_fini(&t->watch);
    jobs_fini(&t->jobs);
}

void target_begin(struct target *t, ts_ms ts)
{
    if (t->metadata.n)
        families_forget(&t->families); /* the cycle before told the store nothing */
    t->tell |= t->families.changed;
    t->families.changed = false;
    end_fresh(t);
    arena_reset(&t->arena);
    t->rows = t->exemplars = t->metadata = (struct target_list){NULL, 0, 0};
    target_begin_events(t);
    t->counts = (struct target_counts){.scraped = 0};
    t->unwell = false;
    t->trusts &= !t->known.ended;
    known_begin(&t->known, t->tell);
    clear_column(t);
    t->batch = (struct sink_batch){.ts = ts,
                                   .any_age = t->batch.any_age,
                                   .may_wait = t->batch.may_wait,
                                   .done = t->batch.done,
                                   .done_arg = t->batch.done_arg};
}

/* All slots of a generation are worthless. */
static void forget(struct target *t)
{
    known_forget(&t->known);
    t->stored |= t->has_generation;
    t->has_generation = t->hint = t->trusts = false;
    watch_forget_slots(&t->watch);
}

static int add_reports(struct target *t, struct err *err)
{
    for (size_t i = 0; i < TARGET_REPORTS; i++) {
        struct emit_sample sample = {.name = str_c(report_names[i])};
        const struct labels *labels;

        if (target_labels_build(&t->fresh.arena, t->settings.labels, t->settings.honor_labels,
                                &sample, &labels, err) < 0 ||
            fresh_add(&t->fresh, labels, err) < 0)
            return -1;
    }
    return 0;
}

/* The slots of `n` series; the same generation for all, or TARGET_AGAIN. */
static enum target_next resolve_batch(struct target *t, const struct labels *const labels[],
                                      size_t n, uint32_t slots[], struct err *err)
{
    struct sink *sink = t->settings.sink;
    struct sink_ref refs[RESOLVE_BATCH];

    if (sink->resolve(sink, t->group, labels, n, refs, err) < 0)
        return TARGET_FAILED;
    if (t->has_generation && refs[0].generation != t->generation)
        return TARGET_AGAIN;
    t->has_generation = true;
    t->generation = refs[0].generation;
    for (size_t i = 0; i < n; i++) {
        slots[i] = refs[i].id; /* SINK_NO_ID is KNOWN_NO_SLOT */
        if (refs[i].id != SINK_NO_ID)
            make_room(t, refs[i].id);
    }
    return TARGET_COMMIT;
}

static int open_group(struct target *t, struct err *err)
{
    const struct target_settings_core *s = &t->settings;

    if (t->group)
        return 0;
    return s->sink->group_open(s->sink, s->key ? s->key : s->labels,
                               s->job ? s->job->limits.series : 0, &t->group, err);
}

/* All that is new, the target's own series behind. */
static enum target_next resolve(struct target *t, uint32_t **slots, struct err *err)
{
    bool reports = !t->has_generation;
    size_t n;

    if (reports && add_reports(t, err) < 0)
        return TARGET_FAILED;
    n = t->fresh.n;
    if (!n)
        return TARGET_COMMIT;
    *slots = arena_alloc(&t->fresh.arena, n * sizeof **slots, err);
    if (!*slots || open_group(t, err) < 0)
        return TARGET_FAILED;
    for (size_t i = 0, some; i < n; i += some) {
        enum target_next next;

        some = n - i < RESOLVE_BATCH ? n - i : RESOLVE_BATCH;
        next = resolve_batch(t, t->fresh.labels + i, some, *slots + i, err);
        if (next == TARGET_AGAIN || (next == TARGET_FAILED && reports))
            forget(t);
        if (next != TARGET_COMMIT)
            return next;
    }
    for (size_t i = 0; reports && i < TARGET_REPORTS; i++)
        t->report_slots[i] = (*slots)[n - TARGET_REPORTS + i];
    return TARGET_COMMIT;
}
_Static_assert(SINK_NO_ID == KNOWN_NO_SLOT, "resolve hands on one as the other");

static uint32_t slot_of(uint32_t place, const uint32_t slots[])
{
    return place & KNOWN_FRESH ? slots[place - KNOWN_FRESH] : place;
}

/* Places become slots; what the store has no room for goes. */
static void place_samples(struct target *t, const uint32_t slots[])
{
    const struct fresh_sample *waiting = t->fresh.samples;
    struct sink_row *rows = t->rows.items;
    struct sink_exemplar *exemplars = t->exemplars.items;
    size_t kept = 0;

    for (size_t i = 0; i < t->fresh.samples_n; i++) {
        uint32_t slot = slot_of(waiting[i].place, slots);

        if (slot == KNOWN_NO_SLOT)
            t->counts.limited++;
        else if (!set_slot(t, slot, waiting[i].value))
            known_always_parse(&t->known, waiting[i].line);
    }
    for (size_t i = 0; i < t->rows.n; i++) {
        rows[kept] = rows[i];
        rows[kept].ref = (struct sink_ref){slot_of(rows[i].ref.id, slots), t->generation};
        if (rows[kept].ref.id == KNOWN_NO_SLOT)
            t->counts.limited++;
        else
            kept++;
    }
    t->rows.n = kept;
    kept = 0;
    for (size_t i = 0; i < t->exemplars.n; i++) {
        exemplars[kept] = exemplars[i];
        exemplars[kept].ref = (struct sink_ref){slot_of(exemplars[i].ref.id, slots), t->generation};
        kept += exemplars[kept].ref.id != KNOWN_NO_SLOT;
    }
    t->exemplars.n = kept;
}

/* A failed cycle is an empty one; the series known before stay known. */
static void drop_samples(struct target *t)
{
    known_discard(&t->known);
    end_fresh(t);
    t->rows.n = t->exemplars.n = 0;
    t->counts.duplicates = 0; /* nothing was stored twice */
    clear_column(t);
}

/* All lines are those of the cycle before: so are the slots. */
static void repeat_column(struct target *t)
{
    if (t->slots_cap)
        memcpy(t->present, t->before, t->slots_cap / 64 * sizeof *t->present);
    for (size_t i = 0; i < TARGET_REPORTS; i++)
        if (t->report_slots[i] != SINK_NO_ID)
            t->present[t->report_slots[i] / 64] &= ~(UINT64_C(1) << t->report_slots[i] % 64);
    t->slots = t->slots_before;
}

/* The last lines may be gone, or no line has come at all. */
static int end_lines(struct target *t, bool ok, struct err *err)
{
    bool all = t->trusts && t->known.at == t->known.n;

    return ok && !all ? rebuild(t, err) : 0;
}

static void end_column(struct target *t, const uint32_t slots[])
{
    if (!t->known.rebuilds)
        repeat_column(t);
    place_samples(t, slots);
    known_place(&t->known, slots);
    known_end(&t->known);
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
            (void)set_slot(t, t->report_slots[i], values[i]);
}

static int by_slot_then_time(const void *a, const void *b)
{
    const struct sink_row *x = a, *y = b;

    if (x->ref.id != y->ref.id)
        return x->ref.id < y->ref.id ? -1 : 1;
    return (x->ts > y->ts) - (x->ts < y->ts);
}

/* Rows of one series must ascend; most come in order. */
static void sort_rows(struct target *t)
{
    const struct sink_row *rows = t->rows.items;
    size_t i = 1;

    while (i < t->rows.n && by_slot_then_time(&rows[i - 1], &rows[i]) <= 0)
        i++;
    if (i < t->rows.n)
        qsort(t->rows.items, t->rows.n, sizeof *rows, by_slot_then_time);
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
    uint32_t *slots = NULL;

    *ok = *ok && check_limit(t, err) == 0;
    if (!*ok)
        drop_samples(t);
    next = end_lines(t, *ok, err) < 0 ? TARGET_FAILED : resolve(t, &slots, err);
    if (next == TARGET_FAILED && *ok) {
        /* What was exposed cannot be stored: say so with up 0. */
        *ok = false;
        drop_samples(t);
        next = resolve(t, &slots, NULL);
    }
    if (next != TARGET_COMMIT)
        return next;
    if (*ok) {
        for (size_t i = 0; i < t->fresh.n; i++)
            watch_add(&t->watch, t->fresh.labels[i], slots[i]);
        end_column(t, slots);
        t->tell = t->stored = false;
    }
    end_fresh(t);
    target_end_events(t, *ok);
    t->ok = *ok;
    set_reports(t, *ok && !t->unwell, seconds);
    sort_rows(t);
    fill_batch(t);
    return TARGET_COMMIT;
}

enum target_next target_vanish(struct target *t, struct err *err)
{
    uint32_t *slots = NULL;
    enum target_next next = t->group ? resolve(t, &slots, err) : TARGET_FAILED;

    end_fresh(t);
    t->ok = false;
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
        t->slots_before = t->slots;
        t->metadata.n = 0; /* told */
    }
    t->trusts = taken && t->ok;
    if (b->verdict == SINK_STALE)
        forget(t);
    return b->verdict == SINK_STALE;
}

void target_keep(struct target *t, char *text, size_t n)
{
    known_keep(&t->known, text, n);
}
