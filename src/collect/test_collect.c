#include "collect/collect_fixture.h"

#include <stdio.h>

#include "base/test.h"
#include "collect/cycle.h"
#include "collect/fake_fetch.h"
#include "collect/scrape_settings.h"
#include "model/emit.h"
#include "model/labels.h"

static void add_http(struct fixture *f)
{
    struct target_settings settings = {.job = "j",
                                       .labels = f->labels,
                                       .interval_ms = INTERVAL_MS,
                                       .timeout_ms = INTERVAL_MS,
                                       .honor_timestamps = true,
                                       .body_max = 1000,
                                       .url = "http://h/metrics"};

    assert_ok(collect_add(f->collect, &settings, &f->err), f->err);
}

static void times_have_one_phase_and_whole_intervals_between(void **state)
{
    struct fixture *f = *state;
    long long first, later;

    add_http(f);
    run_until(f, 3);
    assert_int_equal(sscanf(scripted_sink_take(&f->sink), "column %lld", &first), 1);
    run_until(f, 4);
    assert_int_equal(sscanf(scripted_sink_take(&f->sink), "column %lld", &later), 1);
    assert_true(later > first);
    assert_int_equal(status(f).health, TARGET_UP);
    assert_string_equal(status(f).last_error, "");
    assert_int_equal(status(f).last_samples, 1);
    assert_true(collect_stats(f->collect).cycles >= 3);
    assert_int_equal(collect_stats(f->collect).up, 1);
}

static void a_failed_fetch_is_up_0_with_its_words(void **state)
{
    struct fixture *f = *state;

    fake_fetch_answer.status = 404;
    add_http(f);
    run_until(f, 1);
    assert_non_null(strstr(scripted_sink_take(&f->sink), "up{instance=\"i\", job=\"j\"} 0\n"));
    assert_int_equal(status(f).health, TARGET_DOWN);
    assert_non_null(strstr(status(f).last_error, "404"));
    assert_int_equal(collect_stats(f->collect).down, 1);
}

static void a_fetch_that_cannot_start_is_up_0_too(void **state)
{
    struct fixture *f = *state;

    fake_fetch_refuses = true;
    add_http(f);
    run_until(f, 1);
    assert_string_equal(status(f).last_error, "too many fetches");
}

static void a_body_that_does_not_parse_is_up_0_with_the_line(void **state)
{
    struct fixture *f = *state;

    fake_fetch_answer.body = STR("a 1\nbroken\n");
    add_http(f);
    run_until(f, 1);
    assert_non_null(strstr(status(f).last_error, "line 2, column 7"));
    assert_null(strstr(scripted_sink_take(&f->sink), "a{"));
}

static void what_a_target_costs_is_known_by_itself_and_by_its_job(void **state)
{
    struct fixture *f = *state;
    const struct costs *costs = collect_costs(f->collect);
    struct target_status s;

    fake_fetch_answer.wire_bytes = 500;
    add_http(f);
    run_until(f, 3);
    s = status(f);
    assert_string_equal(s.kind, "scrape");
    assert_null(s.tunnel);
    assert_true(s.cost.cycles >= 2);
    assert_int_equal(s.cost.bytes % 500, 0);
    assert_true(s.cost.bytes >= 500 * s.cost.cycles);
    assert_true(s.cost.cpu_ns > 0 && s.cost.wall_ns >= 0);
    assert_true(s.cpu_ratio > 0 && s.cpu_ratio < 1);
    assert_int_equal(s.cost.samples, 1);
    assert_int_equal(costs->n, 1);
    assert_string_equal(costs->sums[0]->job, "j");
    assert_string_equal(costs->sums[0]->kind, "scrape");
    assert_int_equal(costs->sums[0]->cost.cpu_ns, s.cost.cpu_ns);
}

/* ---- bodies that a target reads for itself ---- */

static enum parsed parse_one(void *arg, int status, struct str body, struct emit *emit,
                             struct arena *scratch, struct err *err)
{
    enum parsed *parsed = arg;

