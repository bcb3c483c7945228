#include "base/test.h"

#include "base/arena.h"
#include "base/err.h"
#include "base/mem.h"
#include "collect/scrape_settings.h"
#include "collect/scripted_sink.h"
#include "collect/target.h"
#include "model/expo.h"
#include "model/labels.h"

/* One target, its cycles driven by hand, against a scripted store. */
struct fixture {
    struct scripted_sink sink;
    struct arena arena;
    struct target target;
    const struct labels *labels;
    struct scrape_job job;
    struct budget budget;
    ts_ms ts;
    struct err err;
};

static void nothing(struct sink_batch *batch)
{
    (void)batch;
}

static void open_target_with(struct fixture *f, const struct labels *sample_labels,
                             bool honor_labels, bool honor_timestamps)
{
    target_init(&f->target, &(struct target_settings_core){.sink = &f->sink.sink,
                                                           .labels = f->labels,
                                                           .sample_labels = sample_labels,
                                                           .honor_labels = honor_labels,
                                                           .honor_timestamps = honor_timestamps});
    f->target.batch.done = nothing;
}

static void open_target(struct fixture *f, bool honor_labels, bool honor_timestamps)
{
    open_target_with(f, f->labels, honor_labels, honor_timestamps);
}

static int set_up(void **state)
{
    struct fixture *f = mem_new(struct fixture);
    struct label job = {STR("job"), STR("j")};

    scripted_sink_init(&f->sink);
    arena_init(&f->arena, NULL);
    assert_ok(labels_build(&f->arena, &job, 1, &f->labels, &f->err), f->err);
    open_target(f, false, true);
    *state = f;
    return 0;
}

static int tear_down(void **state)
{
    struct fixture *f = *state;

    target_fini(&f->target);
    for (size_t i = 0; i < f->job.metric_relabel.n; i++)
        relabel_fini((struct relabel_rule *)&f->job.metric_relabel.items[i]);
    assert_int_equal(f->sink.groups_open, 0);
    assert_int_equal(atomic_load(&f->budget.used_bytes), 0);
    scripted_sink_fini(&f->sink);
    arena_fini(&f->arena);
    mem_free(f);
    return 0;
}

/* One cycle with this exposition, committed, 1 s after the last one; false: it failed. */
static bool cycle(struct fixture *f, const char *body)
{
    char *text = body ? mem_strdup(body) : NULL;
    enum target_next next;
    struct arena scratch;
    bool ok;

    f->ts += 1000;
    arena_init(&scratch, NULL);
    do {
        err_clear(&f->err);
        do {
            target_begin(&f->target, f->ts);
            ok =
                body && expo_parse(str_c(text), EXPO_TEXT, &scratch, &f->target.emit, &f->err) == 0;
            next = target_finish(&f->target, &ok, 0.25, &f->err);
        } while (next == TARGET_AGAIN);
        assert_int_equal(next, TARGET_COMMIT);
        f->sink.sink.commit(&f->sink.sink, &f->target.batch);
    } while (target_committed(&f->target));
    arena_fini(&scratch);
    if (text)
        target_keep(&f->target, text, strlen(text));
    assert_true(known_check(&f->target.known));
    return ok;
}

/* The record of the sink, but for the target's own series that nothing new is to be learnt from. */
static const char *taken(struct fixture *f)
{
    SCOPED(buf_fini) struct buf kept = {0};
    struct str left = str_c(scripted_sink_take(&f->sink));

    while (left.p && left.n) {
        struct str line = str_split(&left, '\n');

        if (str_starts(line, STR("scrape_")) || str_starts(line, STR("column")))
            continue;
        buf_add(&kept, line);
        buf_addc(&kept, '\n');
    }
    return arena_str(&f->arena, buf_str(&kept), NULL).p;
}

/* Opens the target anew with a job that has these rules and limits. */
static void use_job(struct fixture *f, const struct relabel_given *given, size_t n,
                    struct scrape_limits limits)
{
    struct relabel_rule *rules = arena_new_array(&f->arena, struct relabel_rule, n, &f->err);

