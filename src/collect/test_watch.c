#include "base/test.h"

#include <stdio.h>

#include "base/arena.h"
#include "base/err.h"
#include "base/mem.h"
#include "collect/jobs.h"
#include "collect/watch.h"
#include "model/emit.h"
#include "model/labels.h"
#include "state/events.h"

#define NOW INT64_C(1700000000000)

/* The store of events: what was told, a line each. */
static struct buf told;
static unsigned dropped;

void events_tell(struct events *e, const struct event_told *t)
{
    (void)e;
    buf_addf(&told, "%s %lld%s%s %s\n", t->is.kind, (long long)(t->is.start - NOW),
             t->is.open                 ? ".."
             : t->is.end != t->is.start ? "-"
                                        : "",
             t->key ? " key" : "", t->is.text);
}

void events_drop_busy(struct events *e, uint64_t n)
{
    (void)e;
    dropped += (unsigned)n;
}

static struct watch watch;
static struct arena arena;
static struct err err;
static double values[64];
static uint64_t present[1];

static int set_up(void **state)
{
    (void)state;
    arena_init(&arena, NULL);
    watch_init(&watch, (struct events *)&told);
    buf_init(&told, 0);
    memset(values, 0, sizeof values);
    present[0] = 0;
    dropped = 0;
    return 0;
}

static int tear_down(void **state)
{
    (void)state;
    watch_fini(&watch);
    buf_fini(&told);
    arena_fini(&arena);
    return 0;
}

static const struct labels *series(const char *name, const char *label, const char *value)
{
    struct label pairs[] = {
        {STR("__name__"), str_c(name)}, {STR("job"), STR("j")}, {str_c(label), str_c(value)}};
    const struct labels *ls;

    assert_ok(labels_build(&arena, pairs, *label ? 3 : 2, &ls, &err), err);
    return ls;
}

static void set(uint32_t slot, double value)
{
    values[slot] = value;
    present[0] |= UINT64_C(1) << slot;
}

static const char *look(int64_t after_s)
{
    buf_reset(&told);
    watch_look(&watch, NOW + after_s * 1000, values, present);
    return buf_str(&told).n ? told.p : "";
}

static void a_start_that_moves_is_a_restart_and_one_that_wavers_is_none(void **state)
{
    (void)state;
    watch_add(&watch, series("process_start_time_seconds", "", ""), 3);
    set(3, (double)NOW / 1000 - 100);
    assert_string_equal(look(0), "restart -100000 j started\n");
    assert_string_equal(look(1), "");
    set(3, (double)NOW / 1000 - 99);
    assert_string_equal(look(2), "");
    set(3, (double)NOW / 1000 + 3);
    assert_string_equal(look(4), "restart 3000 j restarted\n");
}

static void a_clock_that_is_wrong_elsewhere_does_not_misdate(void **state)
{
    (void)state;
    watch_add(&watch, series("process_start_time_seconds", "", ""), 0);
    set(0, 1e12);
    assert_string_equal(look(0), "");
    set(0, 2e12);
    assert_string_equal(look(5), "restart 5000 j restarted\n");
}

static void a_group_without_processes_started_before(void **state)
{
    (void)state;
    watch_add(&watch, series("namedprocess_namegroup_oldest_start_time_seconds", "groupname", "g"),
              0);
    set(0, 0);
    assert_string_equal(look(0), "");
    set(0, (double)NOW / 1000);
    assert_string_equal(look(1), "restart 0 g started\n");
    set(0, 0);
    assert_string_equal(look(2), "");
    set(0, (double)NOW / 1000 + 1);
    assert_string_equal(look(3), "restart 1000 g restarted\n");
}

static void kills_are_told_when_their_count_rises(void **state)
{
    (void)state;
    watch_add(&watch, series("node_vmstat_oom_kill", "instance", "box"), 0);
    set(0, 7);
    assert_string_equal(look(0), "");
    set(0, 8);
    assert_string_equal(look(1), "oom 1000 box: the kernel killed a process for lack of memory\n");
    watch_add(&watch, series("earshot_process_exits_total", "reason", "oom"), 1);
    watch_add(&watch, series("earshot_process_exits_total", "reason", "exit"), 2);
    set(1, 1); /* the first of its kind */
    set(2, 1);
    assert_string_equal(look(2), "oom 2000 j: killed for lack of memory\n");
}

static const struct labels *model(const char *name, const char *state)
{
    struct label pairs[] = {{STR("__name__"), STR("soundbox_model_state")},
                            {STR("model"), str_c(name)},
                            {STR("state"), str_c(state)}};
    const struct labels *ls;

    assert_ok(labels_build(&arena, pairs, 3, &ls, &err), err);
    return ls;
}

