#include <stdio.h>

#include "base/arena.h"
#include "base/err.h"
#include "base/test.h"
#include "pack/expression.h"
#include "pack/pack.h"
#include "text/yaml.h"

static struct arena arena;
static struct yaml_errors errors, warnings;

static int set_up(void **state)
{
    (void)state;
    arena_init(&arena, NULL);
    errors = warnings = (struct yaml_errors){.arena = &arena};
    return 0;
}

static int tear_down(void **state)
{
    (void)state;
    arena_fini(&arena);
    return 0;
}

/* The rule file of these packs; `wanted` says the rest. */
static const char *rules_with(const char *packs, struct pack_rules_wanted wanted)
{
    const struct yaml *root;
    struct pack_uses uses;
    const char *text;
    struct err err;

    assert_ok(yaml_parse(&arena, "f.yml", str_c(packs), &root, &err), err);
    assert_ok(packs_expand(&arena, root, &errors, &warnings, &uses, &err), err);
    if (errors.n > 0)
        fail_msg("%s", errors.items[0].text);
    wanted.uses = uses.items;
    wanted.n = uses.n;
    wanted.node_job = wanted.node_job ? wanted.node_job : "node";
    warnings.n = 0;
    wanted.warnings = &warnings;
    assert_ok(packs_rules(&arena, &wanted, &text, &err), err);
    return text;
}

static const char *rules(const char *packs)
{
    return rules_with(packs, (struct pack_rules_wanted){.n = 0});
}

/* Of the nth rule of that name and level, counted from 0: its YAML. NULL: there is none. */
static const struct yaml *find(const char *text, const char *alert, const char *level, size_t nth)
{
    const struct yaml *root, *groups;
    struct err err;

    assert_ok(yaml_parse(&arena, "rules", str_c(text), &root, &err), err);
    groups = yaml_get(root, "groups");
    for (size_t g = 0; g < groups->n; g++) {
        const struct yaml *list = yaml_get(&groups->items[g], "rules");

        for (size_t i = 0; i < list->n; i++) {
            const struct yaml *name = yaml_get(&list->items[i], "alert");
            const struct yaml *severity = yaml_get(yaml_get(&list->items[i], "labels"), "severity");

            if (name && str_eq(name->text, str_c(alert)) && str_eq(severity->text, str_c(level)) &&
                nth-- == 0)
                return &list->items[i];
        }
    }
    return NULL;
}

static const char *text_of(const char *text, const char *alert, const char *level, size_t nth,
                           const char *key)
{
    const struct yaml *rule = find(text, alert, level, nth);
    const struct yaml *node = rule ? yaml_get(rule, key) : NULL;

    if (!node)
        fail_msg("no %s of %s %s", key, alert, level);
    return node ? arena_cstr(&arena, node->text, NULL) : NULL;
}

static const char *threshold(const char *text, const char *alert, const char *level)
{
    return arena_cstr(&arena, expression_threshold(str_c(text_of(text, alert, level, 0, "expr"))),
                      NULL);
}

static size_t count(const char *text, const char *what)
{
    size_t n = 0;

    for (const char *at = text; (at = strstr(at, what)) != NULL; at++)
        n++;
    return n;
}

static void nothing_is_left_to_fill_in(void **state)
{
    struct packs packs;
    struct err err;

    (void)state;
    assert_ok(packs_load(&arena, &packs, &err), err);
    for (size_t i = 0; i < packs.n; i++) {
        const char *text = rules(arena_printf(&arena, &err, "[%s]", packs.items[i].name));

        assert_int_equal(count(text, "${"), count(text, "${line}"));
        assert_int_equal(count(text, "- name: 'pack:"), packs.items[i].rules.n > 0);
    }
    assert_string_equal(rules("[]"), "groups: []\n");
}

