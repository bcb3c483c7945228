/* Where a job is, and who moves it on:
 *
 *     lanes_submit -> queue of its class -> a thread: run -> finished list -> loop: done
 *                            |                                    ^
 *                            +----- lanes_cancel, lanes_free -----+   (was_run false)
 *
 * 1. One lock guards all of it. It is a leaf: never held across run, done, piece or loop_post.
 * 2. What the loop has to do (call `done`, make a thread, join one that ended) is told by one
 *    message, the mail. It is posted when there is something new and it is not under way yet. It
 *    outlives the lanes, so that a late delivery finds out that they are gone.
 * 3. Threads are made on the loop only: niceness is inherited, and a niced thread must not pass
 *    it on.
 * 4. A thread without work ends after IDLE_MS.
 * 5. A query that has run for SHARE_AFTER_MS needs one of turns_max turns. When there is none it is
 *    told to rest, and sleeps in lanes_rest until one is handed to it, first come, first served:
 *    whoever has a turn loses it at its end, or after TURN_MS when others rest. Whoever rests is no
 *    thread of the class as far as its bound goes, up to RESTING_MAX.
 */
#include "sys/lanes.h"

#include <assert.h>
#include <errno.h>
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
#define SLOW_THREADS   8
#define TURNS_MAX      4 /* on machines with so many cores */
#define RESTING_MAX    56
#define IDLE_MS        30000
#define SHARE_AFTER_MS 5
#define NICE_AFTER_MS  50
#define NICE           10
#define TURN_MS        100
#define REST_LOOK_MS   50    /* how often one that rests looks whether it is cancelled or late */
#define STUCK_MS       10000 /* for a job without a deadline */
#define FREE_WAIT_MS   1000  /* how long lanes_free gives to those that may hang */

enum job_state { JOB_NEW, JOB_QUEUED, JOB_RUNNING, JOB_FINISHED };

struct lane_thread {
    struct lane_thread *next;
    struct lanes *lanes;
    pthread_t thread;
    pid_t tid;
    enum lane class;
    int64_t since_ns;    /* 0: idle; else when its work began, rests taken out */
    int64_t deadline_ns; /* of the job it runs */
    struct lane_job *job;
    bool niced, rests, ended;
};

struct each {
    struct each *next;
    void (*piece)(void *arg, size_t i);
    void *arg;
    size_t n;
    atomic_size_t at;
    size_t helpers; /* guarded by the lock */
};

/* A query that sleeps in lanes_rest. */
struct resting {
    struct resting *next;
    struct lane_job *job;
};

struct lane_class {
    struct lane_job *first, **last;
    size_t queued, threads, idle, starting, threads_max;
    size_t resting_n, turns, turns_max; /* LANE_QUERY only */
    struct resting *resting, **resting_last;
    pthread_cond_t work, turn;
};

struct mail {
    struct loop_message message;
    struct lanes *lanes; /* NULL: freed while the mail was under way. The loop's */
};

struct lanes {
    struct loop *loop;
    struct mail *mail;
    struct loop_timer *nicer; /* NULL: not armed. The loop's */

    /* guards all below, jobs' next and state, threads' fields */
    pthread_mutex_t lock;
    struct lane_class classes[LANE_CLASSES];
    struct lane_thread *threads;
    struct each *eaches;
    pthread_cond_t helped; /* a helper left its each, or a thread ended */
    struct lane_job *finished, **finished_last;
    bool mail_posted, stopping;
};

static const char *const thread_names[LANE_CLASSES] = {
    [LANE_PARSE] = "lane-parse",   [LANE_RULES] = "lane-rules", [LANE_QUERY] = "lane-query",
    [LANE_RENDER] = "lane-render", [LANE_SLOW] = "lane-slow",   [LANE_UPKEEP] = "lane-upkeep",
};

static int64_t now_ns(void)
{
    struct timespec t;

    (void)clock_gettime(CLOCK_MONOTONIC, &t);
    return (int64_t)t.tv_sec * 1000000000 + t.tv_nsec;
}