static void a_state_is_told_with_the_one_before(void **state)
{
    (void)state;
    watch_add(&watch, model("a", "ready"), 0);
    watch_add(&watch, model("a", "unloaded"), 1);
    watch_add(&watch, model("b", "ready"), 2);
    set(0, 1);
    set(1, 0);
    set(2, 1);
    assert_string_equal(look(0), ""); /* what was found did not happen */
    set(0, 0);
    set(1, 1);
    assert_string_equal(look(1), "model 1000 a: unloaded, was ready\n");
    watch_add(&watch, model("a", "odd"), 3);
    set(1, 0);
    set(3, 1);
    assert_string_equal(look(2), "model 2000 a: odd, was unloaded\n");
}

static const struct labels *health(const char *name, const char *state)
{
    struct label pairs[] = {{STR("__name__"), STR("earshot_container_health")},
                            {STR("name"), str_c(name)},
                            {STR("state"), str_c(state)}};
    const struct labels *ls;

    assert_ok(labels_build(&arena, pairs, 3, &ls, &err), err);
    return ls;
}

static void a_container_whose_check_fails_is_told_and_that_it_is_over(void **state)
{
    static const char *const states[] = {"starting", "healthy", "unhealthy"};

    (void)state;
    for (uint32_t i = 0; i < 3; i++) {
        watch_add(&watch, health("a", states[i]), i);
        set(i, i == 0);
    }
    assert_string_equal(look(0), "");
    set(0, 0);
    set(1, 1);
    assert_string_equal(look(1), ""); /* as it should be */
    set(1, 0);
    set(2, 1);
    assert_string_equal(look(2), "health 2000 a: unhealthy, was healthy\n");
    set(2, 0);
    set(1, 1);
    assert_string_equal(look(3), "health 3000 a: healthy, was unhealthy\n");
}

static void kills_in_a_container_are_told_by_its_name(void **state)
{
    (void)state;
    watch_add(&watch, series("container_oom_events_total", "name", "web"), 0);
    set(0, 0);
    assert_string_equal(look(0), "");
    set(0, 1);
    assert_string_equal(look(1), "oom 1000 web: the kernel killed a process for lack of memory\n");
}

static void a_series_that_comes_and_goes_is_a_model_that_does(void **state)
{
    (void)state;
    (void)look(0);
    watch_add(&watch, series("ollama_model_size_bytes", "model", "q"), 0);
    set(0, 5);
    assert_string_equal(look(1), "model 1000 q was loaded\n");
    present[0] = 0;
    assert_string_equal(look(2), "model 2000 q was unloaded\n");
    assert_string_equal(look(3), "");
}

static void new_slots_change_nothing(void **state)
{
    (void)state;
    watch_add(&watch, series("process_start_time_seconds", "", ""), 0);
    set(0, 1000);
    (void)look(0);
    watch_forget_slots(&watch);
    assert_string_equal(look(1), "");
    watch_add(&watch, series("process_start_time_seconds", "", ""), 5);
    set(5, 1000);
    assert_string_equal(look(2), "");
    set(5, 2000);
    assert_string_equal(look(3), "restart -1699998000000 j restarted\n");
    assert_int_equal(watch.n, 1);
}

static void too_many_in_a_minute_are_dropped_and_counted(void **state)
{
    (void)state;
    watch_add(&watch, series("node_vmstat_oom_kill", "", ""), 0);
    for (int i = 0; i < 100; i++) {
        set(0, i);
        (void)look(0);
    }
    assert_int_equal(dropped, 39); /* the first count is none */
    set(0, 1000);
    assert_string_not_equal(look(60), "");
}

static void too_many_series_are_not_watched_and_counted(void **state)
{
    (void)state;
    for (unsigned i = 0; i < WATCHED_MAX + 5; i++) {
        char name[20];

        (void)snprintf(name, sizeof name, "m%u", i);
        watch_add(&watch, series("ollama_model_size_bytes", "model", name), i % 64);
    }
    assert_int_equal(watch.unwatched, 5);
    assert_int_equal(watch.n, WATCHED_MAX);
}

/* ---- jobs ---- */

static struct jobs jobs;

static const char *list(int64_t after_s, const char *const rows[][2])
{
    const struct labels *ls = series("x", "", "");

    buf_reset(&told);
    for (size_t i = 0; rows && rows[i][0]; i++)
        jobs_note(&jobs, &(struct emit_job){.id = str_c(rows[i][0]),
                                            .status = str_c(rows[i][1]),
                                            .model = STR("m")});
    assert_ok(jobs_end(&jobs, &watch, ls, NOW + after_s * 1000, &err), err);
    return buf_str(&told).n ? told.p : "";
}
#define LIST(after, ...) list(after, (const char *const[][2]){__VA_ARGS__, {NULL, NULL}})

