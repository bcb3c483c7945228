#include "collect/scripted_sink.h"

#include <assert.h>

#include "base/err.h"
#include "model/labels.h"
#include "model/metadata.h"
#include "model/sample.h"
#include "text/number.h"

static struct scripted_sink *of(struct sink *s)
{
    return CONTAINER_OF(s, struct scripted_sink, sink);
}

static const struct labels *copy_labels(struct scripted_sink *s, const struct labels *ls)
{
    void *copy = arena_alloc(&s->arena, ls->bytes, NULL);

    assert(copy);
    return memcpy(copy, ls, ls->bytes);
}

static int group_open(struct sink *sink, const struct labels *key, size_t series_max,
                      struct sink_group **out, struct err *err)
{
    struct scripted_sink *s = of(sink);
    size_t at = 0;

    (void)err;
    if (series_max)
        s->series_max = series_max;
    pthread_mutex_lock(&s->lock);
    while (at < s->groups_n && !labels_equal(s->groups[at], key))
        at++;
    if (at == s->groups_n) {
        assert(at < SCRIPTED_GROUPS_MAX);
        s->groups[s->groups_n++] = copy_labels(s, key);
    }
    s->groups_open++;
    *out = (struct sink_group *)&s->groups[at];
    pthread_mutex_unlock(&s->lock);
    return 0;
}

static void group_close(struct sink *sink, struct sink_group *group)
{
    struct scripted_sink *s = of(sink);

    (void)group;
    pthread_mutex_lock(&s->lock);
    s->groups_open--;
    pthread_mutex_unlock(&s->lock);
}

static int resolve(struct sink *sink, struct sink_group *group, const struct labels *const labels[],
                   size_t n, struct sink_ref out[], struct err *err)
{
    struct scripted_sink *s = of(sink);

    (void)err;
    pthread_mutex_lock(&s->lock);
    s->resolves++;
    s->resolved += n;
    for (size_t i = 0; i < n; i++) {
        size_t at = 0;

        while (at < s->series_n && !labels_equal(s->series[at], labels[i]))
            at++;
        out[i] = (struct sink_ref){(uint32_t)at + s->first_id, s->generation};
        if (at < s->series_n)
            continue;
        if (s->series_n == s->series_max) {
            out[i].id = SINK_NO_ID;
            continue;
        }
        s->group_of[s->series_n] = group;
        s->series[s->series_n++] = copy_labels(s, labels[i]);
    }
    pthread_mutex_unlock(&s->lock);
    return 0;
}

static void add_sample(struct scripted_sink *s, uint32_t id, double value)
{
    char text[NUMBER_TEXT_MAX];

    assert(id >= s->first_id && id - s->first_id < s->series_n);
    labels_print(s->series[id - s->first_id], &s->record);
    buf_addc(&s->record, ' ');
    buf_add(&s->record, (struct str){text, number_print(value, text)});
}

static bool bit(const uint64_t *words, uint32_t i)
{
    return words[i / 64] >> i % 64 & 1;
}

/* The hint must name each slot whose value differs from the last column's. */
static void check_hint(const struct scripted_sink *s, const struct sink_batch *b)
{
    assert(s->have_column);
    for (uint32_t i = s->first_id; i < b->slots; i++) {
        uint32_t at = i - s->first_id;

        if (s->group_of[at] == b->group && bit(b->present, i) && !bit(b->changed, i))
            assert(s->present[at] && value_bits(s->values[at]) == value_bits(b->values[i]));
    }
}

static void take_column(struct scripted_sink *s, struct sink_batch *b)
{
    if (b->changed)
        check_hint(s, b);
    buf_addf(&s->record, "column %lld\n", (long long)b->ts);
    for (uint32_t at = 0; at < s->series_n; at++) {
        uint32_t i = at + s->first_id;
        bool there = i < b->slots && bit(b->present, i);

        if (s->group_of[at] != b->group)
            continue;
        if (there) {
            add_sample(s, i, b->values[i]);
            buf_addc(&s->record, '\n');
            s->values[at] = b->values[i];
        } else if (s->present[at]) {
            labels_print(s->series[at], &s->record);
            buf_adds(&s->record, " stale\n");
        }
        s->present[at] = there;
        b->outcomes[SINK_OK] += there;
    }
    s->have_column = true;
}

