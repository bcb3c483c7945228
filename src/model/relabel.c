/* A label set under relabelling is two lists: what it came with, and what rules have set. A label
 * that is set leaves the first list; one that is removed leaves both. labelmap walks them in this
 * order, which decides which of two labels that map to one name counts. */
#include "model/relabel.h"

#include <inttypes.h>
#include <openssl/evp.h>
#include <string.h>
#include <strings.h>

#include "base/arena.h"
#include "base/err.h"
#include "model/labels.h"
#include "model/template.h"
#include "text/letter_case.h"
#include "text/regex.h"

#define ADDED_MAX 1024u

const char *const relabel_action_names[RELABEL_ACTIONS] = {
    [RELABEL_REPLACE] = "replace",     [RELABEL_KEEP] = "keep",
    [RELABEL_DROP] = "drop",           [RELABEL_KEEPEQUAL] = "keepequal",
    [RELABEL_DROPEQUAL] = "dropequal", [RELABEL_HASHMOD] = "hashmod",
    [RELABEL_LABELMAP] = "labelmap",   [RELABEL_LABELDROP] = "labeldrop",
    [RELABEL_LABELKEEP] = "labelkeep", [RELABEL_LOWERCASE] = "lowercase",
    [RELABEL_UPPERCASE] = "uppercase",
};

int relabel_action_parse(struct str word, enum relabel_action *out)
{
    for (size_t i = 0; i < RELABEL_ACTIONS; i++) {
        if (word.n == strlen(relabel_action_names[i]) &&
            strncasecmp(word.p, relabel_action_names[i], word.n) == 0) {
            *out = (enum relabel_action)i;
            return 0;
        }
    }
    return -1;
}

/* --- a rule is checked --------------------------------------------------------------------------
 */

static const struct str default_separator = {";", 1};
static const struct str default_regex = {"(.*)", 4};
static const struct str default_replacement = {"$1", 2};

enum { TAKES_SOURCE = 1, TAKES_TARGET = 2, TAKES_REGEX = 4, TAKES_REPLACEMENT = 8 };

/* What an action reads; anything more that is given is a misunderstanding. `lax`: Prometheus does
 * not mind, and neither do we. */
static const struct {
    unsigned takes;
    bool lax;
} actions[RELABEL_ACTIONS] = {
    [RELABEL_REPLACE] = {TAKES_SOURCE | TAKES_TARGET | TAKES_REGEX | TAKES_REPLACEMENT, true},
    [RELABEL_KEEP] = {TAKES_SOURCE | TAKES_REGEX, true},
    [RELABEL_DROP] = {TAKES_SOURCE | TAKES_REGEX, true},
    [RELABEL_KEEPEQUAL] = {TAKES_SOURCE | TAKES_TARGET, false},
    [RELABEL_DROPEQUAL] = {TAKES_SOURCE | TAKES_TARGET, false},
    [RELABEL_HASHMOD] = {TAKES_SOURCE | TAKES_TARGET, true},
    [RELABEL_LABELMAP] = {TAKES_REGEX | TAKES_REPLACEMENT, true},
    [RELABEL_LABELDROP] = {TAKES_REGEX, false},
    [RELABEL_LABELKEEP] = {TAKES_REGEX, false},
    [RELABEL_LOWERCASE] = {TAKES_SOURCE | TAKES_TARGET, true},
    [RELABEL_UPPERCASE] = {TAKES_SOURCE | TAKES_TARGET, true},
};

static bool is_label_name(struct str name, bool utf8_names)
{
    return utf8_names ? name.n > 0 && str_is_utf8(name) : name_is_legacy_label(name);
}

/* A target_label or labelmap's replacement may hold variables. In UTF-8 every text is a name. */
static bool is_name_template(struct str text, bool utf8_names)
{
    return utf8_names ? is_label_name(text, true) : template_is_legacy_name(text);
}

static bool given_other(struct str given, struct str usual)
{
    return given.p && !str_eq(given, usual);
}

/* The key that the action does not take, NULL: none. */
static const char *excess(const struct relabel_given *g)
{
    unsigned takes = actions[g->action].takes;
    bool case_change = g->action == RELABEL_LOWERCASE || g->action == RELABEL_UPPERCASE;

    if ((case_change || !actions[g->action].lax) && !(takes & TAKES_REPLACEMENT) &&
        given_other(g->replacement, default_replacement))
        return "replacement";
    if (actions[g->action].lax)
        return NULL;
    if (!(takes & TAKES_SOURCE) && g->has_source)
        return "source_labels";
    if (!(takes & TAKES_TARGET) && g->target.n > 0)
        return "target_label";
    if (!(takes & TAKES_REGEX) && g->regex.p)
        return "regex";
    if (g->modulus)
        return "modulus";
    if (given_other(g->separator, default_separator))
        return "separator";
    return NULL;
}