    for (size_t i = 0; i < n; i++) {
        const char *key;

        assert_ok(relabel_init(&rules[i], &given[i], &key, &f->err), f->err);
    }
    f->job = (struct scrape_job){.metric_relabel = {rules, n}, .limits = limits};
    target_fini(&f->target);
    target_init(&f->target, &(struct target_settings_core){.sink = &f->sink.sink,
                                                           .labels = f->labels,
                                                           .sample_labels = f->labels,
                                                           .honor_timestamps = true,
                                                           .job = &f->job});
    f->target.batch.done = nothing;
}

static const struct str name_label[] = {{LABEL_NAME, sizeof LABEL_NAME - 1}};

static double report(struct fixture *f, enum target_report which)
{
    return f->target.values[f->target.report_slots[which]];
}

static void a_cycle_is_one_column_with_the_targets_own_series(void **state)
{
    struct fixture *f = *state;

    assert_true(cycle(f, "a{x=\"1\"} 1.5\na{x=\"2\"} 2\n"));
    assert_string_equal(scripted_sink_take(&f->sink),
                        "column 1000\n"
                        "a{job=\"j\", x=\"1\"} 1.5\n"
                        "a{job=\"j\", x=\"2\"} 2\n"
                        "up{job=\"j\"} 1\n"
                        "scrape_duration_seconds{job=\"j\"} 0.25\n"
                        "scrape_samples_scraped{job=\"j\"} 2\n"
                        "scrape_samples_post_metric_relabeling{job=\"j\"} 2\n"
                        "scrape_series_added{job=\"j\"} 2\n");
    assert_int_equal(f->sink.groups_open, 1);
}

static void a_steady_target_resolves_nothing(void **state)
{
    struct fixture *f = *state;

    for (int i = 0; i < 5; i++)
        assert_true(cycle(f, "a{x=\"1\"} 1\na{x=\"2\"} 2\n"));
    assert_int_equal(f->sink.resolves, 1);
    assert_int_equal(f->target.counts.added, 0);
    assert_true(cycle(f, "a{x=\"2\"} 2\na{x=\"1\"} 1\nb 1\n")); /* another order, and one more */
    assert_int_equal(f->sink.resolved, 2 + TARGET_REPORTS + 1);
    assert_int_equal(f->target.counts.added, 1);
}

static void what_is_no_longer_exposed_goes_stale(void **state)
{
    struct fixture *f = *state;

    cycle(f, "a 1\nb 1\n");
    (void)taken(f);
    cycle(f, "b 2\n");
    assert_string_equal(taken(f), "a{job=\"j\"} stale\nb{job=\"j\"} 2\nup{job=\"j\"} 1\n");
    cycle(f, "a 3\nb 3\n");
    assert_string_equal(taken(f), "a{job=\"j\"} 3\nb{job=\"j\"} 3\nup{job=\"j\"} 1\n");
    assert_int_equal(f->target.counts.added, 1); /* it was forgotten meanwhile */
}

static void a_failed_cycle_gives_up_0_and_stales_the_rest(void **state)
{
    struct fixture *f = *state;

    cycle(f, "a 1\nb 1\n");
    (void)taken(f);
    assert_false(cycle(f, NULL));
    assert_string_equal(taken(f), "a{job=\"j\"} stale\nb{job=\"j\"} stale\nup{job=\"j\"} 0\n");
    assert_int_equal(f->target.counts.scraped, 0);
    cycle(f, "a 1\nb 2\n");
    assert_string_equal(taken(f), "a{job=\"j\"} 1\nb{job=\"j\"} 2\nup{job=\"j\"} 1\n");
    assert_int_equal(f->target.counts.added, 0); /* only a good cycle forgets series */
}

static void a_parse_error_stores_nothing_of_the_body(void **state)
{
    struct fixture *f = *state;

    cycle(f, "a 1\n");
    (void)scripted_sink_take(&f->sink);
    assert_false(cycle(f, "a 2\nnew 1\nbroken\n"));
    assert_string_equal(scripted_sink_take(&f->sink),
                        "column 2000\n"
                        "a{job=\"j\"} stale\n"
                        "up{job=\"j\"} 0\n"
                        "scrape_duration_seconds{job=\"j\"} 0.25\n"
                        "scrape_samples_scraped{job=\"j\"} 2\n"
                        "scrape_samples_post_metric_relabeling{job=\"j\"} 2\n"
                        "scrape_series_added{job=\"j\"} 1\n");
    assert_int_equal(f->err.at.line, 3);
    cycle(f, "a 2\n");
    assert_string_equal(taken(f), "a{job=\"j\"} 2\nup{job=\"j\"} 1\n");
}

