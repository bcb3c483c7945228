#include "base/test.h"

#include "base/arena.h"
#include "base/err.h"
#include "model/labels.h"
#include "model/relabel.h"

#define RULES_MAX 4

/* A rule as a test writes it; p NULL or 0: not given. */
struct given {
    const char *action, *source, *regex, *target, *replacement, *separator;
    uint64_t modulus;
    bool legacy;
};

static struct str maybe(const char *s)
{
    return s ? str_c(s) : (struct str){NULL, 0};
}

static int init(const struct given *g, struct arena *a, struct relabel_rule *rule, const char **key,
                struct err *err)
{
    struct str *source = arena_new_array(a, struct str, 8, err);
    struct relabel_given given = {.separator = maybe(g->separator),
                                  .target = maybe(g->target),
                                  .replacement = maybe(g->replacement),
                                  .regex = maybe(g->regex),
                                  .modulus = g->modulus,
                                  .has_source = g->source,
                                  .source = source,
                                  .utf8_names = !g->legacy};

    assert_int_equal(relabel_action_parse(str_c(g->action ? g->action : "replace"), &given.action),
                     0);
    for (struct str left = maybe(g->source); left.p;)
        source[given.source_n++] = str_split(&left, ' ');
    return relabel_init(rule, &given, key, err);
}

/* "a=foo b=bar" */
static const struct labels *read_labels(struct arena *a, const char *text)
{
    struct label pairs[16];
    const struct labels *ls;
    struct err err = {0};
    size_t n = 0;

    for (struct str left = str_c(text); left.n;) {
        struct str value = str_split(&left, ' '), name = str_split(&value, '=');

        pairs[n++] = (struct label){name, value};
    }
    assert_ok(labels_build(a, pairs, n, &ls, &err), err);
    return ls;
}

/* `expected` NULL: dropped. */
static void assert_relabels(const char *before, const struct given *given, size_t n,
                            const char *expected)
{
    SCOPED(arena_fini) struct arena a;
    struct relabel_rule rules[RULES_MAX];
    const struct labels *out = NULL;
    struct err err = {0};
    const char *key;
    bool kept;

    arena_init(&a, NULL);
    for (size_t i = 0; i < n; i++)
        assert_ok(init(&given[i], &a, &rules[i], &key, &err), err);
    assert_ok(relabel_apply(&(struct relabel_rules){rules, n}, &a, read_labels(&a, before), &kept,
                            &out, &err),
              err);
    assert_int_equal(kept, expected != NULL);
    if (expected && !labels_equal(out, read_labels(&a, expected))) {
        SCOPED(buf_fini) struct buf text;

        buf_init(&text, 0);
        labels_print(out, &text);
        fail_msg("%s: expected %s, got %.*s", before, expected, STR_ARGS(buf_str(&text)));
    }
    for (size_t i = 0; i < n; i++)
        relabel_fini(&rules[i]);
}

#define ASSERT_RELABELS(before, after, ...)                                                        \
    do {                                                                                           \
        const struct given given_[] = {__VA_ARGS__};                                               \
        assert_relabels((before), given_, ARRAY_LEN(given_), (after));                             \
    } while (0)

static void replace_sets_a_label_from_others(void **state)
{
    (void)state;
    ASSERT_RELABELS(
        "a=foo b=bar c=baz", "a=boobam b=bar c=baz d=boooom",
        {.source = "a b", .regex = "f(.*);(.*)r", .target = "a", .replacement = "b${1}${2}m"},
        {.source = "c a", .regex = "(b).*b(.*)ba(.*)", .target = "d", .replacement = "$1$2$2$3"});
    ASSERT_RELABELS("a=x", "a=x b=x", {.source = "a", .target = "b"});
    ASSERT_RELABELS("a=x", "a=x b=static", {.target = "b", .replacement = "static"});
    ASSERT_RELABELS("a=x b=y", "a=x b=y c=x--y-",
                    {.source = "a none b",
                     .separator = "-",
                     .target = "c",
                     .regex = "(.*)",
                     .replacement = "${1}-"});
}

static void replace_without_a_match_does_nothing(void **state)
{
    (void)state;
    ASSERT_RELABELS("a=boo", "a=boo",
                    {.source = "a", .regex = "f", .target = "b", .replacement = "bar"});
    ASSERT_RELABELS("a=xfx", "a=xfx", /* anchored */
                    {.source = "a", .regex = "f", .target = "b", .replacement = "bar"});
    ASSERT_RELABELS("abc=def", "abc=def", /* an empty expression matches an empty text only */
                    {.source = "abc", .regex = "", .target = "abc", .replacement = "static"});
}

