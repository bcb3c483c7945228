/* server: HTTP/1.1 on the loop. llhttp frames; a strict pass of ours checks every head first.
 *
 * A handler runs on the loop with the whole request in hand (head <= 16 kB, body up to the route's
 * bound). It answers at once or later (from a lane's `done`), with a body that is either bytes or a
 * *generator* driven by the drained socket: a slow reader holds memory, never a thread.
 *
 * The server does by itself: keep-alive, pipelining, chunked both ways, HEAD, Expect, gzip of
 * answers (zlib) and of requests (bounded), ETag/If-None-Match for assets, Host check (421), Origin
 * check on state-changing methods (403), deadlines (header 10 s, body 60 s, drain 60 s), limits on
 * connections, security headers, request metrics.
 *
 * A client that takes no byte for 60 s while bytes wait is cut; time in HTTP_WAIT does not count.
 *
 * Threads: the loop's only. Ownership: the request and its arena live until the answer is sent or
 * the client is gone; a handler that answers later keeps the pointer and sets on_gone.
 */
#ifndef HTTP_SERVER_H
#define HTTP_SERVER_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#include "base/arena.h"
#include "base/attr.h"
#include "base/str.h"

struct clock;
struct err;
struct http_server;
struct log;
struct loop;

struct http_header {
    struct str name, value; /* name in lower case */
};

struct http_request {
    struct str method;    /* "GET", "HEAD" ... */
    struct str path;      /* decoded, starts with '/', no dot segments, no NUL */
    struct str raw_path;  /* not decoded: for names that may hold %2F */
    struct str raw_query; /* after '?', not decoded */
    struct http_header *headers;
    size_t headers_n;
    struct str body;     /* whole, content-encoding gzip undone; snappy is left */
    char peer[64];       /* address, for logs */
    struct arena *arena; /* ends with the request; under the server's budget */
    /* Set for the fallback when the path is there but not with this method: the methods it has, as
     * the answer's Allow header says already. */
    const char *allow;
    /* Set by a handler that answers later: called at most once, on the loop, when the client went
     * away before an answer was begun (end of file counts). Cancel the work. */
    void (*on_gone)(void *arg);
    void *on_gone_arg;
};

/* A handler that does not answer before it returns must hold. While held, the request's memory
 * stays (not its connection): a lane may read body, headers and path; the arena stays the loop's.
 * After on_gone, replies and http_wake do nothing. Both on the loop. */
void http_hold(struct http_request *r);
void http_release(struct http_request *r);

/* Header value, {NULL, 0} when absent. `name` in lower case. */
struct str http_header(const struct http_request *r, const char *name);

/* Does no page of another origin stand behind it, by its headers? What the server asks of all that
 * changes something, for a route that has `any_origin` or changes something by GET. */
bool http_is_own_origin(const struct http_request *r);

/* Query string and, for a form POST, the body: decoded, in order. */
struct http_param {
    struct str name, value;
};
MUST_USE int http_params(const struct http_request *r, struct http_param **out, size_t *n,
                         struct err *err);

/* A body that comes in pieces. */
enum http_more {
    HTTP_MORE,  /* *n bytes were written; ask again */
    HTTP_LAST,  /* *n bytes were written; that is all */
    HTTP_WAIT,  /* nothing now: http_wake asks again (server-sent events, a lane still at work) */
    HTTP_BREAK, /* it failed midway: the connection is cut, so that nobody takes it for whole */
};

struct http_body {
    /* On the loop, at most ~2 ms a call; cap >= 64 KiB. HTTP_MORE with nothing written is an error
     * (cut). HTTP_WAIT flushes what was written, through gzip too. Never called for HEAD or 304. */
    enum http_more (*next)(struct http_body *b, char *buf, size_t cap, size_t *n);
    /* Exactly once, also when next never was; frees b. */
    void (*close)(struct http_body *b);
    bool endless; /* an event stream: a drain ends it with its next HTTP_WAIT */
};

/* Answers: one a request, on the loop. Bodies are not copied: static, or in r->arena. Content types
 * are static; header values are copied. */
void http_reply(struct http_request *r, int status, const char *content_type, struct str body);
/* An error as text, one line, with the status's reason when text is NULL. */
void http_reply_error(struct http_request *r, int status, const char *text);
/* Extra headers before either of the others; values are checked for control characters. */
void http_reply_header(struct http_request *r, const char *name, const char *value);
void http_reply_body(struct http_request *r, int status, const char *content_type,
                     struct http_body *body);
/* Asks a generator that said HTTP_WAIT again. On the loop (from a lane: in its `done`); not after
 * the body's close. */
void http_wake(struct http_request *r);

typedef void (*http_handler)(struct http_request *r, void *arg);

enum http_method { HTTP_GET = 1, HTTP_POST = 2, HTTP_PUT = 4, HTTP_DELETE = 8, HTTP_OPTIONS = 16 };

struct http_route {
    const char *path; /* "/api/v1/query", or a prefix that ends in '*': "/api/v1/label/" "*" */
    unsigned methods; /* HTTP_GET (HEAD too) | HTTP_POST ...; else 405 with Allow */
    size_t body_max;  /* bytes, after decoding; more: 413 */
    http_handler handler;
    void *arg;
    bool any_origin; /* has its own rule (beacon, signed links) */
};

/* A file of the page, compressed when it was built. */
struct http_asset {
    const char *path, *content_type, *etag;
    struct str plain, gzip, brotli; /* p NULL: not there */
    bool immutable;                 /* name holds a hash: cache for a year */
};

struct http_settings {
    const char *listen;               /* "127.0.0.1:3277", "[::1]:0" */
    const char *const *allowed_hosts; /* besides loopback names and the listen address */
    size_t allowed_hosts_n;
    const char *external_url; /* NULL: none; its host is allowed, its origin is ours */
    unsigned connections_max; /* 0: 1,024; the oldest idle one goes first */
    const struct clock *clock;
    struct log *log;
    struct budget *budget;
};

/* "127.0.0.1:3277 is in use by another program; ..." is one clear line in err. */
MUST_USE int http_server_new(struct loop *loop, const struct http_settings *settings,
                             struct http_server **out, struct err *err);
/* Routes are looked up exact first, then the longest prefix. The struct is copied, its path is
 * borrowed; add before traffic. */
void http_server_route(struct http_server *s, const struct http_route *route);
void http_server_assets(struct http_server *s, const struct http_asset *assets, size_t n);
/* For paths without route or asset, and methods that a path does not have (see `allow`): /api/ must
 * be JSON. */
void http_server_fallback(struct http_server *s, http_handler handler, void *arg);
uint16_t http_server_port(const struct http_server *s); /* useful after port 0 */
/* Stops listening, ends event streams, lets other answers under way finish up to `ms`, then closes
 * (pending requests get on_gone, bodies close); calls done on the loop. */
void http_server_drain(struct http_server *s, int64_t ms, void (*done)(void *arg), void *arg);
void http_server_free(struct http_server *s);

struct http_stats {
    uint64_t requests, refused_hosts, refused_origins, refused_heads, timeouts, aborted;
    uint64_t bytes_in, bytes_out;
    size_t connections;
    uint64_t responses_by_class[6]; /* index = status / 100 */
};
struct http_stats http_server_stats(const struct http_server *s);

#endif
