#include "collect/logs/counts.h"

#include <jansson.h>
#include <stdint.h>

#include "base/arena.h"
#include "base/mem.h"
#include "collect/logs/logs_settings.h"
#include "model/emit.h"
#include "text/json.h"
#include "text/number.h"

#define EVENT_LEVELS 4 /* of a pattern without a severity: info to critical */

struct event {
    struct str name;
    enum severity severity;
    uint64_t n;
};

struct value {
    struct str event, field;
    bool given;
    double v;
};

/* One label set of a histogram. */
struct child {
    char **labels;     /* owned; [histogram->labels_n] */
    uint64_t *buckets; /* owned; [buckets_n + 1], not cumulative, the last one +Inf */
    double sum;
};

/* Of a counter no field is given: then the one bucket is what counts. */
struct histogram {
    const struct logs_histogram *settings;
    struct child *children; /* owned */
    size_t n, cap;
};

/* Where the numbers of a pattern stand. */
struct place {
    size_t event;   /* of EVENT_LEVELS events when the pattern has no severity */
    size_t *values; /* owned; [values_n] */
    size_t histogram, counter;
};

struct counts {
    const struct logs_settings *settings;
    uint64_t lines[SEVERITIES];
    struct event *events; /* owned; and the others */
    struct value *values;
    struct histogram *histograms;
    struct place *places; /* [patterns_n] */
    size_t events_n, events_cap, values_n, values_cap, histograms_n, histograms_cap;
};

/* ---- making ---- */

static size_t find_event(const struct counts *c, struct str name, enum severity severity)
{
    size_t i = 0;

    while (i < c->events_n &&
           !(c->events[i].severity == severity && str_eq(c->events[i].name, name)))
        i++;
    return i;
}

static size_t add_event(struct counts *c, struct str name, enum severity severity)
{
    size_t i = find_event(c, name, severity);

    if (i == c->events_n) {
        c->events = mem_grow(c->events, &c->events_cap, i + 1, sizeof *c->events);
        c->events[c->events_n++] = (struct event){name, severity, 0};
    }
    return i;
}

static size_t find_value(const struct counts *c, struct str event, struct str field)
{
    size_t i = 0;

    while (i < c->values_n &&
           !(str_eq(c->values[i].event, event) && str_eq(c->values[i].field, field)))
        i++;
    return i;
}

static size_t add_value(struct counts *c, struct str event, struct str field)
{
    size_t i = find_value(c, event, field);

    if (i == c->values_n) {
        c->values = mem_grow(c->values, &c->values_cap, i + 1, sizeof *c->values);
        c->values[c->values_n++] = (struct value){.event = event, .field = field};
    }
    return i;
}

static size_t find_histogram(const struct counts *c, struct str metric)
{
    size_t i = 0;

    while (i < c->histograms_n && !str_eq(c->histograms[i].settings->metric, metric))
        i++;
    return i;
}

static struct child *add_child(struct histogram *h, const struct str labels[])
{
    struct child *child;

    h->children = mem_grow(h->children, &h->cap, h->n + 1, sizeof *h->children);
    child = &h->children[h->n++];
    *child = (struct child){.labels = mem_new_array(char *, h->settings->labels_n + 1),
                            .buckets = mem_new_array(uint64_t, h->settings->buckets_n + 1)};
    for (size_t i = 0; i < h->settings->labels_n; i++) {
        child->labels[i] = mem_zalloc(labels[i].n + 1);
        if (labels[i].n)
            memcpy(child->labels[i], labels[i].p, labels[i].n);
    }
    return child;
}

static size_t add_histogram(struct counts *c, const struct logs_histogram *settings)
{
    size_t i = find_histogram(c, settings->metric);

    if (i < c->histograms_n)
        return i;
    c->histograms = mem_grow(c->histograms, &c->histograms_cap, i + 1, sizeof *c->histograms);
    c->histograms[c->histograms_n++] = (struct histogram){.settings = settings};
    if (settings->labels_n == 0)
        (void)add_child(&c->histograms[i], NULL);
    return i;
}