static struct timespec in_ms(int64_t ms)
{
    int64_t at = now_ns() + ms * 1000000;

    return (struct timespec){.tv_sec = at / 1000000000, .tv_nsec = at % 1000000000};
}

/* Under the lock. True: the caller posts the mail once it has let go of the lock. */
static bool claim_mail(struct lanes *l)
{
    bool mine = !l->mail_posted && !l->stopping;

    l->mail_posted |= mine;
    return mine;
}

static void take_turn(struct lane_class *c, struct lane_job *job)
{
    c->turns++;
    job->turn_since_ns = now_ns();
    atomic_store_explicit(&job->must_rest, false, memory_order_relaxed);
}

static void give_turn_back(struct lanes *l, struct lane_job *job)
{
    struct lane_class *c = &l->classes[job->class];
    struct resting *r;

    if (!job->turn_since_ns)
        return;
    job->turn_since_ns = 0;
    c->turns--;
    for (r = c->resting; r && r->job->turn_since_ns; r = r->next)
        ; /* those have theirs but are not awake yet */
    if (r && c->turns < c->turns_max) {
        take_turn(c, r->job);
        pthread_cond_broadcast(&c->turn);
    }
}

static void finish(struct lanes *l, struct lane_job *job, bool was_run)
{
    give_turn_back(l, job);
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

static void run_pieces(struct each *e)
{
    size_t i;

    while ((i = atomic_fetch_add_explicit(&e->at, 1, memory_order_relaxed)) < e->n)
        e->piece(e->arg, i);
}

/* An each that still has pieces to hand out. */
static struct each *each_in_need(const struct lanes *l)
{
    for (struct each *e = l->eaches; e; e = e->next)
        if (atomic_load_explicit(&e->at, memory_order_relaxed) < e->n)
            return e;
    return NULL;
}

/* Under the lock, which it lets go meanwhile. False: there was nothing to do. */
static bool work_once(struct lanes *l, struct lane_thread *t, bool *post)
{
    struct lane_job *job = dequeue(&l->classes[t->class]);
    struct each *e = NULL;

    if (!job && t->class == LANE_QUERY)
        e = each_in_need(l);
    if (!job && !e)
        return false;
    t->since_ns = now_ns();
    t->job = job;
    if (job) {
        job->state = JOB_RUNNING;
        t->deadline_ns = job->deadline_ns;
    } else {
        e->helpers++;
    }
    pthread_mutex_unlock(&l->lock);
    if (job)
        job->run(job);
    else
        run_pieces(e);
    pthread_mutex_lock(&l->lock);
    if (job) {
        finish(l, job, true);
        *post = claim_mail(l);
    } else if (--e->helpers == 0) {
        pthread_cond_broadcast(&l->helped);
    }
    t->since_ns = t->deadline_ns = 0;
    t->job = NULL;
    return true;
}

static void *thread_main(void *arg)
{
    struct lane_thread *t = arg;
    struct lanes *l = t->lanes;
    struct lane_class *c = &l->classes[t->class];
    bool post = false;

    pthread_mutex_lock(&l->lock);
    c->starting--;
    t->tid = (pid_t)syscall(SYS_gettid);
    if (t->class == LANE_RENDER)
        (void)setpriority(PRIO_PROCESS, (id_t)t->tid, NICE);
    while (!l->stopping && !t->niced) {
        struct timespec until;
        int rc = 0;

        if (work_once(l, t, &post)) {
            if (post) {
                pthread_mutex_unlock(&l->lock);
                loop_post(l->loop, &l->mail->message);
                pthread_mutex_lock(&l->lock);
                post = false;
            }
            continue;
        }
        until = in_ms(IDLE_MS);
        c->idle++;
        rc = pthread_cond_timedwait(&c->work, &l->lock, &until);
        c->idle--;
        if (rc == ETIMEDOUT && !c->first)
            break;
    }
    c->threads--;
    t->ended = true;
    post = claim_mail(l);
    pthread_cond_broadcast(&l->helped);
    pthread_mutex_unlock(&l->lock);
    if (post)
        loop_post(l->loop, &l->mail->message);
    return NULL;
}

/* Under the lock: is another thread of this class wanted? */
static bool is_short_of_threads(const struct lanes *l, enum lane class)
{
    const struct lane_class *c = &l->classes[class];
    const struct each *e = class == LANE_QUERY ? each_in_need(l) : NULL;
    size_t wanted = c->queued;

    if (e)
        wanted += e->n; /* more than there are threads, in most cases */
    return c->threads - c->resting_n < c->threads_max && wanted > c->idle + c->starting;
}

/* On the loop. A thread that cannot be had is no error as long as one is there: it takes the jobs
 * one by one; with none at all, jobs would wait for ever, so they end unrun. */
static void make_threads(struct lanes *l)
{
    bool post = false;

    pthread_mutex_lock(&l->lock);
    for (unsigned i = 0; i < LANE_CLASSES; i++) {
        enum lane class = (enum lane)i;
        struct lane_class *c = &l->classes[i];

        while (!l->stopping && is_short_of_threads(l, class)) {
            struct lane_thread *t = mem_new(struct lane_thread);
            struct err ignored;

            t->lanes = l;
            t->class = class;
            if (thread_start(&t->thread, thread_names[class], thread_main, t, &ignored) < 0) {
                struct lane_job *job;

                mem_free(t);
                while (!c->threads && (job = dequeue(c))) {
                    finish(l, job, false);
                    post |= claim_mail(l);
                }
                break;
            }
            t->next = l->threads;
            l->threads = t;
            c->threads++;
            c->starting++;
        }
    }
    pthread_mutex_unlock(&l->lock);
    if (post)
        loop_post(l->loop, &l->mail->message);
}

/* On the loop: joins those that have ended. */
static void join_ended(struct lanes *l)
{
    struct lane_thread *ended = NULL;

    pthread_mutex_lock(&l->lock);
    for (struct lane_thread **at = &l->threads; *at;) {
        struct lane_thread *t = *at;

        if (t->ended) {
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
        (void)pthread_join(t->thread, NULL);
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

/* Under the lock: looks at a query's age. Returns in how many ms to look again; 0: never. */
static int64_t look_at(struct lanes *l, struct lane_thread *t, int64_t now)
{
    struct lane_class *c = &l->classes[t->class];
    int64_t age_ms = (now - t->since_ns) / 1000000;
    struct lane_job *job = t->job; /* NULL: it helps another one */

    if (!t->niced && age_ms >= NICE_AFTER_MS) {
        (void)setpriority(PRIO_PROCESS, (id_t)t->tid, NICE);
        t->niced = true;
    }
    if (!job || atomic_load_explicit(&job->must_rest, memory_order_relaxed))
        return t->niced ? 0 : NICE_AFTER_MS - age_ms;
    if (!job->turn_since_ns) {
        if (age_ms < SHARE_AFTER_MS)
            return SHARE_AFTER_MS - age_ms;
        if (c->turns < c->turns_max)
            take_turn(c, job);
        else
            atomic_store_explicit(&job->must_rest, true, memory_order_relaxed);
        return t->niced ? TURN_MS : NICE_AFTER_MS - age_ms;
    }
    if (c->resting_n && now - job->turn_since_ns >= TURN_MS * INT64_C(1000000))
        atomic_store_explicit(&job->must_rest, true, memory_order_relaxed);
    return t->niced ? TURN_MS : NICE_AFTER_MS - age_ms;
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
    pthread_mutex_unlock(&l->lock);
    loop_timer_free(l->nicer);
    l->nicer = NULL;
    if (next_ms)
        arm_nicer(l, next_ms);
}

static bool may_rest_on(const struct lanes *l, const struct lane_job *job)
{
    return !job->turn_since_ns && !l->stopping &&
           !atomic_load_explicit(&job->cancelled, memory_order_relaxed) &&
           (!job->deadline_ns || now_ns() < job->deadline_ns);
}

/* Under the lock, which it lets go meanwhile: in the list of those that rest, until there is a turn
 * or the job is to end anyway. */
static void rest(struct lanes *l, struct lane_class *c, struct lane_job *job)
{
    struct resting me = {.job = job};
    struct resting **at;

    *c->resting_last = &me;
    c->resting_last = &me.next;
    c->resting_n++;
    give_turn_back(l, job);
    if (!job->turn_since_ns && c->turns < c->turns_max)
        take_turn(c, job); /* one ended since it was told to rest */
    if (!job->turn_since_ns && is_short_of_threads(l, (enum lane)job->class) && claim_mail(l)) {
        pthread_mutex_unlock(&l->lock);
        loop_post(l->loop, &l->mail->message);
        pthread_mutex_lock(&l->lock);
    }
    while (may_rest_on(l, job)) {
        struct timespec until = in_ms(REST_LOOK_MS);

        (void)pthread_cond_timedwait(&c->turn, &l->lock, &until);
    }
    for (at = &c->resting; *at != &me; at = &(*at)->next)
        ;
    *at = me.next;
    if (!*at)
        c->resting_last = at;
    c->resting_n--;
    if (!job->turn_since_ns)
        take_turn(c, job); /* one too many, but it ends at once */
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
        rest(l, c, job);
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
    querying = l->classes[LANE_QUERY].threads > l->classes[LANE_QUERY].idle;
    pthread_mutex_unlock(&l->lock);
    join_ended(l);
    make_threads(l);
    if (querying)
        arm_nicer(l, SHARE_AFTER_MS);
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
    pthread_cond_init(&l->helped, &attr);
    for (unsigned i = 0; i < LANE_CLASSES; i++) {
        struct lane_class *c = &l->classes[i];

        c->last = &c->first;
        c->resting_last = &c->resting;
        c->threads_max = many;
        pthread_cond_init(&c->work, &attr);
        pthread_cond_init(&c->turn, &attr);
    }
    pthread_condattr_destroy(&attr);
    l->classes[LANE_QUERY].threads_max = QUERY_THREADS;
    l->classes[LANE_QUERY].turns_max = many < TURNS_MAX ? many : TURNS_MAX;
    l->classes[LANE_SLOW].threads_max = SLOW_THREADS;
    l->classes[LANE_RENDER].threads_max = RENDER_THREADS;
    l->classes[LANE_RULES].threads_max = 1;
    l->classes[LANE_UPKEEP].threads_max = 1;
    return l;
}

int lanes_submit(struct lanes *l, enum lane class, struct lane_job *job, struct err *err)
{
    struct lane_class *c = &l->classes[class];
    bool here = loop_is_here(l->loop);
    bool refused = false, grow = false, post = false;

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
        if (!here)
            pthread_cond_signal(&c->work);
        grow = is_short_of_threads(l, class);
        /* Elsewhere the loop is asked; for a query always, since it keeps the nicer's timer. */
        if (!here && (grow || class == LANE_QUERY))
            post = claim_mail(l);
    }
    pthread_mutex_unlock(&l->lock);
    /* Without the lock, which who wakes up wants at once. Elsewhere it could be too late: the loop
     * may free the lanes meanwhile. */
    if (here && !refused)
        pthread_cond_signal(&c->work);
    if (refused)
        return err_set(err, ERR_LIMIT, "too busy: %d jobs wait already; try again", QUEUED_MAX);
    if (here && class == LANE_QUERY)
        arm_nicer(l, SHARE_AFTER_MS);
    if (here && grow)
        make_threads(l);
    if (post)
        loop_post(l->loop, &l->mail->message);
    return 0;
}

void lanes_cancel(struct lane_job *job)
{
    struct lanes *l = job->lanes;
    bool post = false;

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
        post = claim_mail(l);
    }
    pthread_mutex_unlock(&l->lock);
    if (post)
        loop_post(l->loop, &l->mail->message);
}

void lanes_each(struct lanes *l, size_t n, void (*piece)(void *arg, size_t i), void *arg)
{
    struct each e = {.piece = piece, .arg = arg, .n = n};
    struct lane_class *c = &l->classes[LANE_QUERY];
    bool post = false;

    atomic_init(&e.at, 0);
    if (n < 2) {
        run_pieces(&e);
        return;
    }
    pthread_mutex_lock(&l->lock);
    if (!l->stopping) {
        e.next = l->eaches;
        l->eaches = &e;
        pthread_cond_broadcast(&c->work);
        if (is_short_of_threads(l, LANE_QUERY) && !loop_is_here(l->loop))
            post = claim_mail(l);
    }
    pthread_mutex_unlock(&l->lock);
    if (post)
        loop_post(l->loop, &l->mail->message);
    run_pieces(&e);
    pthread_mutex_lock(&l->lock);
    for (struct each **at = &l->eaches; *at; at = &(*at)->next)
        if (*at == &e) {
            *at = e.next;
            break;
        }
    while (e.helpers)
        pthread_cond_wait(&l->helped, &l->lock);
    pthread_mutex_unlock(&l->lock);
}

static bool is_stuck(const struct lane_thread *t, int64_t now)
{
    int64_t limit = t->deadline_ns ? t->deadline_ns : t->since_ns + STUCK_MS * INT64_C(1000000);

    return t->since_ns && now > limit;
}

struct lanes_stats lanes_stats(struct lanes *l, enum lane class)
{
    struct lanes_stats s = {0};
    int64_t now = now_ns();

    pthread_mutex_lock(&l->lock);
    s.queued = l->classes[class].queued;
    s.threads = l->classes[class].threads;
    for (struct lane_thread *t = l->threads; t; t = t->next)
        if (t->class == class) {
            s.running += t->since_ns != 0;
            s.stuck += is_stuck(t, now);
        }
    pthread_mutex_unlock(&l->lock);
    return s;
}

/* Under the lock: ends what is queued, tells what runs. */
static void stop_all(struct lanes *l)
{
    l->stopping = true;
    for (unsigned i = 0; i < LANE_CLASSES; i++) {
        struct lane_job *job;

        while ((job = dequeue(&l->classes[i]))) {
            atomic_store_explicit(&job->cancelled, true, memory_order_release);
            finish(l, job, false);
        }
        pthread_cond_broadcast(&l->classes[i].work);
        pthread_cond_broadcast(&l->classes[i].turn);
    }
    for (struct lane_thread *t = l->threads; t; t = t->next)
        if (t->job)
            atomic_store_explicit(&t->job->cancelled, true, memory_order_release);
}

/* Under the lock: waits until all threads have ended, but for those of LANE_SLOW not longer than
 * FREE_WAIT_MS. Returns how many of them are left. */
static size_t wait_for_threads(struct lanes *l)
{
    struct timespec until = in_ms(FREE_WAIT_MS);

    for (;;) {
        size_t slow = l->classes[LANE_SLOW].threads, others = 0;

        for (unsigned i = 0; i < LANE_CLASSES; i++)
            others += i == LANE_SLOW ? 0 : l->classes[i].threads;
        if (!slow && !others)
            return 0;
        if (others)
            (void)pthread_cond_wait(&l->helped, &l->lock);
        else if (pthread_cond_timedwait(&l->helped, &l->lock, &until) == ETIMEDOUT)
            return l->classes[LANE_SLOW].threads;
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
    join_ended(l);
    call_done(l);
    loop_timer_free(take(l->nicer));
    if (stuck)
        return stuck;
    for (unsigned i = 0; i < LANE_CLASSES; i++) {
        pthread_cond_destroy(&l->classes[i].work);
        pthread_cond_destroy(&l->classes[i].turn);
    }
    pthread_cond_destroy(&l->helped);
    pthread_mutex_destroy(&l->lock);
    l->mail->lanes = NULL;
    if (!l->mail_posted)
        mem_free(l->mail);
    mem_free(l);
    return 0;
}