static void the_first_of_two_samples_of_a_series_counts(void **state)
{
    struct fixture *f = *state;

    for (int i = 0; i < 2; i++) { /* new, then known */
        assert_true(cycle(f, "a{x=\"1\"} 1\na{x=\"1\"} 2\na{x=\"1\",} 3\n"));
        assert_string_equal(taken(f), "a{job=\"j\", x=\"1\"} 1\nup{job=\"j\"} 1\n");
        assert_int_equal(f->target.counts.duplicates, 2);
        assert_int_equal(f->target.counts.scraped, 3);
    }
}

static void a_label_given_twice_fails_the_cycle(void **state)
{
    struct fixture *f = *state;

    assert_false(cycle(f, "a{x=\"1\",x=\"2\"} 1\n"));
    assert_string_equal(f->err.text, "a: label \"x\" is given twice");
    assert_string_equal(taken(f), "up{job=\"j\"} 0\n");
}

static void samples_with_a_time_become_rows_in_order(void **state)
{
    struct fixture *f = *state;

    assert_true(cycle(f, "a 1 500\na 2 300\nb 3\n"));
    assert_string_equal(taken(f), "b{job=\"j\"} 3\nup{job=\"j\"} 1\n"
                                  "a{job=\"j\"} 2 @300\na{job=\"j\"} 1 @500\n");
    assert_true(cycle(f, "b 3\n")); /* and cause no staleness */
    assert_string_equal(taken(f), "b{job=\"j\"} 3\nup{job=\"j\"} 1\n");
}

static void times_that_are_not_honored_are_left_out(void **state)
{
    struct fixture *f = *state;

    target_fini(&f->target);
    open_target(f, false, false);
    assert_true(cycle(f, "a 1 500\n"));
    assert_string_equal(taken(f), "a{job=\"j\"} 1\nup{job=\"j\"} 1\n");
}

static void labels_follow_honor_labels(void **state)
{
    struct fixture *f = *state;

    cycle(f, "a{job=\"own\"} 1\n");
    assert_string_equal(taken(f), "a{exported_job=\"own\", job=\"j\"} 1\nup{job=\"j\"} 1\n");
    target_fini(&f->target);
    open_target(f, true, true);
    cycle(f, "b{job=\"own\"} 1\n");
    assert_non_null(strstr(taken(f), "b{job=\"own\"} 1\n"));
}

static void samples_may_get_other_labels_than_the_target(void **state)
{
    struct fixture *f = *state;
    struct label other = {STR("job"), STR("shared")};
    const struct labels *labels;

    assert_ok(labels_build(&f->arena, &other, 1, &labels, &f->err), f->err);
    target_fini(&f->target);
    open_target_with(f, labels, false, true);
    cycle(f, "a 1\n");
    assert_string_equal(taken(f), "a{job=\"shared\"} 1\nup{job=\"j\"} 1\n");
}

static void a_cut_of_the_head_is_survived_at_commit_and_at_resolve(void **state)
{
    struct fixture *f = *state;

    cycle(f, "a 1\nb 1\n");
    (void)taken(f);
    scripted_sink_cut(&f->sink);
    assert_true(cycle(f, "a 2\nb 2\n"));
    assert_string_equal(taken(f), "a{job=\"j\"} 2\nb{job=\"j\"} 2\nup{job=\"j\"} 1\n");
    scripted_sink_cut(&f->sink);
    assert_true(cycle(f, "a 3\nb 3\nc 3\n"));
    assert_string_equal(taken(f),
                        "a{job=\"j\"} 3\nb{job=\"j\"} 3\nup{job=\"j\"} 1\nc{job=\"j\"} 3\n");
    assert_int_equal(f->target.counts.added, 3);
}