static void a_level_has_the_threshold_that_was_given(void **state)
{
    const char *text = rules("- soundbox:\n    rules:\n      '*': {for: 3m}\n"
                             "      SoundBoxQueueLong: {warning: 40, for: {critical: 7s}}\n"
                             "      SoundBoxJobOld: {critical: 20m}\n"
                             "- auralis: {rules: {AuralisGpuMemoryHigh: {warning: 4.5GB}, "
                             "AuralisGenerationFailing: {window: 6h}}}\n");

    (void)state;
    assert_string_equal(threshold(text, "SoundBoxQueueLong", "warning"), "40");
    assert_string_equal(threshold(text, "SoundBoxQueueLong", "critical"), "90");
    assert_string_equal(threshold(text, "SoundBoxJobOld", "warning"), "300");
    assert_string_equal(threshold(text, "SoundBoxJobOld", "critical"), "1200");
    assert_string_equal(threshold(text, "AuralisGpuMemoryHigh", "warning"), "4831838208");
    assert_string_equal(text_of(text, "SoundBoxQueueLong", "warning", 0, "for"), "3m");
    assert_string_equal(text_of(text, "SoundBoxQueueLong", "critical", 0, "for"), "7s");
    assert_string_equal(text_of(text, "SoundBoxJobOld", "warning", 0, "for"), "3m");
    assert_non_null(
        strstr(text_of(text, "AuralisGenerationFailing", "warning", 0, "expr"), "[6h]"));
}

static void a_threshold_is_not_that_of_another_reason(void **state)
{
    const char *text = rules("[{redis: {rules: {RedisMemoryHigh: {warning: 70}}}}]");

    (void)state;
    assert_string_equal(threshold(text, "RedisMemoryHigh", "warning"), "70");
    assert_non_null(strstr(text_of(text, "RedisMemoryHigh", "warning", 1, "expr"), "> 100"));
}

static void a_rule_can_be_switched_off_or_judged_more_often(void **state)
{
    const char *text = rules("- soundbox: {rules: {SoundBoxDown: {enabled: false}, "
                             "SoundBoxGpuHot: {interval: 1s}}}\n");

    (void)state;
    assert_null(find(text, "SoundBoxDown", "critical", 0));
    assert_non_null(find(text, "SoundBoxGpuHot", "critical", 0));
    assert_non_null(strstr(text, "- name: 'pack:soundbox'\n  interval: 15s\n"));
    assert_non_null(strstr(text, "- name: 'pack:soundbox every 1s'\n  interval: 1s\n"));
}

static void a_parameter_sets_the_thresholds_that_the_pack_says(void **state)
{
    const char *text = rules("[{soundbox: {backup_max_age: 2d}}, {auralis: {max_clients: 20}}]");

    (void)state;
    assert_string_equal(threshold(text, "SoundBoxBackupStale", "warning"), "172800");
    assert_string_equal(threshold(text, "SoundBoxBackupStale", "critical"), "345600");
    assert_string_equal(threshold(text, "AuralisTooManyClients", "warning"), "20");
    text = rules("[{auralis: {max_clients: 20, rules: {AuralisTooManyClients: {warning: 30}}}}]");
    assert_string_equal(threshold(text, "AuralisTooManyClients", "warning"), "30");
    assert_non_null(strstr(text, "clients, limit 30"));
}

static void its_default_is_the_threshold_that_the_rule_has(void **state)
{
    struct packs packs;
    struct err err;

    (void)state;
    assert_ok(packs_load(&arena, &packs, &err), err);
    for (size_t i = 0; i < packs.n; i++) {
        const char *text = rules(arena_printf(&arena, &err, "[%s]", packs.items[i].name));
        const char *own = arena_cstr(&arena, packs.items[i].rules, &err);

        for (size_t k = 0; k < packs.items[i].parameters_n; k++) {
            const struct yaml *tunes = packs.items[i].parameters[k].tunes;

            for (size_t t = 0; tunes && t < tunes->n; t++) {
                const char *alert = arena_cstr(&arena, tunes->pairs[t].key.text, &err);
                const struct yaml *levels = &tunes->pairs[t].value;

                for (size_t v = 0; v < levels->n; v++) {
                    const char *level = arena_cstr(&arena, levels->pairs[v].key.text, &err);

                    assert_string_equal(threshold(text, alert, level),
                                        threshold(own, alert, level));
                }
            }
        }
    }
}

