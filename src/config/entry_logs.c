/* An entry of collect.logs: which files, and what their lines say. */
#include <math.h>
#include <string.h>

#include "base/arena.h"
#include "collect/entry_settings.h"
#include "collect/logs/logs_settings.h"
#include "config/internal.h"
#include "config/schema.h"
#include "model/labels.h"
#include "sys/sock.h"
#include "text/number.h"
#include "text/regex.h"

#define LINE_MAX_DEFAULT (64u << 10)
#define LINE_MAX_LEAST   256
#define LINE_MAX_MOST    (1u << 20)

static const double default_buckets[] = {.005, .01, .025, .05, .1, .25, .5, 1, 2.5, 5, 10};

struct word {
    const char *word;
    int is;
};

static const struct word severities[] = {{"debug", SEVERITY_DEBUG},
                                         {"info", SEVERITY_INFO},
                                         {"warning", SEVERITY_WARNING},
                                         {"error", SEVERITY_ERROR},
                                         {"critical", SEVERITY_CRITICAL}};
static const struct word formats[] = {
    {"auto", LOG_AUTO}, {"json", LOG_JSON}, {"logfmt", LOG_LOGFMT}, {"text", LOG_TEXT}};
static const struct word units[] = {{"KB", QUANTITY_KB},           {"MB", QUANTITY_MB},
                                    {"GB", QUANTITY_GB},           {"ms", QUANTITY_MS},
                                    {"us", QUANTITY_US},           {"ns", QUANTITY_NS},
                                    {"percent", QUANTITY_PERCENT}, {"duration", QUANTITY_DURATION}};

/* `otherwise` when the node is not there or empty. */
static int read_word(struct config_builder *b, const struct yaml *node, const char *what,
                     const struct word words[], size_t n, int otherwise)
{
    if (!node || node->kind != YAML_SCALAR || node->text.n == 0)
        return otherwise;
    for (size_t i = 0; i < n; i++)
        if (str_eq(node->text, str_c(words[i].word)))
            return words[i].is;
    yaml_error(&b->errors, node, "%s: \"%.*s\" is none of those from %s to %s", what,
               STR_ARGS(str_take(node->text, 60)), words[0].word, words[n - 1].word);
    return otherwise;
}

static void check_regex(struct config_builder *b, const struct yaml *node)
{
    struct regex *regex;
    struct err err;

    if (regex_new(node->text, false, &regex, &err) < 0)
        yaml_error(&b->errors, node, "%s", err.text);
    else
        regex_free(regex);
}

/* ---- patterns ---- */

static void read_match(struct config_builder *b, const struct yaml *node, struct logs_pattern *out)
{
    const struct yaml *match = yaml_get(node, "match");
    struct logs_match *fields;

    if (match && match->kind == YAML_SCALAR && match->text.n) {
        out->match = match->text;
        check_regex(b, match);
        return;
    }
    if (!match || match->kind != YAML_MAP || match->n == 0) {
        yaml_error(&b->errors, match ? match : node,
                   "match: expected a regular expression or {field: regular expression}");
        return;
    }
    fields = builder_array(b, match->n, sizeof *fields);
    if (!fields)
        return;
    for (size_t i = 0; i < match->n; i++) {
        fields[i] = (struct logs_match){match->pairs[i].key.text, match->pairs[i].value.text};
        if (match->pairs[i].value.kind == YAML_SCALAR)
            check_regex(b, &match->pairs[i].value);
        else
            yaml_error(&b->errors, &match->pairs[i].value, "expected a regular expression");
    }
    out->fields = fields;
    out->fields_n = match->n;
}

