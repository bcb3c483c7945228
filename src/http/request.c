/* request: from bytes to a handler's call. */
#include <assert.h>
#include <stdio.h>

#include "base/err.h"
#include "base/mem.h"
#include "http/asset.h"
#include "http/conn.h"

#define SPARE_MAX        16 /* exchanges kept for reuse */
#define BODY_FIRST_BYTES (64u << 10)
#define UNZIP_SLICE      (512u << 10) /* some 2 ms */
#define CORK_BYTES       (32u << 10)  /* answers to pipelined requests gathered before a send */

static struct exchange *exchange_new(struct conn *c)
{
    struct http_server *s = c->s;
    struct exchange *x = s->spare;

    if (x) {
        s->spare = x->next;
        s->spare_n--;
    } else {
        x = mem_new(struct exchange);
        arena_init(&x->arena, s->settings.budget);
    }
    x->s = s;
    x->conn = c;
    x->r.arena = &x->arena;
    s->refs++;
    return x;
}

void exchange_unref(struct exchange *x)
{
    struct http_server *s = x->s;

    if (x->holds || x->conn)
        return;
    assert(!x->gen && !x->to_wake);
    arena_fini(&x->arena);
    if (s->spare_n < SPARE_MAX) {
        struct arena empty = x->arena;

        memset(x, 0, sizeof *x);
        x->arena = empty;
        x->next = s->spare;
        s->spare = x;
        s->spare_n++;
    } else {
        mem_free(x);
    }
    server_unref(s);
}

void http_hold(struct http_request *r)
{
    ((struct exchange *)r)->holds++;
}

void http_release(struct http_request *r)
{
    struct exchange *x = (struct exchange *)r;

    assert(x->holds);
    x->holds--;
    exchange_unref(x);
}

struct str http_header(const struct http_request *r, const char *name)
{
    return head_value(r->headers, r->headers_n, str_c(name));
}

/* A request that is not read to its end: after its answer nothing more is taken. */
static void refuse(struct conn *c, int status, const char *text)
{
    struct exchange *x = c->x;

    c->close_after = true;
    if (!x) {
        reply_refuse(c, status, text);
        return;
    }
    x->dispatched = true;
    http_reply_error(&x->r, status, text);
}

void request_timed_out(struct conn *c)
{
    bool bare = !c->x;

    c->s->stats.timeouts++;
    refuse(c, 408, "the request did not arrive in time");
    if (bare)
        conn_run(c, (struct str){NULL, 0}); /* an exchange's answer has done so by itself */
}

/* x is pinned across the handler: it may touch the request after its answer is out. */
static void dispatch(struct exchange *x)
{
    struct http_server *s = x->s;

    x->dispatched = true;
    x->holds++;
    if (x->route)
        x->route->handler(&x->r, x->route->arg);
    else if (s->fallback)
        s->fallback(&x->r, s->fallback_arg);
    else
        http_reply_error(&x->r, 404, NULL);
    assert(x->answered || x->holds > 1 || !x->conn); /* a handler that answers later holds */
    http_release(&x->r);
}

static void strip_prefix(struct exchange *x)
{
    struct str prefix = str_c(x->s->origin.path_prefix);

    if (!prefix.n || !str_starts(x->r.path, prefix) || !str_starts(x->r.raw_path, prefix))
        return;
    if (x->r.path.n == prefix.n) {
        x->r.path = x->r.raw_path = STR("/");
    } else if (x->r.path.p[prefix.n] == '/') {
        x->r.path = str_skip(x->r.path, prefix.n);
        x->r.raw_path = str_skip(x->r.raw_path, prefix.n);
    }
}

static void describe(struct exchange *x)
{
    x->r.method = x->head.method;
    x->r.path = x->head.path;
    x->r.raw_path = x->head.raw_path;
    x->r.raw_query = x->head.raw_query;
    x->r.headers = x->head.headers;
    x->r.headers_n = x->head.headers_n;
    x->r.body = (struct str){"", 0};
    memcpy(x->r.peer, x->conn->peer, sizeof x->r.peer);
    strip_prefix(x);
}

_Static_assert(sizeof((struct http_request *)0)->peer == SOCK_TEXT_BYTES, "peers fit");

/* The address that the client came in by, for when we listen on all of them. */
static struct str local_host(const struct conn *c, char out[SOCK_TEXT_BYTES])
{
    struct sock_address a = {.length = sizeof a.storage};

    out[0] = '\0';
    if (!c->s->origin.listen_host &&
        getsockname(c->fd, (struct sockaddr *)&a.storage, &a.length) == 0)
        sock_host_text(&a, out);
    return str_c(out);
}

