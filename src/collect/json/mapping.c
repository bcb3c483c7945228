#include "collect/json/mapping.h"

#include <jansson.h>
#include <math.h>
#include <time.h>

#include "base/arena.h"
#include "base/err.h"
#include "base/log.h"
#include "base/mem.h"
#include "collect/json/json_settings.h"
#include "collect/json/tally.h"
#include "model/emit.h"
#include "model/labels.h"
#include "model/metadata.h"
#include "text/iso_time.h"
#include "text/number.h"
#include "text/regex.h"
#include "text/zone.h"

#define PART "collect.json"

/* Of one value: keys are the answer's to choose. */
#define LEAVES_MAX       500
#define LEAVES_DEPTH_MAX 8
#define LEAF_NAME_MAX    512

struct metric {
    const struct json_metric *settings;
    struct regex **where; /* owned; [settings->where_n] */
    struct tally tally;   /* of those that remember */
    bool told;
};

struct mapping {
    const struct json_settings *settings;
    struct log *log;
    atomic_uint_fast64_t *invalid;
    struct metric *metrics;  /* owned; [settings->metrics_n] */
    struct regex **patterns; /* owned; [settings->expect_n], NULL where it is the very text */
};

/* ---- making ---- */

static bool remembers(const struct json_metric *m, enum tally_kind *kind)
{
    switch (m->take) {
    case JSON_TAKE_COUNT:
        *kind = TALLY_COUNT;
        return true;
    case JSON_TAKE_FIRST_SEEN:
        *kind = TALLY_FIRST_SEEN;
        return true;
    case JSON_TAKE_ONCE:
        *kind = TALLY_ONCE;
        return true;
    default:
        return false;
    }
}

static int make_metric(const struct json_metric *settings, struct metric *out, struct err *err)
{
    enum tally_kind kind = TALLY_COUNT;

    (void)remembers(settings, &kind);
    tally_init(&out->tally, kind);
    out->settings = settings;
    out->where = mem_new_array(struct regex *, settings->where_n);
    for (size_t i = 0; i < settings->where_n; i++)
        if (regex_new(settings->where[i].pattern, true, &out->where[i], err) < 0)
            return -1;
    return 0;
}

static int make_expect(struct mapping *m, struct err *err)
{
    const struct json_settings *s = m->settings;

    m->patterns = mem_new_array(struct regex *, s->expect_n);
    for (size_t i = 0; i < s->expect_n; i++)
        if (s->expect[i].is_pattern && regex_new(s->expect[i].text, true, &m->patterns[i], err) < 0)
            return -1;
    return 0;
}

int mapping_new(const struct json_settings *settings, struct log *log,
                atomic_uint_fast64_t *invalid, struct mapping **out, struct err *err)
{
    struct mapping *m = mem_new(struct mapping);

    m->settings = settings;
    m->log = log;
    m->invalid = invalid;
    m->metrics = mem_new_array(struct metric, settings->metrics_n);
    for (size_t i = 0; i < settings->metrics_n; i++)
        if (make_metric(&settings->metrics[i], &m->metrics[i], err) < 0)
            goto fail;
    if (make_expect(m, err) < 0)
        goto fail;
    *out = m;
    return 0;
fail:
    mapping_free(m);
    return -1;
}

static void free_metric(struct metric *m)
{
    for (size_t i = 0; m->where && i < m->settings->where_n; i++)
        regex_free(m->where[i]);
    mem_free(m->where);
    tally_fini(&m->tally);
}

void mapping_free(struct mapping *m)
{
    if (!m)
        return;
    for (size_t i = 0; i < m->settings->metrics_n; i++)
        free_metric(&m->metrics[i]);
    for (size_t i = 0; m->patterns && i < m->settings->expect_n; i++)
        regex_free(m->patterns[i]);
    mem_free(m->metrics);
    mem_free(m->patterns);
    mem_free(m);
}

/* ---- one metric of one answer ---- */

struct run {
    struct mapping *mapping;
    struct metric *metric;
    struct mapping_moment moment;
    struct emit *emit;
    struct arena *scratch;
    struct err *err;
    const struct json_place *place;
    bool kept; /* `where` takes the place */
    struct label labels[JSON_LABELS_MAX + 1];
    size_t labels_n;
    char spaces[JSON_LABELS_MAX][JSON_TEXT_MAX];
    size_t leaves; /* of this metric, so far */
};