static void take_rows(struct scripted_sink *s, struct sink_batch *b)
{
    for (size_t i = 0; i < b->rows_n; i++) {
        const struct sink_row *row = &b->rows[i];
        enum sink_outcome outcome = SINK_OK;

        assert(row->ref.generation == s->generation);
        for (size_t j = 0; j < i; j++)
            assert(b->rows[j].ref.id != row->ref.id || b->rows[j].ts <= row->ts);
        if (s->conflict_at && row->ts == s->conflict_at)
            outcome = SINK_CONFLICT;
        else if (s->late_at && row->ts == s->late_at)
            outcome = SINK_LATE;
        else if (s->future_at && row->ts == s->future_at)
            outcome = SINK_FUTURE;
        b->outcomes[outcome]++;
        if (b->row_outcomes)
            b->row_outcomes[i] = (uint8_t)outcome;
        if (outcome != SINK_OK)
            continue;
        add_sample(s, row->ref.id, row->value);
        buf_addf(&s->record, " @%lld\n", (long long)row->ts);
    }
}

static void take_exemplars(struct scripted_sink *s, struct sink_batch *b)
{
    for (size_t i = 0; i < b->exemplars_n; i++) {
        const struct sink_exemplar *e = &b->exemplars[i];

        assert(e->ref.generation == s->generation);
        labels_print(s->series[e->ref.id - s->first_id], &s->record);
        buf_adds(&s->record, " ~ ");
        labels_print(e->labels, &s->record);
        buf_addf(&s->record, " %g @%lld\n", e->value, (long long)e->ts);
    }
}

static void commit(struct sink *sink, struct sink_batch *b)
{
    struct scripted_sink *s = of(sink);

    pthread_mutex_lock(&s->lock);
    s->commits++;
    memset(b->outcomes, 0, sizeof b->outcomes);
    b->verdict = SINK_WRITTEN;
    b->reason = SINK_NO_REASON;
    if (s->verdicts_n) {
        b->verdict = s->verdicts[0];
        memmove(s->verdicts, s->verdicts + 1, sizeof s->verdicts - sizeof s->verdicts[0]);
        s->verdicts_n--;
    } else if ((b->rows_n || b->exemplars_n || b->group) && b->generation != s->generation) {
        b->verdict = SINK_STALE;
    }
    if (b->verdict == SINK_REFUSED)
        b->reason = s->reason;
    if (b->verdict == SINK_WRITTEN || b->verdict == SINK_UNLOGGED) {
        for (size_t i = 0; i < b->metadata_n; i++)
            buf_addf(&s->record, "# %.*s %s %.*s\n", STR_ARGS(b->metadata[i].family),
                     metric_type_name(b->metadata[i].type), STR_ARGS(b->metadata[i].help));
        if (b->group)
            take_column(s, b);
        take_rows(s, b);
        take_exemplars(s, b);
    }
    pthread_mutex_unlock(&s->lock);
    b->done(b);
}

void scripted_sink_init(struct scripted_sink *s)
{
    *s = (struct scripted_sink){.sink = {group_open, group_close, resolve, commit},
                                .generation = 1,
                                .series_max = SCRIPTED_SERIES_MAX};
    (void)pthread_mutex_init(&s->lock, NULL);
    arena_init(&s->arena, NULL);
    buf_init(&s->record, 0);
}

void scripted_sink_fini(struct scripted_sink *s)
{
    buf_fini(&s->record);
    arena_fini(&s->arena);
    (void)pthread_mutex_destroy(&s->lock);
}

void scripted_sink_cut(struct scripted_sink *s)
{
    pthread_mutex_lock(&s->lock);
    s->generation++;
    s->first_id += 7;
    s->have_column = false;
    pthread_mutex_unlock(&s->lock);
}

const char *scripted_sink_take(struct scripted_sink *s)
{
    struct str copy;

    pthread_mutex_lock(&s->lock);
    copy = arena_str(&s->arena, buf_str(&s->record), NULL);
    buf_reset(&s->record);
    pthread_mutex_unlock(&s->lock);
    return copy.p;
}
