/* The rules of all packs in use as one rule file of Prometheus, with everything filled in and
 * tuned.
 *
 * A pack's rules stand there once: they are aggregated by instance, so one copy judges all of its
 * services. Only where two uses of a pack differ in their rules has each a copy of its own, in
 * which the selectors of the pack's jobs ask for its instance too. */
#include <stdio.h>
#include <string.h>

#include "base/arena.h"
#include "base/err.h"
#include "base/mem.h"
#include "pack/expression.h"
#include "pack/pack.h"
#include "pack/substitute.h"
#include "pack/tuning.h"
#include "text/duration.h"
#include "text/regex.h"
#include "text/yaml.h"

#define FILE_BYTES_MAX (8u << 20)
#define RESERVES       "vllm|triton|tgi"
#define OWN_JOB        "earshot"

struct filling {
    struct arena *arena; /* ends with it */
    const struct pack_rules_wanted *wanted;
    struct packs packs;
    const char *pack_jobs, *reserves; /* regexes */
    struct err *err;
};

/* One use of a pack, while its rules are filled in. */
struct use {
    struct filling *f;
    const struct pack *pack;
    const struct pack_use *use;
    bool narrow; /* to its own series */
};

/* Rules of one pack that are evaluated together. */
struct group {
    int64_t interval_ms;
    struct buf rules;
};

struct groups {
    struct group *items; /* owned; [n] */
    size_t n, cap;
    int64_t usual_ms; /* the interval of the pack */
};

/* ---- jobs ---- */

struct jobs {
    struct str *items; /* owned; [n] */
    size_t n, cap;
};

static void free_jobs(struct jobs *jobs)
{
    mem_free(jobs->items);
}

static void add_job(struct jobs *jobs, struct str job)
{
    for (size_t i = 0; i < jobs->n; i++)
        if (str_eq(jobs->items[i], job))
            return;
    jobs->items = mem_grow(jobs->items, &jobs->cap, jobs->n + 1, sizeof *jobs->items);
    jobs->items[jobs->n++] = job;
}

/* What a use collects: as it was expanded, or as the pack says when nobody was asked. */
static const struct yaml *collect_of(const struct pack_use *use, const struct pack *pack)
{
    if (use->collect)
        return use->collect;
    return use->host ? yaml_get(use->host, "collect") : use->values ? NULL : pack->collect;
}

static void add_jobs_of(const struct filling *f, const struct pack_use *use,
                        const struct pack *pack, struct jobs *jobs)
{
    const struct yaml *collect = collect_of(use, pack);
    struct str name = str_c(pack->name);

    for (size_t i = 0; collect && i < collect->n; i++) {
        const struct yaml_pair *kind = &collect->pairs[i];

        if (kind->value.kind != YAML_LIST) {
            bool host = str_eq(kind->key.text, STR("host"));

            add_job(jobs, host ? str_c(f->wanted->node_job) : kind->key.text);
            continue;
        }
        for (size_t k = 0; k < kind->value.n; k++) {
            const struct yaml *job = yaml_get(&kind->value.items[k], "job");

            add_job(jobs, job ? job->text : name);
        }
    }
}

static const char *join_quoted(struct arena *a, const struct str items[], size_t n, struct err *err)
{
    SCOPED(buf_fini) struct buf text;

    buf_init(&text, 0);
    for (size_t i = 0; i < n; i++) {
        if (i > 0)
            buf_addc(&text, '|');
        for (size_t k = 0; k < items[i].n; k++) {
            if (regex_is_meta(items[i].p[k]))
                buf_addc(&text, '\\');
            buf_addc(&text, items[i].p[k]);
        }
    }
    return arena_cstr(a, buf_str(&text), err);
}

static int find_jobs(struct filling *f)
{
    SCOPED(free_jobs) struct jobs jobs = {.n = 0};

    add_job(&jobs, STR(OWN_JOB));
    for (size_t i = 0; i < f->wanted->n; i++) {
        const struct pack *pack = packs_find(&f->packs, str_c(f->wanted->uses[i].name));

        if (pack)
            add_jobs_of(f, &f->wanted->uses[i], pack, &jobs);
    }
    f->pack_jobs = join_quoted(f->arena, jobs.items, jobs.n, f->err);
    return f->pack_jobs ? 0 : -1;
}

static int find_reserves(struct filling *f)
{
    size_t n = f->wanted->reserves_n;
    struct str *names = arena_new_array(f->arena, struct str, n, f->err);

    f->reserves = RESERVES;
    for (size_t i = 0; names && i < n; i++)
        names[i] = str_c(f->wanted->reserves[i]);
    if (n > 0)
        f->reserves = names ? join_quoted(f->arena, names, n, f->err) : NULL;
    return f->reserves ? 0 : -1;
}

