#include "base/test.h"

#include <stdio.h>

#include "base/arena.h"
#include "base/err.h"
#include "model/sample.h"
#include "promql/explain.h"
#include "promql/query.h"
#include "promql/test_source.h"

#define NOW 7200000 /* the store has two hours, a sample every 15 s */

struct fixture {
    struct test_source source;
    struct budget budget;
    struct arena arena;
    struct promql_params params;
    struct explain_report report;
    struct err err;
};

/* labels: "__name__=up,job=a" */
static void add_until(struct fixture *f, const char *labels, ts_ms start, ts_ms end, double first,
                      double step)
{
    struct label pairs[8];
    struct str rest = str_c(labels);
    const struct labels *ls;
    size_t n = 0;

    while (rest.n) {
        struct str pair = str_split(&rest, ',');
        struct str name = str_split(&pair, '=');

        pairs[n++] = (struct label){name, pair};
    }
    if (labels_build(&f->source.arena, pairs, n, &ls, NULL) < 0)
        fail();
    for (ts_ms t = start; t <= end; t += 15000, first += step)
        test_source_add(&f->source, ls, t, first);
}

static void add(struct fixture *f, const char *labels, double first, double step)
{
    add_until(f, labels, 0, NOW, first, step);
}

static int setup(void **state)
{
    struct fixture *f = calloc(1, sizeof *f);

    test_source_init(&f->source);
    budget_init(&f->budget, "query memory", 16u << 20, NULL);
    arena_init(&f->arena, &f->budget);
    f->params = (struct promql_params){.source = &f->source.source, .start_ms = NOW, .end_ms = NOW};
    add(f, "__name__=events_total,type=received,worker=a", 100, 5);
    add(f, "__name__=events_total,type=received,worker=b", 100, 5);
    add(f, "__name__=events_total,type=succeeded,worker=a", 90, 5);
    add(f, "__name__=events_total,type=succeeded,worker=b", 90, 5);
    add(f, "__name__=events_total,type=failed,worker=a", 1, 0);
    add(f, "__name__=http_requests_total,code=200,handler=/api,instance=web:9090", 0, 10);
    add(f, "__name__=http_requests_total,code=500,handler=/api,instance=web:9090", 0, 1);
    add(f, "__name__=http_requests_total,code=200,handler=/,instance=web:9090", 0, 10);
    add(f, "__name__=latency_seconds_bucket,le=0.5,handler=/", 0, 5);
    add(f, "__name__=latency_seconds_bucket,le=+Inf,handler=/", 0, 10);
    add(f, "__name__=queue_length,queue=celery", 12, 0);
    add_until(f, "__name__=old_gauge,host=a", 0, 600000, 1, 0);
    *state = f;
    return 0;
}

static int teardown(void **state)
{
    struct fixture *f = *state;
    bool returned;

    arena_fini(&f->arena);
    returned = f->budget.used_bytes == 0;
    test_source_fini(&f->source);
    free(f);
    return returned ? 0 : -1;
}

static void explain(struct fixture *f, const char *text)
{
    struct expr *e;

    assert_ok(promql_parse(&f->arena, str_c(text), f->params.features, &e, &f->err), f->err);
    assert_ok(promql_explain(e, &f->params, &f->arena, &f->report, &f->err), f->err);
    promql_free(e);
}

/* The only finding, with these words in it. */
static void assert_finding(const struct fixture *f, enum explain_kind kind, const char *words)
{
    const struct explain_report *r = &f->report;

    if (r->findings_n != 1)
        fail_msg("%zu findings", r->findings_n);
    assert_string_equal(explain_kind_name(r->findings[0].kind), explain_kind_name(kind));
    if (!strstr(r->findings[0].text, words))
        fail_msg("\"%s\" is not in \"%s\"", words, r->findings[0].text);
}

static void assert_suggested(const struct fixture *f, const char *suggestion)
{
    const char *found = f->report.findings[0].suggestion;

    if (!suggestion) {
        assert_null(found);
        return;
    }
    assert_non_null(found);
    assert_string_equal(found, suggestion);
}