static void read_values(struct config_builder *b, const struct yaml *node, struct logs_pattern *out)
{
    const struct yaml *value = yaml_get(node, "value");
    struct logs_value *values;

    if (!value || value->kind == YAML_NULL)
        return;
    if (value->kind == YAML_SCALAR) {
        yaml_error(&b->errors, value, "value: expected a list like [seconds] or {field: unit}");
        return;
    }
    values = builder_array(b, value->n, sizeof *values);
    if (!values)
        return;
    for (size_t i = 0; i < value->n; i++) {
        if (value->kind == YAML_LIST)
            values[i].field = value->items[i].text;
        else
            values[i] = (struct logs_value){
                value->pairs[i].key.text,
                (enum quantity_unit)read_word(b, &value->pairs[i].value, "unit", units,
                                              ARRAY_LEN(units), QUANTITY_NUMBER)};
    }
    out->values = values;
    out->values_n = value->n;
}

static void read_buckets(struct config_builder *b, const struct yaml *node,
                         struct logs_histogram *out)
{
    double *buckets;

    out->buckets = default_buckets;
    out->buckets_n = ARRAY_LEN(default_buckets);
    if (!node || node->kind == YAML_NULL)
        return;
    if (node->kind != YAML_LIST || node->n == 0 || node->n > LOGS_BUCKETS_MAX) {
        yaml_error(&b->errors, node, "buckets: expected a list of 1 to %d numbers",
                   LOGS_BUCKETS_MAX);
        return;
    }
    buckets = builder_array(b, node->n, sizeof *buckets);
    if (!buckets)
        return;
    for (size_t i = 0; i < node->n; i++) {
        if (!number_parse(node->items[i].text, &buckets[i]) || !isfinite(buckets[i]))
            yaml_error(&b->errors, &node->items[i], "buckets: expected a number");
        else if (i > 0 && buckets[i] <= buckets[i - 1])
            yaml_error(&b->errors, &node->items[i], "buckets: each is larger than the one before");
    }
    out->buckets = buckets;
    out->buckets_n = node->n;
}

static void read_labels(struct config_builder *b, const struct yaml *node,
                        struct logs_histogram *out)
{
    size_t n = node && node->kind == YAML_LIST ? node->n : 0;
    struct str *labels;

    if (n > LOGS_HISTOGRAM_LABELS_MAX) {
        yaml_error(&b->errors, node, "labels: more than %d", LOGS_HISTOGRAM_LABELS_MAX);
        return;
    }
    labels = builder_array(b, n, sizeof *labels);
    if (!labels)
        return;
    for (size_t i = 0; i < n; i++) {
        labels[i] = node->items[i].text;
        if (!name_is_legacy_label(labels[i]) || str_starts(labels[i], STR("__")) ||
            str_eq(labels[i], STR("le")))
            yaml_error(&b->errors, &node->items[i],
                       "\"%.*s\" is no name of a label here: letters, digits and _, not le",
                       STR_ARGS(str_take(labels[i], 60)));
        for (size_t k = 0; k < i; k++)
            if (str_eq(labels[k], labels[i]))
                yaml_error(&b->errors, &node->items[i], "the label is given twice");
    }
    out->labels = labels;
    out->labels_n = n;
}

/* What a histogram and a counter have in common; NULL: there is none. */
static struct logs_histogram *read_metric(struct config_builder *b, const struct yaml *map,
                                          const char *what)
{
    struct logs_histogram *h = map && map->kind == YAML_MAP ? builder_array(b, 1, sizeof *h) : NULL;

    if (!h)
        return NULL;
    h->metric = schema_text(map, "metric");
    if (!name_is_legacy_metric(h->metric))
        yaml_error(&b->errors, map,
                   "%s: metric: \"%.*s\" is no name of a metric: letters, digits, _ and :", what,
                   STR_ARGS(str_take(h->metric, 100)));
    read_labels(b, yaml_get(map, "labels"), h);
    return h;
}

static void read_histogram(struct config_builder *b, const struct yaml *node,
                           struct logs_pattern *out)
{
    const struct yaml *map = yaml_get(node, "histogram");
    struct logs_histogram *h = read_metric(b, map, "histogram");

