/* thread: threads with a name and a small stack, and what they cost. Locks are pthread's own, used
 * directly. */
#ifndef SYS_THREAD_H
#define SYS_THREAD_H

#include <pthread.h>
#include <stddef.h>
#include <stdint.h>

#include "base/attr.h"

struct err;

#define THREAD_STACK_BYTES (256u << 10)

/* Signals are blocked in it. `name` <= 15 bytes shows in top and gdb. */
MUST_USE int thread_start(pthread_t *out, const char *name, void *(*run)(void *arg), void *arg,
                          struct err *err);

/* CPU time that the calling thread has taken. */
int64_t thread_cpu_ns(void);
/* Bytes that it has read from files, those of this call among them, whose number is returned; what
 * came through sockets is not. 0: the kernel does not say. Takes some 10 us. */
size_t thread_read_bytes(uint64_t *out);

#endif