static void a_metric_that_does_not_exist_gets_the_nearest_name(void **state)
{
    struct fixture *f = *state;

    explain(f, "rate(http_request_total[5m])");
    assert_finding(f, EXPLAIN_NO_SUCH_METRIC, "Did you mean http_requests_total?");
    assert_suggested(f, "rate(http_requests_total[5m])");
    assert_string_equal(f->report.mended, "rate(http_requests_total[5m])");
    assert_int_equal(f->report.findings[0].start, 5);
    assert_int_equal(f->report.findings[0].end, 27);
    explain(f, "events > 3");
    assert_finding(f, EXPLAIN_NO_SUCH_METRIC, "events_total");
    explain(f, "something_else_altogether");
    assert_finding(f, EXPLAIN_NO_SUCH_METRIC, "nor anything like it");
    assert_suggested(f, NULL);
    explain(f, "queue_depth");
    assert_finding(f, EXPLAIN_NO_SUCH_METRIC, "queue_length");
    explain(f, "{\"http_request_total\", code=\"200\"}");
    assert_suggested(f, "{__name__=\"http_requests_total\",code=\"200\"}");
}

static void below_histogram_quantile_a_bucket_is_meant(void **state)
{
    struct fixture *f = *state;

    add(f, "__name__=latency_seconds_count,handler=/", 0, 10);
    explain(f, "histogram_quantile(0.9, rate(latency_seconds[5m]))");
    assert_suggested(f, "histogram_quantile(0.9, rate(latency_seconds_bucket[5m]))");
    explain(f, "rate(latency_seconds[5m])");
    assert_suggested(f, "rate(latency_seconds_count[5m])");
}

static void the_matcher_that_kills_is_named_with_the_nearest_value(void **state)
{
    struct fixture *f = *state;

    explain(f, "http_requests_total{code=\"200\",handler=\"/apo\"}");
    assert_finding(f, EXPLAIN_NO_SUCH_VALUE, "handler=\"/apo\" keeps none of the 2 series");
    assert_suggested(f, "http_requests_total{code=\"200\",handler=\"/api\"}");
    explain(f, "http_requests_total{instance=\"web\"}");
    assert_suggested(f, "http_requests_total{instance=\"web:9090\"}");
    explain(f, "http_requests_total{code=\"404\"} offset 1m");
    assert_finding(f, EXPLAIN_NO_SUCH_VALUE, "code is \"200\" and \"500\".");
    assert_suggested(f, NULL);
    explain(f, "http_requests_total{code!~\"[25]00\"}");
    assert_finding(f, EXPLAIN_NO_SUCH_VALUE, "it is excluded");
    explain(f, "{worker=\"c\"}");
    assert_finding(f, EXPLAIN_NO_SUCH_VALUE, "worker is \"a\" and \"b\"");
}

static void a_pattern_behind_an_equals_sign_or_for_a_part_is_seen(void **state)
{
    struct fixture *f = *state;

    explain(f, "rate(http_requests_total{code=\"5..\"}[5m] offset 1m)");
    assert_finding(f, EXPLAIN_NO_SUCH_VALUE, "=~ takes a pattern");
    assert_suggested(f, "rate(http_requests_total{code=~\"5..\"}[5m] offset 1m)");
    explain(f, "http_requests_total{handler=~\"api\"}");
    assert_finding(f, EXPLAIN_NO_SUCH_VALUE, "must match the whole value");
    assert_suggested(f, "http_requests_total{handler=~\".*api.*\"}");
    explain(f, "http_requests_total{handler=\"(\"}"); /* no pattern: no hint about one */
    assert_finding(f, EXPLAIN_NO_SUCH_VALUE, "handler is");
}

static void a_label_that_no_series_has_gets_the_nearest_name(void **state)
{
    struct fixture *f = *state;

    explain(f, "http_requests_total{handlr=\"/api\"}");
    assert_finding(f, EXPLAIN_NO_SUCH_LABEL, "Did you mean handler?");
    assert_suggested(f, "http_requests_total{handler=\"/api\"}");
    explain(f, "http_requests_total{zone=\"x\"}");
    assert_finding(f, EXPLAIN_NO_SUCH_LABEL, "Their labels are code, handler and instance.");
}