static int check(const struct relabel_given *g, const char **key, struct err *err)
{
    const char *name = relabel_action_names[g->action];
    struct str replacement = g->replacement.p ? g->replacement : default_replacement;

    if (g->action == RELABEL_HASHMOD && !g->modulus) {
        *key = "modulus";
        return err_set(err, ERR_SYNTAX, "relabel action hashmod wants a modulus above 0");
    }
    if (actions[g->action].takes & TAKES_TARGET) {
        bool is_template = g->action == RELABEL_REPLACE && template_has_variables(g->target);

        *key = "target_label";
        if (g->target.n == 0)
            return err_set(err, ERR_SYNTAX, "relabel action %s wants a target_label", name);
        if (is_template ? !is_name_template(g->target, g->utf8_names)
                        : !is_label_name(g->target, g->utf8_names))
            return err_set(err, ERR_SYNTAX,
                           "relabel action %s: target_label \"%.*s\" is not a label name", name,
                           STR_ARGS(str_take(g->target, 100)));
    }
    if (g->action == RELABEL_LABELMAP && !is_name_template(replacement, g->utf8_names)) {
        *key = "replacement";
        return err_set(err, ERR_SYNTAX,
                       "relabel action labelmap: replacement \"%.*s\" is not a label name",
                       STR_ARGS(str_take(replacement, 100)));
    }
    *key = excess(g);
    return *key ? err_set(err, ERR_SYNTAX, "relabel action %s takes no %s", name, *key) : 0;
}

int relabel_init(struct relabel_rule *rule, const struct relabel_given *g, const char **key,
                 struct err *err)
{
    struct regex *regex;

    *key = NULL;
    if (check(g, key, err) < 0)
        return -1;
    *key = "regex";
    if (regex_new(g->regex.p ? g->regex : default_regex, true, &regex, err) < 0)
        return err_context(err, "regex");
    if (regex_groups(regex) >= TEMPLATE_GROUPS_MAX) {
        regex_free(regex);
        return err_set(err, ERR_LIMIT,
                       "regex: more than %u groups; write (?:...) for those whose "
                       "text is not wanted",
                       TEMPLATE_GROUPS_MAX - 1);
    }
    *key = NULL;
    *rule = (struct relabel_rule){
        .action = g->action,
        .source = g->source,
        .source_n = g->source_n,
        .separator = g->separator.p ? g->separator : default_separator,
        .target = g->target,
        .replacement = g->replacement.p ? g->replacement : default_replacement,
        .regex = regex,
        .modulus = g->modulus,
        .utf8_names = g->utf8_names,
    };
    return 0;
}

void relabel_fini(struct relabel_rule *rule)
{
    regex_free(rule->regex);
    rule->regex = NULL;
}

/* --- a label set at work ------------------------------------------------------------------------
 */

struct work {
    struct arena *arena;
    struct label *first; /* [first_n] sorted, as it came; value.n 0: gone */
    size_t first_n;
    struct label *added; /* [added_n] in the order they were set; no value is empty */
    size_t added_n, added_cap;
    bool changed;
};

static struct label *find_first(const struct work *w, struct str name)
{
    size_t low = 0, high = w->first_n;

    while (low < high) {
        size_t middle = low + (high - low) / 2;
        int order = str_cmp(w->first[middle].name, name);

        if (order == 0)
            return w->first[middle].value.n ? &w->first[middle] : NULL;
        if (order < 0)
            low = middle + 1;
        else
            high = middle;
    }
    return NULL;
}

static struct label *find_added(const struct work *w, struct str name)
{
    for (size_t i = 0; i < w->added_n; i++)
        if (str_eq(w->added[i].name, name))
            return &w->added[i];
    return NULL;
}

static struct str get(const struct work *w, struct str name)
{
    const struct label *label = find_added(w, name);

    label = label ? label : find_first(w, name);
    return label ? label->value : STR("");
}

