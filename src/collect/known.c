/* A target says nearly the same each time: the same lines in the same order, and of ten values
 * seven to nine are the same to the byte. Parsing that again costs ten times what looking costs.
 *
 * Kept are the text of the last good cycle and a list of its lines. One line of the list covers all
 * bytes from the end of the sample's line before, metadata and comments included:
 *
 *     # HELP a Things.\n# TYPE a counter\na{x="1"} 42\n
 *     |------------- literal -------------------|value|
 *                                       |series|
 *
 * The new text is walked beside the old one:
 *
 *   1. literal, value and newline equal: nothing changed. One memcmp; neither the value nor the
 * slot is touched.
 *   2. the literal equal, the value not: the value is parsed, the slot is known.
 *   3. else the plain parser takes that line apart, and the walk goes on behind it. Its series is
 *      looked for first where the walk stands, then in an index over all lines that is made only
 *      now and freed at the end of the cycle.
 *
 * Lines that are gone are found by looking a few lines ahead; that new text is the one kept, so no
 * byte is copied. `lines` stays as it is as long as only values change (their lengths apart, see
 * known_discard); with the first line that is parsed, or gone, `next` is begun.
 *
 * Why the outcome is that of the plain parser:
 *
 *   a. A line is a function of its bytes, of the type in force (it decides the spelling of `le`)
 *      and of the family of the metadata before (a line may go on with it). The first two are
 *      compared. Lines that go on with a family are always parsed (emit_text.repeats), and those
 *      with metadata are stepped over only where the metadata before is that of the old text.
 *   b. A line that repeats has the value of its slot, or none since relabelling drops it: one that
 * did not win its slot (the second of two samples of a series, as written or after relabelling),
 * and one whose time or exemplar counts, is always parsed. c. After a cycle that failed or was not
 * stored (a.) holds but not (b.): the target then asks for values only (known_value), never for
 * known_run.
 *
 * fuzz_target holds both ways against each other.
 *
 * Collectors of our own write samples without a text. Their text is made of keys, one a sample,
 * and every line is of the third kind.
 */
#include "collect/known.h"

#include <assert.h>
#include <string.h>

#include "base/arena.h"
#include "base/hash.h"
#include "base/mem.h"
#include "model/expo.h"

#define LOOK_AHEAD    8u /* lines that may be gone at one place */
#define INDEX_CAP_MIN 64u
#define NO_LINE       UINT32_MAX

struct known_entry {
    const char *series; /* NULL: free */
    uint32_t series_n, hash;
    uint32_t place;
    uint32_t line, old; /* NO_LINE: new in this cycle */
    uint32_t type;
};

/* ---- memory ---- */

static int charge(struct known *k, size_t bytes, struct err *err)
{
    return k->budget ? budget_charge(k->budget, bytes, err) : 0;
}

static void let_go(struct known *k, void *p, size_t bytes)
{
    if (k->budget)
        budget_return(k->budget, bytes);
    mem_free(p);
}

void known_init(struct known *k, struct budget *budget)
{
    *k = (struct known){.budget = budget};
    buf_init(&k->keys, 0);
}

static void end(struct known *k)
{
    let_go(k, take(k->next), k->next_cap * sizeof *k->next);
    let_go(k, take(k->index), k->index_cap * sizeof *k->index);
    k->next_n = k->next_cap = k->index_n = k->index_cap = 0;
    k->rebuilds = k->index_has_lines = false;
}

void known_fini(struct known *k)
{
    end(k);
    let_go(k, k->text, k->text_n);
    let_go(k, k->lines, k->cap * sizeof *k->lines);
    buf_fini(&k->keys);
    known_init(k, k->budget);
}

void known_forget(struct known *k)
{
    known_fini(k);
}

void known_begin(struct known *k, bool tell)
{
    if (k->ended)
        known_forget(k); /* the text of its lines never came */
    k->at = k->old = 0;
    k->met = NO_LINE;
    k->start = k->p = NULL;
    k->same_family = true;
    k->tell = tell;
    k->dropped = 0;
    k->fresh = 0;
}

/* ---- stepping over ---- */

bool known_starts(struct known *k, const char *p, enum metric_type type)
{
    if (!k->start)
        k->start = k->p = p;
    if (p != k->p)
        return false; /* within a line: comments before it were parsed */
    k->type = type;
    return true;
}

static bool may_step(const struct known *k, const struct known_line *l)
{
    /* The list grows where growing may fail: in known_push. */
    return l->repeats && (!k->rebuilds || k->next_n < k->next_cap) && l->type_before == k->type &&
           (!l->metadata || (k->same_family && !k->tell));
}

