/* Where a job is, and who moves it on:
 *
 *     lanes_submit -> queue of its class -> a thread: run -> finished list -> loop: done
 *                            |                                    ^
 *                            +----- lanes_cancel, lanes_free -----+   (was_run false)
 *
 * 1. One lock guards all of it. It is never held across run or done; only the loop's own lock is
 *    taken under it (loop_put).
 * 2. What the loop has to do (call `done`, make a thread, join one that ended) is told by one
 *    message, the mail. It is put when there is something new and it is not under way yet. It
 *    outlives the lanes, so that a late delivery finds out that they are gone.
 * 3. Threads are made on the loop only: niceness is inherited, and a niced thread must not pass
 *    it on.
 * 4. A thread without work ends after IDLE_MS.
 * 5. Queries that have become long take turns: turns.c.
 * 6. A nice thread that lost its core stays without it for tens of milliseconds while others run,
 *    and whoever waits for it waits as long. So nobody wakes another under the lock: who is woken
 *    may take the core of the one who wakes. A thread that sleeps does so on a semaphore of its
 *    own: a condition variable has who signals wait until those woken before have left it. And the
 *    loop joins only threads that the kernel is done with.
 * 7. Nothing tells that a job has become stuck, which makes room for another: while jobs that may
 *    hang are queued, a timer of its own (the relief) looks.
 * 8. A thread is woken by claiming it under the lock and posting its semaphore afterwards. Claimed,
 *    it waits for the post even when its time is over: so it is there as long as somebody posts.
 */
#include "sys/lanes_impl.h"

#include <assert.h>
#include <errno.h>
#include <semaphore.h>
#include <stdio.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

#include "base/err.h"
#include "base/mem.h"
#include "sys/thread.h"

#define QUEUED_MAX     1024
#define QUERY_THREADS  8
#define RENDER_THREADS 2
#define BEHIND_THREADS 4
#define SLOW_THREADS   64
#define STUCK_MAX      192 /* beside these, in each class of what may hang */
#define IDLE_MS        30000
#define STUCK_MS       10000 /* for a job without a deadline */
#define RELIEF_MS      200
#define FREE_WAIT_MS   1000 /* how long lanes_free gives to those that may hang */

static const char *const thread_names[LANE_CLASSES] = {
    [LANE_PARSE] = "lane-parse",       [LANE_RULES] = "lane-rules",   [LANE_QUERY] = "lane-query",
    [LANE_RENDER] = "lane-render",     [LANE_SLOW] = "lane-slow",     [LANE_LATE] = "lane-late",
    [LANE_CATCH_UP] = "lane-catch-up", [LANE_UPKEEP] = "lane-upkeep",
};

int64_t lanes_now_ns(void)
{
    struct timespec t;

    (void)clock_gettime(CLOCK_MONOTONIC, &t);
    return (int64_t)t.tv_sec * 1000000000 + t.tv_nsec;
}

int64_t lanes_cpu_ns(pthread_t thread)
{
    struct timespec t = {0};
    clockid_t id;

    if (pthread_getcpuclockid(thread, &id) == 0)
        (void)clock_gettime(id, &t);
    return (int64_t)t.tv_sec * 1000000000 + t.tv_nsec;
}

static struct timespec in_ms(int64_t ms)
{
    int64_t at = lanes_now_ns() + ms * 1000000;

    return (struct timespec){.tv_sec = at / 1000000000, .tv_nsec = at % 1000000000};
}

void lanes_put_mail(struct lanes *l)
{
    if (l->mail_posted || l->stopping)
        return;
    l->mail_posted = true;
    loop_put(l->loop, &l->mail->message);
}

void lanes_unlink(struct lane_thread **at, const struct lane_thread *t)
{
    while (*at && *at != t)
        at = &(*at)->after;
    if (*at)
        *at = t->after;
}

