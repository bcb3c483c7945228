/* Pools of jobs that a test writes, on a real loop with real lanes; fetches and store are scripted.
 */
#include "base/test.h"

#include <stdio.h>

#include "base/arena.h"
#include "base/err.h"
#include "base/mem.h"
#include "collect/collect.h"
#include "collect/fake_fetch.h"
#include "collect/pool.h"
#include "collect/pools.h"
#include "collect/scrape_settings.h"
#include "collect/scripted_sink.h"
#include "http/client_settings.h"
#include "model/labels.h"
#include "sys/clock.h"
#include "sys/lanes.h"

#define INTERVAL_MS 20

struct fixture {
    struct scripted_sink sink;
    struct arena arena;
    struct loop *loop;
    struct lanes *lanes;
    struct collect *collect;
    struct pools *pools;
    struct pools_owner owner;
    unsigned freed;
    struct err err;
};

static const struct client_settings client = {.follow_redirects = true};

static void on_freed(struct pools_owner *owner)
{
    CONTAINER_OF(owner, struct fixture, owner)->freed++;
}

static int set_up(void **state)
{
    struct fixture *f = mem_new(struct fixture);
    struct collect_context context;

    *state = f;
    fake_fetch_answer = (struct fetch_result){
        .status = 200, .content_type = STR("text/plain"), .body = STR("a 1\n")};
    fake_fetch_silent = fake_fetch_refuses = false;
    scripted_sink_init(&f->sink);
    arena_init(&f->arena, NULL);
    assert_ok(loop_new(&f->loop, &f->err), f->err);
    f->lanes = lanes_new(f->loop);
    context = (struct collect_context){.loop = f->loop,
                                       .lanes = f->lanes,
                                       .fetcher = (struct fetcher *)f->loop,
                                       .sink = &f->sink.sink,
                                       .clock = clock_real()};
    assert_ok(collect_new(&context, &f->collect, &f->err), f->err);
    f->pools = pools_new(f->collect);
    f->owner = (struct pools_owner){1, on_freed};
    return 0;
}

static void stop(void *arg)
{
    loop_stop(arg);
}

static void run_ms(struct fixture *f, int64_t ms)
{
    struct loop_timer *timer = loop_timer_new(f->loop, ms, 0, stop, f->loop);

    loop_run(f->loop);
    loop_timer_free(timer);
}

/* Lets the loop run until it is so; a busy machine takes its time. */
#define AWAIT(f, condition)                                                                        \
    do {                                                                                           \
        for (int awaited = 0; awaited < 500 && !(condition); awaited++)                            \
            run_ms((f), 10);                                                                       \
        assert_true(condition);                                                                    \
    } while (0)

static int tear_down(void **state)
{
    struct fixture *f = *state;

    collect_stop(f->collect, 10000, stop, f->loop);
    loop_run(f->loop);
    assert_int_equal(lanes_free(f->lanes), 0);
    loop_drain(f->loop);
    pools_free(f->pools);
    collect_free(f->collect);
    loop_drain(f->loop);
    loop_free(f->loop);
    assert_int_equal(f->sink.groups_open, 0);
    assert_int_equal(fake_fetch_alive, 0);
    assert_int_equal(f->owner.refs, 1);
    scripted_sink_fini(&f->sink);
    arena_fini(&f->arena);
    mem_free(f);
    return 0;
}

/* One group of targets at these addresses. */
static const struct target_group *group(struct fixture *f, const char *const addresses[], size_t n)
{
    struct target_group *g = arena_new(&f->arena, struct target_group, &f->err);
    const struct labels **all = arena_new_array(&f->arena, const struct labels *, n, &f->err);

    for (size_t i = 0; i < n; i++) {
        struct label address = {STR("__address__"), str_c(addresses[i])};

        assert_ok(labels_build(&f->arena, &address, 1, &all[i], &f->err), f->err);
    }
    *g = (struct target_group){"0", all, n, &labels_empty};
    return g;
}

static struct scrape_job job_of(const char *name, uint64_t fingerprint,
                                const struct target_group *g)
{
    return (struct scrape_job){.name = name,
                               .interval_ms = INTERVAL_MS,
                               .timeout_ms = INTERVAL_MS,
                               .scheme = "http",
                               .metrics_path = "/metrics",
                               .client = &client,
                               .static_groups = g,
                               .static_groups_n = g ? 1 : 0,
                               .fingerprint = fingerprint};
}

