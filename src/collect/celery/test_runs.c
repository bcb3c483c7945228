#include "collect/celery/runs.h"

#include <stdio.h>

#include "base/arena.h"
#include "base/err.h"
#include "base/test.h"
#include "collect/celery/event.h"
#include "model/clips.h"
#include "model/emit.h"

#define NOW INT64_C(1731900442000)

struct fixture {
    struct clips clips;
    struct runs *runs;
    struct buf told;
    bool worker_up;
};

static int setup(void **state)
{
    static struct fixture f;

    f = (struct fixture){.worker_up = true};
    f.runs = runs_new(&f.clips);
    *state = &f;
    return 0;
}

static int teardown(void **state)
{
    struct fixture *f = *state;

    runs_free(f->runs);
    clips_fini(&f->clips);
    buf_fini(&f->told);
    return 0;
}

static void see(struct fixture *f, enum event_type type, const char *id, double at_s,
                double runtime_s)
{
    runs_see(f->runs,
             &(struct event){.type = type,
                             .uuid = str_c(id),
                             .host = STR("celery@gpu-1"),
                             .runtime_s = runtime_s,
                             .timestamp_s = NOW / 1000. + at_s,
                             .active = -1},
             STR("pipeline.transcribe"), NOW + (ts_ms)(at_s * 1000));
}

static struct buf *out;

/* "ID NAME WORKER STATUS FROM..TO", milliseconds after NOW, and + where it goes on. */
static int on_clips(struct emit *e, const struct emit_clip clips[], size_t n, uint64_t left_out,
                    struct err *err)
{
    (void)e;
    (void)err;
    (void)left_out;
    for (size_t i = 0; i < n; i++)
        buf_addf(out, "%.*s %.*s %.*s %.*s %lld..%lld%s\n", STR_ARGS(clips[i].id),
                 STR_ARGS(clips[i].name), STR_ARGS(clips[i].worker), STR_ARGS(clips[i].status),
                 (long long)(clips[i].start - NOW), (long long)(clips[i].end - NOW),
                 clips[i].open ? "+" : "");
    return 0;
}

static bool is_up(void *arg, struct str host)
{
    const struct fixture *f = arg;

    return f->worker_up && str_eq(host, STR("celery@gpu-1"));
}

static const char *tell(struct fixture *f, int64_t at_s)
{
    struct emit emit = {.clips = on_clips};
    struct err err;

    buf_reset(&f->told);
    out = &f->told;
    runs_tell(f->runs, is_up, f, NOW + at_s * 1000);
    assert_ok(clips_emit(&f->clips, &emit, &err), err);
    return buf_str(&f->told).n ? f->told.p : "";
}

static void a_task_is_told_from_its_start_to_its_end(void **state)
{
    struct fixture *f = *state;

    see(f, EVENT_TASK_STARTED, "a", 0, -1);
    assert_string_equal(tell(f, 1), "");
    see(f, EVENT_TASK_SUCCEEDED, "a", 2.5, 2.25);
    assert_string_equal(tell(f, 3), "a pipeline.transcribe celery@gpu-1 succeeded 250..2500\n");
    see(f, EVENT_TASK_STARTED, "b", 3, -1);
    see(f, EVENT_TASK_FAILED, "b", 5, -1); /* says no runtime */
    assert_string_equal(tell(f, 6), "b pipeline.transcribe celery@gpu-1 failed 3000..5000\n");
    assert_string_equal(tell(f, 90), "");
}

static void a_task_whose_start_was_not_heard_has_its_runtime(void **state)
{
    struct fixture *f = *state;

    see(f, EVENT_TASK_SUCCEEDED, "a", 10, 4);
    see(f, EVENT_TASK_REVOKED, "b", 10, -1); /* it never began */
    assert_string_equal(tell(f, 10), "a pipeline.transcribe celery@gpu-1 succeeded 6000..10000\n");
}

static void a_long_task_is_told_while_it_runs(void **state)
{
    struct fixture *f = *state;

    see(f, EVENT_TASK_STARTED, "a", 0, -1);
    assert_string_equal(tell(f, 9), "");
    assert_string_equal(tell(f, 15), "a pipeline.transcribe celery@gpu-1 started 0..15000+\n");
    assert_string_equal(tell(f, 30), "");
    assert_string_equal(tell(f, 75), "a pipeline.transcribe celery@gpu-1 started 0..75000+\n");
    see(f, EVENT_TASK_SUCCEEDED, "a", 80, 80);
    assert_true(f->clips.n == 1);
    assert_string_equal(tell(f, 81), "a pipeline.transcribe celery@gpu-1 succeeded 0..80000\n");
}

static void a_task_ends_with_its_worker(void **state)
{
    struct fixture *f = *state;

    see(f, EVENT_TASK_STARTED, "a", 0, -1);
    (void)tell(f, 15);
    f->worker_up = false;
    assert_string_equal(tell(f, 40), "a pipeline.transcribe celery@gpu-1 lost 0..40000\n");
    assert_string_equal(tell(f, 200), "");
}

static void a_clock_that_is_off_over_there_does_not_misdate_tasks(void **state)
{
    struct fixture *f = *state;

    runs_see(f->runs,
             &(struct event){.type = EVENT_TASK_SUCCEEDED,
                             .uuid = STR("a"),
                             .runtime_s = 2,
                             .timestamp_s = NOW / 1000. - 7200},
             STR("x"), NOW);
    assert_string_equal(tell(f, 1), "a x  succeeded -2000..0\n");
}

static void of_many_tasks_under_way_some_are_told_and_no_more_remembered_than_fit(void **state)
{
    struct fixture *f = *state;
    char id[20];
    size_t n = 0;

    for (unsigned i = 0; i < RUNS_MAX + 500; i++) {
        (void)snprintf(id, sizeof id, "t%u", i);
        see(f, EVENT_TASK_STARTED, id, 0, -1);
    }
    for (const char *p = tell(f, 20); (p = strchr(p, '\n')); p++)
        n++;
    assert_int_equal(n, 20);
    assert_string_equal(tell(f, 21), "");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(a_task_is_told_from_its_start_to_its_end, setup, teardown),
        cmocka_unit_test_setup_teardown(a_task_whose_start_was_not_heard_has_its_runtime, setup,
                                        teardown),
        cmocka_unit_test_setup_teardown(a_long_task_is_told_while_it_runs, setup, teardown),
        cmocka_unit_test_setup_teardown(a_task_ends_with_its_worker, setup, teardown),
        cmocka_unit_test_setup_teardown(a_clock_that_is_off_over_there_does_not_misdate_tasks,
                                        setup, teardown),
        cmocka_unit_test_setup_teardown(
            of_many_tasks_under_way_some_are_told_and_no_more_remembered_than_fit, setup, teardown),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
