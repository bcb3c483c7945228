#include "sys/thread.h"

#include <assert.h>
#include <signal.h>
#include <string.h>

#include "base/err.h"
#include "base/mem.h"

/* Sanitizers put redzones between locals, so the same code needs more stack under them. */
#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__)
#define STACK_BYTES (8u * THREAD_STACK_BYTES)
#else
#define STACK_BYTES THREAD_STACK_BYTES
#endif

#define NAME_BYTES 16 /* the kernel's bound, with the NUL */

struct start {
    void *(*run)(void *arg);
    void *arg;
    char name[NAME_BYTES];
};

static void *first_step(void *arg)
{
    struct start start = *(struct start *)arg;

    mem_free(arg);
    (void)pthread_setname_np(pthread_self(), start.name);
    return start.run(start.arg);
}

int thread_start(pthread_t *out, const char *name, void *(*run)(void *arg), void *arg,
                 struct err *err)
{
    struct start *start = mem_new(struct start);
    pthread_attr_t attr;
    sigset_t all, before;
    pthread_t thread;
    int rc;

    assert(strlen(name) < NAME_BYTES);
    start->run = run;
    start->arg = arg;
    memcpy(start->name, name, strlen(name));
    pthread_attr_init(&attr);
    rc = pthread_attr_setstacksize(&attr, STACK_BYTES);
    assert(rc == 0);
    /* A thread inherits the mask: blocked before it is there, so that no signal slips in. */
    sigfillset(&all);
    pthread_sigmask(SIG_SETMASK, &all, &before);
    rc = pthread_create(&thread, &attr, first_step, start);
    pthread_sigmask(SIG_SETMASK, &before, NULL);
    pthread_attr_destroy(&attr);
    if (rc) {
        mem_free(start);
        return err_os(err, rc, "cannot start thread %s", name);
    }
    *out = thread;
    return 0;
}
