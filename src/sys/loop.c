/* How others wake the loop. A poster may be nice and lose its core between any two steps, for tens
 * of milliseconds; nobody else's message may wait for it. So a message is in the list before the
 * lock is left, and whoever posts wakes the loop itself unless it knows that a wake has arrived: a
 * round lasts from one emptying of the list to the next, and `woken_round` is set to the round that
 * a poster found only after its write. Set late, it names an old round, and only costs a write
 * more. (uv_async_send leaves the wake to whoever came first, and has the loop wait for it.)
 */
#include "sys/loop.h"

#include <assert.h>
#include <errno.h>
#include <pthread.h>
#include <signal.h>
#include <stdatomic.h>
#include <stddef.h>
#include <sys/eventfd.h>
#include <unistd.h>
#include <uv.h>

#include "base/err.h"
#include "base/mem.h"

#define SIGNALS 3

struct loop {
    uv_loop_t uv;
    int wake_fd; /* an eventfd */
    uv_poll_t wake;
    atomic_ulong thread; /* pthread_t of the one that runs it */

    pthread_mutex_t lock; /* guards: first, last; round is written under it */
    struct loop_message *first, **last;
    atomic_uint_fast64_t round, woken_round;

    uv_signal_t signals[SIGNALS];
    bool has_signals;
    void (*on_signal)(void *arg, int number);
    void *on_signal_arg;
};

struct loop_timer {
    uv_timer_t uv;
    void (*fire)(void *arg);
    void *arg;
};

_Static_assert(sizeof(pthread_t) == sizeof(unsigned long),
               "a pthread_t is kept in an atomic_ulong");

/* Runs what was posted before the call; what those post comes next time. False: there was none. */
static bool run_messages(struct loop *l)
{
    struct loop_message *m;

    pthread_mutex_lock(&l->lock);
    atomic_fetch_add(&l->round, 1);
    m = l->first;
    l->first = NULL;
    l->last = &l->first;
    pthread_mutex_unlock(&l->lock);
    if (!m)
        return false;
    while (m) {
        struct loop_message *next = m->next;

        m->run(m); /* may free m */
        m = next;
    }
    return true;
}

static void on_wake(uv_poll_t *wake, int status, int events)
{
    struct loop *l = wake->data;
    uint64_t wakes;
    ssize_t ignored = read(l->wake_fd, &wakes, sizeof wakes); /* before the list is emptied */

    (void)status;
    (void)events;
    (void)ignored;
    (void)run_messages(l);
}

static int open_wake(struct loop *l)
{
    int rc;

    l->wake_fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
    if (l->wake_fd < 0)
        return -errno;
    rc = uv_poll_init(&l->uv, &l->wake, l->wake_fd);
    if (rc == 0)
        rc = uv_poll_start(&l->wake, UV_READABLE, on_wake);
    if (rc < 0)
        (void)close(l->wake_fd);
    return rc;
}

int loop_new(struct loop **out, struct err *err)
{
    struct loop *l = mem_new(struct loop);
    int rc = uv_loop_init(&l->uv);

    if (rc < 0) {
        mem_free(l);
        return err_os(err, -rc, "cannot make the event loop");
    }
    rc = open_wake(l);
    if (rc < 0) {
        (void)uv_loop_close(&l->uv);
        mem_free(l);
        return err_os(err, -rc, "cannot make the event loop");
    }
    l->wake.data = l;
    l->last = &l->first;
    atomic_init(&l->round, 1);
    pthread_mutex_init(&l->lock, NULL);
    atomic_init(&l->thread, (unsigned long)pthread_self());
    *out = l;
    return 0;
}

static void count_closing(uv_handle_t *h, void *arg)
{
    size_t *n = arg;

    *n += uv_is_closing(h) != 0;
}

void loop_drain(struct loop *l)
{
    size_t closing;
    bool ran;

    assert(loop_is_here(l));
    do {
        ran = run_messages(l);
        (void)uv_run(&l->uv, UV_RUN_NOWAIT);
        closing = 0;
        uv_walk(&l->uv, count_closing, &closing);
    } while (ran || closing);
}

