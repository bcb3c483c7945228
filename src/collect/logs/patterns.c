#include "collect/logs/patterns.h"

#include "base/err.h"
#include "base/mem.h"
#include "collect/logs/counts.h"
#include "collect/logs/logs_settings.h"
#include "text/regex.h"
#include "text/regex_set.h"

struct pattern {
    const struct logs_pattern *settings;
    struct regex *regex;   /* owned; NULL: by fields */
    struct regex **fields; /* owned; [settings->fields_n] */
    size_t groups;         /* with the whole */
};

/* The patterns that look at one text. */
struct pass {
    struct regex_set *set; /* owned */
    uint32_t *patterns;    /* owned; which the n-th of the set is */
    uint32_t *found;       /* owned; room for a match */
    size_t n;
};

struct patterns {
    const struct logs_settings *settings;
    struct pattern *items; /* owned; [n] */
    bool *may_match;       /* owned; [n]: of the entry at hand */
    size_t n;
    struct pass message, entry;
    bool by_fields; /* some look at fields */
};

static int compile(const struct logs_pattern *s, struct pattern *out, struct err *err)
{
    out->settings = s;
    out->fields = mem_new_array(struct regex *, s->fields_n + 1);
    for (size_t i = 0; i < s->fields_n; i++)
        if (regex_new(s->fields[i].pattern, true, &out->fields[i], err) < 0)
            return -1;
    if (s->fields_n)
        return 0;
    if (regex_new(s->match, false, &out->regex, err) < 0)
        return -1;
    out->groups = regex_groups(out->regex) + 1;
    if (out->groups > PATTERNS_GROUPS_MAX)
        out->groups = PATTERNS_GROUPS_MAX;
    return 0;
}

static int make_pass(const struct logs_settings *s, bool all, struct pass *out, struct err *err)
{
    struct str *texts = mem_new_array(struct str, s->patterns_n + 1);
    int rc;

    out->patterns = mem_new_array(uint32_t, s->patterns_n + 1);
    out->found = mem_new_array(uint32_t, s->patterns_n + 1);
    for (size_t i = 0; i < s->patterns_n; i++) {
        if (s->patterns[i].fields_n || s->patterns[i].all != all)
            continue;
        texts[out->n] = s->patterns[i].match;
        out->patterns[out->n++] = (uint32_t)i;
    }
    rc = regex_set_new(texts, out->n, &out->set, err);
    mem_free(texts);
    return rc;
}

int patterns_new(const struct logs_settings *settings, struct patterns **out, struct err *err)
{
    struct patterns *p = mem_new(struct patterns);

    p->settings = settings;
    p->items = mem_new_array(struct pattern, settings->patterns_n + 1);
    p->may_match = mem_new_array(bool, settings->patterns_n + 1);
    for (size_t i = 0; i < settings->patterns_n; i++) {
        p->n++;
        p->by_fields |= settings->patterns[i].fields_n > 0;
        if (compile(&settings->patterns[i], &p->items[i], err) < 0) {
            patterns_free(p);
            return err_context(err, "pattern %.*s", STR_ARGS(settings->patterns[i].event));
        }
    }
    if (make_pass(settings, false, &p->message, err) < 0 ||
        make_pass(settings, true, &p->entry, err) < 0) {
        patterns_free(p);
        return err_context(err, "patterns");
    }
    *out = p;
    return 0;
}

static void free_pass(struct pass *pass)
{
    regex_set_free(pass->set);
    mem_free(pass->patterns);
    mem_free(pass->found);
}

void patterns_free(struct patterns *p)
{
    if (!p)
        return;
    for (size_t i = 0; i < p->n; i++) {
        for (size_t k = 0; k < p->items[i].settings->fields_n; k++)
            regex_free(p->items[i].fields[k]);
        mem_free(p->items[i].fields);
        regex_free(p->items[i].regex);
    }
    free_pass(&p->message);
    free_pass(&p->entry);
    mem_free(p->items);
    mem_free(p->may_match);
    mem_free(p);
}

/* ---- one entry ---- */

static size_t run_pass(struct patterns *p, const struct pass *pass, struct str text)
{
    size_t n = pass->n ? regex_set_match(pass->set, text, pass->found) : 0;

    for (size_t i = 0; i < n; i++)
        p->may_match[pass->patterns[pass->found[i]]] = true;
    return n;
}

static struct str field_of(const struct log_record *r, struct str name)
{
    if (str_eq(name, STR("level")))
        return str_c(severity_name(r->level));
    if (str_eq(name, STR("message")))
        return r->message;
    return log_record_field(r, name);
}

/* `level` is the level as we call it, and as the line has it. */
static bool matches_field(const struct regex *regex, const struct log_record *r, struct str name)
{
    struct str value = field_of(r, name), own = log_record_field(r, name);

    return (value.p && regex_matches(regex, value)) ||
           (own.p && own.p != value.p && regex_matches(regex, own));
}

