#include "base/test.h"

#include <math.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>

#include "base/arena.h"
#include "base/err.h"
#include "promql/query.h"
#include "promql/test_source.h"

struct fixture {
    struct test_source source;
    struct budget budget;
    struct arena arena;
    struct expr *expr;
    struct promql_params params;
    struct promql_result result;
    struct err err;
};

static void add_series(struct fixture *f, const char *name, const char *instance, size_t n,
                       double first)
{
    struct label pairs[] = {{STR(LABEL_NAME), str_c(name)}, {STR("instance"), str_c(instance)}};
    const struct labels *ls;

    if (labels_build(&f->source.arena, pairs, 2, &ls, NULL) < 0)
        fail();
    for (size_t i = 0; i < n; i++)
        test_source_add(&f->source, ls, (ts_ms)i * 1000, first + (double)i);
}

static int setup(void **state)
{
    struct fixture *f = calloc(1, sizeof *f);

    test_source_init(&f->source);
    add_series(f, "steps_total", "a", 600, 0);
    add_series(f, "steps_total", "b", 600, 1000);
    add_series(f, "other_total", "a", 600, 5);
    budget_init(&f->budget, "query memory", 4u << 20, NULL);
    arena_init(&f->arena, &f->budget);
    f->params =
        (struct promql_params){.source = &f->source.source, .start_ms = 300000, .end_ms = 300000};
    *state = f;
    return 0;
}

static int teardown(void **state)
{
    struct fixture *f = *state;
    bool returned;

    promql_free(f->expr);
    arena_fini(&f->arena);
    returned = f->budget.used_bytes == 0;
    test_source_fini(&f->source);
    free(f);
    return returned ? 0 : -1;
}

static int run(struct fixture *f, const char *text)
{
    promql_free(f->expr);
    f->expr = NULL;
    if (promql_parse(&f->arena, str_c(text), f->params.features, &f->expr, &f->err) < 0)
        return -1;
    return promql_run(f->expr, &f->params, &f->arena, &f->result, &f->err);
}

static void over(struct fixture *f, ts_ms start, ts_ms end, int64_t step)
{
    f->params.start_ms = start;
    f->params.end_ms = end;
    f->params.step_ms = step;
}

static void a_scalar_over_a_range_is_one_series_without_labels(void **state)
{
    struct fixture *f = *state;

    over(f, 0, 2000, 1000);
    assert_ok(run(f, "time() * 2"), f->err);
    assert_int_equal(f->result.type, PROMQL_MATRIX);
    assert_int_equal(f->result.series_n, 1);
    assert_int_equal(f->result.series[0].labels->n, 0);
    assert_int_equal(f->result.series[0].n, 3);
    assert_true(f->result.series[0].values[2] == 4);
}

static void the_steps_of_a_range_are_bounded(void **state)
{
    struct fixture *f = *state;

    over(f, 0, 11000, 1); /* as in Prometheus: so many steps after the first point */
    assert_ok(run(f, "1"), f->err);
    over(f, 0, 11001, 1);
    assert_fails(run(f, "1"), f->err, ERR_LIMIT, "exceeded maximum resolution of 11000 points");
    over(f, 0, -1, 1);
    assert_fails(run(f, "1"), f->err, ERR_TYPE, "must not end before it starts");
    over(f, 0, 1000, 1000);
    assert_fails(run(f, "'x'"), f->err, ERR_TYPE, "invalid expression type \"string\"");
    assert_fails(run(f, "steps_total[5m]"), f->err, ERR_TYPE,
                 "invalid expression type \"range vector\"");
}

static void groups_are_counted_in_order_whatever_the_order_of_series(void **state)
{
    struct fixture *f = *state;

    assert_ok(run(f, "count by (instance) ({instance=~\"a|b\"})"), f->err);
    assert_int_equal(f->result.series_n, 2);
    assert_true(str_eq(labels_get(f->result.series[0].labels, STR("instance")), STR("a")));
    assert_true(f->result.series[0].values[0] == 2);
    assert_true(str_eq(labels_get(f->result.series[1].labels, STR("instance")), STR("b")));
    assert_true(f->result.series[1].values[0] == 1);
}

static void ten_notes_are_told_and_the_others_counted(void **state)
{
    struct fixture *f = *state;

    assert_ok(run(f,
                  "quantile(2, vector(1)) or quantile(3, vector(1)) or quantile(4, vector(1)) or "
                  "quantile(5, vector(1)) or quantile(6, vector(1)) or quantile(7, vector(1)) or "
                  "quantile(8, vector(1)) or quantile(9, vector(1)) or quantile(10, vector(1)) or "
                  "quantile(11, vector(1)) or quantile(12, vector(1)) or quantile(13, vector(1))"),
              f->err);
    assert_int_equal(f->result.warnings_n, 11);
    assert_non_null(strstr(f->result.warnings[9], "got 11 "));
    assert_string_equal(f->result.warnings[10], "2 more warning annotations omitted");
    assert_int_equal(f->result.infos_n, 0);
}

static void times_far_away_are_refused(void **state)
{
    struct fixture *f = *state;

    over(f, INT64_MAX, INT64_MAX, 0);
    assert_fails(run(f, "steps_total offset 1h"), f->err, ERR_TYPE, "out of range");
}

static void samples_in_memory_are_bounded(void **state)
{
    struct fixture *f = *state;

    over(f, 600000, 600000, 0);
    f->params.samples_max = 500;
    assert_fails(run(f, "sum_over_time(steps_total[10m])"), f->err, ERR_LIMIT,
                 "query processing would load too many samples into memory");
    f->params.samples_max = 700; /* one series at a time */
    assert_ok(run(f, "sum(sum_over_time(steps_total[10m]))"), f->err);
    assert_in_range(f->result.samples_peak, 599, 700);
    assert_int_equal(f->result.samples_read, 2 * 599);
}