static void matchers_that_fail_only_together_are_told(void **state)
{
    struct fixture *f = *state;

    explain(f, "events_total{type=\"nothing\",worker=\"z\"}");
    assert_int_equal(f->report.findings_n, 2);
    add(f, "__name__=pair,a=1,b=1,c=2", 0, 0);
    add(f, "__name__=pair,a=1,b=2,c=1", 0, 0);
    add(f, "__name__=pair,a=2,b=1,c=1", 0, 0);
    explain(f, "pair{a=\"1\",b=\"1\",c=\"1\"}");
    assert_finding(f, EXPLAIN_NO_SUCH_VALUE, "of the 1 series of pair");
    explain(f, "pair{a=\"1\",b=~\"1|3\",c=\"1\",a!~\"2\"}");
    assert_int_equal(f->report.series, 0);
    assert_int_equal(f->report.findings_n, 1);
}

static void a_metric_of_another_time_is_told_with_its_age(void **state)
{
    struct fixture *f = *state;

    explain(f, "old_gauge");
    assert_finding(f, EXPLAIN_NOT_THEN, "its last one is 1 h 50 min before");
    assert_suggested(f, "last_over_time(old_gauge[2h])");
    assert_string_equal(f->report.parts[0].note, "last sample 1 h 50 min before");
    f->params.start_ms = f->params.end_ms = -600000;
    explain(f, "old_gauge");
    assert_finding(f, EXPLAIN_NOT_THEN, "only after the time asked about");
}

static void a_series_that_was_ended_is_told_as_gone(void **state)
{
    struct fixture *f = *state;

    add_until(f, "__name__=gone", NOW - 60000, NOW - 30000, 1, 0);
    add_until(f, "__name__=gone", NOW - 15000, NOW - 15000, value_of_bits(STALE_NAN_BITS), 0);
    explain(f, "gone");
    assert_finding(f, EXPLAIN_NOT_THEN, "gone is gone");
    assert_suggested(f, NULL);
}

static void the_label_that_divides_a_match_is_named_and_the_whole_mended(void **state)
{
    struct fixture *f = *state;

    explain(f, "events_total{type=\"received\"} - events_total{type=\"succeeded\"} - "
               "events_total{type=\"failed\"} > 0");
    assert_finding(f, EXPLAIN_DISJOINT_MATCH,
                   "the label type is \"received\" on the left and \"succeeded\" on the right");
    assert_string_equal(f->report.summary, "No result, and there can never be one.");
    assert_suggested(f, "events_total{type=\"received\"} - ignoring(type) "
                        "events_total{type=\"succeeded\"} - events_total{type=\"failed\"} > 0");
    assert_string_equal(f->report.mended, "events_total{type=\"received\"} - ignoring(type) "
                                          "events_total{type=\"succeeded\"} - ignoring(type) "
                                          "events_total{type=\"failed\"} > 0");
    assert_true(f->report.parts[2].dies);
    assert_string_equal(f->report.parts[2].note, "labels that differ: type");
    assert_string_equal(f->report.parts[1].note, "left side is already empty");
    assert_string_equal(f->report.parts[0].note, "nothing left to compare");
    assert_int_equal(f->report.parts[3].series, 2);
}

static void a_match_with_fewer_labels_gets_on_or_a_group(void **state)
{
    struct fixture *f = *state;

    explain(f, "http_requests_total / sum(http_requests_total)");
    assert_suggested(f, "http_requests_total / on() group_left() sum(http_requests_total)");
    explain(f, "sum by (handler) (http_requests_total) / http_requests_total{code=\"500\"}");
    assert_suggested(f, "sum by (handler) (http_requests_total) / on(handler) "
                        "http_requests_total{code=\"500\"}");
    explain(f, "http_requests_total and on(worker) events_total");
    assert_finding(f, EXPLAIN_DISJOINT_MATCH, "whose label worker is equal");
}

static void a_match_of_many_with_many_gets_sums(void **state)
{
    struct fixture *f = *state;

    add(f, "__name__=a,host=x,cpu=1,k=l", 1, 0);
    add(f, "__name__=a,host=x,cpu=2,k=l", 1, 0);
    add(f, "__name__=b,host=x,disk=1,k=r", 1, 0);
    add(f, "__name__=b,host=x,disk=2,k=r", 1, 0);
    explain(f, "a + b");
    assert_suggested(f, "sum by (host) (a) + sum by (host) (b)");
    assert_string_equal(f->report.mended, "sum by (host) (a) + sum by (host) (b)");
}