    (void)scratch, (void)status;
    if (!str_eq(body, STR("a 1\n")) || emit_value(emit, "own", METRIC_GAUGE, "help", 2, err) < 0)
        return PARSED_NOT;
    (void)err_set(err, ERR_EVAL, "it says that it is ill");
    return *parsed;
}

static void add_parsed(struct fixture *f, enum parsed *parsed)
{
    struct target_settings settings = {.job = "j",
                                       .labels = f->labels,
                                       .interval_ms = INTERVAL_MS,
                                       .timeout_ms = INTERVAL_MS,
                                       .body_max = 1000,
                                       .url = "http://h/status",
                                       .method = "POST",
                                       .body = "{}",
                                       .collector = {.parse = parse_one, .arg = parsed}};

    assert_ok(collect_add(f->collect, &settings, &f->err), f->err);
    run_until(f, 1);
}

static void a_body_may_be_read_by_the_target_itself(void **state)
{
    struct fixture *f = *state;
    enum parsed parsed = PARSED;
    const char *stored;

    fake_fetch_answer.content_type = STR("application/json");
    add_parsed(f, &parsed);
    stored = scripted_sink_take(&f->sink);
    assert_non_null(strstr(stored, "own{instance=\"i\", job=\"j\"} 2\n"));
    assert_non_null(strstr(stored, "up{instance=\"i\", job=\"j\"} 1\n"));
    assert_string_equal(status(f).last_error, "");
    assert_non_null(strstr(fake_fetch_request, "\nAccept: application/json"));
    assert_non_null(strstr(fake_fetch_request, "\nContent-Type: application/json"));
}

static void a_target_that_says_it_is_ill_is_up_0_with_its_samples(void **state)
{
    struct fixture *f = *state;
    enum parsed parsed = PARSED_UNWELL;
    const char *stored;

    add_parsed(f, &parsed);
    stored = scripted_sink_take(&f->sink);
    assert_non_null(strstr(stored, "own{instance=\"i\", job=\"j\"} 2\n"));
    assert_non_null(strstr(stored, "up{instance=\"i\", job=\"j\"} 0\n"));
    assert_string_equal(status(f).last_error, "it says that it is ill");
    assert_int_equal(collect_stats(f->collect).down, 1);
}

static void an_error_status_is_up_0_and_its_body_may_be_read(void **state)
{
    struct fixture *f = *state;
    enum parsed parsed = PARSED;
    const char *stored;

    fake_fetch_answer.status = 503;
    add_parsed(f, &parsed);
    stored = scripted_sink_take(&f->sink);
    assert_non_null(strstr(stored, "own{instance=\"i\", job=\"j\"} 2\n"));
    assert_non_null(strstr(stored, "up{instance=\"i\", job=\"j\"} 0\n"));
    assert_string_equal(status(f).last_error, "the target answered with HTTP status 503");
    fake_fetch_answer.body = STR("sorry");
    run_until(f, f->sink.commits + 2);
    assert_non_null(strstr(scripted_sink_take(&f->sink), "own{instance=\"i\", job=\"j\"} stale\n"));
    assert_string_equal(status(f).last_error, "the target answered with HTTP status 503");
}

static void new_series_past_the_targets_bound_are_refused_in_words_and_it_stays_up(void **state)
{
    struct fixture *f = *state;
    const struct scrape_job job = {.limits = {.series = 7}}; /* with its own five */
    struct target_settings settings = {.job = "j",
                                       .labels = f->labels,
                                       .interval_ms = INTERVAL_MS,
                                       .timeout_ms = INTERVAL_MS,
                                       .body_max = 1000,
                                       .scrape_job = &job,
                                       .url = "http://h/metrics"};

    assert_ok(collect_add(f->collect, &settings, &f->err), f->err);
    run_until(f, 1);
    fake_fetch_answer.body = STR("a 2\nb 1\nc 1\nd 1\n");
    run_until(f, f->sink.commits + 3);
    assert_int_equal(status(f).health, TARGET_UP);
    assert_non_null(strstr(status(f).last_error, "2 samples of new series are refused, since 7 "));
    assert_non_null(strstr(scripted_sink_take(&f->sink), "a{instance=\"i\", job=\"j\"} 2\n"));
    assert_true(collect_stats(f->collect).limited >= 2);
}