static void place_pattern(struct counts *c, const struct logs_pattern *p, struct place *out)
{
    if (p->severity != SEVERITY_NONE) {
        out->event = add_event(c, p->event, p->severity);
    } else {
        /* One after the other, so that the first tells where the rest is. */
        for (size_t i = 0; i < EVENT_LEVELS; i++)
            (void)add_event(c, p->event, (enum severity)(SEVERITY_INFO + i));
    }
    out->values = mem_new_array(size_t, p->values_n + 1);
    for (size_t i = 0; i < p->values_n; i++)
        out->values[i] = add_value(c, p->event, p->values[i].field);
    if (p->histogram)
        out->histogram = add_histogram(c, p->histogram);
    if (p->counter)
        out->counter = add_histogram(c, p->counter);
}

struct counts *counts_new(const struct logs_settings *settings)
{
    struct counts *c = mem_new(struct counts);

    c->settings = settings;
    c->places = mem_new_array(struct place, settings->patterns_n + 1);
    for (size_t i = 0; i < settings->patterns_n; i++)
        place_pattern(c, &settings->patterns[i], &c->places[i]);
    return c;
}

void counts_free(struct counts *c)
{
    if (!c)
        return;
    for (size_t i = 0; i < c->histograms_n; i++) {
        struct histogram *h = &c->histograms[i];

        for (size_t k = 0; k < h->n; k++) {
            for (size_t l = 0; l < h->settings->labels_n; l++)
                mem_free(h->children[k].labels[l]);
            mem_free(h->children[k].labels);
            mem_free(h->children[k].buckets);
        }
        mem_free(h->children);
    }
    for (size_t i = 0; i < c->settings->patterns_n; i++)
        mem_free(c->places[i].values);
    mem_free(c->places);
    mem_free(c->events);
    mem_free(c->values);
    mem_free(c->histograms);
    mem_free(c);
}

/* ---- counting ---- */

void counts_line(struct counts *c, enum severity level)
{
    c->lines[level]++;
}

void counts_event(struct counts *c, size_t pattern, enum severity severity)
{
    const struct logs_pattern *p = &c->settings->patterns[pattern];
    size_t at = c->places[pattern].event;

    if (p->severity == SEVERITY_NONE)
        at = find_event(c, p->event, severity < SEVERITY_INFO ? SEVERITY_INFO : severity);
    c->events[at].n++;
}

void counts_value(struct counts *c, size_t pattern, size_t value, double v)
{
    struct value *out = &c->values[c->places[pattern].values[value]];

    out->v = v;
    out->given = true;
}

static bool is_child(const struct histogram *h, const struct child *child,
                     const struct str labels[])
{
    for (size_t i = 0; i < h->settings->labels_n; i++)
        if (!str_eq(str_c(child->labels[i]), labels[i]))
            return false;
    return true;
}

static struct child *find_child(const struct histogram *h, const struct str labels[])
{
    for (size_t i = 0; i < h->n; i++)
        if (is_child(h, &h->children[i], labels))
            return &h->children[i];
    return NULL;
}

/* Whether a label has this value already, and how many it has. */
static bool has_value(const struct histogram *h, size_t label, struct str value, size_t *n)
{
    *n = 0;
    for (size_t i = 0; i < h->n; i++) {
        struct str is = str_c(h->children[i].labels[label]);
        bool first = true;

        if (str_eq(is, value))
            return true;
        for (size_t k = 0; k < i && first; k++)
            first = !str_eq(is, str_c(h->children[k].labels[label]));
        *n += first;
    }
    return false;
}

static struct child *child_of(struct histogram *h, const struct str given[])
{
    struct str labels[LOGS_HISTOGRAM_LABELS_MAX] = {{0}};
    struct child *child = find_child(h, given);

    if (child)
        return child;
    for (size_t i = 0; i < h->settings->labels_n; i++) {
        size_t n;

        labels[i] = given[i];
        if (!has_value(h, i, given[i], &n) && n >= COUNTS_LABEL_VALUES_MAX)
            labels[i] = STR("other");
        if (h->n >= COUNTS_CHILDREN_MAX)
            labels[i] = STR("other");
    }
    child = find_child(h, labels);
    return child ? child : add_child(h, labels);
}