static void the_hint_is_given_only_after_a_column_was_taken_whole(void **state)
{
    struct fixture *f = *state;

    cycle(f, "a 1\n");
    assert_null(f->target.batch.changed);
    cycle(f, "a 1\nb 1\n"); /* scripted_sink checks the hint itself */
    assert_non_null(f->target.batch.changed);
    f->sink.verdicts[f->sink.verdicts_n++] = SINK_REFUSED;
    f->sink.reason = SINK_BUSY;
    cycle(f, "a 2\nb 1\n");
    cycle(f, "a 2\nb 1\n");
    assert_null(f->target.batch.changed);
    cycle(f, "a 2\nb 2\n");
    assert_non_null(f->target.batch.changed);
    cycle(f, NULL);
    cycle(f, "a 2\nb 2\n");
    assert_non_null(f->target.batch.changed);
    f->sink.verdicts[f->sink.verdicts_n++] = SINK_UNLOGGED;
    cycle(f, "a 2\nb 3\n");
    cycle(f, "a 2\nb 3\n");
    assert_non_null(f->target.batch.changed);
}

static void series_over_the_limit_are_left_out_and_tried_again(void **state)
{
    struct fixture *f = *state;

    f->sink.series_max = TARGET_REPORTS + 1;
    cycle(f, "a 1\n");
    (void)taken(f);
    for (int i = 0; i < 2; i++) {
        assert_true(cycle(f, "a 1\nb 1\nc 1 5\n"));
        assert_int_equal(f->target.counts.limited, 2);
        assert_string_equal(taken(f), "a{job=\"j\"} 1\nup{job=\"j\"} 1\n");
    }
    f->sink.series_max = 100;
    assert_true(cycle(f, "a 1\nb 1\n"));
    assert_string_equal(taken(f), "a{job=\"j\"} 1\nup{job=\"j\"} 1\nb{job=\"j\"} 1\n");
}

static void metadata_is_told_once_and_again_when_it_did_not_arrive(void **state)
{
    static const char body[] = "# HELP a Help.\n# TYPE a gauge\na 1\n";
    struct fixture *f = *state;

    f->sink.verdicts[f->sink.verdicts_n++] = SINK_REFUSED;
    f->sink.reason = SINK_BUSY;
    cycle(f, body);
    assert_string_equal(taken(f), "");
    cycle(f, body);
    assert_string_equal(taken(f), "# a gauge Help.\na{job=\"j\"} 1\nup{job=\"j\"} 1\n");
    cycle(f, body);
    assert_string_equal(taken(f), "a{job=\"j\"} 1\nup{job=\"j\"} 1\n");
}

static void metadata_that_changes_is_told_and_types_stay_in_force(void **state)
{
    struct fixture *f = *state;

    cycle(f, "# TYPE h histogram\nh_bucket{le=\"1\"} 1\n# HELP g G.\n# TYPE g gauge\ng 1\n");
    assert_string_equal(taken(f),
                        "# h histogram \n# g gauge G.\nh_bucket{job=\"j\", le=\"1.0\"} 1\n"
                        "g{job=\"j\"} 1\nup{job=\"j\"} 1\n");
    /* The first block is stepped over, and a new series behind it still has its type. */
    cycle(f, "# TYPE h histogram\nh_bucket{le=\"2\"} 1\n# HELP g New.\n# TYPE g gauge\ng 1\n");
    assert_string_equal(taken(f), "# g gauge New.\nh_bucket{job=\"j\", le=\"1.0\"} stale\n"
                                  "g{job=\"j\"} 1\nup{job=\"j\"} 1\n"
                                  "h_bucket{job=\"j\", le=\"2.0\"} 1\n");
    cycle(f, "# TYPE h histogram\nh_bucket{le=\"2\"} 1\n# HELP g New.\n# TYPE g gauge\ng 2\n");
    assert_string_equal(taken(f), "g{job=\"j\"} 2\nup{job=\"j\"} 1\n"
                                  "h_bucket{job=\"j\", le=\"2.0\"} 1\n");
}