/* ---- values ---- */

/* What ${name} stands for; `left` stands for itself (when the alert fires more is known). */
struct value {
    const char *text; /* NULL: there is none */
    bool is_regex, left;
};

static int join_list(const struct use *u, const struct yaml *list, struct value *out)
{
    struct str *items = arena_new_array(u->f->arena, struct str, list->n, u->f->err);

    for (size_t i = 0; items && i < list->n; i++)
        items[i] = list->items[i].text;
    out->text = items ? join_quoted(u->f->arena, items, list->n, u->f->err) : NULL;
    out->is_regex = true;
    return out->text ? 0 : -1;
}

static int look_up(const struct use *u, struct str name, struct value *out)
{
    const struct pack_parameter *p = pack_parameter(u->pack, name);
    const struct yaml *node;

    *out = (struct value){.left = str_eq(name, STR("line"))};
    if (str_eq(name, STR("pack_jobs")))
        *out = (struct value){.text = u->f->pack_jobs, .is_regex = true};
    else if (str_eq(name, STR("reserves")))
        *out = (struct value){.text = u->f->reserves, .is_regex = true};
    if (out->text || out->left)
        return 0;
    if (!p)
        return err_set(u->f->err, ERR_SYNTAX, "packs/%s/rules.yml: ${%.*s} is no parameter",
                       u->pack->name, STR_ARGS(str_take(name, 60)));
    node = u->use->values ? bindings_get(u->use->values, name) : p->value;
    if (!node || node->kind == YAML_NULL || node->kind == YAML_MAP)
        return 0;
    if (node->kind == YAML_LIST)
        return join_list(u, node, out);
    out->is_regex = p->type == PACK_REGEX;
    out->text = arena_cstr(u->f->arena, node->text, u->f->err);
    return out->text ? 0 : -1;
}

/* In a template `{{` begins an action. */
static void put_plain(const char *text, struct buf *out)
{
    for (; *text; text++) {
        if (text[0] == '{' && text[1] == '{') {
            buf_adds(out, "{{`{{`}}");
            text++;
        } else {
            buf_addc(out, *text);
        }
    }
}

/* `text` with values; *whole false when one of them is missing. `threshold` is that of the rule. */
static int fill(const struct use *u, struct str text, bool is_expr, struct str threshold,
                struct buf *out, bool *whole)
{
    while (text.n) {
        const char *start = memmem(text.p, text.n, "${", 2);
        const char *end = start ? memchr(start, '}', (size_t)(text.p + text.n - start)) : NULL;
        struct str name;
        struct value value;

        if (!end) {
            buf_add(out, text);
            return 0;
        }
        buf_add(out, (struct str){text.p, (size_t)(start - text.p)});
        name = (struct str){start + 2, (size_t)(end - start - 2)};
        text = str_skip(text, (size_t)(end + 1 - text.p));
        if (str_eq(name, STR("threshold"))) {
            buf_add(out, threshold);
            continue;
        }
        if (look_up(u, name, &value) < 0)
            return -1;
        if (value.left)
            buf_addf(out, "${%.*s}", STR_ARGS(name));
        else if (!value.text)
            *whole = false;
        else if (is_expr)
            expression_put_value(buf_str(out), str_c(value.text), value.is_regex, out);
        else
            put_plain(value.text, out);
    }
    return 0;
}

static void replace(struct buf *text, struct buf *by)
{
    struct buf was = *text;

    *text = *by;
    *by = was;
    buf_reset(by);
}

/* Jobs that have another name here. */
static void rename_node(const struct use *u, struct buf *text)
{
    SCOPED(buf_fini) struct buf renamed;
    static const char was[] = "job=\"node\"";
    struct str rest = buf_str(text);

    buf_init(&renamed, FILE_BYTES_MAX);
    if (strcmp(u->f->wanted->node_job, "node") == 0)
        return;
    for (const char *at; rest.n && (at = memmem(rest.p, rest.n, was, sizeof was - 1)) != NULL;) {
        buf_add(&renamed, (struct str){rest.p, (size_t)(at + 5 - rest.p)});
        expression_put_value(STR("\""), str_c(u->f->wanted->node_job), false, &renamed);
        buf_addc(&renamed, '"');
        rest = str_skip(rest, (size_t)(at - rest.p) + sizeof was - 1);
    }
    buf_add(&renamed, rest);
    replace(text, &renamed);
}