static int put(struct run *r, double value)
{
    struct emit_sample s = {.name = r->metric->settings->name,
                            .labels = r->labels,
                            .labels_n = r->labels_n,
                            .value = value,
                            .ts = r->moment.now,
                            .has_ts = r->moment.has_ts};

    return r->emit->sample(r->emit, &s, r->err);
}

/* With one label more. */
static int put_with(struct run *r, struct str name, struct str text, double value)
{
    int rc;

    r->labels[r->labels_n++] = (struct label){name, text};
    rc = put(r, value);
    r->labels_n--;
    return rc;
}

/* In a few words, for a message; into space. */
static struct str show(const json_t *value, char space[JSON_TEXT_MAX])
{
    if (json_is_object(value))
        return STR("an object");
    if (json_is_array(value))
        return STR("a list");
    return str_take(json_scalar_text(value, space), 60);
}

static void refuse(struct run *r, const json_t *value, const char *what)
{
    const struct json_metric *m = r->metric->settings;
    char space[JSON_TEXT_MAX];

    atomic_fetch_add_explicit(r->mapping->invalid, 1, memory_order_relaxed);
    if (r->metric->told)
        return;
    r->metric->told = true;
    log_warn(r->mapping->log, PART,
             "%s: no sample of %.*s: at %.*s stands \"%.*s\", which is %s; further values like it "
             "are counted in earshot_json_values_invalid_total",
             r->mapping->settings->name, STR_ARGS(m->name), STR_ARGS(str_take(m->path.text, 100)),
             STR_ARGS(show(value, space)), what);
}

static void make_labels(struct run *r)
{
    const struct json_metric *m = r->metric->settings;

    r->labels_n = 0;
    for (size_t i = 0; i < m->labels_n; i++) {
        const struct json_label *from = &m->labels[i];
        struct label *to = &r->labels[r->labels_n++];

        *to = (struct label){from->name, from->text};
        if (from->from == JSON_LABEL_TOOK)
            to->value = r->place->took[from->took];
        else if (from->from == JSON_LABEL_FIELD)
            to->value =
                json_scalar_text(json_path_get(&from->field, r->place->element), r->spaces[i]);
    }
}

static bool passes(const struct run *r)
{
    const struct json_metric *m = r->metric->settings;
    char space[JSON_TEXT_MAX];

    for (size_t i = 0; i < m->where_n; i++) {
        struct str text =
            json_scalar_text(json_path_get(&m->where[i].field, r->place->element), space);
        bool matches = text.p && regex_matches(r->metric->where[i], text);

        if (matches == m->where[i].excludes)
            return false;
    }
    return true;
}

static bool read_number(const json_t *value, double *out)
{
    switch (json_typeof(value)) {
    case JSON_INTEGER:
    case JSON_REAL:
        *out = json_number_value(value);
        return true;
    case JSON_TRUE:
    case JSON_FALSE:
        *out = json_is_true(value);
        return true;
    case JSON_STRING:
        return number_parse(
            str_trim((struct str){json_string_value(value), json_string_length(value)}), out);
    default:
        return false;
    }
}

/* Divided, since 9 ms are .009 s, and 9 times .001 is a little more. */
static double scaled(const struct run *r, double number)
{
    const struct json_metric *m = r->metric->settings;

    return number * m->scale / m->per;
}

static int take_number(struct run *r, const json_t *value)
{
    double number;

    if (read_number(value, &number))
        return put(r, scaled(r, number));
    refuse(r, value, "no number");
    return 0;
}

/* Seconds east of UTC. */
static int64_t offset_of(const struct json_settings *s, const struct iso_time *t)
{
    time_t as_utc = (time_t)t->seconds;
    struct tm tm;

    if (t->has_zone)
        return t->offset;
    if (s->zone)
        return t->seconds - zone_to_unix(s->zone, t->seconds);
    if (!gmtime_r(&as_utc, &tm))
        return 0;
    tm.tm_isdst = -1;
    return t->seconds - mktime(&tm);
}

static bool read_iso(const struct json_settings *s, const json_t *value, double *seconds)
{
    struct iso_time t;

    if (!json_is_string(value) ||
        !iso_time_parse(str_trim((struct str){json_string_value(value), json_string_length(value)}),
                        &t))
        return false;
    *seconds = (double)(t.seconds - offset_of(s, &t)) + t.nanos / 1e9;
    return true;
}

