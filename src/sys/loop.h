/* loop: the one event loop (libuv): sockets, timers, signals, messages from other threads.
 *
 * Never a disk, never longer than 10 ms. Everything here must be called on the loop's thread,
 * except loop_post, loop_put and loop_wake.
 */
#ifndef SYS_LOOP_H
#define SYS_LOOP_H

#include <stdbool.h>
#include <stdint.h>

#include "base/attr.h"

struct err;
struct loop;
struct loop_timer;
struct uv_loop_s;

/* A message: embed it, or allocate it; it must stay until run. */
struct loop_message {
    void (*run)(struct loop_message *m); /* on the loop's thread */
    struct loop_message *next;
};

MUST_USE int loop_new(struct loop **out, struct err *err);
/* After loop_stop: runs all posted messages and close callbacks until none is left. */
void loop_drain(struct loop *l);
/* No handle may be open and nobody may post any more (assert). */
void loop_free(struct loop *l);
void loop_run(struct loop *l);           /* until loop_stop */
void loop_stop(struct loop *l);          /* on the loop's thread */
bool loop_is_here(const struct loop *l); /* for asserts: is this the loop's thread? */
/* For parts of sys and http that speak to libuv themselves. */
struct uv_loop_s *loop_uv(struct loop *l);

/* From any thread. Runs in the order posted. */
void loop_post(struct loop *l, struct loop_message *m);
/* The two halves of it, for who puts messages under a lock of its own: loop_wake is for afterwards,
 * lest who is woken takes the core from the holder of that lock. Any thread may call it for all. */
void loop_put(struct loop *l, struct loop_message *m);
void loop_wake(struct loop *l);

/* First after `delay_ms`, then every `period_ms` (0: once). The callback may free the timer. */
struct loop_timer *loop_timer_new(struct loop *l, int64_t delay_ms, int64_t period_ms,
                                  void (*fire)(void *arg), void *arg);
void loop_timer_restart(struct loop_timer *t, int64_t delay_ms, int64_t period_ms);
void loop_timer_free(struct loop_timer *t); /* NULL is fine */

/* Calls `fire` on each SIGTERM, SIGINT, SIGHUP with the number. */
MUST_USE int loop_on_signals(struct loop *l, void (*fire)(void *arg, int number), void *arg,
                             struct err *err);

#endif
