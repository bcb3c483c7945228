#include "pack/tuning.h"

#include <stdio.h>
#include <string.h>

#include "base/arena.h"
#include "pack/expression.h"
#include "pack/pack.h"
#include "pack/substitute.h"
#include "text/duration.h"
#include "text/number.h"
#include "text/yaml.h"

#define RULES_MAX 128 /* of one pack */

static const char *const levels[] = {"info", "warning", "error", "critical"};

/* ---- what the pack has ---- */

struct rule {
    const char *alert;
    struct str level, expr;
    bool is_one_of_reasons; /* its number is not that of the alert */
};

struct rules {
    struct rule items[RULES_MAX];
    size_t n;
};

static void read_rules(const struct pack *pack, struct arena *a, struct rules *out)
{
    const struct yaml *root, *list;

    out->n = 0;
    if (!pack->rules.n || yaml_parse(a, "rules.yml", pack->rules, &root, NULL) < 0)
        return;
    list = yaml_get(root, "groups");
    list = list && list->n ? yaml_get(&list->items[0], "rules") : NULL;
    for (size_t i = 0; list && i < list->n && out->n < RULES_MAX; i++) {
        const struct yaml *alert = yaml_get(&list->items[i], "alert");
        const struct yaml *expr = yaml_get(&list->items[i], "expr");
        const struct yaml *level = yaml_get(yaml_get(&list->items[i], "labels"), "severity");

        if (!alert || !expr || !level)
            continue;
        out->items[out->n].alert = arena_cstr(a, alert->text, NULL);
        out->items[out->n].level = level->text;
        out->items[out->n].expr = expr->text;
        out->items[out->n].is_one_of_reasons =
            yaml_get(yaml_get(&list->items[i], "labels"), "reason") != NULL;
        out->n += out->items[out->n].alert != NULL;
    }
}

static bool is_of(const struct rule *r, struct str alert)
{
    return str_eq(str_c(r->alert), alert);
}

/* ---- what was given ---- */

/* A number, a size or a time, in the unit of the metric: bytes, seconds. */
static bool read_threshold(const struct yaml *node, double *out)
{
    uint64_t bytes;
    int64_t ms;

    if (node->kind != YAML_SCALAR)
        return false;
    if (number_parse(node->text, out))
        return *out == *out; /* NaN is never reached */
    if (size_parse(node->text, &bytes, NULL) == 0) {
        *out = (double)bytes;
        return true;
    }
    if (duration_parse(node->text, &ms, NULL) < 0)
        return false;
    *out = (double)ms / 1000;
    return true;
}

static void list_levels(const struct rules *rules, struct str alert, struct buf *out)
{
    for (size_t i = 0; i < rules->n; i++)
        if (is_of(&rules->items[i], alert) &&
            !(out->n && memmem(out->p, out->n, rules->items[i].level.p, rules->items[i].level.n)))
            buf_addf(out, "%s%.*s", out->n ? ", " : "", STR_ARGS(rules->items[i].level));
}

/* A level that the alert does not have. */
static bool check_level(const struct rules *rules, struct str alert, const struct yaml *key,
                        struct yaml_errors *errors)
{
    SCOPED(buf_fini) struct buf has;

    buf_init(&has, 0);
    for (size_t i = 0; i < rules->n; i++)
        if (is_of(&rules->items[i], alert) && str_eq(rules->items[i].level, key->text))
            return true;
    list_levels(rules, alert, &has);
    yaml_error(errors, key, "%.*s has no level %.*s; it has %s", STR_ARGS(alert),
               STR_ARGS(key->text), has.p ? has.p : "none");
    return false;
}

static void check_threshold(const struct rules *rules, struct str alert,
                            const struct yaml_pair *given, struct yaml_errors *errors)
{
    double number;

    if (!read_threshold(&given->value, &number)) {
        yaml_error(errors, &given->value,
                   "%.*s: expected a number, a size like 4.5GB or a time like 15m",
                   STR_ARGS(given->key.text));
        return;
    }
    if (str_eq(alert, STR("*"))) {
        yaml_error(errors, &given->key,
                   "%.*s: a threshold belongs to one rule; give it to that rule by its name",
                   STR_ARGS(given->key.text));
        return;
    }
    if (!check_level(rules, alert, &given->key, errors))
        return;
    for (size_t i = 0; i < rules->n; i++)
        if (is_of(&rules->items[i], alert) && str_eq(rules->items[i].level, given->key.text) &&
            !rules->items[i].is_one_of_reasons && expression_is_bound(rules->items[i].expr))
            return;
    yaml_error(errors, &given->key,
               "%.*s has no threshold; it can be tuned by for, interval and enabled",
               STR_ARGS(alert));
}

static void check_wait(const struct rules *rules, struct str alert, const struct yaml *wait,
                       struct yaml_errors *errors)
{
    int64_t ms;

    if (wait->kind != YAML_MAP) {
        yaml_read_duration(wait, "for", &ms, errors);
        return;
    }
    (void)yaml_check_keys(wait, "for", levels, ARRAY_LEN(levels), errors);
    for (size_t i = 0; i < wait->n; i++) {
        yaml_read_duration(&wait->pairs[i].value, "for", &ms, errors);
        for (size_t k = 0; k < ARRAY_LEN(levels) && !str_eq(alert, STR("*")); k++)
            if (str_eq(wait->pairs[i].key.text, str_c(levels[k])))
                (void)check_level(rules, alert, &wait->pairs[i].key, errors);
    }
}