static void drop_label(struct work *w, struct str name)
{
    struct label *first = find_first(w, name), *added = find_added(w, name);

    if (first)
        first->value.n = 0;
    if (added) {
        w->added_n--;
        memmove(added, added + 1, (size_t)(w->added + w->added_n - added) * sizeof *added);
    }
    w->changed |= first || added;
}

static int set(struct work *w, struct str name, struct str value, struct err *err)
{
    struct label *first = find_first(w, name), *added = find_added(w, name);

    if (value.n == 0) {
        drop_label(w, name);
        return 0;
    }
    if (value.n > LABELS_BYTES_MAX || name.n > LABELS_BYTES_MAX)
        return err_set(err, ERR_LIMIT, "relabelling gives a label of more than %u bytes",
                       LABELS_BYTES_MAX);
    w->changed = true;
    if (added) {
        added->value = value;
        return 0;
    }
    if (w->added_n == ADDED_MAX)
        return err_set(err, ERR_LIMIT, "relabelling sets more than %u labels", ADDED_MAX);
    if (arena_grow(w->arena, (void **)&w->added, &w->added_cap, w->added_n + 1, sizeof *w->added,
                   err) < 0)
        return -1;
    if (first)
        first->value.n = 0;
    w->added[w->added_n++] = (struct label){name, value};
    return 0;
}

/* --- one rule -----------------------------------------------------------------------------------
 */

/* The values of the source labels with the separator in between. */
static int join(const struct work *w, const struct relabel_rule *rule, struct str *out,
                struct err *err)
{
    size_t bytes = 0, at = 0;
    char *p;

    if (rule->source_n == 1) {
        *out = get(w, rule->source[0]);
        return 0;
    }
    for (size_t i = 0; i < rule->source_n; i++)
        bytes += get(w, rule->source[i]).n + (i > 0 ? rule->separator.n : 0);
    p = arena_alloc(w->arena, bytes, err);
    if (!p)
        return -1;
    for (size_t i = 0; i < rule->source_n; i++) {
        struct str value = get(w, rule->source[i]);

        if (i > 0 && rule->separator.n)
            memcpy(p + at, rule->separator.p, rule->separator.n);
        at += i > 0 ? rule->separator.n : 0;
        memcpy(p + at, value.p, value.n);
        at += value.n;
    }
    *out = (struct str){p, bytes};
    return 0;
}

static int replace(struct work *w, const struct relabel_rule *rule, struct str value,
                   struct err *err)
{
    struct str groups[TEMPLATE_GROUPS_MAX], name, result;
    size_t n = regex_groups(rule->regex) + 1;

    if (!regex_find(rule->regex, value, groups, n))
        return 0;
    if (template_expand(rule->target, rule->regex, groups, n, w->arena, &name, err) < 0)
        return -1;
    if (!is_label_name(name, rule->utf8_names))
        return 0; /* what the variables stand for makes no name: nothing is set */
    if (template_expand(rule->replacement, rule->regex, groups, n, w->arena, &result, err) < 0)
        return -1;
    return set(w, name, result, err);
}

static int hashmod(struct work *w, const struct relabel_rule *rule, struct str value,
                   struct err *err)
{
    unsigned char md5[EVP_MAX_MD_SIZE];
    uint64_t hash = 0;
    const char *text;

    if (!EVP_Digest(value.p, value.n, md5, NULL, EVP_md5(), NULL))
        return err_set(err, ERR_EVAL, "relabel action hashmod: this system's OpenSSL has no MD5");
    for (size_t i = 8; i < 16; i++)
        hash = hash << 8 | md5[i];
    text = arena_printf(w->arena, err, "%" PRIu64, hash % rule->modulus);
    return text ? set(w, rule->target, str_c(text), err) : -1;
}

static int change_case(struct work *w, const struct relabel_rule *rule, struct str value,
                       struct err *err)
{
    char *p = arena_alloc(w->arena, LETTER_CASE_ROOM(value.n), err);
    size_t n;

    if (!p)
        return -1;
    n = rule->action == RELABEL_UPPERCASE ? letter_case_upper(value, p)
                                          : letter_case_lower(value, p);
    return set(w, rule->target, (struct str){p, n}, err);
}

static int map_one(struct work *w, const struct relabel_rule *rule, struct label label,
                   struct err *err)
{
    struct str groups[TEMPLATE_GROUPS_MAX], name;
    size_t n = regex_groups(rule->regex) + 1;