static bool read_unix(const json_t *value, double *out)
{
    return value && !json_is_boolean(value) && read_number(value, out) && isfinite(*out);
}

static bool read_time(const struct run *r, const json_t *value, double *seconds)
{
    switch (r->metric->settings->time) {
    case JSON_TIME_ISO:
        return read_iso(r->mapping->settings, value, seconds);
    case JSON_TIME_UNIX:
        return read_unix(value, seconds);
    case JSON_TIME_UNIX_MS:
        if (!read_unix(value, seconds))
            return false;
        *seconds /= 1000;
        return true;
    }
    return false;
}

bool mapping_time(const struct mapping *m, const json_t *value, ts_ms *out)
{
    double seconds;

    if (!value || (!read_iso(m->settings, value, &seconds) && !read_unix(value, &seconds)))
        return false;
    if (fabs(seconds) >= 1e11 && !json_is_string(value))
        seconds /= 1000;
    if (!(fabs(seconds) * 1000 < (double)TS_MS_MAX))
        return false;
    *out = (ts_ms)llround(seconds * 1000);
    return true;
}

static int take_time(struct run *r, const json_t *value)
{
    static const char *const words[] = {[JSON_TIME_ISO] = "no time like 2024-01-16T03:00:15",
                                        [JSON_TIME_UNIX] = "no Unix time in seconds",
                                        [JSON_TIME_UNIX_MS] = "no Unix time in milliseconds"};
    const struct json_metric *m = r->metric->settings;
    double seconds;

    if (!read_time(r, value, &seconds)) {
        refuse(r, value, words[m->time]);
        return 0;
    }
    return put(r, m->age ? (double)r->moment.now / 1000 - seconds : seconds);
}

static int take_states(struct run *r, const json_t *value)
{
    const struct json_metric *m = r->metric->settings;
    char space[JSON_TEXT_MAX];
    struct str text = json_scalar_text(value, space);
    bool known = false;

    if (!text.p) {
        refuse(r, value, "no state");
        return 0;
    }
    for (size_t i = 0; i < m->states_n; i++) {
        bool is = str_eq(text, m->states[i]);

        known |= is;
        if (put_with(r, STR("state"), m->states[i], is) < 0)
            return -1;
    }
    return known ? 0 : put_with(r, STR("state"), STR("unknown"), 1);
}

static int take_label(struct run *r, const json_t *value)
{
    char space[JSON_TEXT_MAX];
    struct str text = json_scalar_text(value, space);

    if (text.p)
        return put_with(r, r->metric->settings->label, text, 1);
    refuse(r, value, "no text");
    return 0;
}

/* Ids are told apart within one list; the index in it is none of them. */
static struct str read_id(struct run *r, struct buf *out)
{
    char space[JSON_TEXT_MAX];
    const json_t *value = json_path_get(&r->metric->settings->id, r->place->element);
    struct str id = json_scalar_text(value, space);

    if (!id.p) {
        if (value && !json_is_null(value))
            refuse(r, value, "no id");
        return (struct str){NULL, 0};
    }
    for (size_t i = 0; i + 1 < r->place->took_n; i++) {
        buf_add(out, r->place->took[i]);
        buf_addc(out, '\xff'); /* in no JSON text */
    }
    buf_addc(out, '=');
    buf_add(out, id);
    return buf_str(out);
}

static bool tally(struct run *r, const struct labels *labels)
{
    struct tally *t = &r->metric->tally;
    struct buf text;
    struct str id;
    bool room;

    if (!r->kept) /* a counter is there from 0 as soon as its labels are known */
        return tally_note(t, labels);
    if (r->metric->settings->take == JSON_TAKE_COUNT)
        return tally_add(t, labels, STR(""));
    buf_init(&text, 0);
    id = read_id(r, &text);
    room = id.n ? tally_add(t, labels, id) : tally_note(t, labels);
    buf_fini(&text);
    return room;
}

static struct str label_of(const struct run *r, const char *a, const char *b)
{
    for (size_t i = 0; i < r->labels_n; i++)
        if (str_eq(r->labels[i].name, str_c(a)) || str_eq(r->labels[i].name, str_c(b)))
            return r->labels[i].value;
    return STR("");
}