static void another_type_is_taken_counted_and_named(void **state)
{
    struct fixture *f = *state;

    assert_true(cycle(f, "# TYPE a counter\na 1\n# TYPE b gauge\nb 1\n"));
    assert_int_equal(f->target.counts.types_changed, 0);
    (void)taken(f);
    assert_true(cycle(f, "# TYPE a gauge\na 1\n# TYPE b counter\nb 1\n"));
    assert_int_equal(f->target.counts.types_changed, 2);
    assert_string_equal(f->target.retyped.family, "a");
    assert_int_equal(f->target.retyped.before, METRIC_COUNTER);
    assert_int_equal(f->target.retyped.after, METRIC_GAUGE);
    assert_non_null(strstr(taken(f), "# a gauge"));
    assert_true(cycle(f, "# TYPE a gauge\na 1\n# TYPE b counter\nb 1\n"));
    assert_int_equal(f->target.counts.types_changed, 0);
}

static void samples_without_text_are_known_by_name_and_labels(void **state)
{
    const struct label one = {STR("x"), STR("1")}, two = {STR("x"), STR("2")};
    const struct emit_sample samples[] = {
        {.name = STR("a"), .labels = &one, .labels_n = 1, .value = 1},
        {.name = STR("a"), .labels = &two, .labels_n = 1, .value = 2},
        {.name = STR("b"), .value = 3},
    };
    struct fixture *f = *state;
    bool ok = true;

    for (int round = 0; round < 3; round++) {
        target_begin(&f->target, ++f->ts);
        for (size_t i = 0; i < ARRAY_LEN(samples); i++)
            assert_ok(f->target.emit.sample(&f->target.emit, &samples[i], &f->err), f->err);
        assert_int_equal(target_finish(&f->target, &ok, 0, &f->err), TARGET_COMMIT);
        f->sink.sink.commit(&f->sink.sink, &f->target.batch);
        assert_false(target_committed(&f->target));
        assert_string_equal(taken(f), "a{job=\"j\", x=\"1\"} 1\na{job=\"j\", x=\"2\"} 2\n"
                                      "b{job=\"j\"} 3\nup{job=\"j\"} 1\n");
    }
    assert_int_equal(f->sink.resolves, 1);
}

static void a_longer_name_is_not_the_series_expected(void **state)
{
    struct fixture *f = *state;

    cycle(f, "a 1\nb{x=\"1\"} 1\n");
    (void)taken(f);
    assert_true(cycle(f, "ab 2\nb{x=\"1\"} 2\n"));
    assert_string_equal(taken(f), "a{job=\"j\"} stale\nb{job=\"j\", x=\"1\"} 2\n"
                                  "up{job=\"j\"} 1\nab{job=\"j\"} 2\n");
    assert_true(cycle(f, "b{x=\"1\"} 3\nab \t {y=\"1\"} 3\nab{y=\"2\"} 3\n"));
    assert_string_equal(taken(f), "b{job=\"j\", x=\"1\"} 3\nup{job=\"j\"} 1\n"
                                  "ab{job=\"j\"} stale\nab{job=\"j\", y=\"1\"} 3\n"
                                  "ab{job=\"j\", y=\"2\"} 3\n");
}

static void an_order_that_changes_each_time_loses_nothing(void **state)
{
    static const char *const bodies[] = {"a 1\nb 2\nc 3\nd 4\n", "d 4\nc 3\nb 2\na 1\n",
                                         "b 2\na 1\nd 4\nc 3\n", "a 1\nb 2\na 9\nc 3\nd 4\n"};
    struct fixture *f = *state;

    for (size_t i = 0; i < ARRAY_LEN(bodies); i++) {
        assert_true(cycle(f, bodies[i]));
        assert_string_equal(taken(f), "a{job=\"j\"} 1\nb{job=\"j\"} 2\nc{job=\"j\"} 3\n"
                                      "d{job=\"j\"} 4\nup{job=\"j\"} 1\n");
    }
    assert_int_equal(f->sink.resolves, 1);
}

static void many_series_come_and_go(void **state)
{
    struct fixture *f = *state;

    for (int round = 0; round < 20; round++) {
        SCOPED(buf_fini) struct buf body = {0};

        for (int i = round; i < round + 100; i++)
            buf_addf(&body, "a{i=\"%d\"} %d\n", i, i * round);
        assert_true(cycle(f, body.p));
        assert_int_equal(f->target.counts.added, round ? 1 : 100);
        assert_int_equal(f->target.known.n, 100);
    }
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)