static void a_comparison_tells_the_values_that_were_there(void **state)
{
    struct fixture *f = *state;

    explain(f, "queue_length > 50");
    assert_finding(f, EXPLAIN_NEVER_IN_RANGE,
                   "no value is above 50. What there is (1 series) is 12");
    assert_null(f->report.mended);
    explain(f, "50 <= queue_length");
    assert_finding(f, EXPLAIN_NEVER_IN_RANGE, "no value is at or above 50");
    explain(f, "queue_length > scalar(nosuchthing)");
    assert_int_equal(f->report.findings_n, 2);
    explain(f, "events_total{type=\"failed\"} > ignoring(type) events_total{type=\"received\"}");
    assert_finding(f, EXPLAIN_NEVER_IN_RANGE, "1 pair is compared and none is >");
}

static void a_range_too_short_for_two_samples_gets_a_longer_one(void **state)
{
    struct fixture *f = *state;

    explain(f, "rate(http_requests_total[10s])");
    assert_finding(f, EXPLAIN_TOO_FEW_SAMPLES, "There is one every 15 s");
    assert_suggested(f, "rate(http_requests_total[1m])");
    add_until(f, "__name__=young", NOW - 1000, NOW - 1000, 1, 0);
    explain(f, "increase(young[5m])");
    assert_finding(f, EXPLAIN_TOO_FEW_SAMPLES, "only one sample so far");
    explain(f, "rate(http_requests_total[1m:59s])");
    assert_finding(f, EXPLAIN_TOO_FEW_SAMPLES, "step is too long");
}

static void quantiles_need_the_label_le(void **state)
{
    struct fixture *f = *state;

    explain(f, "histogram_quantile(0.9, sum by (handler) (rate(latency_seconds_bucket[5m])))");
    assert_finding(f, EXPLAIN_NO_BUCKETS, "drops that label");
    assert_suggested(f, "histogram_quantile(0.9, sum by (le, handler) "
                        "(rate(latency_seconds_bucket[5m])))");
    explain(f, "histogram_quantile(0.9, queue_length)");
    assert_finding(f, EXPLAIN_NO_BUCKETS, "no series here has one");
    explain(f, "histogram_count(queue_length)");
    assert_finding(f, EXPLAIN_NATIVE, "not stored yet");
}

static void parts_that_are_meant_to_be_empty_say_so(void **state)
{
    struct fixture *f = *state;

    explain(f, "absent(queue_length)");
    assert_finding(f, EXPLAIN_PRESENT, "here it has 1 series");
    explain(f, "topk(0, queue_length)");
    assert_finding(f, EXPLAIN_NONE_ASKED, "topk keeps no series");
    explain(f, "clamp(queue_length, 2, 1)");
    assert_finding(f, EXPLAIN_NONE_ASKED, "lower bound is above");
    explain(f, "queue_length unless queue_length");
    assert_finding(f, EXPLAIN_ALL_EXCLUDED, "has one");
}

static void pairs_that_never_meet_in_time_are_told(void **state)
{
    struct fixture *f = *state;

    add_until(f, "__name__=early,k=v", 0, 600000, 1, 0);
    add_until(f, "__name__=late,k=v", 3600000, NOW, 1, 0);
    f->params = (struct promql_params){
        .source = &f->source.source, .start_ms = 0, .end_ms = NOW, .step_ms = 60000};
    explain(f, "early + late");
    assert_finding(f, EXPLAIN_NEVER_TOGETHER, "1 pair of series exist");
}

static void what_is_worth_knowing_comes_with_a_result_too(void **state)
{
    struct fixture *f = *state;

    explain(f, "sum by (pod) (http_requests_total)");
    assert_finding(f, EXPLAIN_GROUPING_LABEL, "none of the 3 series has that label");
    assert_false(f->report.findings[0].is_cause);
    assert_string_equal(f->report.summary, "There is a result.");
    explain(f, "rate(http_requests_total{code=\"500\"}[5m]) / rate(http_requests_total[5m])");
    assert_finding(f, EXPLAIN_SELF_DIVISION, "divided by itself");
    assert_suggested(f, "sum(rate(http_requests_total{code=\"500\"}[5m])) / "
                        "sum(rate(http_requests_total[5m]))");
}