/* Asks for the series of this use alone. */
static void narrow(const struct use *u, struct buf *expr)
{
    SCOPED(buf_fini) struct buf more;
    SCOPED(buf_fini) struct buf made;
    SCOPED(free_jobs) struct jobs jobs = {.n = 0};
    bool is_machine = strcmp(u->pack->name, "host") == 0 || strcmp(u->pack->name, "gpu") == 0;

    buf_init(&more, 0);
    buf_init(&made, FILE_BYTES_MAX);
    if (u->use->instance) {
        buf_adds(&more, ",instance=\"");
        expression_put_value(buf_str(&more), str_c(u->use->instance), false, &more);
        buf_addc(&more, '"');
    }
    buf_adds(&more, ",host=\"");
    if (u->use->host_name)
        expression_put_value(buf_str(&more), str_c(u->use->host_name), false, &more);
    buf_addc(&more, '"');
    add_jobs_of(u->f, u->use, u->pack, &jobs);
    for (size_t i = 0; i < jobs.n; i++) {
        const char *job = arena_cstr(u->f->arena, jobs.items[i], u->f->err);

        /* What is the machine's has not the instance of a service. */
        if (!job ||
            (!is_machine && (strcmp(job, u->f->wanted->node_job) == 0 || strcmp(job, "gpu") == 0)))
            continue;
        expression_narrow(buf_str(expr), job, buf_str(&more), &made);
        replace(expr, &made);
    }
    expression_narrow(buf_str(expr), NULL, buf_str(&more), &made);
    replace(expr, &made);
}

/* ---- writing ---- */

/* In single quotes, or, where a character does not show, in double ones. */
static void put_scalar(struct str text, struct buf *out)
{
    bool plain = true;

    for (size_t i = 0; i < text.n; i++)
        plain &= (unsigned char)text.p[i] >= ' ' && text.p[i] != 0x7f;
    buf_addc(out, plain ? '\'' : '"');
    for (size_t i = 0; i < text.n; i++) {
        unsigned char c = (unsigned char)text.p[i];

        if (plain && c == '\'')
            buf_adds(out, "''");
        else if (!plain && (c < ' ' || c == 0x7f))
            buf_addf(out, "\\x%02x", c);
        else if (!plain && (c == '"' || c == '\\'))
            buf_addf(out, "\\%c", c);
        else
            buf_addc(out, (char)c);
    }
    buf_addc(out, plain ? '\'' : '"');
}

static int put_map(const struct use *u, const struct yaml *map, const char *name,
                   struct str threshold, struct buf *out, bool *whole)
{
    SCOPED(buf_fini) struct buf text;

    buf_init(&text, FILE_BYTES_MAX);
    if (!map || map->n == 0)
        return 0;
    buf_addf(out, "    %s:\n", name);
    for (size_t i = 0; i < map->n; i++) {
        buf_reset(&text);
        if (fill(u, map->pairs[i].value.text, false, threshold, &text, whole) < 0)
            return -1;
        rename_node(u, &text);
        buf_addf(out, "      %.*s: ", STR_ARGS(map->pairs[i].key.text));
        put_scalar(buf_str(&text), out);
        buf_addc(out, '\n');
    }
    return 0;
}

/* The expression of a rule, filled in and tuned. */
static int make_expr(const struct use *u, const struct yaml *rule, const struct tuning *tuning,
                     struct buf *out, bool *whole)
{
    SCOPED(buf_fini) struct buf made;
    struct str number;

    buf_init(&made, FILE_BYTES_MAX);
    if (fill(u, yaml_get(rule, "expr")->text, true, STR(""), out, whole) < 0)
        return -1;
    number = expression_threshold(buf_str(out));
    if (tuning->threshold.n && expression_is_bound(buf_str(out)) &&
        !yaml_get(yaml_get(rule, "labels"), "reason")) {
        buf_add(&made, (struct str){out->p, (size_t)(number.p - out->p)});
        buf_add(&made, tuning->threshold);
        buf_add(&made, str_skip(buf_str(out), (size_t)(number.p + number.n - out->p)));
        replace(out, &made);
    }
    if (tuning->window.n) {
        expression_put_window(buf_str(out), tuning->window, &made);
        replace(out, &made);
    }
    rename_node(u, out);
    if (u->narrow)
        narrow(u, out);
    return 0;
}

/* Whose alerts they are, which tells two rules of one name apart. */
static void put_own_labels(const struct use *u, struct buf *out)
{
    if (u->narrow && u->use->instance) {
        buf_adds(out, "      instance: ");
        put_scalar(str_c(u->use->instance), out);
        buf_addc(out, '\n');
    }
    if (u->narrow && u->use->host_name) {
        buf_adds(out, "      host: ");
        put_scalar(str_c(u->use->host_name), out);
        buf_addc(out, '\n');
    }
}

