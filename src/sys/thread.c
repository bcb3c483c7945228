#include "sys/thread.h"

#include <assert.h>
#include <fcntl.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

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

int64_t thread_cpu_ns(void)
{
    struct timespec t = {0, 0};

    (void)clock_gettime(CLOCK_THREAD_CPUTIME_ID, &t);
    return (int64_t)t.tv_sec * 1000000000 + t.tv_nsec;
}

size_t thread_read_bytes(uint64_t *out)
{
    static const char key[] = "rchar: "; /* the first line */
    char text[256];
    int fd = open("/proc/thread-self/io", O_RDONLY | O_CLOEXEC);
    ssize_t n = fd < 0 ? -1 : read(fd, text, sizeof text - 1);

    if (fd >= 0)
        (void)close(fd);
    if (n < (ssize_t)sizeof key)
        return 0;
    text[n] = '\0';
    if (strncmp(text, key, sizeof key - 1) != 0)
        return 0;
    *out = strtoull(text + sizeof key - 1, NULL, 10) + (uint64_t)n;
    return (size_t)n;
}