void lanes_sleep(struct lanes *l, struct lane_thread *t, int64_t ms)
{
    struct timespec until = in_ms(ms);
    bool woken = false;

    while (!(woken = sem_clockwait(&t->woken, CLOCK_MONOTONIC, &until) == 0) && errno == EINTR)
        ;
    pthread_mutex_lock(&l->lock);
    if (woken || !t->claimed)
        return;
    pthread_mutex_unlock(&l->lock);
    while (sem_wait(&t->woken) < 0)
        ;
    pthread_mutex_lock(&l->lock);
}

void lanes_wake(struct lane_thread *claimed)
{
    if (claimed)
        (void)sem_post(&claimed->woken);
}

/* Under the lock. An idle thread to wake for what is queued; NULL: there is none, or no need. */
static struct lane_thread *claim_idle(struct lane_class *c)
{
    struct lane_thread *t = c->idle;

    if (!t || c->queued <= c->coming)
        return NULL;
    c->idle = t->after;
    c->idle_n--;
    c->coming++;
    t->claimed = true;
    return t;
}

static void finish(struct lanes *l, struct lane_job *job, bool was_run)
{
    job->state = JOB_FINISHED;
    job->was_run = was_run;
    job->next = NULL;
    *l->finished_last = job;
    l->finished_last = &job->next;
}

static struct lane_job *dequeue(struct lane_class *c)
{
    struct lane_job *job = c->first;

    if (!job)
        return NULL;
    c->first = job->next;
    if (!c->first)
        c->last = &c->first;
    c->queued--;
    return job;
}

/* Under the lock: the next job, marked as run by this thread; without one it counts as idle. */
static struct lane_job *begin(struct lane_class *c, struct lane_thread *t)
{
    struct lane_job *job = dequeue(c);

    if (!job) {
        t->after = c->idle;
        c->idle = t;
        c->idle_n++;
        return NULL;
    }
    t->since_ns = lanes_now_ns();
    t->since_cpu_ns = lanes_cpu_ns(pthread_self());
    t->job = job;
    job->state = JOB_RUNNING;
    t->deadline_ns = job->deadline_ns;
    return job;
}

/* Under the lock. False: nothing came for long, and it is idle no more. */
static bool was_claimed(struct lane_class *c, struct lane_thread *t)
{
    if (t->claimed) {
        t->claimed = false;
        c->coming--;
        return true;
    }
    lanes_unlink(&c->idle, t);
    c->idle_n--;
    return false;
}

/* The lock is taken once between two jobs: the loop, woken for the one, wants it too. */
static void *thread_main(void *arg)
{
    struct lane_thread *t = arg;
    struct lanes *l = t->lanes;
    struct lane_class *c = &l->classes[t->class];
    struct lane_thread *next = NULL; /* to wake when the lock is open */
    bool tell = false, wanted = true;

    pthread_mutex_lock(&l->lock);
    c->coming--;
    t->tid = (pid_t)syscall(SYS_gettid);
    if (t->class == LANE_RENDER || t->class == LANE_CATCH_UP)
        (void)setpriority(PRIO_PROCESS, (id_t)t->tid, NICE);
    while (wanted && !l->stopping && !t->niced) {
        struct lane_job *job = begin(c, t);

        pthread_mutex_unlock(&l->lock);
        if (tell)
            loop_wake(l->loop);
        lanes_wake(next);
        tell = job != NULL;
        next = NULL;
        if (job) {
            job->run(job);
            pthread_mutex_lock(&l->lock);
            next = turns_give_back(l, job);
            finish(l, job, true);
            lanes_put_mail(l);
            t->since_ns = t->deadline_ns = 0;
            t->job = NULL;
        } else {
            lanes_sleep(l, t, IDLE_MS);
            wanted = was_claimed(c, t);
        }
    }
    c->threads--;
    t->ended = true;
    lanes_put_mail(l);
    pthread_cond_broadcast(&l->thread_ended); /* lanes_free alone waits for it */
    pthread_mutex_unlock(&l->lock);
    loop_wake(l->loop);
    lanes_wake(next);
    return NULL;
}