static void dropped_series_are_not_stored_and_stay_dropped(void **state)
{
    static const struct relabel_given drop[] = {
        {.action = RELABEL_DROP, .source = name_label, .source_n = 1, .regex = {"go_.*", 5}}};
    struct fixture *f = *state;

    use_job(f, drop, 1, (struct scrape_limits){0});
    for (int i = 0; i < 3; i++) {
        assert_true(cycle(f, "go_a 1\na 2\ngo_b 3 5000\nb 4\n"));
        assert_string_equal(taken(f), "a{job=\"j\"} 2\nb{job=\"j\"} 4\nup{job=\"j\"} 1\n");
        assert_int_equal(report(f, TARGET_REPORT_SCRAPED), 4);
        assert_int_equal(report(f, TARGET_REPORT_KEPT), 2);
        assert_int_equal(report(f, TARGET_REPORT_ADDED), i == 0 ? 2 : 0);
    }
    assert_int_equal(f->sink.resolves, 1);
}

static void metric_relabelling_sees_the_targets_labels_and_changes_any(void **state)
{
    static const struct str sources[] = {{"job", 3}, {LABEL_NAME, sizeof LABEL_NAME - 1}};
    static const struct relabel_given rules[] = {{.source = sources,
                                                  .source_n = 2,
                                                  .target = {LABEL_NAME, sizeof LABEL_NAME - 1},
                                                  .regex = {"j;(.*)", 6},
                                                  .replacement = {"my_$1", 5}},
                                                 {.action = RELABEL_LABELDROP, .regex = {"x", 1}}};
    struct fixture *f = *state;

    use_job(f, rules, 2, (struct scrape_limits){0});
    assert_true(cycle(f, "a{x=\"1\"} 1\n"));
    assert_string_equal(taken(f), "my_a{job=\"j\"} 1\nup{job=\"j\"} 1\n");
}

static void of_series_made_one_the_first_sample_counts(void **state)
{
    static const struct relabel_given rules[] = {{.action = RELABEL_LABELDROP, .regex = {"x", 1}}};
    struct fixture *f = *state;

    use_job(f, rules, 1, (struct scrape_limits){0});
    for (int i = 0; i < 3; i++) {
        assert_true(cycle(f, "a{x=\"1\"} 1\na{x=\"2\"} 2\n"));
        assert_string_equal(taken(f), "a{job=\"j\"} 1\nup{job=\"j\"} 1\n");
        assert_int_equal(f->target.counts.duplicates, 1);
        assert_int_equal(report(f, TARGET_REPORT_KEPT), 2);
    }
}

static void a_series_that_loses_its_name_fails_the_cycle(void **state)
{
    static const struct relabel_given rules[] = {
        {.action = RELABEL_LABELDROP, .regex = {"__name__", 8}}};
    struct fixture *f = *state;

    use_job(f, rules, 1, (struct scrape_limits){0});
    assert_false(cycle(f, "a 1\n"));
    assert_non_null(strstr(f->err.text, "leave the series without a name"));
}

static void more_samples_than_the_limit_fail_the_cycle_whole(void **state)
{
    static const struct relabel_given drop[] = {
        {.action = RELABEL_DROP, .source = name_label, .source_n = 1, .regex = {"go_.*", 5}}};
    struct fixture *f = *state;

    use_job(f, drop, 1, (struct scrape_limits){.samples = 2});
    assert_true(cycle(f, "go_a 1\na 1\nb 1\ngo_c 1\n"));
    assert_string_equal(taken(f), "a{job=\"j\"} 1\nb{job=\"j\"} 1\nup{job=\"j\"} 1\n");
    for (int i = 0; i < 2; i++) {
        assert_false(cycle(f, "a 1\nb 1\nc 1\ngo_a 1\nd 1\ngo_d 1\n"));
        assert_string_equal(f->err.text, "4 samples are more than sample_limit 2");
        assert_string_equal(taken(f),
                            i == 0 ? "a{job=\"j\"} stale\nb{job=\"j\"} stale\nup{job=\"j\"} 0\n"
                                   : "up{job=\"j\"} 0\n");
        assert_int_equal(report(f, TARGET_REPORT_SCRAPED), 6);
        assert_int_equal(report(f, TARGET_REPORT_KEPT), 4);
    }
    assert_true(cycle(f, "a 1\nb 1\n"));
}