static void step(struct known *k, struct known_line *l, size_t value_n, struct str *text,
                 struct str *metadata)
{
    size_t size = l->literal + value_n + 1;

    if (l->metadata)
        *metadata = str_take(*text, l->series_at);
    k->old += (size_t)l->literal + l->value_n + 1;
    k->at++;
    k->type = l->type;
    k->dropped += l->place == KNOWN_DROPPED;
    if (k->rebuilds) {
        k->next[k->next_n] = *l;
        l = &k->next[k->next_n++];
    }
    l->value_n = (uint8_t)value_n;
    text->p += size;
    text->n -= size;
    k->p = text->p;
}

size_t known_run(struct known *k, struct str *text, struct str *metadata)
{
    size_t from = k->at;

    for (; k->at < k->n;) {
        struct known_line *l = &k->lines[k->at];
        size_t size = (size_t)l->literal + l->value_n + 1;

        if (!may_step(k, l) || size > text->n || memcmp(k->text + k->old, text->p, size) != 0)
            break;
        step(k, l, l->value_n, text, metadata);
    }
    return k->at - from;
}

bool known_value(struct known *k, struct str *text, struct str *metadata, double *value)
{
    struct known_line *l;
    struct str token;
    const char *newline;

    if (k->at == k->n)
        return false;
    l = &k->lines[k->at];
    if (!may_step(k, l) || l->literal >= text->n ||
        memcmp(k->text + k->old, text->p, l->literal) != 0)
        return false;
    token = str_take((struct str){text->p + l->literal, text->n - l->literal}, UINT8_MAX + 1);
    newline = memchr(token.p, '\n', token.n);
    if (!newline)
        return false;
    token.n = (size_t)(newline - token.p);
    if (!expo_value(token, value))
        return false;
    step(k, l, token.n, text, metadata);
    return true;
}

static size_t old_size(const struct known_line *l)
{
    return l->repeats ? (size_t)l->literal + l->value_n + 1 : l->literal;
}

/* The lines stepped over have the length of their new value: gives them that of the old one. */
static void restore(struct known *k)
{
    size_t old = 0;

    for (size_t i = 0; i < k->at; i++) {
        struct known_line *l = &k->lines[i];

        if (l->repeats) {
            const char *value = k->text + old + l->literal;
            const char *newline = memchr(value, '\n', UINT8_MAX + 1);

            assert(newline);
            l->value_n = (uint8_t)(newline - value);
        }
        old += old_size(l);
    }
}

bool known_resync(struct known *k, struct str text)
{
    bool same_family = k->same_family;
    size_t old = k->old;

    assert(k->rebuilds);
    for (size_t i = k->at; i < k->n && i - k->at <= LOOK_AHEAD; i++) {
        const struct known_line *l = &k->lines[i];

        if (i > k->at && l->repeats && l->type_before == k->type &&
            (!l->metadata || (same_family && !k->tell)) && l->literal < text.n &&
            memcmp(k->text + old, text.p, l->literal) == 0) {
            k->at = i;
            k->old = old;
            k->same_family = same_family;
            return true;
        }
        same_family &= !l->metadata;
        old += old_size(l);
    }
    return false;
}

/* ---- lines that were parsed ---- */

static int reserve(struct known *k, size_t cap, struct err *err)
{
    if (charge(k, (cap - k->next_cap) * sizeof *k->next, err) < 0)
        return -1;
    k->next = mem_realloc(k->next, cap * sizeof *k->next);
    k->next_cap = cap;
    return 0;
}

static int add(struct known *k, struct known_line line, struct err *err)
{
    if (k->next_n == k->next_cap && reserve(k, k->next_cap + k->next_cap / 2, err) < 0)
        return -1;
    k->next[k->next_n++] = line;
    return 0;
}

/* For a list that replaces one of n lines. */
static size_t list_cap(size_t n)
{
    return n + n / 16 + 16;
}

int known_rebuild(struct known *k, struct err *err)
{
    if (k->rebuilds)
        return 0;
    if (reserve(k, list_cap(k->n), err) < 0)
        return -1;
    if (k->at)
        memcpy(k->next, k->lines, k->at * sizeof *k->next);
    k->next_n = k->at;
    restore(k);
    k->rebuilds = true;
    return 0;
}