static bool is_stuck(const struct lane_thread *t, int64_t now)
{
    int64_t limit = t->deadline_ns ? t->deadline_ns : t->since_ns + STUCK_MS * INT64_C(1000000);

    return t->since_ns && now > limit;
}

/* Under the lock. */
static size_t count_stuck(const struct lanes *l, enum lane class)
{
    int64_t now = lanes_now_ns();
    size_t n = 0;

    for (const struct lane_thread *t = l->threads; t; t = t->next)
        n += t->class == class && is_stuck(t, now);
    return n;
}

bool lanes_is_short(const struct lanes *l, enum lane class)
{
    const struct lane_class *c = &l->classes[class];
    size_t threads = c->threads - c->resting_n, stuck;

    if (c->queued <= c->idle_n + c->coming)
        return false;
    if (threads < c->threads_max || threads >= c->threads_max + c->stuck_max)
        return threads < c->threads_max;
    stuck = count_stuck(l, class);
    return threads - stuck < c->threads_max;
}

/* On the loop. A thread that cannot be had is no error as long as one is there: it takes the jobs
 * one by one; with none at all, jobs would wait for ever, so they end unrun. */
static void make_threads(struct lanes *l)
{
    bool tell = false;

    pthread_mutex_lock(&l->lock);
    for (unsigned i = 0; i < LANE_CLASSES; i++) {
        enum lane class = (enum lane)i;
        struct lane_class *c = &l->classes[i];

        while (!l->stopping && lanes_is_short(l, class)) {
            struct lane_thread *t = mem_new(struct lane_thread);
            struct err ignored;

            t->lanes = l;
            t->class = class;
            sem_init(&t->woken, 0, 0);
            if (thread_start(&t->thread, thread_names[class], thread_main, t, &ignored) < 0) {
                struct lane_job *job;

                sem_destroy(&t->woken);
                mem_free(t);
                while (!c->threads && (job = dequeue(c))) {
                    finish(l, job, false);
                    lanes_put_mail(l);
                    tell = true;
                }
                break;
            }
            t->next = l->threads;
            l->threads = t;
            c->threads++;
            c->coming++;
        }
    }
    pthread_mutex_unlock(&l->lock);
    if (tell)
        loop_wake(l->loop);
}

static void on_relief(void *arg);

/* On the loop: a timer is armed while jobs that may hang wait for those that do. */
static void arm_relief(struct lanes *l)
{
    bool waits = false;

    pthread_mutex_lock(&l->lock);
    for (unsigned i = 0; i < LANE_CLASSES; i++)
        waits |= l->classes[i].stuck_max && l->classes[i].queued;
    pthread_mutex_unlock(&l->lock);
    if (waits && !l->relief)
        l->relief = loop_timer_new(l->loop, RELIEF_MS, 0, on_relief, l);
}

static void on_relief(void *arg)
{
    struct lanes *l = arg;

    loop_timer_free(take(l->relief));
    make_threads(l);
    arm_relief(l);
}

/* On the loop: joins those that have ended. One that has not quite is left for the next mail,
 * unless `all` are to be joined: it may be nice and wait for a core. */
static void join_ended(struct lanes *l, bool all)
{
    struct lane_thread *ended = NULL;

    pthread_mutex_lock(&l->lock);
    for (struct lane_thread **at = &l->threads; *at;) {
        struct lane_thread *t = *at;

        if (t->ended && (all || pthread_tryjoin_np(t->thread, NULL) == 0)) {
            *at = t->next;
            t->next = ended;
            ended = t;
        } else {
            at = &t->next;
        }
    }
    pthread_mutex_unlock(&l->lock);
    while (ended) {
        struct lane_thread *t = ended;

        ended = t->next;
        if (all)
            (void)pthread_join(t->thread, NULL);
        sem_destroy(&t->woken);
        mem_free(t);
    }
}

static void call_done(struct lanes *l)
{
    struct lane_job *job;

    pthread_mutex_lock(&l->lock);
    job = l->finished;
    l->finished = NULL;
    l->finished_last = &l->finished;
    pthread_mutex_unlock(&l->lock);
    while (job) {
        struct lane_job *next = job->next;

        job->state = JOB_NEW;
        job->done(job); /* may free it, or submit it again */
        job = next;
    }
}

