#include "sys/lanes.h"

#include <pthread.h>
#include <semaphore.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

#include "base/err.h"
#include "base/mem.h"
#include "base/test.h"
#include "sys/thread.h"

struct fixture {
    struct loop *loop;
    struct lanes *lanes;
    size_t dones, unrun, wanted; /* the loop stops when dones == wanted */
    sem_t gate;
    atomic_int ran;
};

struct job {
    struct lane_job base;
    struct fixture *f;
};

static int set_up(void **state)
{
    struct fixture *f = mem_new(struct fixture);
    struct err err;

    *state = f;
    if (loop_new(&f->loop, &err) < 0)
        return -1;
    f->lanes = lanes_new(f->loop);
    sem_init(&f->gate, 0, 0);
    return 0;
}

static int tear_down(void **state)
{
    struct fixture *f = *state;

    if (lanes_free(f->lanes))
        return -1;
    loop_free(f->loop);
    sem_destroy(&f->gate);
    mem_free(f);
    return 0;
}

static void count(struct lane_job *base)
{
    struct job *job = CONTAINER_OF(base, struct job, base);

    atomic_fetch_add(&job->f->ran, 1);
}

static void wait_at_gate(struct lane_job *base)
{
    struct job *job = CONTAINER_OF(base, struct job, base);

    while (sem_wait(&job->f->gate) < 0)
        ;
    atomic_fetch_add(&job->f->ran, 1);
}

static void spin_until_cancelled(struct lane_job *base)
{
    while (!atomic_load(&base->cancelled))
        (void)usleep(100);
    count(base);
}

static void on_done(struct lane_job *base)
{
    struct job *job = CONTAINER_OF(base, struct job, base);
    struct fixture *f = job->f;

    assert_true(loop_is_here(f->loop));
    f->unrun += !base->was_run;
    if (++f->dones == f->wanted)
        loop_stop(f->loop);
    mem_free(job);
}

static struct job *job_new(struct fixture *f, void (*run)(struct lane_job *job))
{
    struct job *job = mem_new(struct job);

    job->base.run = run;
    job->base.done = on_done;
    job->f = f;
    return job;
}

static struct job *submit(struct fixture *f, enum lane class, void (*run)(struct lane_job *job))
{
    struct job *job = job_new(f, run);
    struct err err;

    assert_ok(lanes_submit(f->lanes, class, &job->base, &err), err);
    return job;
}

static void each_job_runs_once_and_is_done_on_the_loop(void **state)
{
    struct fixture *f = *state;

    f->wanted = 300;
    for (int i = 0; i < 100; i++) {
        (void)submit(f, LANE_QUERY, count);
        (void)submit(f, LANE_PARSE, count);
        (void)submit(f, LANE_RULES, count);
    }
    loop_run(f->loop);
    assert_int_equal(f->ran, 300);
    assert_int_equal(f->unrun, 0);
}

static void *submit_elsewhere(void *arg)
{
    struct fixture *f = arg;

    for (int i = 0; i < 50; i++) {
        (void)submit(f, LANE_QUERY, count);
        (void)submit(f, LANE_UPKEEP, count);
    }
    return NULL;
}

static void jobs_may_come_from_any_thread(void **state)
{
    struct fixture *f = *state;
    pthread_t thread;
    struct err err;

    f->wanted = 100;
    assert_ok(thread_start(&thread, "submitter", submit_elsewhere, f, &err), err);
    loop_run(f->loop);
    pthread_join(thread, NULL);
    assert_int_equal(f->ran, 100);
}

static void a_full_queue_refuses(void **state)
{
    struct fixture *f = *state;
    struct job *last = job_new(f, wait_at_gate);
    struct err err;
    size_t taken = 0;

    while (lanes_submit(f->lanes, LANE_RULES, &last->base, &err) == 0) {
        taken++;
        last = job_new(f, count);
    }
    assert_int_equal(err.kind, ERR_LIMIT);
    mem_free(last);
    assert_true(taken == 1024 || taken == 1025); /* one may be out of the queue already */
    sem_post(&f->gate);
    f->wanted = taken;
    loop_run(f->loop);
    assert_int_equal(f->unrun, 0);
}