static void an_empty_result_removes_the_label(void **state)
{
    (void)state;
    ASSERT_RELABELS("a=foo f=baz", "a=foo",
                    {.source = "a", .regex = "(f).*", .target = "$1", .replacement = "$2"});
    ASSERT_RELABELS("a=foo", "", {.target = "a", .replacement = ""});
    ASSERT_RELABELS("a=foo", "a=foo", {.target = "b", .replacement = ""});
}

static void a_target_that_expands_to_no_name_is_skipped(void **state)
{
    (void)state;
    ASSERT_RELABELS(
        "a=some-name-0", "a=some-name-0",
        {.source = "a", .regex = "some-([^-]+)-([^,]+)", .target = "${3}", .replacement = "${1}"});
    ASSERT_RELABELS(
        "a=some-name-0", "a=some-name-0",
        {.source = "a", .regex = "(.*)", .target = "${1}", .replacement = "x", .legacy = true});
    ASSERT_RELABELS("a=some-name-0", "a=some-name-0 some-name-0=x",
                    {.source = "a", .regex = "(.*)", .target = "${1}", .replacement = "x"});
}

static void keep_and_drop_look_at_the_whole_value(void **state)
{
    (void)state;
    ASSERT_RELABELS("a=foo", NULL, {.action = "drop", .source = "a", .regex = ".*o.*"});
    ASSERT_RELABELS("a=foo", "a=foo", {.action = "drop", .source = "a", .regex = "f|o"});
    ASSERT_RELABELS("a=foo", NULL, {.action = "keep", .source = "a", .regex = "no-match"});
    ASSERT_RELABELS("a=foo", "a=foo", {.action = "keep", .source = "a", .regex = "f.*"});
    ASSERT_RELABELS("a=foo", NULL, {.action = "keep", .source = "b", .regex = ".+"});
    ASSERT_RELABELS("a=foo", NULL, {.action = "drop", .source = "b", .regex = ""});
}

static void what_a_rule_dropped_later_rules_do_not_see(void **state)
{
    (void)state;
    ASSERT_RELABELS("a=foo", NULL, {.action = "drop", .source = "a", .regex = "foo"},
                    {.target = "a", .replacement = "bar"});
}

static void keepequal_and_dropequal_compare_labels(void **state)
{
    static const char before[] = "__tmp_port=1234 __port1=1234 __port2=5678";

    (void)state;
    ASSERT_RELABELS(before, before,
                    {.action = "keepequal", .source = "__tmp_port", .target = "__port1"});
    ASSERT_RELABELS(before, NULL,
                    {.action = "dropequal", .source = "__tmp_port", .target = "__port1"});
    ASSERT_RELABELS(before, before,
                    {.action = "dropequal", .source = "__tmp_port", .target = "__port2"});
    ASSERT_RELABELS(before, NULL,
                    {.action = "KeepEqual", .source = "__tmp_port", .target = "__port2"});
}

static void hashmod_is_the_one_of_prometheus(void **state)
{
    (void)state;
    ASSERT_RELABELS("a=foo b=bar c=baz", "a=foo b=bar c=baz d=976",
                    {.action = "hashmod", .source = "c", .target = "d", .modulus = 1000});
    ASSERT_RELABELS("a=foo\nbar", "a=foo\nbar b=734",
                    {.action = "hashmod", .source = "a", .target = "b", .modulus = 1000});
    ASSERT_RELABELS("a=x", "a=x b=0", {.action = "hashmod", .target = "b", .modulus = 1});
}

static void labelmap_copies_to_names_made_from_names(void **state)
{
    (void)state;
    ASSERT_RELABELS("a=foo b1=bar b2=baz", "a=foo b1=bar b2=baz bar_b1=bar bar_b2=baz",
                    {.action = "labelmap", .regex = "(b.*)", .replacement = "bar_${1}"});
    ASSERT_RELABELS("__meta_my_bar=aaa __meta_other=ccc",
                    "__meta_my_bar=aaa __meta_other=ccc my_bar=aaa",
                    {.action = "labelmap", .regex = "__meta_(my.*)"});
    /* Of two that map to one name the later counts, and what was just made is not mapped again. */
    ASSERT_RELABELS("b1=x b2=y", "b1=x b2=y b=y",
                    {.action = "labelmap", .regex = "b.*", .replacement = "b"});
    ASSERT_RELABELS("b1=x c=1", "b1=x c=1 a=2 b=2", /* set after: behind what came */
                    {.target = "b2", .replacement = "2"},
                    {.action = "labelmap", .regex = "b.", .replacement = "b"},
                    {.action = "labelmap", .regex = "b", .replacement = "a"},
                    {.action = "labeldrop", .regex = "b2"});
}