/* A rule as YAML, "" when there is none: it was disabled, or one of its values is missing. */
static int make_rule(const struct use *u, const struct yaml *rule, struct buf *out,
                     int64_t *interval_ms)
{
    const struct yaml *alert = yaml_get(rule, "alert"), *wait = yaml_get(rule, "for");
    const struct yaml *name = alert ? alert : yaml_get(rule, "record");
    const struct yaml *level = yaml_get(yaml_get(rule, "labels"), "severity");
    SCOPED(buf_fini) struct buf expr;
    struct tuning tuning;
    bool whole = true;

    buf_init(&expr, FILE_BYTES_MAX);
    tuning_of(u->pack, yaml_get(u->use->options, "rules"), u->use->values,
              alert ? alert->text : STR(""), level ? level->text : STR(""), &tuning);
    if (tuning.interval.n && duration_parse(tuning.interval, interval_ms, u->f->err) < 0)
        return -1;
    if (tuning.disabled && alert)
        return 0;
    if (make_expr(u, rule, &tuning, &expr, &whole) < 0)
        return -1;
    buf_addf(out, "  - %s: %.*s\n    expr: ", alert ? "alert" : "record", STR_ARGS(name->text));
    put_scalar(buf_str(&expr), out);
    buf_addc(out, '\n');
    if (alert && (tuning.wait.n || wait))
        buf_addf(out, "    for: %.*s\n", STR_ARGS(tuning.wait.n ? tuning.wait : wait->text));
    if (put_map(u, yaml_get(rule, "labels"), "labels", STR(""), out, &whole) < 0)
        return -1;
    if (alert)
        put_own_labels(u, out);
    if (put_map(u, yaml_get(rule, "annotations"), "annotations",
                expression_threshold(buf_str(&expr)), out, &whole) < 0)
        return -1;
    if (!whole)
        buf_reset(out);
    return 0;
}

/* ---- one pack ---- */

static bool same_text(const char *a, const char *b)
{
    return a && b ? strcmp(a, b) == 0 : a == b;
}

/* Is there no other use of the pack with this instance on this machine? */
static bool is_apart(const struct pack_rules_wanted *wanted, const struct pack_use *use)
{
    for (size_t i = 0; i < wanted->n; i++) {
        const struct pack_use *other = &wanted->uses[i];

        if (other != use && strcmp(other->name, use->name) == 0 &&
            same_text(other->host_name, use->host_name) &&
            (!use->instance || !other->instance || strcmp(use->instance, other->instance) == 0))
            return false;
    }
    return true;
}

/* Rules that differ need series that can be told apart; else `told` tells it, once a pack. */
static bool may_differ(const struct filling *f, const struct pack *pack, size_t from, bool *told)
{
    for (size_t i = from; i < f->wanted->n; i++) {
        const struct pack_use *use = &f->wanted->uses[i];

        if (strcmp(use->name, pack->name) != 0 || is_apart(f->wanted, use))
            continue;
        if (!*told && use->at)
            yaml_error(f->wanted->warnings, use->at,
                       "the pack %s stands there more than once with other rules, and nothing "
                       "tells whose a series is: the rules of the first hold for all; give each "
                       "an instance",
                       pack->name);
        *told = true;
        return false;
    }
    return true;
}

static void add_to_group(struct groups *groups, int64_t interval_ms, struct str rule)
{
    size_t i = 0;

    if (rule.n == 0)
        return;
    while (i < groups->n && groups->items[i].interval_ms != interval_ms)
        i++;
    if (i == groups->n) {
        groups->items = mem_grow(groups->items, &groups->cap, i + 1, sizeof *groups->items);
        groups->items[i].interval_ms = interval_ms;
        buf_init(&groups->items[i].rules, FILE_BYTES_MAX);
        groups->n++;
    }
    buf_add(&groups->items[i].rules, rule);
}

/* Is the rule another for some use of the pack than it is for the first, `from`? */
static int compare_uses(struct filling *f, const struct pack *pack, size_t from,
                        const struct yaml *rule, const struct groups *groups, bool *differ)
{
    struct buf first, other;
    int64_t first_ms = groups->usual_ms, other_ms;
    int rc = 0;

    buf_init(&first, FILE_BYTES_MAX);
    buf_init(&other, FILE_BYTES_MAX);
    *differ = false;
    for (size_t i = from; rc == 0 && i < f->wanted->n && !*differ; i++) {
        const struct use u = {f, pack, &f->wanted->uses[i], false};

        if (strcmp(u.use->name, pack->name) != 0)
            continue;
        buf_reset(&other);
        other_ms = groups->usual_ms;
        rc = make_rule(&u, rule, i == from ? &first : &other, i == from ? &first_ms : &other_ms);
        /* How often something is recorded is no reason to record it twice. */
        *differ = i > from && (!str_eq(buf_str(&first), buf_str(&other)) ||
                               (first_ms != other_ms && yaml_get(rule, "alert")));
    }
    buf_fini(&first);
    buf_fini(&other);
    return rc;
}