    if (!h)
        return;
    h->field = schema_text(map, "field");
    h->unit = (enum quantity_unit)read_word(b, yaml_get(map, "unit"), "unit", units,
                                            ARRAY_LEN(units), QUANTITY_NUMBER);
    if (h->field.n == 0)
        yaml_error(&b->errors, map, "histogram: needs field: what is measured");
    read_buckets(b, yaml_get(map, "buckets"), h);
    out->histogram = h;
}

/* Without `took` it is what the histogram measures. */
static void read_job(struct config_builder *b, const struct yaml *node, struct logs_pattern *out)
{
    const struct yaml *map = yaml_get(node, "job");
    struct logs_job *job;

    if (!map || map->kind != YAML_MAP)
        return;
    job = builder_array(b, 1, sizeof *job);
    if (!job)
        return;
    job->took = schema_text(map, "took");
    job->unit = (enum quantity_unit)read_word(b, yaml_get(map, "unit"), "unit", units,
                                              ARRAY_LEN(units), QUANTITY_DURATION);
    if (!job->took.n && out->histogram) {
        job->took = out->histogram->field;
        job->unit = out->histogram->unit;
    }
    job->id = schema_text(map, "id");
    job->model = schema_text(map, "model");
    out->job = job;
}

static void read_pattern(struct config_builder *b, const struct yaml *node,
                         struct logs_pattern *out)
{
    *out = (struct logs_pattern){.event = schema_text(node, "event")};
    if (node->kind != YAML_MAP)
        return;
    if (out->event.n == 0)
        yaml_error(&b->errors, node, "a pattern needs event: what it is called");
    out->severity =
        (enum severity)read_word(b, yaml_get(node, "severity"), "severity", severities + 1,
                                 ARRAY_LEN(severities) - 1, SEVERITY_NONE);
    yaml_read_bool(yaml_get(node, "all"), "", &out->all, &b->errors);
    yaml_read_bool(yaml_get(node, "continue"), "", &out->go_on, &b->errors);
    read_match(b, node, out);
    read_values(b, node, out);
    read_histogram(b, node, out);
    out->counter = read_metric(b, yaml_get(node, "counter"), "counter");
    read_job(b, node, out);
    if (out->all && out->fields_n)
        yaml_error(&b->errors, yaml_get(node, "all"),
                   "all: a pattern on fields has no entry to look at");
}

static bool is_same_histogram(const struct logs_histogram *a, const struct logs_histogram *b)
{
    bool same = a->buckets_n == b->buckets_n && a->labels_n == b->labels_n &&
                (a->field.n > 0) == (b->field.n > 0);

    for (size_t i = 0; same && i < a->buckets_n; i++)
        same = !(a->buckets[i] < b->buckets[i]) && !(a->buckets[i] > b->buckets[i]);
    for (size_t i = 0; same && i < a->labels_n; i++)
        same = str_eq(a->labels[i], b->labels[i]);
    return same;
}

/* The one of that name in patterns[0..n). */
static const struct logs_histogram *find_before(const struct logs_settings *s, size_t n,
                                                struct str metric)
{
    for (size_t i = 0; i < n; i++) {
        const struct logs_histogram *of[] = {s->patterns[i].histogram, s->patterns[i].counter};

        for (size_t k = 0; k < ARRAY_LEN(of); k++)
            if (of[k] && str_eq(of[k]->metric, metric))
                return of[k];
    }
    return NULL;
}

/* Patterns that count into one metric agree about it. */
static void check_metrics(struct config_builder *b, const struct yaml *list,
                          const struct logs_settings *s)
{
    for (size_t i = 0; i < s->patterns_n; i++) {
        const struct logs_histogram *of[] = {s->patterns[i].histogram, s->patterns[i].counter};

        for (size_t k = 0; k < ARRAY_LEN(of); k++) {
            const struct logs_histogram *before = of[k] ? find_before(s, i, of[k]->metric) : NULL;

            if (before && !is_same_histogram(before, of[k]))
                yaml_error(&b->errors, &list->items[i],
                           "%.*s has other buckets or labels, or is another kind, in a pattern "
                           "above",
                           STR_ARGS(str_take(of[k]->metric, 100)));
        }
        if (of[0] && of[1] && str_eq(of[0]->metric, of[1]->metric))
            yaml_error(&b->errors, &list->items[i], "%.*s is a histogram and a counter",
                       STR_ARGS(str_take(of[0]->metric, 100)));
    }
}

