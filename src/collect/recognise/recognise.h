/* recognise: what runs on this machine and can be watched. The folder's entry header.
 *
 *   sockets   the kernel's tables              survey    processes, what they listen on
 *   probe     asks who listens                 recognise what all of it means
 *
 * Only this machine is looked at, and those under `hosts` through their tunnels, and only ports
 * that somebody listens on at loopback are asked: GET /metrics and the paths that a recogniser
 * names, PING of a Redis, the start of a session with a PostgreSQL. Ports of programs that would
 * take that amiss (mail, SSH, other databases) are left alone. Whatever a program says about itself
 * ends up in texts for people: control characters are taken out.
 *
 * Threads: waits for kernel and network, 3 s at most: LANE_SLOW. Ownership: the arena.
 */
#ifndef COLLECT_RECOGNISE_RECOGNISE_H
#define COLLECT_RECOGNISE_RECOGNISE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/attr.h"
#include "base/str.h"

struct arena;
struct clock;
struct err;

/* An answer to GET that tells a service. All that is given must hold. */
struct recognise_http {
    uint16_t port; /* 0: any */
    const char *path;
    int status;        /* 0: 2xx */
    const char *match; /* RE2 found in the body; NULL: anything */
    const char *json;  /* a path (text/json_path.h) that the body has; NULL: anything */
};

/* Signs by which a service is known; each list may be empty, and one sign is enough. */
struct recogniser {
    const char *pack;             /* "vllm" */
    const char *title;            /* "vLLM" */
    const char *watched;          /* what is collected: "metrics, GPU" */
    bool has_redis_address;       /* it is found by where its Redis is, and listens nowhere */
    const char *const *processes; /* RE2, found anywhere in a command line */
    size_t processes_n;
    const char *const *exes; /* base names of programs */
    size_t exes_n;
    const uint16_t *ports; /* where such a service usually listens: to look at, no sign */
    size_t ports_n;
    const char *const *families; /* how names in its exposition begin */
    size_t families_n;
    const struct recognise_http *http;
    size_t http_n;
};

/* One thing that was found. Texts are one line, without control characters. */
struct found {
    const char *id;       /* "redis-6379", "box/redis-6379": the same in each scan */
    const char *host;     /* of the entry of `hosts`; NULL: this machine */
    const char *pack;     /* "redis"; "" when no pack knows it */
    const char *title;    /* "Redis 7.0.15" */
    const char *evidence; /* "redis-server (pid 812) listens on 127.0.0.1:6379 and answered PING" */
    const char *watched;  /* what would be collected: "memory, clients, commands" */
    const char *needs;    /* what the person has to do first; NULL: nothing */
    /* Where it stands in an earshot.yml: a list under `collect`, or (`entry` "{}") a map there;
     * "packs": only the pack knows how. NULL: there is nothing to collect. */
    const char *kind;
    const char *name_key, *name; /* "job_name", "vllm": made unique by the reader; NULL: none */
    const char *entry;           /* the rest of the entry's YAML: lines of "key: value" */
    const char *url;             /* by which it would be asked; NULL: none */
    const char *options;         /* further parameters of the pack: "queues: ['a']"; NULL: none */
    uint16_t port;               /* of loopback; 0: none */
    const char *path;            /* of a Unix socket or file; NULL: none */
    size_t series;               /* that an answer had; 0: not known */
};

/* What a bound kept from being looked at. */
struct scan_cut {
    size_t tables;    /* of sockets that cannot be read, too large perhaps */
    size_t sockets;   /* past so many */
    size_t processes; /* whose open files were not all looked at */
    size_t places;    /* that would have been asked more, in more time */
};

struct scan {
    struct found *items; /* [n] in the order in which they are shown */
    size_t n;
    size_t ports, processes, units; /* that were looked at */
    size_t unknown_ports;           /* that belong to nobody we know */
    struct scan_cut cut;
    struct unreached {
        const char *host, *why; /* plain words */
    } * unreached;              /* [unreached_n] machines that could not be looked at */
    size_t unreached_n;
    double seconds;
};

/* A machine behind a tunnel. */
struct recognise_far {
    const char *host; /* of the entry of `hosts` */
    const char *user; /* whose rights we have there; NULL: of the same name as here */
    const char *why;  /* it cannot be looked at; NULL: it can */
    const char *shell_path, *loopback_path; /* ways to VIA_SHELL and VIA_LOOPBACK */
};

struct recognise_context {
    const char *proc, *sys; /* "/proc", "/sys" */
    const char *user;       /* whose rights we have: "earshot"; for PostgreSQL */
    const char *host_name;
    const struct recogniser *recognisers; /* [recognisers_n] */
    size_t recognisers_n;
    const struct recognise_far *far; /* [far_n] looked at beside this machine */
    size_t far_n;
    const struct clock *clock;
};

MUST_USE int recognise_scan(const struct recognise_context *context, struct arena *a,
                            struct scan *out, struct err *err);

#endif