    if (label.value.n == 0 || !regex_find(rule->regex, label.name, groups, n))
        return 0;
    if (template_expand(rule->replacement, rule->regex, groups, n, w->arena, &name, err) < 0)
        return -1;
    if (!is_label_name(name, rule->utf8_names))
        return err_set(err, ERR_EVAL,
                       "relabel action labelmap makes \"%.*s\" of label \"%.*s\", which is not a "
                       "label name",
                       STR_ARGS(str_take(name, 60)), STR_ARGS(str_take(label.name, 60)));
    return set(w, name, label.value, err);
}

/* Over the labels as they are before it, so that a label just made is not mapped again. */
static int labelmap(struct work *w, const struct relabel_rule *rule, struct err *err)
{
    size_t n = w->first_n + w->added_n;
    struct label *all = arena_alloc(w->arena, n * sizeof *all, err);

    if (!all)
        return -1;
    if (w->first_n)
        memcpy(all, w->first, w->first_n * sizeof *all);
    if (w->added_n)
        memcpy(all + w->first_n, w->added, w->added_n * sizeof *all);
    for (size_t i = 0; i < n; i++)
        if (map_one(w, rule, all[i], err) < 0)
            return -1;
    return 0;
}

/* Drops the labels whose names match, or those whose names do not. */
static void sift(struct work *w, const struct regex *regex, bool drop_matching)
{
    size_t kept = 0;

    for (size_t i = 0; i < w->first_n; i++) {
        struct label *label = &w->first[i];

        if (label->value.n && regex_matches(regex, label->name) == drop_matching) {
            label->value.n = 0;
            w->changed = true;
        }
    }
    for (size_t i = 0; i < w->added_n; i++)
        if (regex_matches(regex, w->added[i].name) != drop_matching)
            w->added[kept++] = w->added[i];
    w->changed |= kept < w->added_n;
    w->added_n = kept;
}

static int run(struct work *w, const struct relabel_rule *rule, bool *kept, struct err *err)
{
    struct str value = {NULL, 0};

    if (join(w, rule, &value, err) < 0)
        return -1;
    switch (rule->action) {
    case RELABEL_REPLACE:
        return replace(w, rule, value, err);
    case RELABEL_KEEP:
        *kept = regex_matches(rule->regex, value);
        return 0;
    case RELABEL_DROP:
        *kept = !regex_matches(rule->regex, value);
        return 0;
    case RELABEL_KEEPEQUAL:
        *kept = str_eq(get(w, rule->target), value);
        return 0;
    case RELABEL_DROPEQUAL:
        *kept = !str_eq(get(w, rule->target), value);
        return 0;
    case RELABEL_HASHMOD:
        return hashmod(w, rule, value, err);
    case RELABEL_LABELMAP:
        return labelmap(w, rule, err);
    case RELABEL_LABELDROP:
        sift(w, rule->regex, true);
        return 0;
    case RELABEL_LABELKEEP:
        sift(w, rule->regex, false);
        return 0;
    case RELABEL_LOWERCASE:
    case RELABEL_UPPERCASE:
        return change_case(w, rule, value, err);
    case RELABEL_ACTIONS:
        break;
    }
    return 0;
}

/* --- all rules ----------------------------------------------------------------------------------
 */

static int finish(struct work *w, const struct labels **out, struct err *err)
{
    struct label *pairs = arena_alloc(w->arena, (w->first_n + w->added_n) * sizeof *pairs, err);
    size_t n = 0;

    if (!pairs)
        return -1;
    for (size_t i = 0; i < w->first_n; i++)
        if (w->first[i].value.n)
            pairs[n++] = w->first[i];
    for (size_t i = 0; i < w->added_n; i++)
        pairs[n++] = w->added[i];
    return labels_build(w->arena, pairs, n, out, err);
}

int relabel_apply(const struct relabel_rules *rules, struct arena *a, const struct labels *in,
                  bool *kept, const struct labels **out, struct err *err)
{
    struct work w = {.arena = a, .first_n = in->n};

    *kept = true;
    if (rules->n == 0) {
        *out = in;
        return 0;
    }
    w.first = arena_alloc(a, in->n * sizeof *w.first, err);
    if (!w.first)
        return -1;
    for (size_t i = 0; i < in->n; i++)
        w.first[i] = labels_at(in, i);
    for (size_t i = 0; i < rules->n && *kept; i++)
        if (run(&w, &rules->items[i], kept, err) < 0)
            return -1;
    if (!*kept)
        return 0;
    if (w.changed)
        return finish(&w, out, err);
    *out = in;
    return 0;
}