/* The instances of all targets, in order. */
static const char *targets(struct fixture *f)
{
    static char text[500];
    struct target_status *all;
    size_t n, length = 0;

    text[0] = '\0';
    assert_ok(collect_status(f->collect, &f->arena, &all, &n, &f->err), f->err);
    for (size_t i = 0; i < n; i++) {
        struct str instance = labels_get(all[i].labels, STR("instance"));

        length += (size_t)snprintf(text + length, sizeof text - length, "%s/%.*s ", all[i].job,
                                   STR_ARGS(instance));
    }
    return text;
}

static void apply(struct fixture *f, const struct scrape_job *jobs, size_t n)
{
    pools_apply(f->pools, jobs, n, &f->owner);
}

static void the_same_target_twice_is_one(void **state)
{
    static const char *const addresses[] = {"a:1", "b:1", "a:1"};
    struct fixture *f = *state;
    const struct scrape_job job = job_of("j", 1, group(f, addresses, 3));

    apply(f, &job, 1);
    assert_string_equal(targets(f), "j/a:1 j/b:1 ");
    assert_int_equal(pool_status(pools_at(f->pools, 0)).targets_n, 2);
    assert_int_equal(pool_status(pools_at(f->pools, 0)).refused_n, 0);
}

static void what_is_no_target_is_counted_and_told(void **state)
{
    static const char *const addresses[] = {"a:1", "http://b:1"};
    struct fixture *f = *state;
    const struct scrape_job job = job_of("j", 1, group(f, addresses, 2));
    struct pool_status s;

    apply(f, &job, 1);
    s = pool_status(pools_at(f->pools, 0));
    assert_int_equal(s.targets_n, 1);
    assert_int_equal(s.refused_n, 1);
    assert_true(*s.refused_text);
}

static void an_unchanged_job_is_left_alone_and_one_that_is_gone_ends_stale(void **state)
{
    static const char *const addresses[] = {"a:1"};
    struct fixture *f = *state;
    const struct target_group *g = group(f, addresses, 1);
    const struct scrape_job before[] = {job_of("gone", 1, g), job_of("kept", 2, g)};
    const struct scrape_job after[] = {job_of("kept", 2, g)};
    const struct pool *kept;
    const char *record;

    apply(f, before, 2);
    assert_int_equal(f->owner.refs, 3);
    kept = pools_at(f->pools, 1);
    run_ms(f, 3 * INTERVAL_MS);
    (void)scripted_sink_take(&f->sink);
    apply(f, after, 1);
    assert_ptr_equal(pools_at(f->pools, 0), kept);
    assert_string_equal(targets(f), "kept/a:1 ");
    run_ms(f, 3 * INTERVAL_MS);
    record = scripted_sink_take(&f->sink);
    assert_non_null(strstr(record, "up{instance=\"a:1\", job=\"gone\"} stale"));
    assert_null(strstr(record, "job=\"kept\"} stale"));
    assert_int_equal(f->owner.refs, 2);
}

static void a_changed_job_goes_on_with_the_series_of_targets_that_stay(void **state)
{
    static const char *const before[] = {"a:1", "b:1"}, *const after[] = {"a:1", "c:1"};
    struct fixture *f = *state;
    const struct scrape_job first = job_of("j", 1, group(f, before, 2)),
                            second = job_of("j", 2, group(f, after, 2));
    const char *record;

    apply(f, &first, 1);
    run_ms(f, 3 * INTERVAL_MS);
    (void)scripted_sink_take(&f->sink);
    apply(f, &second, 1);
    assert_string_equal(targets(f), "j/a:1 j/c:1 ");
    run_ms(f, 3 * INTERVAL_MS);
    record = scripted_sink_take(&f->sink);
    assert_null(strstr(record, "stale")); /* nothing yet: the new discovery might find b:1 */
    assert_non_null(strstr(record, "up{instance=\"a:1\", job=\"j\"} 1"));
    run_ms(f, 2100);
    record = scripted_sink_take(&f->sink);
    assert_null(strstr(record, "up{instance=\"a:1\", job=\"j\"} stale"));
    assert_non_null(strstr(record, "up{instance=\"b:1\", job=\"j\"} stale"));
    assert_int_equal(f->owner.refs, 2);
}

static void more_targets_than_the_limit_go_down_together(void **state)
{
    static const char *const addresses[] = {"a:1", "b:1"};
    struct fixture *f = *state;
    struct scrape_job job = job_of("j", 1, group(f, addresses, 2));
    struct target_status *all;
    size_t n;

    job.limits.targets = 1;
    apply(f, &job, 1);
    run_ms(f, 3 * INTERVAL_MS);
    assert_ok(collect_status(f->collect, &f->arena, &all, &n, &f->err), f->err);
    assert_int_equal(n, 2);
    for (size_t i = 0; i < n; i++)
        assert_string_equal(all[i].last_error, "2 targets are more than target_limit 1 of the job");
}