static void a_cut_of_the_head_does_not_lose_a_cycle(void **state)
{
    struct fixture *f = *state;

    add_http(f);
    run_until(f, 1);
    (void)status(f);
    (void)scripted_sink_take(&f->sink);
    scripted_sink_cut(&f->sink);
    run_until(f, f->sink.commits + 2);
    assert_non_null(strstr(scripted_sink_take(&f->sink), "a{instance=\"i\", job=\"j\"} 1\n"));
}

static void targets_with_the_same_labels_are_told_apart_by_their_url(void **state)
{
    struct fixture *f = *state;
    struct target_settings settings = {
        .job = "j", .labels = f->labels, .interval_ms = 10, .timeout_ms = 10};
    struct cycle *first, *second;
    struct target_status *all;
    size_t n;

    settings.url = "http://h/a";
    assert_ok(collect_add_removable(f->collect, &settings, &first, &f->err), f->err);
    settings.url = "http://h/b";
    assert_ok(collect_add_removable(f->collect, &settings, &second, &f->err), f->err);
    assert_fails(collect_add(f->collect, &settings, &f->err), f->err, ERR_TYPE,
                 "two targets have the same labels and URL");
    run_until(f, 6);
    assert_int_equal(f->sink.groups_open, 2);
    assert_ok(collect_status(f->collect, &f->arena, &all, &n, &f->err), f->err);
    assert_int_equal(n, 2);
    /* Each goes by itself, and its place is free again. */
    (void)remove_it(f, first, 0);
    settings.url = "http://h/a";
    assert_ok(collect_add(f->collect, &settings, &f->err), f->err);
    assert_int_equal(collect_stats(f->collect).targets, 2);
}

static struct cycle *add_removable(struct fixture *f, const char *url)
{
    struct target_settings settings = {.job = "j",
                                       .labels = f->labels,
                                       .interval_ms = INTERVAL_MS,
                                       .timeout_ms = INTERVAL_MS,
                                       .body_max = 1u << 20,
                                       .url = url};
    struct cycle *cycle = NULL;

    assert_ok(collect_add_removable(f->collect, &settings, &cycle, &f->err), f->err);
    return cycle;
}

static void a_removed_target_leaves_all_its_series_stale(void **state)
{
    struct fixture *f = *state;
    struct cycle *cycle = add_removable(f, "http://h/metrics");
    const char *record;

    run_until(f, 1);
    assert_int_equal(collect_stats(f->collect).targets, 1);
    record = remove_it(f, cycle, 0);
    assert_non_null(strstr(record, "a{instance=\"i\", job=\"j\"} stale\n"));
    assert_non_null(strstr(record, "up{instance=\"i\", job=\"j\"} stale\n"));
    assert_null(strstr(record, "} 1\n"));
    assert_int_equal(collect_stats(f->collect).targets, 0);
    assert_int_equal(collect_stats(f->collect).up, 0);
    assert_int_equal(f->sink.groups_open, 0);
}

static void a_target_removed_before_its_first_cycle_leaves_nothing(void **state)
{
    struct fixture *f = *state;

    assert_string_equal(remove_it(f, add_removable(f, "http://h/metrics"), 0), "");
}

static void a_cut_of_the_head_does_not_lose_the_marks_of_a_removed_target(void **state)
{
    struct fixture *f = *state;
    struct cycle *cycle = add_removable(f, "http://h/metrics");

    run_until(f, 1);
    f->sink.verdicts[0] = SINK_STALE;
    f->sink.verdicts_n = 1;
    scripted_sink_cut(&f->sink);
    (void)remove_it(f, cycle, 0);
    assert_int_equal(f->sink.groups_open, 0);
}

