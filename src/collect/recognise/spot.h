/* spot: a place where somebody listens, who that seems to be, and what was answered there.
 *
 * Threads: one at a time. Ownership: the arena; spot_fini lets go of answers.
 */
#ifndef COLLECT_RECOGNISE_SPOT_H
#define COLLECT_RECOGNISE_SPOT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/attr.h"
#include "base/str.h"
#include "collect/recognise/probe.h"

struct bodies;
struct recogniser;
struct regex;
struct survey;
struct survey_process;

/* Expressions compiled once a scan. */
struct sign {
    const struct recogniser *of;
    struct regex **processes; /* [of->processes_n] */
    struct regex **matches;   /* [of->http_n] NULL: anything */
};

/* What /metrics said, if it is an exposition. */
struct tally {
    size_t samples;
    const struct recogniser *family; /* by a family; NULL: none */
    const char *prefix;              /* of that family */
    const char *same_as;             /* "node_": what earshot collects by itself; NULL: none */
};

enum spot_kind { SPOT_QUIET, SPOT_HTTP, SPOT_REDIS, SPOT_POSTGRES };

#define SPOT_PROBES_MAX 8

struct spot {
    const struct survey_socket *socket;
    const struct survey_process *owner; /* NULL: not known */
    enum spot_kind kind;
    const struct recogniser *by_process;
    struct probe *probes[SPOT_PROBES_MAX]; /* in the order in which they were asked */
    size_t probes_n;
    size_t tried; /* of what a recogniser or a user's name proposes */
    bool retried;

    /* What came of it: */
    bool talked; /* HTTP at all */
    int status;  /* of /metrics */
    struct tally tally;
    struct str json; /* /metrics is JSON; borrowed from the probe */
    const struct recogniser *by_http;
    const char *by_path;   /* that told it */
    const char *stub_path; /* of an nginx: where its stub_status is; NULL: none was found */
    struct redis_answer redis;
    struct postgres_answer postgres;
    const char *postgres_user; /* who got in */
};

struct spots {
    struct spot *items; /* [n] */
    size_t n;
    struct sign *signs; /* [signs_n] */
    size_t signs_n;
    const struct survey *survey;
    const char *user;
    struct bodies *bodies;
    struct arena *arena;
};

MUST_USE int spots_list(struct spots *all, struct err *err);
/* Asks what is to be asked next, once, at all machines together; *asked false: nothing was left. */
MUST_USE int spots_ask(struct spots *const all[], size_t n, const struct clock *clock,
                       int64_t deadline_ns, bool *asked, struct err *err);
/* How many places would be asked more. */
MUST_USE int spots_count_open(const struct spots *all, size_t *out, struct err *err);
void spots_fini(struct spots *all);

bool spot_is_nginx(const struct survey_process *p); /* NULL: no */
/* "127.0.0.1:6379", "[::1]:80", a path. */
MUST_USE const char *spot_place(const struct survey_socket *s, struct arena *a, struct err *err);

#endif
