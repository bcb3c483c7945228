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
 * 5. A query that has used SHARE_AFTER_MS of a core needs one of turns_max turns; how long it
 *    waited for a core or a lock says nothing of it. When there is none it is told to rest, and
 *    sleeps in lanes_rest until one is handed to it, first come, first served: whoever has a turn
 *    loses it at its end, or after TURN_MS when others rest. Whoever rests is no thread of the
 *    class as far as its bound goes, up to RESTING_MAX.
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
#include "sys/lanes.h"

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
#define SLOW_THREADS   64
#define STUCK_MAX      192 /* beside these, in LANE_SLOW and in LANE_LATE each */
#define TURNS_MAX      4   /* long queries at once, on machines with more cores than that */
#define RESTING_MAX    56
#define IDLE_MS        30000
#define SHARE_AFTER_MS 5
#define NICE_AFTER_MS  10
#define NICE           10
#define TURN_MS        100
#define REST_LOOK_MS   50    /* how often one that rests looks whether it is cancelled or late */
#define STUCK_MS       10000 /* for a job without a deadline */
#define RELIEF_MS      200
#define FREE_WAIT_MS   1000 /* how long lanes_free gives to those that may hang */

enum job_state { JOB_NEW, JOB_QUEUED, JOB_RUNNING, JOB_FINISHED };

struct lane_thread {
    struct lane_thread *next;
    struct lanes *lanes;
    pthread_t thread;
    pid_t tid;
    enum lane class;
    int64_t since_ns;     /* 0: idle; else when its work began, rests taken out */
    int64_t since_cpu_ns; /* what the thread had used by then */
    int64_t deadline_ns;  /* of the job it runs */
    struct lane_job *job;
    sem_t woken;
    struct lane_thread *after; /* in the class' list of idle ones, or of those that rest */
    bool claimed, niced, rests, ended;
};

struct lane_class {
    struct lane_job *first, **last;
    size_t queued, threads, threads_max;
    size_t stuck_max;         /* so many that hang do not count; 0: none here hang */
    size_t idle_n, coming;    /* coming: claimed or started, and did not look at the queue yet */
    struct lane_thread *idle; /* the last to become idle first */
    size_t resting_n, turns, turns_max; /* LANE_QUERY only */
    struct lane_thread *resting;        /* in lanes_rest, first come first */
};

struct mail {
    struct loop_message message;
    struct lanes *lanes; /* NULL: freed while the mail was under way. The loop's */
};

struct lanes {
    struct loop *loop;
    struct mail *mail;
    struct loop_timer *nicer, *relief; /* NULL: not armed. The loop's */

    /* guards all below, jobs' next and state, threads' fields */
    pthread_mutex_t lock;
    struct lane_class classes[LANE_CLASSES];
    struct lane_thread *threads;
    pthread_cond_t thread_ended;
    struct lane_job *finished, **finished_last;
    bool mail_posted, stopping;
};

static const char *const thread_names[LANE_CLASSES] = {
    [LANE_PARSE] = "lane-parse",   [LANE_RULES] = "lane-rules", [LANE_QUERY] = "lane-query",
    [LANE_RENDER] = "lane-render", [LANE_SLOW] = "lane-slow",   [LANE_LATE] = "lane-late",
    [LANE_UPKEEP] = "lane-upkeep",
};

static int64_t now_ns(void)
{
    struct timespec t;

    (void)clock_gettime(CLOCK_MONOTONIC, &t);
    return (int64_t)t.tv_sec * 1000000000 + t.tv_nsec;
}

/* What a thread has used of the cores. */
static int64_t cpu_ns(pthread_t thread)
{
    struct timespec t = {0};
    clockid_t id;

    if (pthread_getcpuclockid(thread, &id) == 0)
        (void)clock_gettime(id, &t);
    return (int64_t)t.tv_sec * 1000000000 + t.tv_nsec;
}

static struct timespec in_ms(int64_t ms)
{
    int64_t at = now_ns() + ms * 1000000;

    return (struct timespec){.tv_sec = at / 1000000000, .tv_nsec = at % 1000000000};
}

/* Under the lock: there is something for the loop. The caller wakes it once it has let go of the
 * lock, though another one may have put the mail: that one may be nice and without a core. */
static void put_mail(struct lanes *l)
{
    if (l->mail_posted || l->stopping)
        return;
    l->mail_posted = true;
    loop_put(l->loop, &l->mail->message);
}

