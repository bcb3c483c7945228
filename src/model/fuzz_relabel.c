/* Lines of rules, an empty line, lines of labels. What comes out is a label set, or a refusal; the
 * same rules give the same twice; and only keep, drop and equal may drop.
 *
 *   action TAB source,source TAB separator TAB regex TAB target TAB replacement TAB modulus
 *   name=value
 */
#include <assert.h>
#include <stddef.h>
#include <stdint.h>

#include "base/arena.h"
#include "base/err.h"
#include "model/labels.h"
#include "model/relabel.h"

#define RULES_MAX  8
#define LABELS_MAX 32

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/* "-" and what is missing: not given. */
static struct str field(struct str *line)
{
    struct str text = line->p ? str_split(line, '\t') : (struct str){NULL, 0};

    return str_eq(text, STR("-")) ? (struct str){NULL, 0} : text;
}

static int read_rule(struct str line, struct arena *a, struct relabel_rule *rule)
{
    struct relabel_given g = {.utf8_names = true};
    struct str sources, *source = arena_new_array(a, struct str, 8, NULL), modulus;
    const char *key;

    if (!source || relabel_action_parse(field(&line), &g.action) < 0)
        return -1;
    sources = field(&line);
    g.has_source = sources.p;
    g.source = source;
    while (sources.p && g.source_n < 8)
        source[g.source_n++] = str_split(&sources, ',');
    g.separator = field(&line);
    g.regex = field(&line);
    g.target = field(&line);
    g.replacement = field(&line);
    modulus = field(&line);
    for (size_t i = 0; i < modulus.n; i++)
        g.modulus = g.modulus * 10 + (uint8_t)modulus.p[i];
    g.utf8_names = g.modulus % 2 == 0;
    return relabel_init(rule, &g, &key, NULL);
}

static const struct labels *read_labels(struct str text, struct arena *a)
{
    struct label pairs[LABELS_MAX];
    const struct labels *ls;
    size_t n = 0;

    while (text.p && n < LABELS_MAX) {
        struct str value = str_split(&text, '\n'), name = str_split(&value, '=');

        if (name.n)
            pairs[n++] = (struct label){name, value};
    }
    return labels_build(a, pairs, n, &ls, NULL) < 0 ? NULL : ls;
}

static void check(const struct relabel_rules *rules, struct arena *a, const struct labels *in)
{
    const struct labels *out = NULL, *again = NULL;
    bool kept = false, kept_again = false, may_drop = false;
    int rc = relabel_apply(rules, a, in, &kept, &out, NULL);

    assert(relabel_apply(rules, a, in, &kept_again, &again, NULL) == rc);
    if (rc < 0)
        return;
    assert(kept == kept_again);
    for (size_t i = 0; i < rules->n; i++)
        may_drop |=
            rules->items[i].action >= RELABEL_KEEP && rules->items[i].action <= RELABEL_DROPEQUAL;
    assert(kept || may_drop);
    if (!kept)
        return;
    assert(labels_check(out, out->bytes) && labels_equal(out, again));
    for (size_t i = 0; i < out->n; i++)
        assert(labels_at(out, i).name.n > 0);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct str text = {(const char *)data, size};
    struct relabel_rule rules[RULES_MAX] = {0};
    struct budget budget;
    SCOPED(arena_fini) struct arena a;
    const struct labels *in;
    size_t n = 0;

    budget_init(&budget, "fuzz", 64u << 20, NULL);
    arena_init(&a, &budget);
    while (text.p && n < RULES_MAX) {
        struct str line = str_split(&text, '\n');

        if (line.n == 0)
            break;
        n += read_rule(line, &a, &rules[n]) == 0;
    }
    in = read_labels(text, &a);
    if (in)
        check(&(struct relabel_rules){rules, n}, &a, in);
    for (size_t i = 0; i < n; i++)
        relabel_fini(&rules[i]);
    return 0;
}