static void what_has_no_value_leaves_its_rule_out(void **state)
{
    (void)state;
    assert_null(find(rules("[auralis]"), "AuralisNetworkHigh", "warning", 0));
    assert_non_null(strstr(text_of(rules("[{auralis: {net_device: 'e\"0'}}]"), "AuralisNetworkHigh",
                                   "warning", 0, "expr"),
                           "device=\"e\\\"0\""));
}

static void a_regex_stays_one_and_a_text_in_a_regex_is_no_regex(void **state)
{
    const char *text = rules("[{music-separator: {error_status: '5..|429'}},"
                             " {auralis: {metrics_path: '/m.x'}}]");

    (void)state;
    assert_non_null(strstr(text, "status=~\"5..|429\""));
    assert_non_null(strstr(text, "endpoint!~\"|/m\\\\.x\""));
    assert_non_null(strstr(text, "endpoint=\"/m.x\""));
}

static void what_is_put_into_a_template_is_no_action(void **state)
{
    (void)state;
    assert_non_null(
        strstr(rules("[{auralis: {metrics_path: '/{{x'}}]"), "Nothing comes from /{{`{{`}}x."));
}

static void facts_of_the_machine_are_filled_in(void **state)
{
    static const char *const reserves[] = {"a.b", "c"};
    const char *text = rules_with(
        "[host, gpu, whisper-pipeline, earshot]",
        (struct pack_rules_wanted){.node_job = "box", .reserves = reserves, .reserves_n = 2});

    (void)state;
    assert_int_equal(count(text, "job=\"node\""), 0);
    assert_true(count(text, "job=\"box\"") > 20);
    assert_non_null(strstr(text, "groupname=~\"a\\\\.b|c\""));
    assert_non_null(strstr(text, "up{job!~\"earshot|box|gpu|whisper-api|whisper-flower|"
                                 "whisper-redis|whisper-postgres\"}"));
    assert_non_null(strstr(rules("[gpu]"), "groupname=~\"vllm|triton|tgi\""));
}

static void uses_that_are_alike_share_their_rules(void **state)
{
    const char *text = rules("- redis\n- redis: {url: 'redis://h:1'}\n");

    (void)state;
    assert_null(find(text, "RedisSlow", "warning", 1));
    assert_null(strstr(text, "h:1"));
}

static void what_differs_judges_its_own_instance(void **state)
{
    const char *text = rules("- redis\n- redis: {url: 'redis://h:1', rules: {RedisSlow: {warning: "
                             "0.3}}}\n- soundbox\n");

    (void)state;
    assert_null(find(text, "RedisSlow", "critical", 1));
    assert_string_equal(threshold(text, "RedisSlow", "warning"), "0.1");
    assert_non_null(strstr(text_of(text, "RedisSlow", "warning", 0, "expr"),
                           "{job=\"redis\",instance=\"127.0.0.1:6379\",host=\"\"}"));
    assert_non_null(strstr(text_of(text, "RedisSlow", "warning", 1, "expr"),
                           "{job=\"redis\",instance=\"h:1\",host=\"\"}"));
    assert_true(str_eq(
        yaml_get(yaml_get(find(text, "RedisSlow", "warning", 1), "labels"), "instance")->text,
        STR("h:1")));
    assert_int_equal(warnings.n, 0);
}

static void what_differs_and_cannot_be_told_apart_is_said(void **state)
{
    const char *text = rules("- process: {name: a, match: a}\n"
                             "- process: {name: b, match: b, rules: {ProcessRestarting: {warning: "
                             "9}}}\n");

    (void)state;
    assert_null(find(text, "ProcessRestarting", "warning", 1));
    assert_string_equal(threshold(text, "ProcessRestarting", "warning"), "4");
    assert_int_equal(warnings.n, 1);
    assert_non_null(strstr(warnings.items[0].text, "the pack process stands there more than once "
                                                   "with other rules"));
}