static void take_turn(struct lane_class *c, struct lane_job *job)
{
    c->turns++;
    job->turn_since_ns = now_ns();
    atomic_store_explicit(&job->must_rest, false, memory_order_relaxed);
}

/* Takes a thread out of a list; it need not be there. */
static void unlink_thread(struct lane_thread **at, const struct lane_thread *t)
{
    while (*at && *at != t)
        at = &(*at)->after;
    if (*at)
        *at = t->after;
}

/* Without the lock, which it takes at its end: until the thread is claimed, or the time is over. */
static void sleep_unclaimed(struct lanes *l, struct lane_thread *t, int64_t ms)
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

/* Without the lock. */
static void wake(struct lane_thread *claimed)
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

/* Under the lock. The one to wake who has the turn next. */
static struct lane_thread *give_turn_back(struct lanes *l, struct lane_job *job)
{
    struct lane_class *c = &l->classes[job->class];
    struct lane_thread *next = c->resting;

    if (!job->turn_since_ns)
        return NULL;
    job->turn_since_ns = 0;
    c->turns--;
    if (!next || c->turns >= c->turns_max)
        return NULL;
    c->resting = next->after;
    c->resting_n--;
    take_turn(c, next->job);
    next->claimed = true;
    return next;
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
    t->since_ns = now_ns();
    t->since_cpu_ns = cpu_ns(pthread_self());
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
    unlink_thread(&c->idle, t);
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
    if (t->class == LANE_RENDER)
        (void)setpriority(PRIO_PROCESS, (id_t)t->tid, NICE);
    while (wanted && !l->stopping && !t->niced) {
        struct lane_job *job = begin(c, t);

        pthread_mutex_unlock(&l->lock);
        if (tell)
            loop_wake(l->loop);
        wake(next);
        tell = job != NULL;
        next = NULL;
        if (job) {
            job->run(job);
            pthread_mutex_lock(&l->lock);
            next = give_turn_back(l, job);
            finish(l, job, true);
            put_mail(l);
            t->since_ns = t->deadline_ns = 0;
            t->job = NULL;
        } else {
            sleep_unclaimed(l, t, IDLE_MS);
            wanted = was_claimed(c, t);
        }
    }
    c->threads--;
    t->ended = true;
    put_mail(l);
    pthread_cond_broadcast(&l->thread_ended); /* lanes_free alone waits for it */
    pthread_mutex_unlock(&l->lock);
    loop_wake(l->loop);
    wake(next);
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
    int64_t now = now_ns();
    size_t n = 0;

    for (const struct lane_thread *t = l->threads; t; t = t->next)
        n += t->class == class && is_stuck(t, now);
    return n;
}

