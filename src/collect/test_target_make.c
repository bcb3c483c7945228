#include "base/test.h"

#include "base/arena.h"
#include "base/err.h"
#include "collect/scrape_settings.h"
#include "collect/target_make.h"
#include "model/labels.h"

struct fixture {
    struct arena arena;
    struct scrape_job job;
    struct made_target made;
    struct err err;
};

static struct scrape_param params[] = {
    {{"a", 1}, {"x", 1}}, {{"a", 1}, {"y", 1}}, {{"module", 6}, {"http 2xx", 8}}};

static int setup(void **state)
{
    static struct fixture f;

    f = (struct fixture){.job = {.name = "web",
                                 .scheme = "http",
                                 .metrics_path = "/metrics",
                                 .interval_ms = 15000,
                                 .timeout_ms = 10000}};
    arena_init(&f.arena, NULL);
    *state = &f;
    return 0;
}

static int teardown(void **state)
{
    struct fixture *f = *state;

    for (size_t i = 0; i < f->job.relabel.n; i++)
        relabel_fini((struct relabel_rule *)&f->job.relabel.items[i]);
    arena_fini(&f->arena);
    return 0;
}

/* "a=foo b=bar" */
static const struct labels *read_labels(struct fixture *f, const char *text)
{
    struct label pairs[16];
    const struct labels *ls;
    size_t n = 0;

    for (struct str left = str_c(text); left.n;) {
        struct str value = str_split(&left, ' '), name = str_split(&value, '=');

        pairs[n++] = (struct label){name, value};
    }
    assert_ok(labels_build(&f->arena, pairs, n, &ls, &f->err), f->err);
    return ls;
}

static void add_rule(struct fixture *f, struct relabel_given given)
{
    struct relabel_rule *rules = arena_new_array(&f->arena, struct relabel_rule, 8, &f->err);
    const char *key;

    if (f->job.relabel.n)
        memcpy(rules, f->job.relabel.items, f->job.relabel.n * sizeof *rules);
    given.utf8_names = true;
    assert_ok(relabel_init(&rules[f->job.relabel.n], &given, &key, &f->err), f->err);
    f->job.relabel = (struct relabel_rules){rules, f->job.relabel.n + 1};
}

static int make(struct fixture *f, const char *group, const char *own)
{
    return target_make(&f->job, group ? read_labels(f, group) : NULL, read_labels(f, own),
                       &f->arena, &f->made, &f->err);
}

static void assert_labels(struct fixture *f, const struct labels *ls, const char *expected)
{
    SCOPED(buf_fini) struct buf text;

    buf_init(&text, 0);
    labels_print(ls, &text);
    if (!labels_equal(ls, read_labels(f, expected)))
        fail_msg("expected %s, got %.*s", expected, STR_ARGS(buf_str(&text)));
}

static void the_jobs_defaults_are_filled_in(void **state)
{
    struct fixture *f = *state;

    assert_ok(make(f, NULL, "__address__=h:1"), f->err);
    assert_labels(f, f->made.discovered,
                  "__address__=h:1 __metrics_path__=/metrics __scheme__=http "
                  "__scrape_interval__=15s __scrape_timeout__=10s job=web");
    assert_labels(f, f->made.labels, "instance=h:1 job=web");
    assert_string_equal(f->made.url, "http://h:1/metrics");
    assert_int_equal(f->made.interval_ms, 15000);
    assert_int_equal(f->made.timeout_ms, 10000);
    assert_false(f->made.dropped);
}

static void a_targets_own_label_wins_over_its_groups_and_the_jobs(void **state)
{
    struct fixture *f = *state;

    assert_ok(make(f, "zone=eu env=test job=other", "__address__=h:1 zone=us instance=box"),
              f->err);
    assert_labels(f, f->made.labels, "env=test instance=box job=other zone=us");
}