static void read_patterns(struct config_builder *b, const struct yaml *node,
                          struct logs_settings *out)
{
    const struct yaml *list = yaml_get(node, "patterns");
    size_t n = list && list->kind == YAML_LIST ? list->n : 0;
    struct logs_pattern *patterns = builder_array(b, n, sizeof *patterns);

    if (!patterns)
        return;
    for (size_t i = 0; i < n; i++)
        read_pattern(b, &list->items[i], &patterns[i]);
    out->patterns = patterns;
    out->patterns_n = n;
    check_metrics(b, list, out);
}

/* ---- the entry ---- */

static void read_levels(struct config_builder *b, const struct yaml *node,
                        struct logs_settings *out)
{
    const struct yaml *map = yaml_get(node, "levels");
    size_t n = map && map->kind == YAML_MAP ? map->n : 0;
    struct log_level_word *words = builder_array(b, n, sizeof *words);

    if (!words)
        return;
    for (size_t i = 0; i < n; i++)
        words[i] = (struct log_level_word){
            map->pairs[i].key.text,
            (enum severity)read_word(b, &map->pairs[i].value, "levels", severities,
                                     ARRAY_LEN(severities), SEVERITY_INFO)};
    out->levels = words;
    out->levels_n = n;
}

static void read_time(struct config_builder *b, const struct yaml *node, struct logs_settings *out)
{
    out->time = schema_text(node, "time");
    if (out->time.n && memchr(out->time.p, '%', out->time.n))
        yaml_error(
            &b->errors, yaml_get(node, "time"),
            "time: \"%.*s\" is no name of a field; how a time is written is found without it",
            STR_ARGS(str_take(out->time, 60)));
}

static void read_size(struct config_builder *b, const struct yaml *node, struct logs_settings *out)
{
    const struct yaml *size = yaml_get(node, "max_line");
    uint64_t bytes = LINE_MAX_DEFAULT;

    yaml_read_size(size, "", &bytes, &b->errors);
    if (bytes < LINE_MAX_LEAST || bytes > LINE_MAX_MOST) {
        yaml_error(&b->errors, size, "max_line: from 256 bytes to 1MB");
        bytes = LINE_MAX_DEFAULT;
    }
    out->line_max = (size_t)bytes;
}

/* Two sockets on one address would share its messages out, or the second would not open. */
static void check_address(struct config_builder *b, const struct yaml *node, const char *text,
                          const struct sock_address *a)
{
    const struct config *c = b->config;
    struct sock_address other;

    for (size_t i = 0; i + 1 < c->entries_n; i++) { /* the last is the one being read */
        const struct logs_settings *s = c->entries[i].own;

        if (strcmp(c->entries[i].kind, "logs") == 0 && s && s->kind == LOGS_SYSLOG &&
            sock_parse(s->place, &other, NULL) == 0 && sock_overlap(a, &other))
            yaml_error(&b->errors, node,
                       "syslog: %s is received by two entries: the other one is in line %u", text,
                       s->line);
    }
}

static void read_syslog(struct config_builder *b, const struct yaml *node,
                        struct logs_settings *out)
{
    static const char *const others[] = {"path", "unit", "container", "multiline", "start"};
    const struct yaml *syslog = yaml_get(node, "syslog");
    struct sock_address a;