static void an_aggregation_holds_its_groups_not_its_series(void **state)
{
    struct fixture *f = *state;

    for (size_t i = 0; i < 200; i++) {
        char name[8];

        (void)snprintf(name, sizeof name, "i%zu", i);
        add_series(f, "many_total", name, 30, (double)i);
    }
    over(f, 10000, 29000, 1000);
    f->params.samples_max = 300; /* 200 series x 20 steps would be 4,000 */
    assert_ok(run(f, "sum(rate(many_total[10s]))"), f->err);
    assert_int_equal(f->result.series_n, 1);
    assert_fails(run(f, "rate(many_total[10s]) + rate(many_total[10s])"), f->err, ERR_LIMIT,
                 "too many samples");
}

static void memory_is_bounded_by_the_budget_and_given_back(void **state)
{
    struct fixture *f = *state;

    assert_fails(run(f, "max_over_time(steps_total[1y:1ms])"), f->err, ERR_LIMIT, "query memory");
    assert_fails(run(f, "max_over_time(vector(1)[10y:1ms])"), f->err, ERR_LIMIT, "query memory");
    assert_ok(run(f, "steps_total"), f->err);
}

static void a_cancelled_query_ends(void **state)
{
    struct fixture *f = *state;
    atomic_bool cancelled;

    atomic_init(&cancelled, true);
    f->params.cancelled = &cancelled;
    assert_fails(run(f, "sum(steps_total)"), f->err, ERR_CANCELLED, "query was canceled");
}

static void a_query_past_its_deadline_ends(void **state)
{
    struct fixture *f = *state;
    struct manual_clock clock;

    manual_clock_init(&clock, 0);
    clock.mono_ns = 10;
    f->params.clock = &clock.clock;
    f->params.deadline_ns = 11;
    assert_ok(run(f, "sum(steps_total)"), f->err);
    clock.mono_ns = 11;
    assert_fails(run(f, "sum(steps_total)"), f->err, ERR_TIMEOUT, "query timed out");
}

static void names_go_at_once_or_at_the_end(void **state)
{
    struct fixture *f = *state;

    assert_fails(run(f, "rate({__name__=~\"steps_total|other_total\"}[1m])"), f->err, ERR_EVAL,
                 "vector cannot contain metrics with the same labelset");
    f->params.features = PROMQL_DELAYED_NAME_REMOVAL;
    assert_ok(run(f, "count by (instance) (rate({__name__=~\"steps_total|other_total\"}[1m]))"),
              f->err);
    assert_int_equal(f->result.series_n, 2);
    assert_true(f->result.series[0].values[0] == 2);
}

static void what_the_store_warns_of_is_passed_on_once(void **state)
{
    struct fixture *f = *state;

    f->source.warning = "block 01 is damaged: left out";
    assert_ok(run(f, "steps_total + on (instance) other_total"), f->err);
    assert_int_equal(f->result.warnings_n, 1);
    assert_string_equal(f->result.warnings[0], "block 01 is damaged: left out");
}

static void the_answer_outlives_the_run(void **state)
{
    struct fixture *f = *state;

    assert_ok(run(f, "label_replace(steps_total, 'x', 'y$1', 'instance', '(.*)')"), f->err);
    test_source_clear(&f->source);
    assert_int_equal(f->result.series_n, 2);
    assert_true(str_eq(labels_get(f->result.series[0].labels, STR("x")), STR("ya")));
    assert_true(f->result.series[0].values[0] == 300);
}

/* Query lanes have 256 kB of stack. */
static void *deep_query(void *arg)
{
    struct fixture *f = arg;
    char text[4000] = "";
    size_t n = 0;

    for (int i = 0; i < 245; i++)
        n += (size_t)snprintf(text + n, sizeof text - n, i % 2 ? "abs(" : "sum(");
    n += (size_t)snprintf(text + n, sizeof text - n, "-steps_total");
    for (int i = 0; i < 245; i++)
        n += (size_t)snprintf(text + n, sizeof text - n, ")");
    return (void *)(intptr_t)run(f, text);
}

static void deep_nesting_fits_a_small_stack(void **state)
{
    struct fixture *f = *state;
    pthread_attr_t attr;
    pthread_t thread;
    void *status;

    (void)pthread_attr_init(&attr);
#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__)
    (void)pthread_attr_setstacksize(&attr, 8u << 20); /* its frames are several times larger */
#else
    (void)pthread_attr_setstacksize(&attr, 256u << 10);
#endif
    assert_int_equal(pthread_create(&thread, &attr, deep_query, f), 0);
    (void)pthread_join(thread, &status);
    (void)pthread_attr_destroy(&attr);
    if (status)
        fail_msg("%s", f->err.text);
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)
    const struct CMUnitTest tests[] = {
        TEST(a_scalar_over_a_range_is_one_series_without_labels),
        TEST(the_steps_of_a_range_are_bounded),
        TEST(groups_are_counted_in_order_whatever_the_order_of_series),
        TEST(ten_notes_are_told_and_the_others_counted),
        TEST(times_far_away_are_refused),
        TEST(samples_in_memory_are_bounded),
        TEST(an_aggregation_holds_its_groups_not_its_series),
        TEST(memory_is_bounded_by_the_budget_and_given_back),
        TEST(a_cancelled_query_ends),
        TEST(a_query_past_its_deadline_ends),
        TEST(names_go_at_once_or_at_the_end),
        TEST(what_the_store_warns_of_is_passed_on_once),
        TEST(the_answer_outlives_the_run),
        TEST(deep_nesting_fits_a_small_stack),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