static int put_rule(struct filling *f, const struct pack *pack, size_t from,
                    const struct yaml *rule, struct groups *groups, bool *told)
{
    SCOPED(buf_fini) struct buf text;
    bool differ;

    buf_init(&text, FILE_BYTES_MAX);
    if (compare_uses(f, pack, from, rule, groups, &differ) < 0)
        return -1;
    differ = differ && may_differ(f, pack, from, told);
    for (size_t i = from; i < f->wanted->n && (differ || i == from); i++) {
        const struct use u = {f, pack, &f->wanted->uses[i], differ};
        int64_t interval_ms = groups->usual_ms;

        if (strcmp(u.use->name, pack->name) != 0)
            continue;
        buf_reset(&text);
        if (make_rule(&u, rule, &text, &interval_ms) < 0)
            return -1;
        add_to_group(groups, interval_ms, buf_str(&text));
    }
    return 0;
}

static void put_groups(const struct pack *pack, struct groups *groups, struct buf *out)
{
    char text[32];

    for (size_t i = 0; i < groups->n; i++) {
        const char *every = duration_print(groups->items[i].interval_ms, text);

        buf_addf(out, "- name: 'pack:%s%s%s'\n  interval: %s\n  rules:\n", pack->name,
                 i ? " every " : "", i ? every : "", every);
        buf_add(out, buf_str(&groups->items[i].rules));
        buf_fini(&groups->items[i].rules);
    }
    mem_free(groups->items);
}

/* The rules of the pack whose first use is `from`. */
static int put_pack(struct filling *f, const struct pack *pack, size_t from, struct buf *out)
{
    const char *name = arena_printf(f->arena, f->err, "packs/%s/rules.yml", pack->name);
    const struct yaml *root, *list, *interval, *rules;
    struct groups groups = {.n = 0};
    bool told = false;
    int rc = 0;

    if (!name || yaml_parse(f->arena, name, pack->rules, &root, f->err) < 0)
        return -1;
    list = yaml_get(root, "groups");
    interval = list && list->n ? yaml_get(&list->items[0], "interval") : NULL;
    rules = list && list->n ? yaml_get(&list->items[0], "rules") : NULL;
    if (!interval || !rules || duration_parse(interval->text, &groups.usual_ms, f->err) < 0)
        return err_set(f->err, ERR_SYNTAX, "%s: expected one group with interval and rules", name);
    for (size_t i = 0; rc == 0 && i < rules->n; i++)
        rc = put_rule(f, pack, from, &rules->items[i], &groups, &told);
    put_groups(pack, &groups, out);
    return rc;
}

static bool is_first(const struct pack_rules_wanted *wanted, size_t i)
{
    for (size_t k = 0; k < i; k++)
        if (strcmp(wanted->uses[k].name, wanted->uses[i].name) == 0)
            return false;
    return true;
}

static int put_all(struct filling *f, struct buf *out)
{
    buf_adds(out, f->wanted->n ? "groups:\n" : "groups: []\n");
    for (size_t i = 0; i < f->wanted->n; i++) {
        const struct pack *pack = packs_find(&f->packs, str_c(f->wanted->uses[i].name));

        if (pack && pack->rules.n && is_first(f->wanted, i) && put_pack(f, pack, i, out) < 0)
            return -1;
    }
    return 0;
}

int packs_rules(struct arena *a, const struct pack_rules_wanted *wanted, const char **out,
                struct err *err)
{
    struct arena arena;
    struct filling f = {.arena = &arena, .wanted = wanted, .err = err};
    SCOPED(buf_fini) struct buf text;
    int rc = -1;

    buf_init(&text, FILE_BYTES_MAX);
    arena_init(&arena, NULL);
    if (packs_load(&arena, &f.packs, err) == 0 && find_jobs(&f) == 0 && find_reserves(&f) == 0)
        rc = put_all(&f, &text);
    arena_fini(&arena);
    if (rc == 0 && text.overflowed)
        rc = err_set(err, ERR_LIMIT, "the rules of all packs are longer than 8 MB");
    if (rc == 0)
        *out = arena_cstr(a, buf_str(&text), err);
    return rc == 0 && *out ? 0 : -1;
}