static void inside_a_subquery_its_own_times_count(void **state)
{
    struct fixture *f = *state;

    explain(f, "max_over_time((queue_length > 50)[1h:1m] offset 30m)");
    assert_finding(f, EXPLAIN_NEVER_IN_RANGE, "no value is above 50");
    explain(f, "max_over_time(old_gauge[2h:1m])");
    assert_int_equal(f->report.series, 1);
    assert_int_equal(f->report.parts[2].series, 1);
}

static void places_in_a_text_of_many_bytes_are_bytes(void **state)
{
    struct fixture *f = *state;

    explain(f, "queue_length{queue=\"\xc3\xa4\"} + queue_length");
    assert_finding(f, EXPLAIN_NO_SUCH_VALUE, "\"celery\"");
    assert_suggested(f, NULL);
    explain(f, "vector(1) # \xc3\xa4\n + http_request_total");
    assert_suggested(f, "vector(1) # \xc3\xa4\n + http_requests_total");
}

static void no_more_parts_than_bounded_are_looked_at(void **state)
{
    struct fixture *f = *state;
    struct buf text;

    buf_init(&text, 0);
    buf_adds(&text, "nothing");
    for (size_t i = 0; i < 100; i++)
        buf_adds(&text, " + nothing");
    explain(f, text.p);
    buf_fini(&text);
    assert_true(f->report.parts_n <= EXPLAIN_PARTS_MAX);
    assert_non_null(f->report.stopped);
}

/* A budget of each size: too small for the expression itself, for the reasons, for nothing. */
static void a_budget_that_ends_on_the_way_leaves_the_parts_looked_at(void **state)
{
    struct fixture *f = *state;
    size_t refused = 0, stopped = 0, whole = 0;

    for (size_t bytes = 4096; bytes <= 1u << 20; bytes += 4096) {
        struct expr *e = NULL;
        struct budget budget;
        struct arena arena;
        struct explain_report report;
        struct err err;

        budget_init(&budget, "query memory", bytes, NULL);
        arena_init(&arena, &budget);
        if (promql_parse(&arena, STR("events_total{type=\"recieved\"} / (nothing + nil)"), 0, &e,
                         &err) < 0 ||
            promql_explain(e, &f->params, &arena, &report, &err) < 0) {
            assert_int_equal(err.kind, ERR_LIMIT);
            refused++;
        } else if (report.stopped) {
            assert_true(report.parts_n > 0);
            stopped++;
        } else {
            assert_true(report.findings_n > 0);
            whole++;
        }
        promql_free(e);
        arena_fini(&arena);
    }
    assert_true(refused > 0 && stopped > 0 && whole > 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
#define T(name) cmocka_unit_test_setup_teardown(name, setup, teardown)
        T(a_metric_that_does_not_exist_gets_the_nearest_name),
        T(below_histogram_quantile_a_bucket_is_meant),
        T(the_matcher_that_kills_is_named_with_the_nearest_value),
        T(a_pattern_behind_an_equals_sign_or_for_a_part_is_seen),
        T(a_label_that_no_series_has_gets_the_nearest_name),
        T(matchers_that_fail_only_together_are_told),
        T(a_metric_of_another_time_is_told_with_its_age),
        T(a_series_that_was_ended_is_told_as_gone),
        T(the_label_that_divides_a_match_is_named_and_the_whole_mended),
        T(a_match_with_fewer_labels_gets_on_or_a_group),
        T(a_match_of_many_with_many_gets_sums),
        T(a_comparison_tells_the_values_that_were_there),
        T(a_range_too_short_for_two_samples_gets_a_longer_one),
        T(quantiles_need_the_label_le),
        T(parts_that_are_meant_to_be_empty_say_so),
        T(pairs_that_never_meet_in_time_are_told),
        T(what_is_worth_knowing_comes_with_a_result_too),
        T(inside_a_subquery_its_own_times_count),
        T(places_in_a_text_of_many_bytes_are_bytes),
        T(no_more_parts_than_bounded_are_looked_at),
        T(a_budget_that_ends_on_the_way_leaves_the_parts_looked_at),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