/* Fills groups[] too. */
static bool matches(const struct pattern *p, const struct log_record *r,
                    struct str groups[PATTERNS_GROUPS_MAX])
{
    for (size_t i = 0; i < p->settings->fields_n; i++)
        if (!matches_field(p->fields[i], r, p->settings->fields[i].field))
            return false;
    return !p->regex ||
           regex_find(p->regex, p->settings->all ? r->text : r->message, groups, p->groups);
}

/* A named group, else a field of the line. */
static struct str value_of(const struct pattern *p, const struct log_record *r,
                           const struct str groups[], struct str name)
{
    int at = p->regex ? regex_group_index(p->regex, name) : -1;

    if (at >= 0 && (size_t)at < p->groups && groups[at].p)
        return groups[at];
    return field_of(r, name);
}

static void find_labels(const struct pattern *p, const struct logs_histogram *h,
                        const struct log_record *r, const struct str groups[],
                        struct str labels[LOGS_HISTOGRAM_LABELS_MAX])
{
    for (size_t i = 0; i < h->labels_n; i++) {
        labels[i] = value_of(p, r, groups, h->labels[i]);
        if (!labels[i].p || !str_is_utf8(labels[i]) || memchr(labels[i].p, 0, labels[i].n))
            labels[i] = STR("");
    }
}

static void observe(const struct pattern *p, size_t at, const struct log_record *r,
                    const struct str groups[], struct counts *counts)
{
    const struct logs_histogram *h = p->settings->histogram;
    struct str labels[LOGS_HISTOGRAM_LABELS_MAX];
    double v;

    if (!quantity_read(value_of(p, r, groups, h->field), h->unit, &v))
        return;
    find_labels(p, h, r, groups, labels);
    counts_observe(counts, at, labels, v);
}

static void count(const struct pattern *p, size_t at, const struct log_record *r,
                  const struct str groups[], struct counts *counts)
{
    struct str labels[LOGS_HISTOGRAM_LABELS_MAX];

    find_labels(p, p->settings->counter, r, groups, labels);
    counts_add(counts, at, labels);
}

static void take_numbers(const struct pattern *p, size_t at, const struct log_record *r,
                         const struct str groups[], struct counts *counts)
{
    for (size_t i = 0; i < p->settings->values_n; i++) {
        const struct logs_value *value = &p->settings->values[i];
        double v;

        if (quantity_read(value_of(p, r, groups, value->field), value->unit, &v))
            counts_value(counts, at, i, v);
    }
    if (p->settings->histogram)
        observe(p, at, r, groups, counts);
    if (p->settings->counter)
        count(p, at, r, groups, counts);
}

static struct str text_of(const struct pattern *p, const struct log_record *r,
                          const struct str groups[], struct str name)
{
    struct str text = name.n ? value_of(p, r, groups, name) : (struct str){NULL, 0};

    return text.p && str_is_utf8(text) && !memchr(text.p, 0, text.n) ? text : STR("");
}

static void note_job(const struct pattern *p, const struct log_record *r, const struct str groups[],
                     enum severity level, struct patterns_found *out)
{
    const struct logs_job *job = p->settings->job;

    out->job = true;
    out->job_failed =
        (p->settings->severity != SEVERITY_NONE ? p->settings->severity : level) >= SEVERITY_ERROR;
    out->job_id = text_of(p, r, groups, job->id);
    out->job_model = text_of(p, r, groups, job->model);
    if (!job->took.n || !quantity_read(value_of(p, r, groups, job->took), job->unit, &out->job_s) ||
        out->job_s < 0)
        out->job_s = 0;
}

static void note_event(const struct pattern *p, const struct str groups[],
                       struct patterns_found *out)
{
    out->event = p->settings->event;
    for (size_t i = 1; p->regex && i < p->groups; i++) {
        struct str name = regex_group_name(p->regex, (int)i);

        if (name.p && groups[i].p)
            out->groups[out->groups_n++] = (struct log_field){name, groups[i], false};
    }
}

void patterns_apply(struct patterns *p, const struct log_record *record, struct counts *counts,
                    struct patterns_found *found)
{
    enum severity level = record->level;
    size_t n;

    found->event = (struct str){NULL, 0};
    found->groups_n = 0;
    found->job = false;
    memset(p->may_match, 0, p->n * sizeof *p->may_match);
    n = run_pass(p, &p->message, record->message);
    n += run_pass(p, &p->entry, record->text);
    for (size_t i = 0; i < p->n && (n > 0 || p->by_fields); i++) {
        const struct pattern *item = &p->items[i];
        struct str groups[PATTERNS_GROUPS_MAX] = {{0}};

        if ((item->regex && !p->may_match[i]) || !matches(item, record, groups))
            continue;
        if (level == SEVERITY_NONE)
            level = item->settings->severity;
        counts_event(counts, i, level);
        take_numbers(item, i, record, groups, counts);
        if (!found->event.p)
            note_event(item, groups, found);
        if (item->settings->job && !found->job)
            note_job(item, record, groups, level, found);
        if (!item->settings->go_on)
            break;
    }
    found->level = level == SEVERITY_NONE ? SEVERITY_INFO : level;
    counts_line(counts, found->level);
}