static void a_job_is_told_from_its_beginning_to_its_end(void **state)
{
    (void)state;
    assert_string_equal(LIST(0, {"1", "queued"}, {"2", "Processing"}),
                        "job 0.. key m job 2: Processing\n");
    assert_string_equal(LIST(1, {"1", "queued"}, {"2", "processing"}), "");
    assert_string_equal(LIST(5, {"1", "running"}, {"2", "done"}),
                        "job 5000.. key m job 1: running\njob 0- key m job 2: done\n");
    assert_string_equal(LIST(6, {"1", "running"}, {"2", "done"}), "");
    assert_string_equal(list(8, NULL), "job 5000- key m job 1: running\n");
    assert_string_equal(list(9, NULL), "");
    jobs_fini(&jobs);
}

static void a_long_job_is_told_again_each_minute(void **state)
{
    (void)state;
    (void)LIST(0, {"1", "running"});
    assert_string_equal(LIST(59, {"1", "running"}), "");
    assert_string_equal(LIST(61, {"1", "running"}), "job 0.. key m job 1: running\n");
    jobs_fini(&jobs);
}

static void a_job_between_two_looks_is_told_but_not_what_ended_before_the_first(void **state)
{
    (void)state;
    assert_string_equal(LIST(0, {"1", "done"}), "");
    assert_string_equal(LIST(5, {"1", "done"}, {"2", "failed"}), "job 0- key m job 2: failed\n");
    jobs_fini(&jobs);
}

static void a_list_of_a_failed_cycle_counts_for_nothing(void **state)
{
    (void)state;
    (void)LIST(0, {"1", "running"});
    jobs_note(&jobs, &(struct emit_job){.id = STR("2"), .status = STR("running")});
    jobs_discard(&jobs);
    assert_string_equal(LIST(1, {"1", "running"}), "");
    assert_int_equal(jobs.n, 1);
    jobs_fini(&jobs);
}

static const char *clip(const struct emit_clip *c)
{
    buf_reset(&told);
    assert_ok(jobs_tell(c, &watch, series("x", "", ""), NOW, &err), err);
    return buf_str(&told).n ? told.p : "";
}

static void a_job_with_its_times_is_told_as_it_comes(void **state)
{
    const struct emit_clip c = {.id = STR("7"),
                                .model = STR("htdemucs"),
                                .status = STR("failed"),
                                .start = NOW - 5000,
                                .end = NOW};

    (void)state;
    assert_string_equal(clip(&c), "job -5000- key htdemucs job 7: failed\n");
    assert_string_equal(clip(&(struct emit_clip){.start = NOW, .end = NOW, .status = STR("ok")}),
                        "job 0 key job: ok\n");
}

static void jobs_past_so_many_a_minute_are_dropped_but_not_the_end_of_one_that_was_told(
    void **state)
{
    struct emit_clip c = {.id = STR("7"), .status = STR("done"), .start = NOW, .end = NOW};

    (void)state;
    for (unsigned i = 0; i < 60; i++)
        (void)clip(&c);
    assert_int_equal(dropped, 0);
    assert_string_equal(clip(&c), "");
    assert_int_equal(dropped, 1);
    c.again = true;
    assert_string_equal(clip(&c), "job 0 key job 7: done\n");
}

#define TEST(f) cmocka_unit_test_setup_teardown(f, set_up, tear_down)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(a_start_that_moves_is_a_restart_and_one_that_wavers_is_none),
        TEST(a_clock_that_is_wrong_elsewhere_does_not_misdate),
        TEST(a_group_without_processes_started_before),
        TEST(kills_are_told_when_their_count_rises),
        TEST(a_state_is_told_with_the_one_before),
        TEST(a_container_whose_check_fails_is_told_and_that_it_is_over),
        TEST(kills_in_a_container_are_told_by_its_name),
        TEST(a_series_that_comes_and_goes_is_a_model_that_does),
        TEST(new_slots_change_nothing),
        TEST(too_many_in_a_minute_are_dropped_and_counted),
        TEST(too_many_series_are_not_watched_and_counted),
        TEST(a_job_is_told_from_its_beginning_to_its_end),
        TEST(a_long_job_is_told_again_each_minute),
        TEST(a_job_between_two_looks_is_told_but_not_what_ended_before_the_first),
        TEST(a_list_of_a_failed_cycle_counts_for_nothing),
        TEST(a_job_with_its_times_is_told_as_it_comes),
        TEST(jobs_past_so_many_a_minute_are_dropped_but_not_the_end_of_one_that_was_told),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