/* Under the lock: is another thread of this class wanted? */
static bool is_short_of_threads(const struct lanes *l, enum lane class)
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

        while (!l->stopping && is_short_of_threads(l, class)) {
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
                    put_mail(l);
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

static void on_nicer(void *arg);

/* On the loop: a timer is armed while a query runs. */
static void arm_nicer(struct lanes *l, int64_t in_ms)
{
    if (!l->nicer)
        l->nicer = loop_timer_new(l->loop, in_ms, 0, on_nicer, l);
}

/* Under the lock: looks at what a query has used. Returns in how many ms to look again; 0: never.
 */
static int64_t look_at(struct lanes *l, struct lane_thread *t, int64_t now)
{
    struct lane_class *c = &l->classes[t->class];
    int64_t used_ms = (cpu_ns(t->thread) - t->since_cpu_ns) / 1000000;
    struct lane_job *job = t->job;

    if (!t->niced && used_ms >= NICE_AFTER_MS) {
        (void)setpriority(PRIO_PROCESS, (id_t)t->tid, NICE);
        t->niced = true;
    }
    if (atomic_load_explicit(&job->must_rest, memory_order_relaxed))
        return t->niced ? 0 : NICE_AFTER_MS - used_ms;
    if (!job->turn_since_ns) {
        if (used_ms < SHARE_AFTER_MS)
            return SHARE_AFTER_MS - used_ms;
        if (c->turns < c->turns_max)
            take_turn(c, job);
        else
            atomic_store_explicit(&job->must_rest, true, memory_order_relaxed);
    } else if (c->resting_n && now - job->turn_since_ns >= TURN_MS * INT64_C(1000000)) {
        atomic_store_explicit(&job->must_rest, true, memory_order_relaxed);
    }
    return t->niced ? TURN_MS : NICE_AFTER_MS - used_ms;
}

static void on_nicer(void *arg)
{
    struct lanes *l = arg;
    int64_t now = now_ns(), next_ms = 0;

    pthread_mutex_lock(&l->lock);
    for (struct lane_thread *t = l->threads; t; t = t->next) {
        int64_t ms = t->class == LANE_QUERY && t->since_ns && !t->rests ? look_at(l, t, now) : 0;

        if (ms && (!next_ms || ms < next_ms))
            next_ms = ms;
    }
    if (l->classes[LANE_QUERY].queued && (!next_ms || next_ms > SHARE_AFTER_MS))
        next_ms = SHARE_AFTER_MS; /* its thread may still wait for a core */
    pthread_mutex_unlock(&l->lock);
    loop_timer_free(l->nicer);
    l->nicer = NULL;
    if (next_ms)
        arm_nicer(l, next_ms);
}

static bool may_rest_on(const struct lanes *l, const struct lane_job *job)
{
    return !l->stopping && !atomic_load_explicit(&job->cancelled, memory_order_relaxed) &&
           (!job->deadline_ns || now_ns() < job->deadline_ns);
}

/* Under the lock, which it lets go meanwhile: among those that rest, until there is a turn or the
 * job is to end anyway. */
static void rest(struct lanes *l, struct lane_class *c, struct lane_thread *t)
{
    struct lane_job *job = t->job;
    struct lane_thread *next = give_turn_back(l, job);
    struct lane_thread **last = &c->resting;
    bool waits = c->turns >= c->turns_max && may_rest_on(l, job);
    bool tell = false;

    if (waits) {
        while (*last)
            last = &(*last)->after;
        *last = t;
        t->after = NULL;
        c->resting_n++;
        tell = is_short_of_threads(l, t->class);
        if (tell)
            put_mail(l);
    }
    pthread_mutex_unlock(&l->lock);
    if (tell)
        loop_wake(l->loop);
    wake(next);
    if (waits)
        sleep_unclaimed(l, t, REST_LOOK_MS);
    else
        pthread_mutex_lock(&l->lock);
    while (waits && !t->claimed && may_rest_on(l, job)) {
        pthread_mutex_unlock(&l->lock);
        sleep_unclaimed(l, t, REST_LOOK_MS);
    }
    if (waits && !t->claimed) {
        unlink_thread(&c->resting, t);
        c->resting_n--;
    }
    t->claimed = false;
    if (!job->turn_since_ns)
        take_turn(c, job); /* there was one free; or one too many, but it ends at once */
}

void lanes_rest(struct lane_job *job)
{
    struct lanes *l = job->lanes;
    struct lane_class *c;
    struct lane_thread *t;
    int64_t began;

    if (!atomic_load_explicit(&job->must_rest, memory_order_relaxed))
        return;
    c = &l->classes[job->class];
    began = now_ns();
    pthread_mutex_lock(&l->lock);
    for (t = l->threads; t->job != job; t = t->next)
        ;
    if (c->resting_n < RESTING_MAX) { /* else it keeps its lane: so many seldom wait at once */
        t->rests = true;
        rest(l, c, t);
        t->rests = false;
        t->since_ns += now_ns() - began;
    }
    pthread_mutex_unlock(&l->lock);
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
        arm_nicer(l, SHARE_AFTER_MS);
    arm_relief(l);
    call_done(l); /* last: an owner may free the lanes in it */
}

/* One core stays free for what is short. */
static size_t turns_for(size_t cores)
{
    if (cores > TURNS_MAX)
        return TURNS_MAX;
    return cores > 1 ? cores - 1 : 1;
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
    l->classes[LANE_QUERY].turns_max = turns_for(many);
    l->classes[LANE_SLOW].threads_max = l->classes[LANE_LATE].threads_max = SLOW_THREADS;
    l->classes[LANE_SLOW].stuck_max = l->classes[LANE_LATE].stuck_max = STUCK_MAX;
    l->classes[LANE_RENDER].threads_max = RENDER_THREADS;
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
        grow = is_short_of_threads(l, class);
        /* Elsewhere the loop is asked; for a query always, since it keeps the nicer's timer. */
        relieve = c->stuck_max && !idle && !grow;
        tell = !here && (grow || relieve || class == LANE_QUERY);
        if (tell)
            put_mail(l);
    }
    pthread_mutex_unlock(&l->lock);
    wake(idle);
    if (refused)
        return err_set(err, ERR_LIMIT, "too busy: %d jobs wait already; try again", QUEUED_MAX);
    if (here && class == LANE_QUERY)
        arm_nicer(l, SHARE_AFTER_MS);
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
        put_mail(l);
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
    wake(t);
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