static void labelmap_to_no_name_is_an_error(void **state)
{
    SCOPED(arena_fini) struct arena a;
    const struct given given = {.action = "labelmap", .regex = "a(.*)", .replacement = "$1"};
    struct relabel_rule rule;
    const struct labels *out;
    struct err err = {0};
    const char *key;
    bool kept;

    (void)state;
    arena_init(&a, NULL);
    assert_ok(init(&given, &a, &rule, &key, &err), err);
    assert_fails(relabel_apply(&(struct relabel_rules){&rule, 1}, &a, read_labels(&a, "a=1"), &kept,
                               &out, &err),
                 err, ERR_EVAL, "not a label name");
    relabel_fini(&rule);
}

static void labeldrop_and_labelkeep_go_by_names(void **state)
{
    (void)state;
    ASSERT_RELABELS("a=foo b1=bar b2=baz", "a=foo", {.action = "labeldrop", .regex = "(b.*)"});
    ASSERT_RELABELS("a=foo b1=bar b2=baz", "b1=bar b2=baz",
                    {.action = "labelkeep", .regex = "(b.*)"});
    ASSERT_RELABELS("a=foo", "", {.target = "b", .replacement = "x"},
                    {.action = "labeldrop", .regex = "a|b"});
    ASSERT_RELABELS("a=foo b=old", "a=foo b=new", {.action = "labeldrop", .regex = "b"},
                    {.target = "b", .replacement = "new"});
}

static void upper_and_lower_case(void **state)
{
    (void)state;
    ASSERT_RELABELS("foo=bAr123Foo", "foo=bAr123Foo u=BAR123FOO l=bar123foo",
                    {.action = "uppercase", .source = "foo", .target = "u"},
                    {.action = "lowercase", .source = "foo", .target = "l"});
}

static void rules_that_change_nothing_give_the_same_set(void **state)
{
    SCOPED(arena_fini) struct arena a;
    const struct given given = {.action = "keep", .source = "a", .regex = "1"};
    const struct labels *in, *out = NULL;
    struct relabel_rule rule;
    struct err err = {0};
    const char *key;
    bool kept;

    (void)state;
    arena_init(&a, NULL);
    in = read_labels(&a, "a=1");
    assert_ok(init(&given, &a, &rule, &key, &err), err);
    assert_ok(relabel_apply(&(struct relabel_rules){&rule, 1}, &a, in, &kept, &out, &err), err);
    assert_ptr_equal(out, in);
    assert_ok(relabel_apply(&(struct relabel_rules){NULL, 0}, &a, in, &kept, &out, &err), err);
    assert_ptr_equal(out, in);
    relabel_fini(&rule);
}

static void labels_that_grow_without_end_are_stopped(void **state)
{
    SCOPED(arena_fini) struct arena a;
    const struct given given = {.source = "a", .target = "a", .replacement = "$1$1$1$1$1$1$1$1"};
    struct relabel_rule rule, rules[12];
    const struct labels *out;
    struct err err = {0};
    const char *key;
    bool kept;

    (void)state;
    arena_init(&a, NULL);
    assert_ok(init(&given, &a, &rule, &key, &err), err);
    for (size_t i = 0; i < ARRAY_LEN(rules); i++)
        rules[i] = rule;
    assert_fails(relabel_apply(&(struct relabel_rules){rules, ARRAY_LEN(rules)}, &a,
                               read_labels(&a, "a=1"), &kept, &out, &err),
                 err, ERR_LIMIT, "more than 1048576 bytes");
    relabel_fini(&rule);
}

