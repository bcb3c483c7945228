/* probe: asks who listens at a place of this machine, and keeps what came back.
 *
 * Threads: one at a time. Ownership: the arena holds the probes, each its answer until probe_fini.
 */
#ifndef COLLECT_RECOGNISE_PROBE_H
#define COLLECT_RECOGNISE_PROBE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/attr.h"
#include "base/str.h"
#include "http/answer.h"
#include "http/intake.h"
#include "sys/ask.h"

struct arena;
struct err;
struct survey_socket;

enum probe_kind { PROBE_HTTP, PROBE_REDIS, PROBE_POSTGRES };

struct probe {
    struct ask ask; /* first */
    enum probe_kind kind;
    const struct survey_socket *socket;
    const char *what; /* HTTP: the path; PostgreSQL: the user */
    /* HTTP: */
    struct answer answer;
    struct intake intake;
    bool whole; /* the answer is */
    /* The others: */
    struct buf bytes;
};

MUST_USE int probe_http(struct arena *a, const struct survey_socket *s, const char *path,
                        struct bodies *bodies, struct probe *out, struct err *err);
MUST_USE int probe_redis(struct arena *a, const struct survey_socket *s, struct probe *out,
                         struct err *err);
MUST_USE int probe_postgres(struct arena *a, const struct survey_socket *s, const char *user,
                            struct probe *out, struct err *err);
void probe_fini(struct probe *p);

/* HTTP: the status, 0 when the answer was none; the body as far as it came. */
int probe_status(const struct probe *p);
struct str probe_body(const struct probe *p);

enum redis_says { REDIS_NOTHING, REDIS_PONG, REDIS_PASSWORD, REDIS_PROTECTED, REDIS_LOADING };

#define PROBE_QUEUES_MAX 16

struct redis_answer {
    enum redis_says says;
    bool valkey;
    struct str version;
    int queues_db; /* the database with Celery's bindings; -1: none */
    struct str queues[PROBE_QUEUES_MAX];
    size_t queues_n;
};
/* Views live in `a`. */
MUST_USE int probe_read_redis(const struct probe *p, struct arena *a, struct redis_answer *out,
                              struct err *err);

enum postgres_says { POSTGRES_NOTHING, POSTGRES_IN, POSTGRES_PASSWORD, POSTGRES_NO };

struct postgres_answer {
    enum postgres_says says;
    struct str version; /* IN: "15.8" */
    struct str why;     /* NO: its words */
};
void probe_read_postgres(const struct probe *p, struct postgres_answer *out);

#endif