static void targets_come_and_go_with_a_discovery(void **state)
{
    struct fixture *f = *state;
    const struct http_discovery sd = {"http://sd/", "http://sd/", 50, &client};
    struct scrape_job job = job_of("j", 1, NULL);

    job.https = &sd;
    job.https_n = 1;
    fake_fetch_answer = (struct fetch_result){.status = 200,
                                              .content_type = STR("application/json"),
                                              .body = STR("[{\"targets\":[\"a:1\"]}]")};
    apply(f, &job, 1);
    assert_string_equal(targets(f), "");
    AWAIT(f, strcmp(targets(f), "j/a:1 ") == 0);
    assert_string_equal(pool_status(pools_at(f->pools, 0)).discovery_text, "");
    fake_fetch_answer.status = 500;
    AWAIT(f, strcmp(pool_status(pools_at(f->pools, 0)).discovery_text,
                    "the server answered with HTTP status 500") == 0);
    assert_string_equal(targets(f), "j/a:1 ");
    assert_string_equal(pool_status(pools_at(f->pools, 0)).discovery_key, "http_sd_configs");
    apply(f, NULL, 0);
    assert_string_equal(targets(f), "");
    AWAIT(f, f->owner.refs == 1);
}

static void many_targets_are_made_on_a_lane(void **state)
{
    const char *addresses[150];
    struct fixture *f = *state;
    struct scrape_job job;

    for (size_t i = 0; i < 150; i++)
        addresses[i] = arena_printf(&f->arena, &f->err, "h%zu:1", i);
    job = job_of("j", 1, group(f, addresses, 150));
    job.interval_ms = job.timeout_ms = 3600000;
    apply(f, &job, 1);
    assert_int_equal(pool_status(pools_at(f->pools, 0)).targets_n, 0);
    AWAIT(f, pool_status(pools_at(f->pools, 0)).targets_n == 150);
    apply(f, &job, 1);
    apply(f, NULL, 0); /* with nothing made */
    AWAIT(f, f->owner.refs == 1);
    apply(f, &job, 1);
    apply(f, NULL, 0); /* while the lane makes them */
    run_ms(f, 300);
    assert_int_equal(f->owner.refs, 1);
    assert_string_equal(targets(f), "");
}

/* ---- many jobs ---- */

#define MANY 120

static void run_until_all(struct fixture *f)
{
    for (int i = 0; pools_n(f->pools) < MANY && i < 2000; i++)
        run_ms(f, 5);
    assert_int_equal(pools_n(f->pools), MANY);
    assert_int_equal(collect_stats(f->collect).targets, MANY);
}

static void many_jobs_change_in_slices_and_all_are_there_in_the_end(void **state)
{
    static const char *const addresses[] = {"a:1"};
    struct fixture *f = *state;
    const struct target_group *g = group(f, addresses, 1);
    struct scrape_job jobs[4][MANY];

    for (size_t i = 0; i < MANY; i++)
        for (uint64_t version = 0; version < 4; version++) {
            const char *name = arena_printf(&f->arena, &f->err, "j%zu", i);

            jobs[version][i] = job_of(name, version, g);
            jobs[version][i].interval_ms = jobs[version][i].timeout_ms = 3600000;
        }
    apply(f, jobs[0], MANY);
    assert_true(pools_n(f->pools) > 0 && pools_n(f->pools) < MANY);
    run_until_all(f);
    apply(f, jobs[1], MANY);
    assert_int_equal(pools_n(f->pools), 0);
    assert_true(collect_stats(f->collect).targets > 0); /* some still run */
    apply(f, jobs[2], MANY);                            /* in the middle of the one before */
    run_until_all(f);
    for (size_t i = 0; i < MANY; i++)
        assert_int_equal(pool_job(pools_at(f->pools, i))->fingerprint, 2);
    for (int i = 0; f->owner.refs > 1 + MANY && i < 2000; i++)
        run_ms(f, 5);
    assert_int_equal(f->owner.refs, 1 + MANY);
    apply(f, jobs[3], MANY); /* and the program ends */
}

int main(void)
{
#define TEST(t) cmocka_unit_test_setup_teardown(t, set_up, tear_down)
    const struct CMUnitTest tests[] = {
        TEST(the_same_target_twice_is_one),
        TEST(what_is_no_target_is_counted_and_told),
        TEST(an_unchanged_job_is_left_alone_and_one_that_is_gone_ends_stale),
        TEST(a_changed_job_goes_on_with_the_series_of_targets_that_stay),
        TEST(more_targets_than_the_limit_go_down_together),
        TEST(targets_come_and_go_with_a_discovery),
        TEST(many_targets_are_made_on_a_lane),
        TEST(many_jobs_change_in_slices_and_all_are_there_in_the_end),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