static struct known_entry *entry_of(const struct known *k, uint32_t hash, struct str series,
                                    uint32_t type)
{
    size_t i = hash & (k->index_cap - 1);

    for (; k->index[i].series; i = (i + 1) & (k->index_cap - 1)) {
        const struct known_entry *e = &k->index[i];

        if (e->hash == hash && e->type == type &&
            str_eq((struct str){e->series, e->series_n}, series))
            break;
    }
    return &k->index[i];
}

static uint32_t hash_of(struct str series, uint32_t type)
{
    return (uint32_t)hash_mix(hash_str(series), type);
}

static int index_grow(struct known *k, size_t n, struct err *err)
{
    struct known_entry *old = k->index;
    size_t old_cap = k->index_cap, cap = old_cap ? old_cap : INDEX_CAP_MIN;

    while (cap * 3 < n * 4)
        cap *= 2;
    if (cap == old_cap)
        return 0;
    if (charge(k, cap * sizeof *k->index, err) < 0)
        return -1;
    k->index = mem_new_array(struct known_entry, cap);
    k->index_cap = cap;
    for (size_t i = 0; i < old_cap; i++)
        if (old[i].series)
            *entry_of(k, old[i].hash, (struct str){old[i].series, old[i].series_n}, old[i].type) =
                old[i];
    let_go(k, old, old_cap * sizeof *old);
    return 0;
}

static int index_lines(struct known *k, struct err *err)
{
    size_t old = 0;

    if (index_grow(k, k->n + k->n / 16 + 1, err) < 0)
        return -1;
    for (size_t i = 0; i < k->n; i++) {
        const struct known_line *l = &k->lines[i];
        struct str series = {k->text + old + l->series_at, l->series_n};
        uint32_t hash = hash_of(series, l->type);
        struct known_entry *e = entry_of(k, hash, series, l->type);

        if (!e->series && l->place != KNOWN_NO_SLOT) {
            *e = (struct known_entry){series.p,    l->series_n,   hash,   l->place,
                                      (uint32_t)i, (uint32_t)old, l->type};
            k->index_n++;
        }
        old += old_size(l);
    }
    k->index_has_lines = true;
    return 0;
}

static void go_behind(struct known *k, size_t line, size_t old)
{
    k->met = line;
    k->met_old = old;
    k->at = line + 1;
    k->old = old + old_size(&k->lines[line]);
}

/* Where the walk stands? */
static bool find_here(struct known *k, struct str series, enum metric_type type, uint32_t *place)
{
    const struct known_line *l;

    k->met = NO_LINE;
    if (k->at == k->n)
        return false;
    l = &k->lines[k->at];
    if (l->place == KNOWN_NO_SLOT || l->type != type ||
        !str_eq(series, (struct str){k->text + k->old + l->series_at, l->series_n}))
        return false;
    *place = l->place;
    go_behind(k, k->at, k->old);
    return true;
}

/* The entry of the series, or the free one where it would stand. */
static struct known_entry *find_anywhere(struct known *k, struct str series, enum metric_type type,
                                         uint32_t hash, struct err *err)
{
    struct known_entry *e;

    if ((!k->index_has_lines && index_lines(k, err) < 0) || index_grow(k, k->index_n + 1, err) < 0)
        return NULL;
    e = entry_of(k, hash, series, type);
    if (e->series && e->line != NO_LINE) {
        k->same_family = false;
        go_behind(k, e->line, e->old);
    }
    return e;
}

int known_find(struct known *k, struct str series, enum metric_type type, uint32_t *place,
               struct err *err)
{
    struct known_entry *e;
    uint32_t hash;

    if (find_here(k, series, type, place))
        return 0;
    hash = hash_of(series, type);
    e = find_anywhere(k, series, type, hash, err);
    if (!e)
        return -1;
    if (!e->series) {
        *e = (struct known_entry){
            series.p, (uint32_t)series.n, hash, KNOWN_FRESH + k->fresh++, NO_LINE, 0, type};
        k->index_n++;
        k->index_last = (size_t)(e - k->index);
    }
    *place = e->place;
    return 0;
}

uint32_t known_drop(struct known *k)
{
    k->fresh--;
    return k->index[k->index_last].place = KNOWN_DROPPED;
}

int known_look(struct known *k, struct str series, enum metric_type type, uint32_t *place,
               struct err *err)
{
    struct known_entry *e;

    if (find_here(k, series, type, place))
        return 0;
    e = find_anywhere(k, series, type, hash_of(series, type), err);
    if (!e)
        return -1;
    *place = e->series ? e->place : KNOWN_NO_SLOT;
    return 0;
}

