#include "http/near.h"

#include <arpa/inet.h>
#include <assert.h>
#include <curl/curl.h>
#include <errno.h>
#include <string.h>

#include "base/hash.h"
#include "base/map.h"
#include "base/mem.h"
#include "http/fetch_error.h"
#include "http/place.h"
#include "sys/loop.h"
#include "sys/sock.h"
#include "sys/watch.h"

#define HEAD_READ_BYTES (4u << 10) /* little of a body is copied with its head */
#define READ_BYTES      (64u << 10)
#define TURN_BYTES      (256u << 10) /* then the loop looks after others */
#define KEPT_MAX        1024u
#define KEPT_MS         300000
#define AUTHORITY_MAX   80u

struct near {
    struct loop *loop;
    struct map kept; /* struct near_conn by authority; more of one hang on `alike` */
    size_t kept_n;
    char buffer[READ_BYTES];
};

struct near_conn {
    struct near *near;
    struct near_conn *alike;
    char authority[AUTHORITY_MAX]; /* "127.0.0.1:9100" as in the URL */
    uint64_t hash;
    struct sock_address address;
    bool is_name; /* "localhost" */
    int fd;
    struct watch *watch;
    struct loop_timer *timer;     /* of the request; how long it is kept, without one */
    struct near_request *request; /* NULL: kept for the next one */
    bool connecting, used;        /* used: an answer has come over it before */
    int os;                       /* why it cannot connect, to be told by the timer */
    struct buf wire;              /* the request as sent */
    size_t sent;
};

/* ---- the URL ---- */

/* "http://AUTHORITY/PATH": what of it goes where. */
struct parts {
    struct str authority, path;
    struct sock_address address;
    bool is_name;
};

static bool is_plain(const char *s)
{
    for (; *s; s++)
        if (*s <= ' ' || *s >= 0x7f || *s == '#' || *s == '\\')
            return false;
    return true;
}

static bool has_port(struct str authority)
{
    const char *colon = memrchr(authority.p, ':', authority.n);
    const char *bracket = memrchr(authority.p, ']', authority.n);

    return colon && (!bracket || colon > bracket);
}

static bool split(const char *url, struct parts *out)
{
    char with_port[AUTHORITY_MAX + 4];
    struct place place;
    size_t n;

    if (strncmp(url, "http://", 7) != 0 || !is_plain(url))
        return false;
    url += 7;
    n = strcspn(url, "/?");
    if (!n || n >= AUTHORITY_MAX)
        return false;
    out->authority = (struct str){url, n};
    out->path = str_c(url + n);
    memcpy(with_port, url, n);
    memcpy(with_port + n, has_port(out->authority) ? "" : ":80",
           has_port(out->authority) ? 1 : sizeof ":80");
    if (sock_parse(with_port, &out->address, NULL) < 0)
        return false;
    out->is_name = strncmp(with_port, "localhost:", 10) == 0;
    *strrchr(with_port, ':') = '\0';
    place = (struct place){.https = false};
    memcpy(place.host, with_port, strlen(with_port) + 1);
    return *place.host && place_is_near(&place);
}

/* ---- connections ---- */

static bool has_authority(const void *item, const void *key)
{
    const struct near_conn *c = item;
    const struct str *authority = key;

    return str_eq(str_c(c->authority), *authority);
}

static void set_kept(struct near *n, struct near_conn *first)
{
    if (first)
        map_put(&n->kept, first->hash, first);
}

static struct near_conn *kept_of(struct near *n, uint64_t hash, struct str authority)
{
    return map_remove(&n->kept, hash, &authority, has_authority);
}

static struct near_conn *take_kept(struct near *n, struct str authority)
{
    struct near_conn *c = kept_of(n, hash_bytes(authority.p, authority.n), authority);

    if (c) {
        set_kept(n, take(c->alike));
        n->kept_n--;
    }
    return c;
}

static void forget_kept(struct near_conn *c)
{
    struct near_conn *first = kept_of(c->near, c->hash, str_c(c->authority)), **at = &first;

    while (*at != c)
        at = &(*at)->alike;
    *at = c->alike;
    set_kept(c->near, first);
    c->near->kept_n--;
}

static void unplug(struct near_conn *c)
{
    watch_free(take(c->watch));
    sock_close(c->fd);
    c->fd = -1;
}

static void conn_free(struct near_conn *c)
{
    unplug(c);
    loop_timer_free(c->timer);
    buf_fini(&c->wire);
    mem_free(c);
}