static void on_mail(struct loop_message *m)
{
    struct mail *mail = CONTAINER_OF(m, struct mail, message);
    struct lanes *l = mail->lanes;
    bool querying;

    if (!l) {
        mem_free(mail);
        return;
    }
    pthread_mutex_lock(&l->lock);
    l->mail_posted = false;
    querying = l->classes[LANE_QUERY].threads > l->classes[LANE_QUERY].idle_n;
    pthread_mutex_unlock(&l->lock);
    join_ended(l, false);
    make_threads(l);
    if (querying)
        turns_watch(l);
    arm_relief(l);
    call_done(l); /* last: an owner may free the lanes in it */
}

struct lanes *lanes_new(struct loop *loop)
{
    struct lanes *l = mem_new(struct lanes);
    long cores = sysconf(_SC_NPROCESSORS_ONLN);
    size_t many = cores < 1 ? 1 : cores > 8 ? 8 : (size_t)cores;
    pthread_condattr_t attr;

    l->loop = loop;
    l->mail = mem_new(struct mail);
    l->mail->message.run = on_mail;
    l->mail->lanes = l;
    l->finished_last = &l->finished;
    pthread_mutex_init(&l->lock, NULL);
    pthread_condattr_init(&attr);
    pthread_condattr_setclock(&attr, CLOCK_MONOTONIC);
    pthread_cond_init(&l->thread_ended, &attr);
    for (unsigned i = 0; i < LANE_CLASSES; i++) {
        struct lane_class *c = &l->classes[i];

        c->last = &c->first;
        c->threads_max = many;
    }
    pthread_condattr_destroy(&attr);
    l->classes[LANE_QUERY].threads_max = QUERY_THREADS;
    l->classes[LANE_QUERY].turns_max = turns_max(many);
    l->classes[LANE_SLOW].threads_max = l->classes[LANE_LATE].threads_max = SLOW_THREADS;
    l->classes[LANE_SLOW].stuck_max = l->classes[LANE_LATE].stuck_max = STUCK_MAX;
    l->classes[LANE_RENDER].threads_max = RENDER_THREADS;
    l->classes[LANE_CATCH_UP].threads_max = BEHIND_THREADS;
    l->classes[LANE_CATCH_UP].stuck_max = STUCK_MAX;
    l->classes[LANE_RULES].threads_max = 1;
    l->classes[LANE_UPKEEP].threads_max = 1;
    return l;
}

int lanes_submit(struct lanes *l, enum lane class, struct lane_job *job, struct err *err)
{
    struct lane_class *c = &l->classes[class];
    struct loop *loop = l->loop; /* the loop may free the lanes when the lock is open */
    bool here = loop_is_here(loop);
    struct lane_thread *idle = NULL;
    bool refused = false, grow = false, tell = false, relieve = false;

    assert(job->state != JOB_QUEUED && job->state != JOB_RUNNING);
    pthread_mutex_lock(&l->lock);
    if (l->stopping || c->queued == QUEUED_MAX) {
        refused = true;
    } else {
        job->lanes = l;
        job->class = (uint8_t) class;
        job->state = JOB_QUEUED;
        job->was_run = false;
        job->turn_since_ns = 0;
        atomic_store_explicit(&job->must_rest, false, memory_order_relaxed);
        job->next = NULL;
        *c->last = job;
        c->last = &job->next;
        c->queued++;
        idle = claim_idle(c);
        grow = lanes_is_short(l, class);
        /* Elsewhere the loop is asked; for a query always, since it keeps the nicer's timer. */
        relieve = c->stuck_max && !idle && !grow;
        tell = !here && (grow || relieve || class == LANE_QUERY);
        if (tell)
            lanes_put_mail(l);
    }
    pthread_mutex_unlock(&l->lock);
    lanes_wake(idle);
    if (refused)
        return err_set(err, ERR_LIMIT, "too busy: %d jobs wait already; try again", QUEUED_MAX);
    if (here && class == LANE_QUERY)
        turns_watch(l);
    if (here && grow)
        make_threads(l);
    if (here && relieve)
        arm_relief(l);
    if (tell)
        loop_wake(loop);
    return 0;
}

