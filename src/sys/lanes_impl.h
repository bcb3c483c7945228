/* lanes_impl: what lanes.c and turns.c share: the threads, their classes, and the one lock. */
#ifndef SYS_LANES_IMPL_H
#define SYS_LANES_IMPL_H

#include <pthread.h>
#include <semaphore.h>
#include <sys/types.h>

#include "sys/lanes.h"

#define NICE 10 /* of those that others go before */

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

/* ---- lanes.c ---- */

int64_t lanes_now_ns(void);
int64_t lanes_cpu_ns(pthread_t thread); /* what a thread has used of the cores */
/* Under the lock: there is something for the loop. The caller wakes it once it has let go of the
 * lock, though another one may have put the mail: that one may be nice and without a core. */
void lanes_put_mail(struct lanes *l);
/* Takes a thread out of a list; it need not be there. */
void lanes_unlink(struct lane_thread **at, const struct lane_thread *t);
/* Without the lock, which it takes at its end: until the thread is claimed, or the time is over. */
void lanes_sleep(struct lanes *l, struct lane_thread *t, int64_t ms);
void lanes_wake(struct lane_thread *claimed); /* without the lock; NULL is fine */
/* Under the lock: is another thread of this class wanted? */
bool lanes_is_short(const struct lanes *l, enum lane class);

/* ---- turns.c ---- */

/* Under the lock: a job has ended. Returns the thread to wake, which has its turn; NULL: none. */
struct lane_thread *turns_give_back(struct lanes *l, struct lane_job *job);
void turns_watch(struct lanes *l); /* on the loop: queries run */
/* Long queries that may go on at once: one core stays free for what is short. */
size_t turns_max(size_t cores);

#endif
