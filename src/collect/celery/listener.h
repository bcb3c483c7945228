/* listener: one connection to the Redis that is a broker, on which workers' events are heard.
 *
 * Celery publishes them to the channels /DB.celeryev/... whether anybody listens or not. The
 * connection stays open between cycles, and Redis keeps for it what comes meanwhile (up to its
 * client-output-buffer-limit for pubsub, 8 MB over a minute or 32 MB at once by default; beyond
 * that it cuts the connection, and what was in between is lost). Nothing is sent but PSUBSCRIBE
 * once and a PING each cycle, whose answer tells that all events before it were read.
 *
 * Threads: that of the collector.
 */
#ifndef COLLECT_CELERY_LISTENER_H
#define COLLECT_CELERY_LISTENER_H

#include <stdint.h>

#include "base/attr.h"
#include "base/str.h"

struct arena;
struct clock;
struct err;
struct listener;
struct redis_access;

MUST_USE int listener_open(const struct redis_access *access, const char *socket_path,
                           const struct clock *clock, int64_t deadline_ns, struct arena *scratch,
                           struct listener **out, struct err *err);
void listener_close(struct listener *l); /* NULL is fine */

/* Calls `see` for the message of each event that has come. More of them than can be read until the
 * deadline wait for the next time. -1: the connection is good for nothing now. */
MUST_USE int listener_hear(struct listener *l, int64_t deadline_ns,
                           void (*see)(void *arg, struct str message), void *arg, struct err *err);

#endif
