/* thread: threads with a name and a small stack. Locks are pthread's own, used directly. */
#ifndef SYS_THREAD_H
#define SYS_THREAD_H

#include <pthread.h>

#include "base/attr.h"

struct err;

#define THREAD_STACK_BYTES (256u << 10)

/* Signals are blocked in it. `name` <= 15 bytes shows in top and gdb. */
MUST_USE int thread_start(pthread_t *out, const char *name, void *(*run)(void *arg), void *arg,
                          struct err *err);

#endif
