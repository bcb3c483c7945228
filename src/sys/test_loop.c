#include "sys/loop.h"

#include <fcntl.h>
#include <pthread.h>
#include <signal.h>
#include <unistd.h>

#include "base/err.h"
#include "base/mem.h"
#include "base/test.h"
#include "sys/thread.h"
#include "sys/watch.h"

struct fixture {
    struct loop *loop;
    int order[64];
    size_t n;
};

static int set_up(void **state)
{
    struct fixture *f = mem_new(struct fixture);
    struct err err;

    *state = f;
    return loop_new(&f->loop, &err);
}

static int tear_down(void **state)
{
    struct fixture *f = *state;

    loop_free(f->loop);
    mem_free(f);
    return 0;
}

struct note {
    struct loop_message message;
    struct fixture *f;
    int value; /* < 0: stops the loop */
};

static void on_note(struct loop_message *m)
{
    struct note *note = CONTAINER_OF(m, struct note, message);

    if (note->value < 0)
        loop_stop(note->f->loop);
    else
        note->f->order[note->f->n++] = note->value;
    mem_free(note);
}

static struct note *note_new(struct fixture *f, int value)
{
    struct note *note = mem_new(struct note);

    note->message.run = on_note;
    note->f = f;
    note->value = value;
    return note;
}

static void post(struct fixture *f, int value)
{
    loop_post(f->loop, &note_new(f, value)->message);
}

static void *post_from_thread(void *arg)
{
    struct fixture *f = arg;

    assert_false(loop_is_here(f->loop));
    for (int i = 0; i < 50; i++)
        post(f, i);
    post(f, -1);
    return NULL;
}

static void messages_of_another_thread_run_on_the_loop_in_order(void **state)
{
    struct fixture *f = *state;
    struct err err;
    pthread_t thread;

    assert_ok(thread_start(&thread, "poster", post_from_thread, f, &err), err);
    loop_run(f->loop);
    pthread_join(thread, NULL);
    assert_int_equal(f->n, 50);
    for (int i = 0; i < 50; i++)
        assert_int_equal(f->order[i], i);
}

static void *post_once(void *arg)
{
    post(arg, -1);
    return NULL;
}

static void a_message_wakes_the_loop_though_another_poster_has_not_come_to_it(void **state)
{
    struct fixture *f = *state;
    struct err err;
    pthread_t thread;

    for (int i = 0; i < 3; i++) {
        loop_put(f->loop, &note_new(f, i)->message); /* and its loop_wake never comes */
        assert_ok(thread_start(&thread, "poster", post_once, f, &err), err);
        loop_run(f->loop);
        pthread_join(thread, NULL);
        assert_int_equal(f->n, i + 1);
    }
}

static void on_chain(struct loop_message *m)
{
    struct note *note = CONTAINER_OF(m, struct note, message);

    post(note->f, 7);
    mem_free(note);
}

static void drain_runs_what_messages_post(void **state)
{
    struct fixture *f = *state;
    struct note *note = mem_new(struct note);

    note->message.run = on_chain;
    note->f = f;
    loop_post(f->loop, &note->message);
    loop_drain(f->loop);
    assert_int_equal(f->n, 1);
    assert_int_equal(f->order[0], 7);
}

struct ticks {
    struct fixture *f;
    struct loop_timer *timer;
    int n, until;
};

static void on_tick(void *arg)
{
    struct ticks *t = arg;

    if (++t->n == t->until) {
        loop_timer_free(t->timer);
        loop_stop(t->f->loop);
    }
}

static void a_timer_repeats_and_may_free_itself(void **state)
{
    struct fixture *f = *state;
    struct ticks t = {.f = f, .until = 3};

    t.timer = loop_timer_new(f->loop, 1, 1, on_tick, &t);
    loop_run(f->loop);
    assert_int_equal(t.n, 3);
}

static void on_signal(void *arg, int number)
{
    struct fixture *f = arg;

    f->order[f->n++] = number;
    loop_stop(f->loop);
}

static void signals_arrive_with_their_number(void **state)
{
    struct fixture *f = *state;
    struct err err;

    assert_ok(loop_on_signals(f->loop, on_signal, f, &err), err);
    (void)kill(getpid(), SIGHUP);
    loop_run(f->loop);
    assert_int_equal(f->n, 1);
    assert_int_equal(f->order[0], SIGHUP);
}

struct watched {
    struct fixture *f;
    struct watch *watch;
    unsigned seen;
};

static void on_watch(void *arg, unsigned events)
{
    struct watched *w = arg;

    w->seen |= events;
    watch_free(w->watch);
    loop_stop(w->f->loop);
}

static void a_watch_tells_of_bytes_to_read(void **state)
{
    struct fixture *f = *state;
    struct watched w = {.f = f};
    struct err err;
    int ends[2];

    assert_int_equal(pipe2(ends, O_CLOEXEC | O_NONBLOCK), 0);
    assert_ok(watch_new(f->loop, ends[0], on_watch, &w, &w.watch, &err), err);
    watch_set(w.watch, WATCH_READ);
    assert_int_equal(write(ends[1], "x", 1), 1);
    loop_run(f->loop);
    assert_int_equal(w.seen, WATCH_READ);
    (void)close(ends[0]);
    (void)close(ends[1]);
}

static void *tell_about_myself(void *arg)
{
    char *name = arg;
    pthread_attr_t attr;
    size_t bytes;
    sigset_t mask;

    assert_int_equal(pthread_getname_np(pthread_self(), name, 16), 0);
    assert_int_equal(pthread_getattr_np(pthread_self(), &attr), 0);
    assert_int_equal(pthread_attr_getstacksize(&attr, &bytes), 0);
    pthread_attr_destroy(&attr);
    pthread_sigmask(SIG_SETMASK, NULL, &mask);
    assert_true(sigismember(&mask, SIGTERM));
    assert_true(bytes >= THREAD_STACK_BYTES && bytes <= 16 * THREAD_STACK_BYTES);
    return NULL;
}

static void a_thread_has_its_name_a_small_stack_and_no_signals(void **state)
{
    char name[16];
    struct err err;
    pthread_t thread;

    (void)state;
    assert_ok(thread_start(&thread, "fifteen letters", tell_about_myself, name, &err), err);
    pthread_join(thread, NULL);
    assert_string_equal(name, "fifteen letters");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(messages_of_another_thread_run_on_the_loop_in_order, set_up,
                                        tear_down),
        cmocka_unit_test_setup_teardown(
            a_message_wakes_the_loop_though_another_poster_has_not_come_to_it, set_up, tear_down),
        cmocka_unit_test_setup_teardown(drain_runs_what_messages_post, set_up, tear_down),
        cmocka_unit_test_setup_teardown(a_timer_repeats_and_may_free_itself, set_up, tear_down),
        cmocka_unit_test_setup_teardown(signals_arrive_with_their_number, set_up, tear_down),
        cmocka_unit_test_setup_teardown(a_watch_tells_of_bytes_to_read, set_up, tear_down),
        cmocka_unit_test(a_thread_has_its_name_a_small_stack_and_no_signals),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