static void labels_past_a_limit_fail_the_cycle_and_are_named(void **state)
{
    static const struct {
        struct scrape_limits limits;
        const char *good, *bad, *words;
    } cases[] = {
        {{.labels = 3},
         "a{x=\"1\"} 1\n",
         "a{x=\"1\",y=\"2\"} 1\n",
         "a: 4 labels are more than label_limit 3"},
        {{.label_name_bytes = 8},
         "a{x=\"1\"} 1\n",
         "a{ninechars=\"2\"} 1\n",
         "a: label name ninechars has 9 bytes, more than label_name_length_limit 8"},
        {{.label_value_bytes = 3},
         "a{x=\"123\"} 1\n",
         "a{x=\"1234\"} 1\n",
         "a: label x: its value \"1234\" has 4 bytes, more than label_value_length_limit 3"},
    };
    struct fixture *f = *state;

    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        use_job(f, NULL, 0, cases[i].limits);
        assert_true(cycle(f, cases[i].good));
        assert_false(cycle(f, cases[i].bad));
        assert_non_null(strstr(f->err.text, cases[i].words));
        assert_int_equal(report(f, TARGET_REPORT_SCRAPED), 1);
        assert_int_equal(report(f, TARGET_REPORT_KEPT), 0);
    }
}

static void legacy_names_may_be_demanded(void **state)
{
    struct fixture *f = *state;

    use_job(f, NULL, 0, (struct scrape_limits){0});
    f->job.legacy_names = true;
    assert_true(cycle(f, "a:b{x=\"1\"} 1\n"));
    assert_false(cycle(f, "{\"a.b\"} 1\n"));
    assert_non_null(strstr(f->err.text, "\"a.b\" is no name"));
    assert_false(cycle(f, "a{\"x.y\"=\"1\"} 1\n"));
}

/* ---- memory ---- */

static void use_budget(struct fixture *f, size_t bytes)
{
    budget_init(&f->budget, "memory of a test", bytes, NULL);
    target_fini(&f->target);
    target_init(&f->target, &(struct target_settings_core){.sink = &f->sink.sink,
                                                           .labels = f->labels,
                                                           .sample_labels = f->labels,
                                                           .honor_timestamps = true,
                                                           .budget = &f->budget});
    f->target.batch.done = nothing;
}

/* n series; `repeated` in front of the text. */
static const char *series_text(struct fixture *f, const char *repeated, size_t n)
{
    struct buf text = {0};
    const char *out;

    buf_adds(&text, repeated);
    for (size_t i = 0; i < n; i++)
        buf_addf(&text, "m{number=\"%zu\"} %zu\n", i, i);
    out = arena_str(&f->arena, buf_str(&text), NULL).p;
    buf_fini(&text);
    return out;
}

static void a_cycle_that_needs_too_much_fails_and_the_next_one_works(void **state)
{
    struct fixture *f = *state;

    use_budget(f, 64u << 10);
    assert_true(cycle(f, "a 1\n"));
    assert_false(cycle(f, series_text(f, "a 1\n", 200)));
    assert_int_equal(f->err.kind, ERR_LIMIT);
    assert_non_null(strstr(f->err.text, "memory of a test"));
    assert_int_equal(report(f, TARGET_REPORT_UP), 0);
    assert_int_equal(f->sink.resolved, 1 + TARGET_REPORTS);
    assert_true(cycle(f, "a 1\n"));
}

