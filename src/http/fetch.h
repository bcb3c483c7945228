/* fetch: HTTP requests to others (scrapes, webhooks), by libcurl multi on the net thread.
 *
 * Bodies are decoded (gzip, also where it was not asked for), capped while they arrive, and handed
 * over whole. How a peer is asked (credentials, TLS, proxy, redirects, gzip) is for a client to say
 * (http/client.h); without one, redirects are not followed, and the environment's proxy is used for
 * what is not loopback. TLS stores are loaded at first use. gzip is not asked of peers that are
 * near: packing and unpacking costs more than a short wire.
 *
 * Threads: fetch_start from the loop; `done` is called on the loop. Memory: the body belongs to the
 * fetch and is freed by fetch_free, unless it is taken before.
 */
#ifndef HTTP_FETCH_H
#define HTTP_FETCH_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/attr.h"
#include "base/err.h"
#include "base/str.h"

struct client;
struct fetch;
struct fetch_trace; /* http/trace.h */
struct fetcher;
struct log;
struct loop;

struct fetch_request {
    const char *url;
    const char *method;         /* NULL: GET */
    const char *const *headers; /* "Name: value" [headers_n] */
    size_t headers_n;
    struct str body;
    int64_t timeout_ms;
    size_t body_max;                          /* decoded bytes; more: ERR_LIMIT */
    const char *socket_path;                  /* a Unix socket instead of the URL's host; NULL */
    struct client *client;                    /* NULL: none; a reference is taken */
    bool traced;                              /* the result gets a trace (http/trace.h) */
    const struct fetch_trace *cookies_of;     /* of `traced`: cookies of an earlier one; copied */
    void (*done)(struct fetch *f, void *arg); /* on the loop; then fetch_free it */
    void *arg;
};

struct fetch_result {
    int status; /* 0: no answer; err says why, in plain words */
    struct str body;
    struct str content_type;
    int64_t start_ms;  /* wall clock, when the request was sent */
    double seconds;    /* whole exchange */
    size_t wire_bytes; /* body as it came, before decoding */
    const char *auth;  /* the key of the credentials that were sent, "basic_auth" ...; NULL: none */
    const struct fetch_trace *trace; /* NULL: it was not asked for */
    struct err err;
};

MUST_USE int fetcher_new(struct loop *loop, struct log *log, struct fetcher **out, struct err *err);
/* What all answers under way, or not freed yet, may take together: 176 MB unless told otherwise.
 * The largest of them gives way (ERR_LIMIT). */
void fetcher_set_bodies_max(struct fetcher *f, size_t bytes);
void fetcher_free(struct fetcher *f); /* cancels what is under way; `done` is not called */

/* Copies what the request points to. Connections are kept and reused per host. */
MUST_USE int fetch_start(struct fetcher *f, const struct fetch_request *request, struct fetch **out,
                         struct err *err);
void fetch_cancel(struct fetch *f); /* `done` will not be called; frees it */
const struct fetch_result *fetch_result(const struct fetch *f);
/* The body of the result, which has none afterwards: the caller's, mem_free. NULL: there was none.
 */
char *fetch_take_body(struct fetch *f, size_t *n);
void fetch_free(struct fetch *f);

#endif