void counts_add(struct counts *c, size_t pattern, const struct str labels[])
{
    child_of(&c->histograms[c->places[pattern].counter], labels)->buckets[0]++;
}

void counts_observe(struct counts *c, size_t pattern, const struct str labels[], double v)
{
    struct histogram *h = &c->histograms[c->places[pattern].histogram];
    struct child *child = child_of(h, labels);
    size_t i = 0;

    while (i < h->settings->buckets_n && v > h->settings->buckets[i])
        i++;
    child->buckets[i]++;
    child->sum += v;
}

/* ---- series ---- */

static int emit_family(struct emit *emit, struct str name, enum metric_type type, struct str help,
                       struct err *err)
{
    return emit->family(emit, &(struct metadata){.family = name, .type = type, .help = help}, err);
}

static int emit_one(struct emit *emit, struct str name, const struct label labels[], size_t n,
                    double value, struct err *err)
{
    return emit->sample(
        emit, &(struct emit_sample){.name = name, .labels = labels, .labels_n = n, .value = value},
        err);
}

static int emit_lines(const struct counts *c, struct emit *emit, struct err *err)
{
    const struct str name = STR("earshot_log_lines_total");

    if (emit_family(emit, name, METRIC_COUNTER,
                    STR("Entries of a log, a line with those that belong to it, by level."),
                    err) < 0)
        return -1;
    for (int i = SEVERITY_DEBUG; i < SEVERITIES; i++) {
        const struct label level = {STR("level"), str_c(severity_name((enum severity)i))};

        if (emit_one(emit, name, &level, 1, (double)c->lines[i], err) < 0)
            return -1;
    }
    return 0;
}

static int emit_events(const struct counts *c, struct emit *emit, struct err *err)
{
    const struct str name = STR("earshot_log_events_total");

    if (c->events_n && emit_family(emit, name, METRIC_COUNTER,
                                   STR("Entries of a log that a pattern matched."), err) < 0)
        return -1;
    for (size_t i = 0; i < c->events_n; i++) {
        const struct event *e = &c->events[i];
        const struct label labels[] = {{STR("event"), e->name},
                                       {STR("severity"), str_c(severity_name(e->severity))}};

        if (emit_one(emit, name, labels, ARRAY_LEN(labels), (double)e->n, err) < 0)
            return -1;
    }
    return 0;
}

static int emit_values(const struct counts *c, struct emit *emit, struct err *err)
{
    const struct str name = STR("earshot_log_value");

    if (c->values_n && emit_family(emit, name, METRIC_GAUGE,
                                   STR("The last number that a pattern took from a log."), err) < 0)
        return -1;
    for (size_t i = 0; i < c->values_n; i++) {
        const struct value *v = &c->values[i];
        const struct label labels[] = {{STR("event"), v->event}, {STR("field"), v->field}};

        if (v->given && emit_one(emit, name, labels, ARRAY_LEN(labels), v->v, err) < 0)
            return -1;
    }
    return 0;
}

static int emit_counter(const struct histogram *h, struct emit *emit, struct err *err)
{
    struct label labels[LOGS_HISTOGRAM_LABELS_MAX];

    if (emit_family(emit, h->settings->metric, METRIC_COUNTER,
                    STR("Counted in the lines of a log."), err) < 0)
        return -1;
    for (size_t i = 0; i < h->n; i++) {
        for (size_t k = 0; k < h->settings->labels_n; k++)
            labels[k] = (struct label){h->settings->labels[k], str_c(h->children[i].labels[k])};
        if (emit_one(emit, h->settings->metric, labels, h->settings->labels_n,
                     (double)h->children[i].buckets[0], err) < 0)
            return -1;
    }
    return 0;
}