static void what_new_series_take_in_the_store_counts_until_they_are_there(void **state)
{
    struct fixture *f = *state;
    const char *text = series_text(f, "", 100);
    struct arena scratch;
    size_t used;
    bool ok = true;

    use_budget(f, 16u << 20);
    arena_init(&scratch, NULL);
    target_begin(&f->target, f->ts += 1000);
    assert_ok(expo_parse(str_c(text), EXPO_TEXT, &scratch, &f->target.emit, &f->err), f->err);
    used = atomic_load(&f->budget.used_bytes);
    assert_true(f->target.fresh.store_bytes > 100 * 256u && used > f->target.fresh.store_bytes);
    assert_int_equal(target_finish(&f->target, &ok, 1, &f->err), TARGET_COMMIT);
    assert_int_equal(f->target.fresh.store_bytes, 0);
    assert_true(atomic_load(&f->budget.used_bytes) < used / 4);
    f->sink.sink.commit(&f->sink.sink, &f->target.batch);
    assert_false(target_committed(&f->target));
    /* They are in the store, although their slots are worthless. */
    scripted_sink_cut(&f->sink);
    for (int i = 0; i < 2; i++) {
        target_begin(&f->target, f->ts += 1000);
        assert_ok(expo_parse(str_c(text), EXPO_TEXT, &scratch, &f->target.emit, &f->err), f->err);
        assert_int_equal(f->target.fresh.store_bytes > 0, i == 0);
        ok = true;
        assert_int_equal(target_finish(&f->target, &ok, 1, &f->err),
                         i == 0 ? TARGET_AGAIN : TARGET_COMMIT);
    }
    arena_fini(&scratch);
}

static void a_text_is_kept_only_where_the_next_one_has_room_beside_it(void **state)
{
    struct fixture *f = *state;
    struct buf text = {0};

    /* Comments cost nothing but the text itself. */
    buf_adds(&text, "a 1\n");
    while (text.n < 40u << 10)
        buf_adds(&text, "# what nobody reads\n");
    use_budget(f, 128u << 10);
    assert_true(cycle(f, text.p));
    assert_int_equal(f->target.known.n, 1);
    while (text.n < 70u << 10)
        buf_adds(&text, "# what nobody reads\n");
    assert_true(cycle(f, text.p));
    assert_int_equal(f->target.known.n, 0);
    assert_true(cycle(f, text.p));
    buf_fini(&text);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(a_cycle_that_needs_too_much_fails_and_the_next_one_works),
        TEST(what_new_series_take_in_the_store_counts_until_they_are_there),
        TEST(a_text_is_kept_only_where_the_next_one_has_room_beside_it),
        TEST(dropped_series_are_not_stored_and_stay_dropped),
        TEST(metric_relabelling_sees_the_targets_labels_and_changes_any),
        TEST(of_series_made_one_the_first_sample_counts),
        TEST(a_series_that_loses_its_name_fails_the_cycle),
        TEST(more_samples_than_the_limit_fail_the_cycle_whole),
        TEST(labels_past_a_limit_fail_the_cycle_and_are_named),
        TEST(legacy_names_may_be_demanded),
        TEST(a_cycle_is_one_column_with_the_targets_own_series),
        TEST(a_steady_target_resolves_nothing),
        TEST(what_is_no_longer_exposed_goes_stale),
        TEST(a_failed_cycle_gives_up_0_and_stales_the_rest),
        TEST(a_parse_error_stores_nothing_of_the_body),
        TEST(the_first_of_two_samples_of_a_series_counts),
        TEST(a_label_given_twice_fails_the_cycle),
        TEST(samples_with_a_time_become_rows_in_order),
        TEST(times_that_are_not_honored_are_left_out),
        TEST(labels_follow_honor_labels),
        TEST(samples_may_get_other_labels_than_the_target),
        TEST(a_cut_of_the_head_is_survived_at_commit_and_at_resolve),
        TEST(the_hint_is_given_only_after_a_column_was_taken_whole),
        TEST(series_over_the_limit_are_left_out_and_tried_again),
        TEST(metadata_is_told_once_and_again_when_it_did_not_arrive),
        TEST(metadata_that_changes_is_told_and_types_stay_in_force),
        TEST(another_type_is_taken_counted_and_named),
        TEST(samples_without_text_are_known_by_name_and_labels),
        TEST(a_longer_name_is_not_the_series_expected),
        TEST(an_order_that_changes_each_time_loses_nothing),
        TEST(many_series_come_and_go),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