static void a_queued_job_that_is_cancelled_never_runs(void **state)
{
    struct fixture *f = *state;
    struct job *queued;

    (void)submit(f, LANE_RULES, wait_at_gate);
    queued = submit(f, LANE_RULES, count);
    lanes_cancel(&queued->base);
    assert_int_equal(f->dones, 0); /* not called from within */
    sem_post(&f->gate);
    f->wanted = 2;
    loop_run(f->loop);
    assert_int_equal(f->ran + (int)f->unrun, 2);
    assert_true(f->unrun >= 1);
}

static void a_running_job_sees_that_it_is_cancelled(void **state)
{
    struct fixture *f = *state;
    struct job *job = submit(f, LANE_QUERY, spin_until_cancelled);

    while (!lanes_stats(f->lanes, LANE_QUERY).running)
        (void)usleep(100);
    lanes_cancel(&job->base);
    f->wanted = 1;
    loop_run(f->loop);
    assert_int_equal(f->ran, 1);
    assert_int_equal(f->unrun, 0);
}

static void free_cancels_what_runs_and_what_waits(void **state)
{
    struct fixture *f = *state;

    for (int i = 0; i < 20; i++) {
        (void)submit(f, LANE_QUERY, spin_until_cancelled);
        (void)submit(f, LANE_SLOW, spin_until_cancelled);
    }
    assert_int_equal(lanes_free(f->lanes), 0);
    assert_int_equal(f->dones, 40);
    assert_int_equal((size_t)f->ran + f->unrun, 40);
    f->lanes = lanes_new(f->loop);
}

static void slow_jobs_do_not_wait_for_many_that_hang(void **state)
{
    struct fixture *f = *state;

    for (int i = 0; i < 63; i++)
        (void)submit(f, LANE_SLOW, wait_at_gate);
    (void)submit(f, LANE_SLOW, count);
    f->wanted = 1;
    loop_run(f->loop);
    assert_int_equal(f->ran, 1);
    assert_int_equal(lanes_stats(f->lanes, LANE_SLOW).threads, 64);
    for (int i = 0; i < 63; i++)
        sem_post(&f->gate);
    f->wanted = 64;
    loop_run(f->loop);
}

static void stop_when_256_are_stuck(void *arg)
{
    struct fixture *f = arg;

    if (lanes_stats(f->lanes, LANE_LATE).stuck == 256)
        loop_stop(f->loop);
}

static void jobs_that_are_stuck_give_up_their_place_and_there_is_a_bound(void **state)
{
    struct fixture *f = *state;
    struct loop_timer *look = loop_timer_new(f->loop, 20, 20, stop_when_256_are_stuck, f);
    struct err err;

    for (int i = 0; i < 300; i++) {
        struct job *job = job_new(f, wait_at_gate);

        job->base.deadline_ns = 1; /* long past */
        assert_ok(lanes_submit(f->lanes, LANE_LATE, &job->base, &err), err);
    }
    loop_run(f->loop);
    loop_timer_free(look);
    (void)submit(f, LANE_SLOW, count); /* those that come back are not touched */
    f->wanted = 1;
    loop_run(f->loop);
    assert_int_equal(f->ran, 1);
    assert_int_equal(lanes_stats(f->lanes, LANE_LATE).threads, 256);
    for (int i = 0; i < 300; i++)
        sem_post(&f->gate);
    f->wanted = 301;
    loop_run(f->loop);
}

static void outlive_the_wait(struct lane_job *base)
{
    struct job *job = CONTAINER_OF(base, struct job, base);

    while (sem_wait(&job->f->gate) < 0)
        ;
}