static int emit_child(const struct histogram *h, const struct child *child,
                      const struct str names[], struct emit *emit, struct err *err)
{
    struct label labels[LOGS_HISTOGRAM_LABELS_MAX + 1];
    size_t n = h->settings->labels_n;
    uint64_t sum = 0;

    for (size_t i = 0; i < n; i++)
        labels[i] = (struct label){h->settings->labels[i], str_c(child->labels[i])};
    for (size_t i = 0; i <= h->settings->buckets_n; i++) {
        char le[NUMBER_TEXT_MAX];
        bool last = i == h->settings->buckets_n;

        sum += child->buckets[i];
        labels[n] = (struct label){
            STR("le"),
            last ? STR("+Inf") : (struct str){le, number_print_g(h->settings->buckets[i], le)}};
        if (emit_one(emit, names[0], labels, n + 1, (double)sum, err) < 0)
            return -1;
    }
    if (emit_one(emit, names[1], labels, n, child->sum, err) < 0)
        return -1;
    return emit_one(emit, names[2], labels, n, (double)sum, err);
}

static int emit_histogram(const struct histogram *h, struct emit *emit, struct arena *scratch,
                          struct err *err)
{
    static const char *const ends[] = {"_bucket", "_sum", "_count"};
    struct str names[ARRAY_LEN(ends)];

    if (!h->settings->field.n)
        return emit_counter(h, emit, err);
    for (size_t i = 0; i < ARRAY_LEN(ends); i++) {
        names[i] =
            str_c(arena_printf(scratch, err, "%.*s%s", STR_ARGS(h->settings->metric), ends[i]));
        if (!names[i].p)
            return -1;
    }
    if (emit_family(emit, h->settings->metric, METRIC_HISTOGRAM,
                    STR("Taken from the lines of a log."), err) < 0)
        return -1;
    for (size_t i = 0; i < h->n; i++)
        if (emit_child(h, &h->children[i], names, emit, err) < 0)
            return -1;
    return 0;
}

int counts_emit(const struct counts *c, struct emit *emit, struct arena *scratch, struct err *err)
{
    if (emit_lines(c, emit, err) < 0 || emit_events(c, emit, err) < 0 ||
        emit_values(c, emit, err) < 0)
        return -1;
    for (size_t i = 0; i < c->histograms_n; i++)
        if (emit_histogram(&c->histograms[i], emit, scratch, err) < 0)
            return -1;
    return 0;
}

/* ---- kept over restarts ---- */

static void write_number(struct json_writer *w, const char *key, double v)
{
    json_key(w, key);
    json_double(w, v);
}

static void write_text(struct json_writer *w, const char *key, struct str text)
{
    json_key(w, key);
    json_str(w, text);
}

static void write_histogram(const struct histogram *h, struct json_writer *w)
{
    json_begin_object(w);
    write_text(w, "metric", h->settings->metric);
    json_key(w, "buckets");
    json_begin_array(w);
    for (size_t i = 0; i < h->settings->buckets_n; i++)
        json_double(w, h->settings->buckets[i]);
    json_end_array(w);
    json_key(w, "children");
    json_begin_array(w);
    for (size_t i = 0; i < h->n; i++) {
        json_begin_object(w);
        json_key(w, "labels");
        json_begin_object(w);
        for (size_t k = 0; k < h->settings->labels_n; k++) {
            json_key_str(w, h->settings->labels[k]);
            json_cstr(w, h->children[i].labels[k]);
        }
        json_end_object(w);
        json_key(w, "counts");
        json_begin_array(w);
        for (size_t k = 0; k <= h->settings->buckets_n; k++)
            json_i64(w, (int64_t)h->children[i].buckets[k]);
        json_end_array(w);
        write_number(w, "sum", h->children[i].sum);
        json_end_object(w);
    }
    json_end_array(w);
    json_end_object(w);
}