/* The answer is whole, and the peer waits for the next request. */
static void keep(struct near_conn *c)
{
    struct near *n = c->near;

    if (n->kept_n == KEPT_MAX) {
        conn_free(c);
        return;
    }
    c->used = true;
    c->alike = kept_of(n, c->hash, str_c(c->authority));
    set_kept(n, c);
    n->kept_n++;
    loop_timer_restart(c->timer, KEPT_MS, 0);
}

/* ---- the end of a request ---- */

static void end(struct near_conn *c, enum near_end how)
{
    struct near_request *r = take(c->request);

    r->conn = NULL;
    if (how == NEAR_ANSWERED && r->answer.keeps)
        keep(c);
    else
        conn_free(c);
    r->done(r, how);
}

static struct fetch_trouble trouble_of(const struct near_request *r)
{
    const struct intake *in = r->body;

    return (struct fetch_trouble){.url = r->url,
                                  .curl_text = "",
                                  .timeout_ms = r->timeout_ms,
                                  .connected = !r->conn->connecting,
                                  .endless = r->answer.idle_bytes > ANSWER_HEAD_MAX,
                                  .body_max = in->max,
                                  .got = in->crowded ? in->lost : in->n,
                                  .too_large = in->too_large,
                                  .no_memory = in->no_memory,
                                  .crowded = in->crowded};
}

/* In the words that a fetch has for it. */
static void fail(struct near_conn *c, CURLcode code, int os)
{
    struct fetch_trouble t = trouble_of(c->request);

    t.os = os;
    fetch_error_explain(code, &t, &c->request->err);
    end(c, NEAR_FAILED);
}

static void plug(struct near_conn *c);

static bool is_fresh(const struct near_request *r)
{
    return !r->answer.headed && !r->answer.idle_bytes;
}

/* A peer may close a kept connection at any moment, also while the next request is on its way. */
static void broken(struct near_conn *c, int os)
{
    struct near_request *r = c->request;

    if (!c->used || !is_fresh(r)) {
        fail(c,
             os == ECONNRESET   ? CURLE_RECV_ERROR
             : is_fresh(r)      ? CURLE_GOT_NOTHING
             : r->answer.headed ? CURLE_PARTIAL_FILE
                                : CURLE_WEIRD_SERVER_REPLY,
             os);
        return;
    }
    c->used = false;
    unplug(c);
    plug(c);
}

/* ---- sending and reading ---- */

static void cannot_connect(struct near_conn *c, int os)
{
    if (c->is_name)
        end(c, NEAR_UNUSUAL);
    else
        fail(c, CURLE_COULDNT_CONNECT, os);
}

/* False: the connection has ended. */
static bool send_rest(struct near_conn *c)
{
    while (c->sent < c->wire.n) {
        struct iovec part = {c->wire.p + c->sent, c->wire.n - c->sent};
        ssize_t n = sock_write(c->fd, &part, 1);

        if (n < 0 && errno == EAGAIN) {
            watch_set(c->watch, WATCH_WRITE);
            return true;
        }
        if (n < 0) {
            broken(c, errno);
            return false;
        }
        c->sent += (size_t)n;
    }
    watch_set(c->watch, WATCH_READ);
    return true;
}

static void on_connected(struct near_conn *c)
{
    int os = sock_error(c->fd);

    c->connecting = false;
    if (os)
        cannot_connect(c, os);
    else
        (void)send_rest(c);
}

/* True: go on. */
static bool take_bytes(struct near_conn *c, struct str bytes)
{
    struct near_request *r = c->request;

    switch (answer_feed(&r->answer, bytes)) {
    case ANSWER_MORE:
        return true;
    case ANSWER_WHOLE:
        end(c, NEAR_ANSWERED);
        break;
    case ANSWER_UNUSUAL:
        end(c, NEAR_UNUSUAL);
        break;
    case ANSWER_ODD:
    case ANSWER_ENDLESS:
        fail(c, CURLE_WEIRD_SERVER_REPLY, 0);
        break;
    case ANSWER_REFUSED:
        fail(c, CURLE_WRITE_ERROR, 0);
        break;
    }
    return false;
}

/* Where to read to: a body of a known length needs no copy. */
static char *place_to_read(struct near_conn *c, size_t *n)
{
    size_t plain = answer_plain_bytes(&c->request->answer), room;
    char *p = plain ? intake_room(c->request->body, &room) : NULL;

    if (!p) {
        *n = c->request->answer.headed ? READ_BYTES : HEAD_READ_BYTES;
        return c->near->buffer;
    }
    *n = plain < room ? plain : room;
    return p;
}