static void rules_that_mean_nothing_are_refused_by_their_key(void **state)
{
    static const struct {
        struct given given;
        const char *key, *words;
    } cases[] = {
        {{.action = "replace"}, "target_label", "wants a target_label"},
        {{.action = "lowercase"}, "target_label", "wants a target_label"},
        {{.action = "keepequal", .source = "a"}, "target_label", "wants a target_label"},
        {{.action = "hashmod", .target = "a"}, "modulus", "above 0"},
        {{.action = "hashmod", .modulus = 1}, "target_label", "wants a target_label"},
        {{.action = "uppercase", .target = "a", .replacement = "x"}, "replacement", "takes no"},
        {{.action = "keepequal", .target = "a", .regex = "(.*)"}, "regex", "takes no"},
        {{.action = "dropequal", .target = "a", .separator = "-"}, "separator", "takes no"},
        {{.action = "dropequal", .target = "a", .replacement = "-"}, "replacement", "takes no"},
        {{.action = "dropequal", .target = "a", .modulus = 2}, "modulus", "takes no"},
        {{.action = "labeldrop", .source = "a"}, "source_labels", "takes no"},
        {{.action = "labelkeep", .target = "a"}, "target_label", "takes no"},
        {{.action = "labelkeep", .replacement = "a"}, "replacement", "takes no"},
        {{.target = "a", .regex = "("}, "regex", "regular expression"},
        {{.target = "a-b", .legacy = true}, "target_label", "not a label name"},
        {{.target = "a-$1", .legacy = true}, "target_label", "not a label name"},
        {{.target = "\xff"}, "target_label", "not a label name"},
        {{.action = "uppercase", .target = "${3}", .legacy = true}, "target_label", "not a label"},
        {{.action = "labelmap", .replacement = "", .regex = "x"}, "replacement", "not a label"},
        {{.action = "labelmap", .replacement = "$1-", .legacy = true},
         "replacement",
         "not a label"},
    };

    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        SCOPED(arena_fini) struct arena a;
        struct relabel_rule rule;
        struct err err = {0};
        const char *key;

        arena_init(&a, NULL);
        assert_int_equal(init(&cases[i].given, &a, &rule, &key, &err), -1);
        assert_string_equal(key, cases[i].key);
        if (!strstr(err.text, cases[i].words))
            fail_msg("case %zu: \"%s\" is not in \"%s\"", i, cases[i].words, err.text);
    }
}

static void prometheus_defaults_may_be_written_out(void **state)
{
    static const struct given cases[] = {
        {.action = "keepequal", .target = "a", .separator = ";", .replacement = "$1"},
        {.action = "labeldrop", .regex = "x", .separator = ";", .replacement = "$1"},
        {.action = "lowercase", .target = "${3}", .replacement = "$1"},
        {.action = "labelmap", .regex = "__meta_(.+)", .replacement = "${1}", .legacy = true},
        {.action = "keep", .target = "ignored", .replacement = "ignored"},
        {.target = "label${1}", .legacy = true},
        {.target = "-${3}"},
    };

    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        SCOPED(arena_fini) struct arena a;
        struct relabel_rule rule;
        struct err err = {0};
        const char *key;

        arena_init(&a, NULL);
        assert_ok(init(&cases[i], &a, &rule, &key, &err), err);
        relabel_fini(&rule);
    }
}

static void an_unknown_action_is_told(void **state)
{
    enum relabel_action action;

    (void)state;
    assert_int_equal(relabel_action_parse(STR("Labelmap"), &action), 0);
    assert_int_equal(action, RELABEL_LABELMAP);
    assert_int_equal(relabel_action_parse(STR("labelma"), &action), -1);
    assert_int_equal(relabel_action_parse(STR(""), &action), -1);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(replace_sets_a_label_from_others),
        cmocka_unit_test(replace_without_a_match_does_nothing),
        cmocka_unit_test(an_empty_result_removes_the_label),
        cmocka_unit_test(a_target_that_expands_to_no_name_is_skipped),
        cmocka_unit_test(keep_and_drop_look_at_the_whole_value),
        cmocka_unit_test(what_a_rule_dropped_later_rules_do_not_see),
        cmocka_unit_test(keepequal_and_dropequal_compare_labels),
        cmocka_unit_test(hashmod_is_the_one_of_prometheus),
        cmocka_unit_test(labelmap_copies_to_names_made_from_names),
        cmocka_unit_test(labelmap_to_no_name_is_an_error),
        cmocka_unit_test(labeldrop_and_labelkeep_go_by_names),
        cmocka_unit_test(upper_and_lower_case),
        cmocka_unit_test(rules_that_change_nothing_give_the_same_set),
        cmocka_unit_test(labels_that_grow_without_end_are_stopped),
        cmocka_unit_test(rules_that_mean_nothing_are_refused_by_their_key),
        cmocka_unit_test(prometheus_defaults_may_be_written_out),
        cmocka_unit_test(an_unknown_action_is_told),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