static void labels_with_underscores_steer_the_scrape(void **state)
{
    struct fixture *f = *state;

    f->job.params = params;
    f->job.params_n = ARRAY_LEN(params);
    assert_ok(make(f, "__scheme__=https __metrics_path__=p/q?r __param_a=1&2 __param_zone=eu",
                   "__address__=h:1 __scrape_interval__=2s __scrape_timeout__=500ms __tmp=x"),
              f->err);
    assert_string_equal(f->made.url, "https://h:1/p/q%3Fr?a=1%262&a=y&module=http+2xx&zone=eu");
    assert_int_equal(f->made.interval_ms, 2000);
    assert_int_equal(f->made.timeout_ms, 500);
    assert_labels(f, f->made.labels, "instance=h:1 job=web");
}

static void parameters_are_labels_while_relabelling(void **state)
{
    static const struct str address[] = {{"__address__", 11}};
    static const struct str target[] = {{"__param_target", 14}};
    struct fixture *f = *state;

    add_rule(f, (struct relabel_given){
                    .source = address, .source_n = 1, .target = STR("__param_target")});
    add_rule(f, (struct relabel_given){.source = target, .source_n = 1, .target = STR("instance")});
    add_rule(f,
             (struct relabel_given){.target = STR("__address__"), .replacement = STR("bb:9115")});
    f->job.params = params + 2;
    f->job.params_n = 1;
    f->job.metrics_path = "/probe";
    assert_ok(make(f, NULL, "__address__=https://site.example/x"), f->err);
    assert_string_equal(f->made.url, "http://bb:9115/probe?module=http+2xx&target="
                                     "https%3A%2F%2Fsite.example%2Fx");
    assert_labels(f, f->made.labels, "instance=https://site.example/x job=web");
    assert_true(str_eq(labels_get(f->made.discovered, STR("__param_module")), STR("http 2xx")));
}

static void a_dropped_target_still_says_what_was_discovered(void **state)
{
    static const struct str zone[] = {{"zone", 4}};
    struct fixture *f = *state;

    add_rule(f, (struct relabel_given){
                    .action = RELABEL_DROP, .source = zone, .source_n = 1, .regex = STR("eu")});
    assert_ok(make(f, "zone=eu", "__address__=h:1"), f->err);
    assert_true(f->made.dropped);
    assert_true(str_eq(labels_get(f->made.discovered, STR("zone")), STR("eu")));
}

static void what_is_no_target_says_why(void **state)
{
    static const char *const cases[][2] = {
        {"x=1", "has no address"},
        {"__address__=http://h:1", "\"http://h:1\" is not a valid hostname"},
        {"__address__=u@h:1", "not a valid hostname"},
        {"__address__=h:1\r\nX:y", "not a valid hostname"},
        {"__address__=h:1 __scheme__=ht/tp", "__scheme__: expected http or https"},
        {"__address__=h:1 __scrape_interval__=x", "__scrape_interval__: "},
        {"__address__=h:1 __scrape_interval__=0s", "__scrape_interval__ must be above 0"},
        {"__address__=h:1 __scrape_timeout__=0s", "__scrape_timeout__ must be above 0"},
        {"__address__=h:1 __scrape_timeout__=16s", "16s is longer than __scrape_interval__ 15s"},
        {"__address__=h:1 a=\xff", "label a: its value is not UTF-8"},
    };
    struct fixture *f = *state;

    for (size_t i = 0; i < ARRAY_LEN(cases); i++)
        assert_fails(make(f, NULL, cases[i][0]), f->err, ERR_EVAL, cases[i][1]);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(the_jobs_defaults_are_filled_in, setup, teardown),
        cmocka_unit_test_setup_teardown(a_targets_own_label_wins_over_its_groups_and_the_jobs,
                                        setup, teardown),
        cmocka_unit_test_setup_teardown(labels_with_underscores_steer_the_scrape, setup, teardown),
        cmocka_unit_test_setup_teardown(parameters_are_labels_while_relabelling, setup, teardown),
        cmocka_unit_test_setup_teardown(a_dropped_target_still_says_what_was_discovered, setup,
                                        teardown),
        cmocka_unit_test_setup_teardown(what_is_no_target_says_why, setup, teardown),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