static void a_new_target_with_the_same_labels_goes_on_without_a_mark(void **state)
{
    struct fixture *f = *state;
    struct cycle *cycle = add_removable(f, "http://h/metrics");

    run_until(f, 1);
    (void)scripted_sink_take(&f->sink);
    f->gone = false;
    collect_remove(f->collect, cycle, 60000, on_gone, f);
    assert_false(f->gone);
    (void)add_removable(f, "http://other/metrics");
    while (!f->gone)
        loop_run(f->loop);
    run_until(f, 2);
    assert_null(strstr(scripted_sink_take(&f->sink), "stale"));
    assert_int_equal(collect_stats(f->collect).targets, 1);
}

static void a_refused_target_is_up_0_with_the_words(void **state)
{
    struct fixture *f = *state;
    struct cycle *cycle = add_removable(f, "http://h/metrics");

    collect_refuse(cycle, "too many of them");
    run_until(f, 1);
    assert_string_equal(status(f).last_error, "too many of them");
    assert_int_equal(fake_fetch_started, 0);
    collect_refuse(cycle, NULL);
    run_until(f, 3); /* at the third commit the second cycle has ended */
    assert_string_equal(status(f).last_error, "");
}

static void stopping_cancels_what_is_being_fetched(void **state)
{
    struct fixture *f = *state;

    fake_fetch_silent = true;
    add_http(f);
    while (!fake_fetch_started) {
        struct loop_timer *t = loop_timer_new(f->loop, 5, 0, stop_loop, f->loop);

        loop_run(f->loop);
        loop_timer_free(t);
    }
    assert_int_equal(fake_fetch_alive, 1);
} /* tear_down stops it */

static void the_moment_of_a_target_is_fixed_by_its_hash(void **state)
{
    (void)state;
    for (uint64_t hash = 0; hash < 40; hash++) {
        for (ts_ms from = 1000; from < 1050; from++) {
            ts_ms due = cycle_due(from, 15, hash);

            assert_true(due > from && due <= from + 15);
            assert_int_equal(due % 15, hash % 15);
        }
    }
    assert_int_equal(cycle_due(-7, 15, 0), 0);
}

static void a_start_within_two_milliseconds_counts_as_planned(void **state)
{
    (void)state;
    assert_int_equal(cycle_ts(1000, 1002), 1000);
    assert_int_equal(cycle_ts(1000, 998), 1000);
    assert_int_equal(cycle_ts(1000, 1003), 1003);
    assert_int_equal(cycle_ts(1000, 500), 500);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(times_have_one_phase_and_whole_intervals_between),
        TEST(a_failed_fetch_is_up_0_with_its_words),
        TEST(a_fetch_that_cannot_start_is_up_0_too),
        TEST(a_body_that_does_not_parse_is_up_0_with_the_line),
        TEST(what_a_target_costs_is_known_by_itself_and_by_its_job),
        TEST(a_body_may_be_read_by_the_target_itself),
        TEST(a_target_that_says_it_is_ill_is_up_0_with_its_samples),
        TEST(an_error_status_is_up_0_and_its_body_may_be_read),
        TEST(new_series_past_the_targets_bound_are_refused_in_words_and_it_stays_up),
        TEST(a_cut_of_the_head_does_not_lose_a_cycle),
        TEST(targets_with_the_same_labels_are_told_apart_by_their_url),
        TEST(a_removed_target_leaves_all_its_series_stale),
        TEST(a_target_removed_before_its_first_cycle_leaves_nothing),
        TEST(a_cut_of_the_head_does_not_lose_the_marks_of_a_removed_target),
        TEST(a_new_target_with_the_same_labels_goes_on_without_a_mark),
        TEST(a_refused_target_is_up_0_with_the_words),
        TEST(stopping_cancels_what_is_being_fetched),
        cmocka_unit_test(the_moment_of_a_target_is_fixed_by_its_hash),
        cmocka_unit_test(a_start_within_two_milliseconds_counts_as_planned),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