static void check_positive(const struct yaml *node, const char *what, struct yaml_errors *errors)
{
    int64_t ms = 1;

    yaml_read_duration(node, what, &ms, errors);
    if (ms == 0)
        yaml_error(errors, node, "%s: expected more than 0s", what);
}

/* A window too many does no harm: all keys may be given to each rule. */
static void check_window(const struct rules *rules, struct str alert, const struct yaml *window,
                         struct yaml_errors *errors, struct yaml_errors *warnings)
{
    check_positive(window, "window", errors);
    for (size_t i = 0; i < rules->n; i++)
        if ((str_eq(alert, STR("*")) || is_of(&rules->items[i], alert)) &&
            expression_has_window(rules->items[i].expr))
            return;
    yaml_error(warnings, window,
               "window: %.*s looks at no span of time (rate, increase), so that it changes nothing",
               STR_ARGS(str_eq(alert, STR("*")) ? STR("no rule of this pack") : alert));
}

static void check_rule(const struct rules *rules, const struct yaml_pair *given,
                       struct yaml_errors *errors, struct yaml_errors *warnings)
{
    static const char *const keys[] = {"for",    "interval", "warning", "critical",
                                       "window", "enabled",  "info",    "error"};
    const struct yaml *rule = &given->value;
    bool flag;

    if (!yaml_check_keys(rule, "a rule of a pack", keys, ARRAY_LEN(keys), errors))
        return;
    check_positive(yaml_get(rule, "interval"), "interval", errors);
    yaml_read_bool(yaml_get(rule, "enabled"), "enabled", &flag, errors);
    if (yaml_get(rule, "for"))
        check_wait(rules, given->key.text, yaml_get(rule, "for"), errors);
    if (yaml_get(rule, "window"))
        check_window(rules, given->key.text, yaml_get(rule, "window"), errors, warnings);
    for (size_t i = 0; i < rule->n; i++)
        for (size_t k = 0; k < ARRAY_LEN(levels); k++)
            if (str_eq(rule->pairs[i].key.text, str_c(levels[k])))
                check_threshold(rules, given->key.text, &rule->pairs[i], errors);
}

void tuning_check(const struct pack *pack, const struct yaml *given, struct yaml_errors *errors,
                  struct yaml_errors *warnings)
{
    struct rules *rules = arena_new(errors->arena, struct rules, NULL);
    const char *names[RULES_MAX + 1] = {"*"};
    char what[80];

    if (!rules)
        return;
    if (given->kind != YAML_MAP) {
        yaml_error(errors, given, "rules: expected names of rules, like {'*': {for: 5m}}");
        return;
    }
    read_rules(pack, errors->arena, rules);
    for (size_t i = 0; i < rules->n; i++)
        names[i + 1] = rules->items[i].alert;
    (void)snprintf(what, sizeof what, "rules of the pack %s", pack->name);
    (void)yaml_check_keys(given, what, names, rules->n + 1, errors);
    for (size_t i = 0; i < given->n; i++) {
        bool known = false;

        for (size_t k = 0; k <= rules->n; k++)
            known |= str_eq(given->pairs[i].key.text, str_c(names[k]));
        if (known)
            check_rule(rules, &given->pairs[i], errors, warnings);
    }
}

/* ---- what holds for one rule ---- */

static struct str text_of(const struct yaml *map, const char *key)
{
    const struct yaml *node = yaml_get(map, key);

    return node && node->kind == YAML_SCALAR ? node->text : (struct str){NULL, 0};
}

static const struct yaml *level_of(const struct yaml *map, struct str level)
{
    for (size_t i = 0; map && map->kind == YAML_MAP && i < map->n; i++)
        if (str_eq(map->pairs[i].key.text, level))
            return &map->pairs[i].value;
    return NULL;
}

static void set_threshold(double number, struct tuning *out)
{
    out->threshold = (struct str){out->number, number_print(number, out->number)};
}

static void add_given(const struct yaml *rule, struct str level, struct tuning *out)
{
    const struct yaml *wait = yaml_get(rule, "for"), *threshold = level_of(rule, level);
    bool enabled;
    double number;

    if (wait && wait->kind == YAML_MAP)
        wait = level_of(wait, level);
    if (wait)
        out->wait = wait->text;
    if (yaml_get(rule, "interval"))
        out->interval = text_of(rule, "interval");
    if (yaml_get(rule, "window"))
        out->window = text_of(rule, "window");
    if (threshold && read_threshold(threshold, &number))
        set_threshold(number, out);
    if (yaml_get(rule, "enabled")) {
        struct yaml_errors none = {.arena = NULL};

        enabled = true;
        yaml_read_bool(yaml_get(rule, "enabled"), "enabled", &enabled, &none);
        out->disabled = !enabled;
    }
}

static void add_parameter(const struct pack_parameter *p, const struct bindings *values,
                          struct str alert, struct str level, struct tuning *out)
{
    const struct yaml *value = values ? bindings_get(values, str_c(p->name)) : p->value;
    const struct yaml *factor = level_of(level_of(p->tunes, alert), level);
    double number, times;

    if (value && factor && read_threshold(value, &number) && number_parse(factor->text, &times))
        set_threshold(number * times, out);
}

void tuning_of(const struct pack *pack, const struct yaml *rules, const struct bindings *values,
               struct str alert, struct str level, struct tuning *out)
{
    const struct yaml *own = level_of(rules, alert);

    *out = (struct tuning){.disabled = false};
    for (size_t i = 0; i < pack->parameters_n; i++)
        add_parameter(&pack->parameters[i], values, alert, level, out);
    if (yaml_get(rules, "*"))
        add_given(yaml_get(rules, "*"), level, out);
    if (own)
        add_given(own, level, out);
}
