#include "promql/annotate.h"

#include <stdarg.h>
#include <stdio.h>
#include <time.h>

#include "base/arena.h"
#include "base/err.h"
#include "promql/format.h"

#define NOTES_MAX 1000u

void annotations_init(struct annotations *a, struct arena *arena, struct str query)
{
    *a = (struct annotations){.arena = arena, .query = query};
}

static struct annotation *find(const struct annotations *a, const struct annotation *note)
{
    for (size_t i = 0; i < a->n; i++)
        if (a->items[i].is_warning == note->is_warning && !strcmp(a->items[i].text, note->text))
            return &a->items[i];
    return NULL;
}

static void merge_monotone(struct annotation *into, const struct annotation *note)
{
    into->bucket_min = note->bucket_min < into->bucket_min ? note->bucket_min : into->bucket_min;
    into->bucket_max = note->bucket_max > into->bucket_max ? note->bucket_max : into->bucket_max;
    into->diff_max = note->diff_max > into->diff_max ? note->diff_max : into->diff_max;
    into->ts_min = note->ts_min < into->ts_min ? note->ts_min : into->ts_min;
    into->ts_max = note->ts_max > into->ts_max ? note->ts_max : into->ts_max;
    into->times++;
}

/* note->text may be the caller's: it is copied when kept. */
static int add(struct annotations *a, const struct annotation *note, struct err *err)
{
    struct annotation *known = find(a, note);
    const char *text;

    if (known) {
        if (note->monotone)
            merge_monotone(known, note);
        return 0;
    }
    if (a->n >= NOTES_MAX) {
        a->dropped[note->is_warning]++;
        return 0;
    }
    text = arena_cstr(a->arena, str_c(note->text), err);
    if (!text ||
        arena_grow(a->arena, (void **)&a->items, &a->cap, a->n + 1, sizeof *a->items, err) < 0)
        return -1;
    a->items[a->n] = *note;
    a->items[a->n++].text = text;
    return 0;
}

static int add_text(struct annotations *a, bool is_warning, const struct expr *at,
                    const char *words, struct err *err)
{
    char text[1100];
    struct annotation note = {
        .text = text, .is_warning = is_warning, .start = at ? at->start : UINT32_MAX};

    (void)snprintf(text, sizeof text, "PromQL %s: %s", is_warning ? "warning" : "info", words);
    return add(a, &note, err);
}

int annotate_warning(struct annotations *a, const struct expr *at, struct err *err, const char *fmt,
                     ...)
{
    char words[1024];
    va_list args;

    va_start(args, fmt);
    (void)vsnprintf(words, sizeof words, fmt, args);
    va_end(args);
    return add_text(a, true, at, words, err);
}

int annotate_info(struct annotations *a, const struct expr *at, struct err *err, const char *fmt,
                  ...)
{
    char words[1024];
    va_list args;

    va_start(args, fmt);
    (void)vsnprintf(words, sizeof words, fmt, args);
    va_end(args);
    return add_text(a, false, at, words, err);
}

int annotate_source(struct annotations *a, const char *text, struct err *err)
{
    struct annotation note = {.text = text, .is_warning = true, .start = UINT32_MAX};

    return add(a, &note, err);
}

int annotate_monotone(struct annotations *a, const struct expr *at, struct str metric, ts_ms ts,
                      double bucket_min, double bucket_max, double diff, struct err *err)
{
    SCOPED(buf_fini) struct buf text = {0};
    struct annotation note = {.start = at->start,
                              .monotone = true,
                              .bucket_min = bucket_min,
                              .bucket_max = bucket_max,
                              .diff_max = diff,
                              .ts_min = ts,
                              .ts_max = ts,
                              .times = 1};

    buf_adds(&text, "PromQL info: input to histogram_quantile needed to be fixed for monotonicity "
                    "(see https://prometheus.io/docs/prometheus/latest/querying/functions/"
                    "#histogram_quantile)");
    if (metric.n) {
        buf_adds(&text, " for metric name ");
        quote_append(&text, metric);
    }
    note.text = buf_str(&text).p;
    return add(a, &note, err);
}

int annotate_quantile(struct annotations *a, const struct expr *at, double q, struct err *err)
{
    SCOPED(buf_fini) struct buf text = {0};
    struct annotation note = {.is_warning = true, .start = at->start};

    buf_adds(&text, "PromQL warning: quantile value should be between 0 and 1, got ");
    format_general(&text, q);
    note.text = text.p;
    return add(a, &note, err);
}

static void add_time(struct buf *out, ts_ms ts)
{
    time_t seconds = (time_t)(ts / 1000);
    struct tm tm;
    char text[40];

    if (gmtime_r(&seconds, &tm) && strftime(text, sizeof text, "%Y-%m-%dT%H:%M:%SZ", &tm))
        buf_adds(out, text);
}

static void add_monotone(struct buf *out, const struct annotation *note)
{
    buf_adds(out, ", from buckets ");
    format_general(out, note->bucket_min);
    buf_adds(out, " to ");
    format_general(out, note->bucket_max);
    buf_addf(out, ", with a max diff of %.2g, over %llu samples from ", note->diff_max,
             (unsigned long long)note->times);
    add_time(out, note->ts_min);
    buf_adds(out, " to ");
    add_time(out, note->ts_max);
}

int annotations_list(const struct annotations *a, bool warnings, const char ***out, size_t *n,
                     struct err *err)
{
    SCOPED(buf_fini) struct buf text = {0};
    const char **list;
    size_t count = 0, omitted = 0;

    list = arena_zalloc_array(a->arena, a->n + 1, sizeof *list, err);
    if (!list)
        return -1;
    for (size_t i = 0; i < a->n; i++) {
        const struct annotation *note = &a->items[i];

        if (note->is_warning != warnings)
            continue;
        if (count == ANNOTATIONS_SHOWN) {
            omitted++;
            continue;
        }
        buf_reset(&text);
        buf_adds(&text, note->text);
        if (note->monotone)
            add_monotone(&text, note);
        if (note->start != UINT32_MAX) {
            struct span at = text_span(a->query, note->start, note->start);

            buf_addf(&text, " (%u:%u)", at.line, at.column);
        }
        list[count] = arena_cstr(a->arena, buf_str(&text), err);
        if (!list[count++])
            return -1;
    }
    omitted += a->dropped[warnings];
    if (omitted) {
        list[count] = arena_printf(a->arena, err, "%zu more %s annotations omitted", omitted,
                                   warnings ? "warning" : "info");
        if (!list[count++])
            return -1;
    }
    *out = list;
    *n = count;
    return 0;
}