static bool check_host(struct exchange *x)
{
    struct origin_rules *o = &x->s->origin;
    char local[SOCK_TEXT_BYTES], text[320];

    if (x->head.http10 && !x->head.host.n)
        return true;
    if (origin_host_allowed(o, x->head.host, STR("")) ||
        origin_host_allowed(o, x->head.host, local_host(x->conn, local)))
        return true;
    x->s->stats.refused_hosts++;
    (void)snprintf(text, sizeof text,
                   "\"%.*s\" is not a name of this server; if it should be one, add it to "
                   "allowed_hosts in earshot.yml",
                   (int)(x->head.host.n < 200 ? x->head.host.n : 200), x->head.host.p);
    refuse(x->conn, 421, arena_cstr(&x->arena, str_c(text), NULL));
    return false;
}

bool http_is_own_origin(const struct http_request *r)
{
    const struct exchange *x = (const struct exchange *)r;

    return origin_may_change(
        &x->s->origin, &(struct origin_headers){.host = x->head.host,
                                                .origin = http_header(r, "origin"),
                                                .fetch_site = http_header(r, "sec-fetch-site"),
                                                .referer = http_header(r, "referer")});
}

static bool check_origin(struct exchange *x, unsigned method)
{
    bool changes = method & (HTTP_POST | HTTP_PUT | HTTP_DELETE);

    if (!changes || (x->route && x->route->any_origin) || http_is_own_origin(&x->r))
        return true;
    x->s->stats.refused_origins++;
    refuse(x->conn, 403,
           "a page of another origin may not change anything here; if this page is ours, set "
           "external_url in earshot.yml to the address it is opened by");
    return false;
}

/* The path is there, but not with this method. Whoever asks for its OPTIONS is told them. */
static void refuse_method(struct exchange *x, unsigned methods, bool asks)
{
    char allow[64];

    routes_allow(methods, allow);
    http_reply_header(&x->r, "Allow", allow);
    x->r.allow = arena_cstr(&x->arena, str_c(allow), NULL);
    if (!asks && x->s->fallback && x->r.allow) {
        dispatch(x);
        return;
    }
    x->dispatched = true;
    if (asks)
        http_reply(&x->r, 204, NULL, STR(""));
    else
        http_reply_error(&x->r, 405, NULL);
}

/* Who answers; false: answered already. */
static bool find_route(struct exchange *x)
{
    unsigned method = routes_method(x->r.method);
    struct route_found found = routes_find(&x->s->routes, x->r.path, method);
    bool has_body = x->head.chunked || x->head.length;

    if (!check_host(x))
        return false;
    x->route = found.route;
    if (!check_origin(x, method))
        return false;
    if (found.methods && !found.route && !found.asset) {
        x->conn->close_after |= has_body;
        refuse_method(x, found.methods, method == HTTP_OPTIONS);
        return false;
    }
    if (found.asset) {
        x->conn->close_after |= has_body;
        x->dispatched = true;
        asset_serve(&x->r, found.asset);
        return false;
    }
    x->body_max = found.route ? found.route->body_max : 0;
    if (!found.route && has_body) {
        x->conn->close_after = true; /* the fallback needs no body to say that there is nothing */
        dispatch(x);
        return false;
    }
    return true;
}

static void refuse_err(struct exchange *x, const struct err *err)
{
    int status = x->too_large ? 413 : err->kind == ERR_SYNTAX ? 400 : 503;

    if (status == 400)
        x->s->stats.refused_heads++;
    refuse(x->conn, status, arena_cstr(&x->arena, str_c(err->text), NULL));
}

static int too_large(struct exchange *x, struct err *err)
{
    x->too_large = true;
    return err_set(err, ERR_LIMIT, "the body has more than %zu bytes", x->body_max);
}

/* Gathers the body, up to what the route takes. */
static int on_body(void *arg, struct str piece, struct err *err)
{
    struct exchange *x = arg;
    void *body = x->body;
    size_t wanted = x->body_n + piece.n;

    if (piece.n > x->body_max - x->body_n)
        return too_large(x, err);
    if (wanted > x->body_cap) {
        /* All of it at once when it is small, else as it comes: a length is only a claim. */
        if (!x->body_cap && x->head.has_length)
            wanted = x->head.length < BODY_FIRST_BYTES ? (size_t)x->head.length : BODY_FIRST_BYTES;
        if (wanted < x->body_n + piece.n)
            wanted = x->body_n + piece.n;
        if (arena_grow(&x->arena, &body, &x->body_cap, wanted, 1, err) < 0)
            return -1;
        x->body = body;
    }
    memcpy(x->body + x->body_n, piece.p, piece.n);
    x->body_n += piece.n;
    return 0;
}

