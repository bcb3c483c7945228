/* engine: asks Docker's API, or one that speaks like it, over its Unix socket: one GET after
 * another, over one connection as long as the other side keeps it.
 *
 * Whatever listens there gets no more than the deadline, and ENGINE_BODY_MAX bytes an answer.
 *
 * Errors are plain words without the socket's path, which the caller knows.
 * Threads: one at a time; it waits.
 */
#ifndef COLLECT_DOCKER_ENGINE_H
#define COLLECT_DOCKER_ENGINE_H

#include <stddef.h>
#include <stdint.h>

#include "base/attr.h"
#include "base/str.h"

#define ENGINE_BODY_MAX (4u << 20)

struct clock;
struct engine;
struct err;

MUST_USE int engine_open(const char *path, const struct clock *clock, int64_t deadline_ns,
                         struct engine **out, struct err *err);
void engine_close(struct engine *e); /* NULL is fine */

/* The answer to GET `target`, whatever its status; the body is good until the next call. */
MUST_USE int engine_get(struct engine *e, const char *target, int *status, struct str *body,
                        struct err *err);
/* After engine_get: an error that says what the engine answered instead of 200. */
MUST_USE int engine_refused(int status, struct str body, struct err *err);

#endif
