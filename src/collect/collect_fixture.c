#include "collect/collect_fixture.h"

#include "base/mem.h"
#include "base/test.h"
#include "collect/fake_fetch.h"
#include "model/labels.h"
#include "sys/clock.h"

static struct fixture *now;

static void on_enough(struct loop_message *m)
{
    (void)m;
    now->stop_posted = false;
    if (now->sink.commits >= now->commits_wanted) /* else it is meant for the run before */
        loop_stop(now->loop);
}

/* On a lane: stops the loop when enough was committed. */
static void counting_commit(struct sink *s, struct sink_batch *batch)
{
    now->store(s, batch);
    if (now->sink.commits >= now->commits_wanted && !atomic_exchange(&now->stop_posted, true))
        loop_post(now->loop, &now->enough);
}

static void give_up(void *arg)
{
    (void)arg;
    fail_msg("nothing happened for 20 s");
}

int set_up(void **state)
{
    struct fixture *f = mem_new(struct fixture);
    struct label labels[] = {{STR("job"), STR("j")}, {STR("instance"), STR("i")}};
    struct collect_context context;

    now = f;
    fake_fetch_answer = (struct fetch_result){
        .status = 200, .content_type = STR("text/plain"), .body = STR("a 1\n")};
    fake_fetch_silent = fake_fetch_refuses = false;
    fake_fetch_started = 0;
    scripted_sink_init(&f->sink);
    f->store = f->sink.sink.commit;
    f->sink.sink.commit = counting_commit;
    f->commits_wanted = 1;
    f->enough.run = on_enough;
    arena_init(&f->arena, NULL);
    assert_ok(labels_build(&f->arena, labels, 2, &f->labels, &f->err), f->err);
    assert_ok(loop_new(&f->loop, &f->err), f->err);
    f->lanes = lanes_new(f->loop);
    f->patience = loop_timer_new(f->loop, 20000, 0, give_up, f);
    context = (struct collect_context){.loop = f->loop,
                                       .lanes = f->lanes,
                                       .fetcher = (struct fetcher *)f->loop,
                                       .sink = &f->sink.sink,
                                       .clock = clock_real()};
    assert_ok(collect_new(&context, &f->collect, &f->err), f->err);
    *state = f;
    return 0;
}

void stop_loop(void *arg)
{
    loop_stop(arg);
}

int tear_down(void **state)
{
    struct fixture *f = *state;
    size_t left = 1;

    collect_stop(f->collect, 10000, stop_loop, f->loop);
    loop_run(f->loop);
    loop_timer_free(f->patience);
    /* On a busy machine hundreds of threads need more than the second that it gives them. */
    for (int i = 0; i < 20 && left; i++)
        left = lanes_free(f->lanes);
    assert_int_equal(left, 0);
    loop_drain(f->loop);
    collect_free(f->collect);
    assert_int_equal(f->sink.groups_open, 0);
    assert_int_equal(fake_fetch_alive, 0);
    loop_drain(f->loop);
    loop_free(f->loop);
    scripted_sink_fini(&f->sink);
    arena_fini(&f->arena);
    mem_free(f);
    return 0;
}

void run_until(struct fixture *f, size_t commits)
{
    f->commits_wanted = commits;
    loop_run(f->loop);
}

struct target_status status(struct fixture *f)
{
    struct target_status *all;
    size_t n;

    /* The cycle that stopped the loop may not have ended. */
    for (bool done = false; !done;) {
        loop_drain(f->loop);
        assert_ok(collect_status(f->collect, &f->arena, &all, &n, &f->err), f->err);
        done = all[0].health != TARGET_UNKNOWN;
    }
    assert_int_equal(n, 1);
    return all[0];
}

void on_gone(void *arg)
{
    struct fixture *f = arg;

    f->gone = true;
    loop_stop(f->loop);
}

const char *remove_it(struct fixture *f, struct cycle *cycle, int64_t wait_ms)
{
    (void)scripted_sink_take(&f->sink);
    f->gone = false;
    f->commits_wanted = SIZE_MAX;
    collect_remove(f->collect, cycle, wait_ms, on_gone, f);
    while (!f->gone)
        loop_run(f->loop);
    return scripted_sink_take(&f->sink);
}