static void on_readable(struct near_conn *c)
{
    for (size_t turn = 0; turn < TURN_BYTES;) {
        size_t n;
        char *to = place_to_read(c, &n);
        ssize_t got = sock_read(c->fd, to, n);

        if (got < 0 && errno == EAGAIN)
            return;
        if (got < 0) {
            broken(c, errno);
            return;
        }
        if (got == 0) {
            if (answer_finish(&c->request->answer))
                end(c, NEAR_ANSWERED);
            else
                broken(c, 0);
            return;
        }
        if (!take_bytes(c, (struct str){to, (size_t)got}) || (size_t)got < n)
            return; /* a short read has emptied the socket */
        turn += (size_t)got;
    }
}

static void on_events(void *arg, unsigned events)
{
    struct near_conn *c = arg;

    (void)events;      /* the next call says which */
    if (!c->request) { /* the peer closes it, or speaks unasked */
        forget_kept(c);
        conn_free(c);
    } else if (c->connecting) {
        on_connected(c);
    } else if (c->sent < c->wire.n) {
        (void)send_rest(c);
    } else {
        on_readable(c);
    }
}

static void on_timer(void *arg)
{
    struct near_conn *c = arg;

    if (c->os) {
        cannot_connect(c, c->os);
    } else if (c->request) {
        fail(c, CURLE_OPERATION_TIMEDOUT, 0);
    } else {
        forget_kept(c);
        conn_free(c);
    }
}

/* ---- the beginning ---- */

/* Failures are told by the timer, so that `done` never comes before near_start has returned. */
static void plug(struct near_conn *c)
{
    struct err err = {.kind = ERR_NONE};

    c->connecting = true;
    c->sent = 0;
    if (sock_connect(&c->address, &c->fd) < 0)
        c->os = errno;
    else if (watch_new(c->near->loop, c->fd, on_events, c, &c->watch, &err) < 0)
        c->os = err.os;
    if (c->os)
        loop_timer_restart(c->timer, 0, 0);
    else
        watch_set(c->watch, WATCH_WRITE);
}

static struct near_conn *conn_new(struct near *n, const struct parts *parts)
{
    struct near_conn *c = mem_new(struct near_conn);

    c->near = n;
    c->fd = -1;
    memcpy(c->authority, parts->authority.p, parts->authority.n);
    c->hash = hash_str(parts->authority);
    c->address = parts->address;
    c->is_name = parts->is_name;
    buf_init(&c->wire, 0);
    c->timer = loop_timer_new(n->loop, KEPT_MS, 0, on_timer, c);
    return c;
}

static void write_request(struct buf *b, const struct parts *parts, const struct near_request *r)
{
    bool has_path = parts->path.n && parts->path.p[0] == '/';

    buf_reset(b);
    buf_adds(b, has_path ? "GET " : "GET /");
    buf_add(b, parts->path);
    buf_adds(b, " HTTP/1.1\r\nHost: ");
    buf_add(b, parts->authority);
    buf_adds(b, "\r\n");
    for (size_t i = 0; i < r->headers_n; i++) {
        buf_adds(b, r->headers[i]);
        buf_adds(b, "\r\n");
    }
    buf_adds(b, "\r\n");
}

bool near_start(struct near *n, struct near_request *r)
{
    struct near_conn *c;
    struct parts parts;

    if (!split(r->url, &parts))
        return false;
    c = take_kept(n, parts.authority);
    if (!c)
        c = conn_new(n, &parts);
    c->request = r;
    r->conn = c;
    answer_init(&r->answer, r->body, r->follow_redirects);
    write_request(&c->wire, &parts, r);
    c->sent = 0;
    loop_timer_restart(c->timer, r->timeout_ms, 0);
    if (c->used)
        (void)send_rest(c);
    else
        plug(c);
    return true;
}

void near_cancel(struct near_request *r)
{
    struct near_conn *c = take(r->conn);

    c->request = NULL;
    conn_free(c);
}

struct near *near_new(struct loop *loop)
{
    struct near *n = mem_new(struct near);

    n->loop = loop;
    map_init(&n->kept);
    return n;
}

void near_free(struct near *n)
{
    struct near_conn *c;
    size_t at = 0;

    if (!n)
        return;
    while ((c = map_next(&n->kept, &at)))
        while (c) {
            struct near_conn *next = c->alike;

            conn_free(c);
            c = next;
        }
    map_fini(&n->kept);
    mem_free(n);
}
