/* answers: what an engine tells in JSON, as plain data. Docker's API since 1.24, and Podman's that
 * is like it.
 *
 * A member that is missing or of another type is not known, which is no error. What makes no sense
 * is not believed: a process below 2, a counter below 0, a name that is no text. Anything may have
 * sent it.
 *
 * Ownership: texts are copied into the arena. Threads: none of its own.
 */
#ifndef COLLECT_DOCKER_ANSWERS_H
#define COLLECT_DOCKER_ANSWERS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/attr.h"
#include "base/str.h"

struct arena;
struct err;

#define CONTAINER_ID_MAX    64
#define CONTAINER_NAME_MAX  200
#define CONTAINER_IMAGE_MAX 500

/* As Docker calls them; Podman's are given Docker's names. */
enum container_state {
    CONTAINER_CREATED,
    CONTAINER_RUNNING,
    CONTAINER_PAUSED,
    CONTAINER_RESTARTING,
    CONTAINER_REMOVING,
    CONTAINER_EXITED,
    CONTAINER_DEAD,
    CONTAINER_STATE_UNKNOWN,
    CONTAINER_STATES
};
extern const char *const container_state_names[CONTAINER_STATES];

enum container_health {
    HEALTH_STARTING,
    HEALTH_HEALTHY,
    HEALTH_UNHEALTHY,
    HEALTH_UNKNOWN,
    HEALTH_STATES,
    HEALTH_NONE = HEALTH_STATES /* it has no check */
};
extern const char *const container_health_names[HEALTH_STATES];

/* A line of the list. */
struct container_line {
    struct str id;     /* hexadecimal digits */
    struct str name;   /* without the slash */
    struct str image;  /* as it was asked for; its id where it has no name */
    struct str status; /* "Up 2 hours (healthy)" */
    enum container_state state;
};

struct container_list {
    struct container_line *items; /* [n] those that run first; no name twice */
    size_t n;
    size_t left_out; /* beyond `max`, or without a sound name or id */
};

/* GET /containers/json?all=1 */
MUST_USE int answers_list(struct str body, size_t max, struct arena *a, struct container_list *out,
                          struct err *err);

struct container_facts {
    enum container_state state;
    enum container_health health;
    uint64_t pid; /* 0: it does not run */
    int64_t exit_code;
    bool has_exit_code; /* it has ended */
    bool oom_killed;    /* in this run, or the last */
    uint64_t restarts;  /* by its restart policy */
    double started_s;   /* Unix time; 0: never */
    bool has_limit;
    uint64_t memory_limit; /* bytes; 0: none */
    bool own_network;      /* neither the host's nor another container's */
};

/* GET /containers/ID/json */
MUST_USE int answers_facts(struct str body, struct arena *a, struct container_facts *out,
                           struct err *err);

struct container_net {
    struct str interface;
    double received[4], sent[4]; /* bytes, packets, errors, dropped */
};

struct container_usage {
    bool has_cpu, has_memory, has_limit, has_kills;
    double cpu_s;
    double working_set; /* bytes */
    double limit;       /* bytes; 0: none */
    uint64_t kills;     /* for lack of memory, in this run */
    struct container_net *nets;
    size_t nets_n;
};

#define CONTAINER_NETS_MAX 16

/* GET /containers/ID/stats?stream=false. A limit of memory is not in it: without one it tells what
 * the machine has. */
MUST_USE int answers_usage(struct str body, struct arena *a, struct container_usage *out,
                           struct err *err);

#endif