static void expect_hanging_to_be_told(struct fixture *f, enum lane class)
{
    struct job *job = submit(f, class, outlive_the_wait);

    job->base.deadline_ns = 1; /* long past */
    while (!lanes_stats(f->lanes, class).running)
        (void)usleep(100);
    assert_int_equal(lanes_free(f->lanes), 1);
    assert_int_equal(lanes_stats(f->lanes, class).running, 1);
    sem_post(&f->gate);
    while (lanes_stats(f->lanes, class).threads)
        (void)usleep(100);
    assert_int_equal(lanes_free(f->lanes), 0);
    f->lanes = lanes_new(f->loop);
}

static void a_job_that_hangs_is_told_by_free_and_stays(void **state)
{
    struct fixture *f = *state;

    expect_hanging_to_be_told(f, LANE_SLOW);
    expect_hanging_to_be_told(f, LANE_CATCH_UP);
    assert_int_equal(f->dones, 2);
}

struct niced {
    struct lane_job base;
    struct fixture *f;
    int nice;
};

static void work_a_while(void)
{
    struct timespec began, now;

    (void)clock_gettime(CLOCK_THREAD_CPUTIME_ID, &began);
    do
        (void)clock_gettime(CLOCK_THREAD_CPUTIME_ID, &now);
    while ((now.tv_sec - began.tv_sec) * 1000000000 + now.tv_nsec - began.tv_nsec < 500000);
}

static void run_until_niced(struct lane_job *base)
{
    struct niced *n = CONTAINER_OF(base, struct niced, base);

    for (int i = 0; i < 5000 && n->nice <= 0; i++) {
        work_a_while();
        n->nice = getpriority(PRIO_PROCESS, (id_t)syscall(SYS_gettid));
    }
}

static void stop_when_niced(struct lane_job *base)
{
    loop_stop(CONTAINER_OF(base, struct niced, base)->f->loop);
}

static void look_at_nice(struct lane_job *base)
{
    CONTAINER_OF(base, struct niced, base)->nice =
        getpriority(PRIO_PROCESS, (id_t)syscall(SYS_gettid));
}

static void a_long_query_becomes_nice_and_the_next_one_is_not(void **state)
{
    struct fixture *f = *state;
    struct niced n = {.base = {.run = run_until_niced, .done = stop_when_niced}, .f = f};
    struct err err;

    assert_ok(lanes_submit(f->lanes, LANE_QUERY, &n.base, &err), err);
    loop_run(f->loop);
    assert_int_equal(n.nice, 10);
    n.base.run = look_at_nice;
    assert_ok(lanes_submit(f->lanes, LANE_QUERY, &n.base, &err), err);
    loop_run(f->loop);
    assert_int_equal(n.nice, getpriority(PRIO_PROCESS, 0));
}

static void catching_up_is_nice_from_the_start(void **state)
{
    struct fixture *f = *state;
    struct niced n = {.base = {.run = look_at_nice, .done = stop_when_niced}, .f = f};
    struct err err;

    assert_ok(lanes_submit(f->lanes, LANE_CATCH_UP, &n.base, &err), err);
    loop_run(f->loop);
    assert_int_equal(n.nice, 10);
}

static pthread_key_t at_the_end;

static void linger(void *gate)
{
    while (sem_wait(gate) < 0)
        ;
}

static void run_until_niced_and_linger(struct lane_job *base)
{
    (void)pthread_setspecific(at_the_end, &CONTAINER_OF(base, struct niced, base)->f->gate);
    run_until_niced(base);
}

static void the_loop_waits_for_no_thread_that_takes_long_to_end(void **state)
{
    struct fixture *f = *state;
    struct niced n = {.base = {.run = run_until_niced_and_linger, .done = stop_when_niced}, .f = f};
    struct err err;

    assert_int_equal(pthread_key_create(&at_the_end, linger), 0);
    assert_ok(lanes_submit(f->lanes, LANE_QUERY, &n.base, &err), err);
    loop_run(f->loop);
    assert_int_equal(n.nice, 10);
    while (lanes_stats(f->lanes, LANE_QUERY).threads)
        (void)usleep(100);
    f->wanted = 100;
    for (size_t i = 0; i < f->wanted; i++)
        (void)submit(f, LANE_PARSE, count);
    loop_run(f->loop); /* looks for threads to join at each mail */
    assert_int_equal(f->ran, 100);
    sem_post(&f->gate);
    assert_int_equal(lanes_free(f->lanes), 0);
    f->lanes = lanes_new(f->loop);
    (void)pthread_key_delete(at_the_end);
}

