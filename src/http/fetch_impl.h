/* fetch_impl: what the loop's side (fetch.c) and the net thread's side (fetch_net.c) of a fetch
 * share.
 *
 * A plain request to a neighbour stays on the loop (near.h). All others have two sides:
 *
 *     fetch_start -> incoming list -> net thread: curl -> loop_post -> done
 *
 * A fetch is touched by one side at a time: by the net thread from when it leaves the incoming list
 * until its message is posted, by the loop before and after. Only `cancelled` crosses. The net
 * thread starts with the first fetch that needs it and sleeps in curl_multi_poll; curl_multi_wakeup
 * is how it is told of something new.
 */
#ifndef HTTP_FETCH_IMPL_H
#define HTTP_FETCH_IMPL_H

#include <curl/curl.h>
#include <pthread.h>
#include <stdatomic.h>

#include "http/client_use.h"
#include "http/fetch.h"
#include "http/intake.h"
#include "http/near.h"
#include "http/trace_use.h"
#include "sys/loop.h"

#define FETCH_HANDLES_KEPT 16

struct fetch {
    struct loop_message message;
    struct fetcher *fetcher;   /* NULL: freed before */
    struct fetch *prev, *next; /* the loop's list of those not done */
    struct fetch *queued;      /* the next one in the incoming list */
    atomic_bool cancelled;
    bool done; /* the loop's: the message has run */

    /* copies of the request */
    char *url, *method, *body;
    char *socket_path; /* NULL: none */
    size_t body_n;
    struct curl_slist *headers;
    int64_t timeout_ms;
    struct client *client; /* a reference, or NULL */
    void (*call)(struct fetch *f, void *arg);
    void *arg;

    struct near_request near; /* the loop's */

    struct intake in;
    int64_t started_ns; /* 0: not yet */
    char *type;
    struct fetch_result result;
    struct fetch_trace *trace; /* owned; NULL: not asked for */

    /* the net thread's */
    CURL *easy;
    struct client_use use;
    bool away;               /* a redirect has left the place that the client's secrets are for */
    bool had_token;          /* one was asked for already */
    struct client *token_of; /* this asks for a token of that client; a reference */
    char curl_text[CURL_ERROR_SIZE];
    int redirects;
    size_t net_at; /* its place in `active` */
};

struct fetcher {
    struct loop *loop;
    struct log *log;
    struct bodies *bodies; /* a reference */
    struct fetch *first;   /* not done; the loop's */
    struct near *near;
    struct intakes near_bodies;
    pthread_t thread;
    bool started; /* the loop's */

    pthread_mutex_t lock; /* guards: multi, incoming, incoming_last, stopping, cancels */
    CURLM *multi;         /* NULL until the net thread has made it */
    struct fetch *incoming, **incoming_last;
    bool stopping, cancels;

    /* the net thread's */
    struct fetch **active;
    size_t active_n, active_cap;
    struct intakes bodies_active;
    struct fetch **waiting; /* for a token */
    size_t waiting_n, waiting_cap;
    CURL *spare[FETCH_HANDLES_KEPT];
    size_t spare_n;
};

/* fetch.c */
MUST_USE int fetch_add_header(struct fetch *f, const char *line, struct err *err);
void fetch_note_start(struct fetch *f); /* the first one counts */
void fetch_note_end(struct fetch *f);
void fetch_set_result(struct fetch *f, int status); /* the answer is there */
void fetch_destroy(struct fetch *f);

/* fetch_net.c: the thread, until `stopping`; it posts each fetch that it was given. */
void *fetch_net_main(void *fetcher);

#endif