void lanes_cancel(struct lane_job *job)
{
    struct lanes *l = job->lanes;

    atomic_store_explicit(&job->cancelled, true, memory_order_release);
    if (!l)
        return; /* never submitted */
    assert(loop_is_here(l->loop));
    pthread_mutex_lock(&l->lock);
    if (job->state == JOB_QUEUED) {
        struct lane_class *c = &l->classes[job->class];
        struct lane_job **at = &c->first;

        while (*at != job)
            at = &(*at)->next;
        *at = job->next;
        if (!*at)
            c->last = at;
        c->queued--;
        finish(l, job, false);
        lanes_put_mail(l);
    }
    pthread_mutex_unlock(&l->lock);
    loop_wake(l->loop);
}

struct lanes_stats lanes_stats(struct lanes *l, enum lane class)
{
    struct lanes_stats s = {0};

    pthread_mutex_lock(&l->lock);
    s.queued = l->classes[class].queued;
    s.threads = l->classes[class].threads;
    s.stuck = count_stuck(l, class);
    for (const struct lane_thread *t = l->threads; t; t = t->next)
        s.running += t->class == class && t->since_ns;
    pthread_mutex_unlock(&l->lock);
    return s;
}

static void claim_and_wake(struct lane_thread *t)
{
    t->claimed = true;
    lanes_wake(t);
}

/* Under the lock: ends what is queued, tells what runs, wakes who sleeps. */
static void stop_all(struct lanes *l)
{
    l->stopping = true;
    for (unsigned i = 0; i < LANE_CLASSES; i++) {
        struct lane_class *c = &l->classes[i];
        struct lane_job *job;

        while ((job = dequeue(c))) {
            atomic_store_explicit(&job->cancelled, true, memory_order_release);
            finish(l, job, false);
        }
        for (struct lane_thread *t = c->idle; t; t = t->after, c->idle_n--, c->coming++)
            claim_and_wake(t);
        for (struct lane_thread *t = c->resting; t; t = t->after, c->resting_n--)
            claim_and_wake(t);
        c->idle = c->resting = NULL;
    }
    for (struct lane_thread *t = l->threads; t; t = t->next)
        if (t->job)
            atomic_store_explicit(&t->job->cancelled, true, memory_order_release);
}

/* Under the lock: waits until all threads have ended, but for those whose jobs may hang not longer
 * than FREE_WAIT_MS. Returns how many of them are left. */
static size_t wait_for_threads(struct lanes *l)
{
    struct timespec until = in_ms(FREE_WAIT_MS);

    for (;;) {
        size_t slow = 0, others = 0;

        for (unsigned i = 0; i < LANE_CLASSES; i++)
            *(l->classes[i].stuck_max ? &slow : &others) += l->classes[i].threads;
        if (!slow && !others)
            return 0;
        if (others)
            (void)pthread_cond_wait(&l->thread_ended, &l->lock);
        else if (pthread_cond_timedwait(&l->thread_ended, &l->lock, &until) == ETIMEDOUT)
            return slow;
    }
}

size_t lanes_free(struct lanes *l)
{
    size_t stuck;

    if (!l)
        return 0;
    assert(loop_is_here(l->loop));
    pthread_mutex_lock(&l->lock);
    stop_all(l);
    stuck = wait_for_threads(l);
    pthread_mutex_unlock(&l->lock);
    join_ended(l, true);
    call_done(l);
    loop_timer_free(take(l->nicer));
    loop_timer_free(take(l->relief));
    if (stuck)
        return stuck;
    pthread_cond_destroy(&l->thread_ended);
    pthread_mutex_destroy(&l->lock);
    l->mail->lanes = NULL;
    if (!l->mail_posted)
        mem_free(l->mail);
    mem_free(l);
    return 0;
}