/* By the path that another metric of the same elements takes for it, else by its usual name. */
static const json_t *id_of(const struct run *r)
{
    const struct json_settings *s = r->mapping->settings;

    for (size_t i = 0; i < s->metrics_n; i++) {
        const struct json_metric *m = &s->metrics[i];

        if ((m->take == JSON_TAKE_FIRST_SEEN || m->take == JSON_TAKE_ONCE) &&
            str_eq(m->path.text, r->metric->settings->path.text))
            return json_path_get(&m->id, r->place->element);
    }
    return json_object_get(r->place->element, "id");
}

/* Elements that are counted by their status are jobs, if they have an id. */
static bool tells_jobs(const struct run *r)
{
    const struct json_metric *m = r->metric->settings;
    bool has_status = false;

    for (size_t i = 0; i < m->labels_n; i++)
        has_status |=
            str_eq(m->labels[i].name, STR("status")) || str_eq(m->labels[i].name, STR("state"));
    return r->emit->job && m->take == JSON_TAKE_COUNT && m->path.stars && has_status;
}

/* There is a list, if an empty one. */
static int tell_list(struct run *r)
{
    const struct emit_job none = {.id = STR("")};

    return r->emit->job(r->emit, &none, r->err);
}

static int tell_job(struct run *r)
{
    char space[JSON_TEXT_MAX];
    struct emit_job job = {.status = label_of(r, "status", "state"),
                           .model = label_of(r, "model", "type")};

    if (!job.status.n)
        return 0;
    job.id = json_scalar_text(id_of(r), space);
    return job.id.n ? r->emit->job(r->emit, &job, r->err) : 0;
}

static int take_tally(struct run *r, const json_t *value)
{
    const struct labels *labels;

    if (tells_jobs(r) && tell_job(r) < 0)
        return -1;
    if (labels_build(r->scratch, r->labels, r->labels_n, &labels, r->err) < 0)
        return -1;
    if (!tally(r, labels))
        refuse(r, value, "one more than there is room for");
    return 0;
}

/* ---- leaves ---- */

/* The name so far and the key, with what a name cannot hold as '_'. */
static void add_key(struct buf *name, const char *key)
{
    buf_addc(name, '_');
    for (; *key; key++) {
        bool fits = (*key >= 'a' && *key <= 'z') || (*key >= 'A' && *key <= 'Z') ||
                    (*key >= '0' && *key <= '9');

        buf_addc(name, fits ? *key : '_');
    }
}

static int put_leaf(struct run *r, struct str name, double value)
{
    const struct json_metric *m = r->metric->settings;
    const struct metadata family = {.family = name, .type = m->type, .help = m->help};
    struct emit_sample s = {.name = name,
                            .labels = r->labels,
                            .labels_n = r->labels_n,
                            .value = scaled(r, value),
                            .ts = r->moment.now,
                            .has_ts = r->moment.has_ts};

    if (r->emit->family(r->emit, &family, r->err) < 0)
        return -1;
    return r->emit->sample(r->emit, &s, r->err);
}

/* Numbers below `value`. What is no number is no leaf, and a list has no names. */
static int take_leaves(struct run *r, json_t *value, struct buf *name, unsigned depth)
{
    size_t before = name->n;
    const char *key;
    json_t *member;
    double number;

    json_object_foreach(value, key, member)
    {
        int rc = 0;

        add_key(name, key);
        if (json_is_object(member) && depth < LEAVES_DEPTH_MAX)
            rc = take_leaves(r, member, name, depth + 1);
        else if (!read_number(member, &number))
            rc = 0;
        else if (r->leaves++ >= LEAVES_MAX || name->overflowed)
            refuse(r, member, "one more than there is room for");
        else
            rc = put_leaf(r, buf_str(name), number);
        name->n = before;
        if (rc < 0)
            return -1;
    }
    return 0;
}

static int take_object(struct run *r, const json_t *value)
{
    SCOPED(buf_fini) struct buf name;

    buf_init(&name, LEAF_NAME_MAX);
    buf_add(&name, r->metric->settings->name);
    r->leaves = 0;
    return take_leaves(r, (json_t *)value, &name, 0);
}

static int take_value(struct run *r, const json_t *value)
{
    switch (r->metric->settings->take) {
    case JSON_TAKE_NUMBER:
        return take_number(r, value);
    case JSON_TAKE_TIME:
        return take_time(r, value);
    case JSON_TAKE_STATES:
        return take_states(r, value);
    case JSON_TAKE_LABEL:
        return take_label(r, value);
    case JSON_TAKE_PRESENT:
        break; /* on_place took it */
    case JSON_TAKE_COUNT:
    case JSON_TAKE_FIRST_SEEN:
    case JSON_TAKE_ONCE:
        return take_tally(r, value);
    case JSON_TAKE_LEAVES:
        return take_object(r, value);
    }
    return 0;
}