/* Goes on with a compressed body; more than a slice of it in the loop's next turn. */
static void unzip_on(struct exchange *x)
{
    struct err err;

    switch (gzip_in_run(x->unzip, UNZIP_SLICE, &x->r.body, &err)) {
    case GZIP_GOES_ON:
        server_wake(x);
        return;
    case GZIP_WHOLE:
        x->unzip = NULL;
        dispatch(x);
        return;
    case GZIP_TOO_LARGE:
        x->unzip = NULL;
        (void)too_large(x, &err);
        refuse_err(x, &err);
        return;
    case GZIP_FAILED:
        x->unzip = NULL;
        refuse_err(x, &err);
        return;
    }
}

/* The body is whole: undoes its encoding and calls the handler. */
static void finish_body(struct exchange *x)
{
    struct str encoding = http_header(&x->r, "content-encoding");
    struct err err;

    x->r.body = (struct str){x->body_n ? x->body : "", x->body_n};
    if (!x->body_n || !encoding.n || str_eq(encoding, STR("snappy")) ||
        str_eq(encoding, STR("identity"))) {
        dispatch(x);
        return;
    }
    if (!str_eq(encoding, STR("gzip")) && !str_eq(encoding, STR("x-gzip"))) {
        http_reply_header(&x->r, "Accept-Encoding", "gzip, snappy, identity");
        x->dispatched = true;
        http_reply_error(&x->r, 415, "this Content-Encoding is not known here; send gzip or none");
        return;
    }
    if (gzip_in_new(&x->arena, x->r.body, x->body_max, &x->unzip, &err) < 0)
        refuse_err(x, &err);
    else
        unzip_on(x);
}

/* A head is whole: bytes[0..n). */
static void begin(struct conn *c, struct str bytes, bool more_is_here)
{
    struct exchange *x = exchange_new(c);
    struct err err;
    int status = 400;
    char *copy;

    c->x = x;
    conn_list_move(c, LIST_BUSY);
    copy = arena_cstr(&x->arena, bytes, &err);
    if (!copy) {
        refuse_err(x, &err);
        return;
    }
    if (head_parse(&x->arena, copy, bytes.n, &x->head, &status, &err) < 0) {
        c->s->stats.refused_heads++;
        refuse(c, status, arena_cstr(&x->arena, str_c(err.text), NULL));
        return;
    }
    describe(x);
    if (!x->head.keep_alive || c->s->draining)
        c->close_after = true;
    x->frame.on_body = on_body;
    x->frame.arg = x;
    if (frame_start(&x->frame, (struct str){copy, bytes.n}, x->head.chunked, x->head.length, &err) <
        0) {
        refuse_err(x, &err);
        return;
    }
    if (!find_route(x))
        return;
    if (x->frame.whole) {
        dispatch(x);
        return;
    }
    if (x->head.length > x->body_max) {
        (void)too_large(x, &err);
        refuse_err(x, &err);
        return;
    }
    if (x->head.expect_continue && !more_is_here) {
        send_lend_out(c);
        buf_adds(&c->out, "HTTP/1.1 100 Continue\r\n\r\n");
    }
}

static bool take_head(struct conn *c, struct str *in)
{
    size_t n = 0;
    struct str bytes;
    enum head_end end;

    if (!c->in_seen && str_starts(*in, STR("\r\n")))
        *in = str_skip(*in, 2); /* some clients end a body with an empty line too many */
    if (!in->n || (in->n == 1 && in->p[0] == '\r'))
        return false;
    end = head_find_end(*in, &c->in_seen, &n);
    if (end == HEAD_MORE && c->in_seen < HEAD_BYTES_MAX)
        return false;
    c->in_seen = 0;
    if (end == HEAD_BAD) {
        c->s->stats.refused_heads++;
        refuse(c, 400, "this is not HTTP/1.1, or a line of the head ends without CR");
    } else if (end == HEAD_MORE || n > HEAD_BYTES_MAX) {
        c->s->stats.refused_heads++;
        refuse(c, 431, "the head has more than 16 kB");
    } else {
        bytes = str_take(*in, n);
        *in = str_skip(*in, n);
        begin(c, bytes, in->n > 0);
    }
    return true;
}

static bool take_body(struct conn *c, struct str *in)
{
    struct exchange *x = c->x;
    struct err err;
    size_t used = 0;

    if (x->unzip) {
        if (x->to_wake)
            return false; /* its turn comes */
        unzip_on(x);
        return !x->to_wake;
    }
    if (!in->n)
        return false;
    if (frame_feed(&x->frame, *in, &used, &err) < 0) {
        refuse_err(x, &err);
        return true;
    }
    *in = str_skip(*in, used);
    if (x->frame.whole)
        finish_body(x);
    return true;
}

bool request_take(struct conn *c, struct str *in)
{
    bool moved = false;

    while (!c->closed && c->out.n - c->out_at < CORK_BYTES) {
        if (c->x ? c->x->dispatched || !take_body(c, in) : c->close_after || !take_head(c, in))
            break;
        moved = true;
    }
    return moved;
}