    out->kind = LOGS_SYSLOG;
    out->line = syslog->at.line;
    for (size_t i = 0; i < ARRAY_LEN(others); i++)
        if (yaml_get(node, others[i]))
            yaml_error(&b->errors, yaml_get(node, others[i]),
                       "%s: not with syslog, whose messages are entries as they come", others[i]);
    if (sock_parse(out->place, &a, NULL) < 0 || str_ends(str_c(out->place), STR(":0")))
        yaml_error(&b->errors, syslog,
                   "syslog: \"%.60s\" is not an address with a port; write 127.0.0.1:5514 or "
                   "[::1]:5514",
                   out->place);
    else if (!sock_is_loopback(&a) && !b->config->insecure)
        yaml_error(&b->errors, syslog,
                   "syslog: on %s anybody who reaches it could write lines; stay on 127.0.0.1, or "
                   "set insecure: true when something else guards the port",
                   out->place);
    else
        check_address(b, syslog, out->place, &a);
}

/* Beside a unit or a container, path is the folder where they are kept. */
static void read_place(struct config_builder *b, const struct yaml *node, struct logs_settings *out)
{
    const struct yaml *unit = yaml_get(node, "unit"), *container = yaml_get(node, "container");
    const char *unit_name = builder_text(b, node, "unit", NULL);
    const char *container_name = builder_text(b, node, "container", NULL);

    out->place = builder_text(b, node, "syslog", NULL);
    if (out->place) {
        read_syslog(b, node, out);
        return;
    }
    if (unit_name && container_name)
        yaml_error(&b->errors, container, "container: an entry is one log: unit is given too");
    if (unit_name && strpbrk(unit_name, "/*?[ "))
        yaml_error(&b->errors, unit, "unit: \"%.60s\" is no name of a unit, like nginx", unit_name);
    out->kind = unit_name ? LOGS_JOURNAL : container_name ? LOGS_CONTAINER : LOGS_FILES;
    out->place = unit_name ? unit_name : container_name;
}

/* Where its lines and its state are kept. A pack that stands there again has logs of the same
 * names. */
static const char *kept_name(struct config_builder *b, const char *source)
{
    const struct pack_uses *uses = &b->config->packs;
    const char *p;

    for (size_t i = 0; b->use && &uses->items[i] != b->use; i++) {
        if (strcmp(uses->items[i].name, b->use->name) != 0)
            continue;
        p = arena_printf(b->arena, &b->err, "%s@%s", source,
                         b->use->instance ? b->use->instance : b->use->id);
        b->failed |= !p;
        return p ? p : source;
    }
    return source;
}

const void *entry_read_logs(struct config_builder *b, const struct yaml *node,
                            struct entry_settings *entry)
{
    static const struct word starts[] = {{"end", false}, {"beginning", true}};
    struct logs_settings *s = builder_array(b, 1, sizeof *s);
    const struct yaml *path = yaml_get(node, "path");

    if (!s)
        return NULL;
    read_place(b, node, s);
    if (s->kind != LOGS_SYSLOG && path && path->kind == YAML_SCALAR && path->text.n)
        s->path = str_c(builder_path(b, path));
    else if (s->kind == LOGS_FILES)
        yaml_error(&b->errors, node,
                   "collect.logs: needs path: a file, or a pattern like *.log; or unit, container "
                   "or syslog");
    entry->name = s->place ? s->place : builder_text(b, node, "path", "");
    entry->source = builder_text(b, node, "name", entry->name);
    s->name = kept_name(b, entry->source);
    s->format = (enum log_format)read_word(b, yaml_get(node, "format"), "format", formats,
                                           ARRAY_LEN(formats), LOG_AUTO);
    s->from_beginning =
        read_word(b, yaml_get(node, "start"), "start", starts, ARRAY_LEN(starts), false);
    s->store = true;
    yaml_read_bool(yaml_get(node, "store"), "", &s->store, &b->errors);
    s->zone = builder_zone(b, yaml_get(node, "timezone"));
    read_time(b, node, s);
    s->multiline = schema_text(node, "multiline");
    s->exclude = schema_text(node, "exclude");
    read_size(b, node, s);
    read_levels(b, node, s);
    read_patterns(b, node, s);
    return s;
}