static int on_place(void *arg, const struct json_place *place)
{
    struct run *r = arg;
    enum json_take take = r->metric->settings->take;
    bool there = place->value && !json_is_null(place->value);

    r->place = place;
    r->kept = passes(r);
    make_labels(r);
    if (take == JSON_TAKE_PRESENT)
        return put(r, there && r->kept);
    if (!there || (!r->kept && take != JSON_TAKE_ONCE))
        return 0;
    return take_value(r, place->value);
}

/* What is known of a metric that remembers, labels that this answer does not have among it. */
static int put_tally(struct run *r)
{
    struct tally *t = &r->metric->tally;

    tally_end(t);
    for (size_t i = 0; i < t->groups_n; i++) {
        const struct labels *ls = t->groups[i].labels;

        r->labels_n = ls->n;
        for (size_t k = 0; k < ls->n; k++)
            r->labels[k] = labels_at(ls, k);
        if (put(r, t->groups[i].value) < 0)
            return -1;
    }
    return 0;
}

static int run_metric(struct run *r, json_t *root)
{
    const struct json_metric *m = r->metric->settings;
    const struct metadata family = {.family = m->name, .type = m->type, .help = m->help};
    enum tally_kind kind;
    bool tallies = remembers(m, &kind), there;

    if (m->take != JSON_TAKE_LEAVES && r->emit->family(r->emit, &family, r->err) < 0)
        return -1;
    if (tallies)
        tally_begin(&r->metric->tally, r->moment.now);
    /* Without labels there is one series, from the start. */
    if (tallies && m->labels_n == 0 && !tally_note(&r->metric->tally, &labels_empty))
        return 0; /* that cannot be: it is the first */
    if (json_path_walk(&m->path, root, on_place, r, &there) < 0)
        return -1;
    if (m->take == JSON_TAKE_COUNT && !m->path.stars && json_is_null(json_path_get(&m->path, root)))
        return 0; /* nobody knows; as an id, null is none */
    if (there && tells_jobs(r) && tell_list(r) < 0)
        return -1;
    return tallies && there ? put_tally(r) : 0;
}

int mapping_apply(struct mapping *m, json_t *root, struct mapping_moment moment, struct emit *emit,
                  struct arena *scratch, struct err *err)
{
    struct run *r = arena_new(scratch, struct run, err);

    if (!r)
        return -1;
    *r = (struct run){.mapping = m, .moment = moment, .emit = emit, .scratch = scratch, .err = err};
    for (size_t i = 0; i < m->settings->metrics_n; i++) {
        r->metric = &m->metrics[i];
        if (run_metric(r, root) < 0)
            return -1;
    }
    return 0;
}

/* ---- what is expected ---- */

/* Ends the walk. */
static int on_found(void *arg, const struct json_place *place)
{
    (void)arg;
    return place->value && !json_is_null(place->value) ? -1 : 0;
}

bool mapping_finds(const struct mapping *m, json_t *root)
{
    bool there;

    for (size_t i = 0; i < m->settings->metrics_n; i++)
        if (json_path_walk(&m->settings->metrics[i].path, root, on_found, NULL, &there) < 0)
            return true;
    return false;
}

int mapping_expect(const struct mapping *m, json_t *root, struct err *err)
{
    for (size_t i = 0; i < m->settings->expect_n; i++) {
        const struct json_expect *e = &m->settings->expect[i];
        const json_t *value = json_path_get(&e->path, root);
        char space[JSON_TEXT_MAX];
        struct str text = json_scalar_text(value, space);

        if (text.p && (e->is_pattern ? regex_matches(m->patterns[i], text) : str_eq(text, e->text)))
            continue;
        if (!value || json_is_null(value))
            return err_set(err, ERR_EVAL, "%.*s is %s; expected \"%.*s\"",
                           STR_ARGS(str_take(e->path.text, 100)), value ? "null" : "not there",
                           STR_ARGS(str_take(e->text, 100)));
        return err_set(err, ERR_EVAL, "%.*s is \"%.*s\"; expected \"%.*s\"",
                       STR_ARGS(str_take(e->path.text, 100)), STR_ARGS(show(value, space)),
                       STR_ARGS(str_take(e->text, 100)));
    }
    return 0;
}