/* The metadata just parsed is that of the old text, line by line? */
static bool is_same_metadata(const struct known *k, size_t series_at)
{
    const struct known_line *l;

    if (k->met == NO_LINE)
        return false;
    l = &k->lines[k->met];
    return l->metadata && l->series_at == series_at &&
           memcmp(k->text + k->met_old, k->p, series_at) == 0;
}

int known_push(struct known *k, const struct emit_text *text, uint32_t place, struct err *err)
{
    bool repeats = text->repeats && text->value.n <= UINT8_MAX && place != KNOWN_NO_SLOT;
    size_t series_at = (size_t)(text->series.p - k->p);

    if (text->metadata)
        k->same_family = is_same_metadata(k, series_at);
    if (add(k,
            (struct known_line){
                .literal = (uint32_t)((repeats ? text->value.p : text->end) - k->p),
                .series_at = (uint32_t)series_at,
                .series_n = (uint32_t)text->series.n,
                .place = place,
                .value_n = repeats ? (uint8_t)text->value.n : 0,
                .type_before = (uint8_t)k->type,
                .type = (uint8_t)text->type,
                .repeats = repeats,
                .metadata = text->metadata,
            },
            err) < 0)
        return -1;
    k->p = text->end;
    return 0;
}

int known_push_key(struct known *k, struct str key, uint32_t place, struct err *err)
{
    struct known_line line = {.literal = (uint32_t)key.n,
                              .series_n = (uint32_t)key.n,
                              .place = place,
                              .type = METRIC_UNKNOWN};

    buf_add(&k->keys, key);
    return add(k, line, err);
}

/* ---- the end ---- */

void known_always_parse(struct known *k, size_t line)
{
    struct known_line *l = &k->next[line];

    l->literal += l->repeats ? l->value_n + 1u : 0;
    l->value_n = 0;
    l->repeats = false;
}

void known_place(struct known *k, const uint32_t slots[])
{
    for (size_t i = 0; k->fresh && i < k->next_n; i++) {
        struct known_line *l = &k->next[i];

        if (l->place >= KNOWN_DROPPED || !(l->place & KNOWN_FRESH))
            continue;
        l->place = slots[l->place - KNOWN_FRESH];
        if (l->place == KNOWN_NO_SLOT)
            known_always_parse(k, i);
    }
}

/* The list of the new text takes the place of the old one. */
static void take_next(struct known *k)
{
    size_t spare = k->next_cap - k->next_n;

    let_go(k, k->lines, k->cap * sizeof *k->lines);
    k->lines = take(k->next);
    k->n = k->next_n;
    k->cap = k->next_cap;
    k->next_cap = 0;
    if (k->n && spare > k->n / 8) {
        let_go(k, NULL, spare * sizeof *k->lines);
        k->lines = mem_realloc(k->lines, k->n * sizeof *k->lines);
        k->cap = k->n;
    }
}

void known_end(struct known *k)
{
    assert(k->rebuilds || k->at == k->n);
    if (k->rebuilds)
        take_next(k);
    end(k);
    if (k->start) {
        k->ended = true;
        return;
    }
    mem_free(k->text);
    k->text = take(k->keys.p);
    buf_init(&k->keys, 0);
}

void known_discard(struct known *k)
{
    if (!k->rebuilds)
        restore(k);
    buf_reset(&k->keys);
    end(k);
}

/* Is there room for another text as long and a list of its lines? What is kept must not be what
 * the next cycle fails for. */
static bool has_room(struct known *k, size_t n)
{
    size_t bytes = n + list_cap(k->n) * sizeof *k->next;

    if (charge(k, bytes, NULL) < 0)
        return false;
    let_go(k, NULL, bytes);
    return true;
}

void known_keep(struct known *k, char *text, size_t n)
{
    if (!k->ended) {
        mem_free(text);
        return;
    }
    let_go(k, k->text, k->text_n);
    k->text = text;
    k->text_n = 0;
    k->ended = false;
    if (charge(k, n, NULL) == 0)
        k->text_n = n;
    if (k->text_n < n || !has_room(k, n))
        known_forget(k);
}

bool known_check(const struct known *k)
{
    size_t old = 0;

    if (k->n > k->cap || (k->n && !k->text) || k->rebuilds || k->index)
        return false;
    for (size_t i = 0; i < k->n && !k->ended; i++) {
        const struct known_line *l = &k->lines[i];

        if (l->series_at + l->series_n > l->literal || (l->repeats && !l->value_n) ||
            (l->repeats && k->text[old + l->literal + l->value_n] != '\n') ||
            (l->place < KNOWN_DROPPED && l->place & KNOWN_FRESH))
            return false;
        old += old_size(l);
    }
    return true;
}