void loop_free(struct loop *l)
{
    int rc;

    if (!l)
        return;
    loop_drain(l);
    uv_close((uv_handle_t *)&l->wake, NULL);
    for (size_t i = 0; l->has_signals && i < SIGNALS; i++)
        uv_close((uv_handle_t *)&l->signals[i], NULL);
    (void)uv_run(&l->uv, UV_RUN_NOWAIT);
    rc = uv_loop_close(&l->uv);
    assert(rc == 0); /* else a handle is still open */
    (void)close(l->wake_fd);
    assert(!l->first);
    pthread_mutex_destroy(&l->lock);
    mem_free(l);
}

void loop_run(struct loop *l)
{
    atomic_store_explicit(&l->thread, (unsigned long)pthread_self(), memory_order_relaxed);
    (void)uv_run(&l->uv, UV_RUN_DEFAULT);
}

void loop_stop(struct loop *l)
{
    assert(loop_is_here(l));
    uv_stop(&l->uv);
}

bool loop_is_here(const struct loop *l)
{
    return atomic_load_explicit(&l->thread, memory_order_relaxed) == (unsigned long)pthread_self();
}

struct uv_loop_s *loop_uv(struct loop *l)
{
    return &l->uv;
}

void loop_put(struct loop *l, struct loop_message *m)
{
    m->next = NULL;
    pthread_mutex_lock(&l->lock);
    *l->last = m;
    l->last = &m->next;
    pthread_mutex_unlock(&l->lock);
}

void loop_wake(struct loop *l)
{
    uint64_t round = atomic_load(&l->round), one = 1;

    if (atomic_load(&l->woken_round) == round)
        return;
    if (write(l->wake_fd, &one, sizeof one) == (ssize_t)sizeof one)
        atomic_store(&l->woken_round, round);
}

void loop_post(struct loop *l, struct loop_message *m)
{
    loop_put(l, m);
    loop_wake(l);
}

static void on_timer(uv_timer_t *uv)
{
    struct loop_timer *t = CONTAINER_OF(uv, struct loop_timer, uv);

    t->fire(t->arg);
}

struct loop_timer *loop_timer_new(struct loop *l, int64_t delay_ms, int64_t period_ms,
                                  void (*fire)(void *arg), void *arg)
{
    struct loop_timer *t = mem_new(struct loop_timer);

    t->fire = fire;
    t->arg = arg;
    (void)uv_timer_init(&l->uv, &t->uv); /* cannot fail */
    loop_timer_restart(t, delay_ms, period_ms);
    return t;
}

void loop_timer_restart(struct loop_timer *t, int64_t delay_ms, int64_t period_ms)
{
    assert(delay_ms >= 0 && period_ms >= 0);
    /* libuv counts from the time at which it last looked, which may be long ago. */
    uv_update_time(t->uv.loop);
    (void)uv_timer_start(&t->uv, on_timer, (uint64_t)delay_ms, (uint64_t)period_ms);
}

static void on_timer_closed(uv_handle_t *h)
{
    mem_free(CONTAINER_OF((uv_timer_t *)h, struct loop_timer, uv));
}

void loop_timer_free(struct loop_timer *t)
{
    if (t)
        uv_close((uv_handle_t *)&t->uv, on_timer_closed);
}

static void on_signal(uv_signal_t *s, int number)
{
    struct loop *l = s->data;

    l->on_signal(l->on_signal_arg, number);
}

int loop_on_signals(struct loop *l, void (*fire)(void *arg, int number), void *arg, struct err *err)
{
    static const int numbers[SIGNALS] = {SIGTERM, SIGINT, SIGHUP};

    assert(!l->has_signals);
    l->on_signal = fire;
    l->on_signal_arg = arg;
    l->has_signals = true;
    for (size_t i = 0; i < SIGNALS; i++) {
        (void)uv_signal_init(&l->uv, &l->signals[i]);
        l->signals[i].data = l;
        uv_unref((uv_handle_t *)&l->signals[i]);
    }
    for (size_t i = 0; i < SIGNALS; i++) {
        int rc = uv_signal_start(&l->signals[i], on_signal, numbers[i]);

        if (rc < 0)
            return err_os(err, -rc, "cannot catch signal %d", numbers[i]);
    }
    return 0;
}
