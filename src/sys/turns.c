/* turns: long queries share the cores, so that short ones find one.
 *
 * A query that has used SHARE_AFTER_MS of a core needs one of turns_max turns; how long it waited
 * for a core or a lock says nothing of it. When there is none it is told to rest, and sleeps in
 * lanes_rest until one is handed to it, first come, first served: whoever has a turn loses it at
 * its end, or after TURN_MS when others rest. Whoever rests is no thread of the class as far as its
 * bound goes, up to RESTING_MAX.
 */
#include <sys/resource.h>

#include "sys/lanes_impl.h"

#define TURNS_MAX      4 /* long queries at once, on machines with more cores than that */
#define RESTING_MAX    56
#define SHARE_AFTER_MS 5
#define NICE_AFTER_MS  10
#define TURN_MS        100
#define REST_LOOK_MS   50 /* how often one that rests looks whether it is cancelled or late */

static void take_turn(struct lane_class *c, struct lane_job *job)
{
    c->turns++;
    job->turn_since_ns = lanes_now_ns();
    atomic_store_explicit(&job->must_rest, false, memory_order_relaxed);
}

struct lane_thread *turns_give_back(struct lanes *l, struct lane_job *job)
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

static void on_nicer(void *arg);

/* A timer is armed while a query runs. */
static void arm(struct lanes *l, int64_t in_ms)
{
    if (!l->nicer)
        l->nicer = loop_timer_new(l->loop, in_ms, 0, on_nicer, l);
}

/* Under the lock: looks at what a query has used. Returns in how many ms to look again; 0: never.
 */
static int64_t look_at(struct lanes *l, struct lane_thread *t, int64_t now)
{
    struct lane_class *c = &l->classes[t->class];
    int64_t used_ms = (lanes_cpu_ns(t->thread) - t->since_cpu_ns) / 1000000;
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
    int64_t now = lanes_now_ns(), next_ms = 0;

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
        arm(l, next_ms);
}

static bool may_rest_on(const struct lanes *l, const struct lane_job *job)
{
    return !l->stopping && !atomic_load_explicit(&job->cancelled, memory_order_relaxed) &&
           (!job->deadline_ns || lanes_now_ns() < job->deadline_ns);
}

/* Under the lock, which it lets go meanwhile: among those that rest, until there is a turn or the
 * job is to end anyway. */
static void rest(struct lanes *l, struct lane_class *c, struct lane_thread *t)
{
    struct lane_job *job = t->job;
    struct lane_thread *next = turns_give_back(l, job);
    struct lane_thread **last = &c->resting;
    bool waits = c->turns >= c->turns_max && may_rest_on(l, job);
    bool tell = false;

    if (waits) {
        while (*last)
            last = &(*last)->after;
        *last = t;
        t->after = NULL;
        c->resting_n++;
        tell = lanes_is_short(l, t->class);
        if (tell)
            lanes_put_mail(l);
    }
    pthread_mutex_unlock(&l->lock);
    if (tell)
        loop_wake(l->loop);
    lanes_wake(next);
    if (waits)
        lanes_sleep(l, t, REST_LOOK_MS);
    else
        pthread_mutex_lock(&l->lock);
    while (waits && !t->claimed && may_rest_on(l, job)) {
        pthread_mutex_unlock(&l->lock);
        lanes_sleep(l, t, REST_LOOK_MS);
    }
    if (waits && !t->claimed) {
        lanes_unlink(&c->resting, t);
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
    began = lanes_now_ns();
    pthread_mutex_lock(&l->lock);
    for (t = l->threads; t->job != job; t = t->next)
        ;
    if (c->resting_n < RESTING_MAX) { /* else it keeps its lane: so many seldom wait at once */
        t->rests = true;
        rest(l, c, t);
        t->rests = false;
        t->since_ns += lanes_now_ns() - began;
    }
    pthread_mutex_unlock(&l->lock);
}

void turns_watch(struct lanes *l)
{
    arm(l, SHARE_AFTER_MS);
}

size_t turns_max(size_t cores)
{
    if (cores > TURNS_MAX)
        return TURNS_MAX;
    return cores > 1 ? cores - 1 : 1;
}