/* An entry of `packs` that tunes each alert of the pack, `bounds` thresholds in all, or misspells
 * its name. */
static const char *of_all_alerts(const struct pack *pack, bool misspelt, size_t *n, size_t *bounds)
{
    struct err err;
    const struct yaml *root, *list;
    const char *text = "", *last = "";

    *n = *bounds = 0;
    assert_ok(yaml_parse(&arena, "rules", pack->rules, &root, &err), err);
    list = yaml_get(&yaml_get(root, "groups")->items[0], "rules");
    for (size_t i = 0; i < list->n; i++) {
        const struct yaml *alert = yaml_get(&list->items[i], "alert");
        const struct yaml *labels = yaml_get(&list->items[i], "labels");
        const char *name = alert ? arena_cstr(&arena, alert->text, &err) : "";
        bool is_bound = expression_is_bound(yaml_get(&list->items[i], "expr")->text) &&
                        !yaml_get(labels, "reason");

        if (!alert || (!misspelt && !is_bound))
            continue;
        *bounds += is_bound;
        if (strcmp(name, last) != 0) {
            text = arena_printf(&arena, &err, "%s%s    %.*s: {for: 1m", text, *n ? "}\n" : "",
                                (int)strlen(name) - misspelt, name);
            ++*n;
        }
        if (!misspelt)
            text = arena_printf(&arena, &err, "%s, %.*s: 12345", text,
                                STR_ARGS(yaml_get(labels, "severity")->text));
        last = name;
    }
    return arena_printf(&arena, &err, "- %s:\n   rules:\n%s%s", pack->name, text,
                        *n ? "}\n" : "    {}\n");
}

static void every_threshold_of_every_pack_can_be_tuned(void **state)
{
    struct packs packs;
    struct err err;
    size_t n, bounds;

    (void)state;
    assert_ok(packs_load(&arena, &packs, &err), err);
    for (size_t i = 0; i < packs.n; i++) {
        const char *given = of_all_alerts(&packs.items[i], false, &n, &bounds);

        if (count(rules(given), " 12345") < bounds)
            fail_msg("a threshold of the pack %s stays as it was", packs.items[i].name);
    }
}

static void every_alert_that_is_misspelt_is_told(void **state)
{
    struct packs packs;
    struct err err;
    size_t n, bounds;

    (void)state;
    assert_ok(packs_load(&arena, &packs, &err), err);
    for (size_t i = 0; i < packs.n; i++) {
        const char *given = of_all_alerts(&packs.items[i], true, &n, &bounds);
        const struct yaml *root;
        struct pack_uses uses;

        assert_ok(yaml_parse(&arena, "f.yml", str_c(given), &root, &err), err);
        errors.n = 0;
        assert_ok(packs_expand(&arena, root, &errors, &warnings, &uses, &err), err);
        assert_int_equal(errors.n, n);
        for (size_t k = 0; k < n; k++) {
            assert_int_equal(errors.items[k].at.line, k + 3);
            assert_int_equal(errors.items[k].at.column, 5);
            assert_non_null(strstr(errors.items[k].text, "(did you mean \""));
        }
    }
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(nothing_is_left_to_fill_in),
        TEST(a_level_has_the_threshold_that_was_given),
        TEST(a_threshold_is_not_that_of_another_reason),
        TEST(a_rule_can_be_switched_off_or_judged_more_often),
        TEST(a_parameter_sets_the_thresholds_that_the_pack_says),
        TEST(its_default_is_the_threshold_that_the_rule_has),
        TEST(what_has_no_value_leaves_its_rule_out),
        TEST(a_regex_stays_one_and_a_text_in_a_regex_is_no_regex),
        TEST(what_is_put_into_a_template_is_no_action),
        TEST(facts_of_the_machine_are_filled_in),
        TEST(uses_that_are_alike_share_their_rules),
        TEST(what_differs_judges_its_own_instance),
        TEST(what_differs_and_cannot_be_told_apart_is_said),
        TEST(every_threshold_of_every_pack_can_be_tuned),
        TEST(every_alert_that_is_misspelt_is_told),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