void counts_write(const struct counts *c, struct json_writer *w)
{
    json_key(w, "lines");
    json_begin_object(w);
    for (int i = SEVERITY_DEBUG; i < SEVERITIES; i++) {
        json_key(w, severity_name((enum severity)i));
        json_i64(w, (int64_t)c->lines[i]);
    }
    json_end_object(w);
    json_key(w, "events");
    json_begin_array(w);
    for (size_t i = 0; i < c->events_n; i++) {
        json_begin_object(w);
        write_text(w, "event", c->events[i].name);
        write_text(w, "severity", str_c(severity_name(c->events[i].severity)));
        json_key(w, "n");
        json_i64(w, (int64_t)c->events[i].n);
        json_end_object(w);
    }
    json_end_array(w);
    json_key(w, "values");
    json_begin_array(w);
    for (size_t i = 0; i < c->values_n; i++) {
        if (!c->values[i].given)
            continue;
        json_begin_object(w);
        write_text(w, "event", c->values[i].event);
        write_text(w, "field", c->values[i].field);
        write_number(w, "value", c->values[i].v);
        json_end_object(w);
    }
    json_end_array(w);
    json_key(w, "histograms");
    json_begin_array(w);
    for (size_t i = 0; i < c->histograms_n; i++)
        write_histogram(&c->histograms[i], w);
    json_end_array(w);
}

static struct str text_of(const json_t *o, const char *key)
{
    const json_t *v = json_object_get(o, key);

    return json_is_string(v) ? (struct str){json_string_value(v), json_string_length(v)} : STR("");
}

static uint64_t count_of(const json_t *v)
{
    json_int_t n = json_integer_value(v);

    return n > 0 ? (uint64_t)n : 0;
}

static bool has_buckets(const struct histogram *h, const json_t *list)
{
    if (json_array_size(list) != h->settings->buckets_n)
        return false;
    for (size_t i = 0; i < h->settings->buckets_n; i++) {
        double difference = json_number_value(json_array_get(list, i)) - h->settings->buckets[i];

        if (difference < 0 || difference > 0)
            return false;
    }
    return true;
}

static void read_child(struct histogram *h, const json_t *o)
{
    const json_t *named = json_object_get(o, "labels"), *list = json_object_get(o, "counts");
    struct str labels[LOGS_HISTOGRAM_LABELS_MAX];
    struct child *child;

    if (json_object_size(named) != h->settings->labels_n ||
        json_array_size(list) != h->settings->buckets_n + 1)
        return;
    for (size_t i = 0; i < h->settings->labels_n; i++) {
        const json_t *v =
            json_object_getn(named, h->settings->labels[i].p, h->settings->labels[i].n);

        if (!json_is_string(v))
            return;
        labels[i] = (struct str){json_string_value(v), json_string_length(v)};
    }
    child = child_of(h, labels);
    for (size_t i = 0; i <= h->settings->buckets_n; i++)
        child->buckets[i] += count_of(json_array_get(list, i));
    child->sum += json_number_value(json_object_get(o, "sum"));
}

void counts_read(struct counts *c, const struct json_t *root)
{
    const json_t *item, *child;
    size_t i, k, at;

    for (int level = SEVERITY_DEBUG; level < SEVERITIES; level++)
        c->lines[level] = count_of(
            json_object_get(json_object_get(root, "lines"), severity_name((enum severity)level)));
    json_array_foreach(json_object_get(root, "events"), i, item)
    {
        at = find_event(c, text_of(item, "event"), severity_of(text_of(item, "severity")));
        if (at < c->events_n)
            c->events[at].n = count_of(json_object_get(item, "n"));
    }
    json_array_foreach(json_object_get(root, "values"), i, item)
    {
        at = find_value(c, text_of(item, "event"), text_of(item, "field"));
        if (at < c->values_n) {
            c->values[at].given = true;
            c->values[at].v = json_number_value(json_object_get(item, "value"));
        }
    }
    json_array_foreach(json_object_get(root, "histograms"), i, item)
    {
        at = find_histogram(c, text_of(item, "metric"));
        if (at == c->histograms_n ||
            !has_buckets(&c->histograms[at], json_object_get(item, "buckets")))
            continue;
        json_array_foreach(json_object_get(item, "children"), k, child)
            read_child(&c->histograms[at], child);
    }
}