struct waiting {
    struct job base;
    int nice;
    bool told_to_rest;
};

static void wait_long_for_something(struct lane_job *base)
{
    struct waiting *w = CONTAINER_OF(base, struct waiting, base.base);

    for (int i = 0; i < 15; i++) { /* far longer than one may work, with next to no work */
        (void)usleep(10000);
        w->told_to_rest |= atomic_load(&base->must_rest);
    }
    w->nice = getpriority(PRIO_PROCESS, (id_t)syscall(SYS_gettid));
}

static void stop_after_all(struct lane_job *base)
{
    struct fixture *f = CONTAINER_OF(base, struct waiting, base.base)->base.f;

    if (++f->dones == f->wanted)
        loop_stop(f->loop);
}

static void a_query_that_waits_is_not_taken_for_a_long_one(void **state)
{
    struct fixture *f = *state;
    struct waiting w[8] = {0};
    struct err err;

    f->wanted = ARRAY_LEN(w);
    for (size_t i = 0; i < ARRAY_LEN(w); i++) {
        w[i].base =
            (struct job){.base = {.run = wait_long_for_something, .done = stop_after_all}, .f = f};
        assert_ok(lanes_submit(f->lanes, LANE_QUERY, &w[i].base.base, &err), err);
    }
    loop_run(f->loop);
    for (size_t i = 0; i < ARRAY_LEN(w); i++) {
        assert_int_equal(w[i].nice, getpriority(PRIO_PROCESS, 0));
        assert_false(w[i].told_to_rest);
    }
}

/* Works until cancelled, as a query does: it rests when it is told to. */
static void run_on_and_rest(struct lane_job *base)
{
    while (!atomic_load(&base->cancelled)) {
        lanes_rest(base);
        work_a_while();
    }
}

static void a_short_query_finds_a_lane_beside_many_long_ones(void **state)
{
    struct fixture *f = *state;
    struct job *long_ones[30];
    struct niced n = {.base = {.run = look_at_nice, .done = stop_when_niced}, .f = f};
    struct err err;

    for (size_t i = 0; i < ARRAY_LEN(long_ones); i++)
        long_ones[i] = submit(f, LANE_QUERY, run_on_and_rest);
    assert_ok(lanes_submit(f->lanes, LANE_QUERY, &n.base, &err), err);
    loop_run(f->loop); /* would not end: the long ones have all lanes */
    for (size_t i = 0; i < ARRAY_LEN(long_ones); i++)
        lanes_cancel(&long_ones[i]->base);
    f->wanted = ARRAY_LEN(long_ones);
    loop_run(f->loop);
}

int main(void)
{
#define TEST(f) cmocka_unit_test_setup_teardown(f, set_up, tear_down)
    const struct CMUnitTest tests[] = {
        TEST(each_job_runs_once_and_is_done_on_the_loop),
        TEST(jobs_may_come_from_any_thread),
        TEST(a_full_queue_refuses),
        TEST(a_queued_job_that_is_cancelled_never_runs),
        TEST(a_running_job_sees_that_it_is_cancelled),
        TEST(free_cancels_what_runs_and_what_waits),
        TEST(slow_jobs_do_not_wait_for_many_that_hang),
        TEST(jobs_that_are_stuck_give_up_their_place_and_there_is_a_bound),
        TEST(a_job_that_hangs_is_told_by_free_and_stays),
        TEST(a_long_query_becomes_nice_and_the_next_one_is_not),
        TEST(catching_up_is_nice_from_the_start),
        TEST(the_loop_waits_for_no_thread_that_takes_long_to_end),
        TEST(a_query_that_waits_is_not_taken_for_a_long_one),
        TEST(a_short_query_finds_a_lane_beside_many_long_ones),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
