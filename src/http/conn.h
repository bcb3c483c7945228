/* conn: the server's inside: connections and exchanges. Only for the files of the server.
 *
 * A connection has at most one exchange (a request and its answer) at a time; further requests wait
 * as bytes, so answers come in order. What moves a connection on is always conn_run:
 *
 *     send what there is -> take the next request from the bytes -> its handler -> send ...
 *
 * until bytes are missing, the socket is full, or a handler or generator is waited for. Then
 * conn_settle derives from that state what to watch the socket for and which deadline counts.
 *
 * Each connection is in one list. A list's members have the same time to live, so the oldest is
 * always the first, and the tick looks at first ones only.
 *
 * Memory: an idle connection holds its struct and nothing else. Input is read into one buffer of
 * the server and only a rest is kept; output is gathered in a buffer that the server lends while a
 * connection sends. All else lives in the exchange's arena.
 *
 * Lifetimes: a conn is freed when it is closed and no function works on it (pins). An exchange is
 * freed when its connection has let go of it and nobody holds it. The server is freed after its
 * last exchange (refs).
 *
 * Threads: the loop's.
 */
#ifndef HTTP_CONN_H
#define HTTP_CONN_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/arena.h"
#include "base/str.h"
#include "http/frame.h"
#include "http/gzip.h"
#include "http/head.h"
#include "http/origin.h"
#include "http/route.h"
#include "http/server.h"
#include "sys/loop.h"
#include "sys/sock.h"

#define CONN_READ_BYTES (64u << 10)

struct watch;

enum conn_list {
    LIST_IDLE,    /* between requests */
    LIST_HEAD,    /* part of a head is here */
    LIST_BODY,    /* part of a body is here */
    LIST_BUSY,    /* a handler or generator is waited for: no deadline */
    LIST_STALLED, /* bytes wait for the client */
    LIST_LINGER,  /* answered and ended; what still comes is dropped */
    LISTS
};

struct conn {
    struct http_server *s;
    struct conn *prev, *next; /* in its list */
    enum conn_list list;
    int64_t since_ns; /* in that list, or its last progress */

    int fd;
    struct watch *watch;
    char peer[SOCK_TEXT_BYTES];

    struct buf in;  /* bytes not taken yet; without memory when empty */
    size_t in_seen; /* of the next head, for head_find_end */
    struct buf out; /* heads and small answers not sent yet; lent by the server */
    size_t out_at;

    struct exchange *x; /* NULL: between requests */
    unsigned pins;
    bool running;     /* conn_run is at work further up the stack */
    bool close_after; /* no request is taken any more */
    bool linger;      /* our side is ended */
    bool ahead;       /* bytes came that must wait for the answer under way */
    bool closed;
};

struct reply_header {
    struct reply_header *next;
    const char *line; /* "Name: value" CR LF */
    struct str name;
};

struct exchange {
    struct http_request r; /* first: cast from struct http_request */
    struct http_server *s;
    struct conn *conn;     /* NULL: gone or answered */
    struct exchange *next; /* of the free ones, or of those to wake */
    struct arena arena;
    struct head head;
    unsigned holds;
    bool dispatched, answered, to_wake, too_large;

    /* coming in */
    const struct http_route *route; /* NULL: the fallback */
    struct frame frame;
    char *body;
    size_t body_n, body_cap, body_max;
    struct gzip_in *unzip; /* NULL: not gzip, or not whole yet */

    /* going out */
    struct reply_header *headers; /* newest first */
    struct str bytes;             /* of a body to compress: not taken yet */
    struct http_body *gen;        /* a body in pieces; owned */
    struct str piece;             /* ready for the socket; in buf, or of bytes */
    char *buf;
    struct gzip_out *zip; /* NULL: sent as it is */
    char *zip_buf;        /* what a generator wrote, to be compressed */
    struct str zip_in;
    enum gzip_flush zip_mode;
    bool zip_busy; /* zip_mode is not carried out yet */
    bool chunked, last, waiting, woken;
};

struct http_server {
    struct loop *loop;
    struct http_settings settings;
    char *listen; /* owned copy of settings.listen */
    struct origin_rules origin;
    struct routes routes;
    http_handler fallback;
    void *fallback_arg;
    int listener;
    struct watch *listener_watch;
    struct loop_timer *tick, *resume; /* NULL: nothing to look at; accepting goes on */
    struct {
        struct conn *first, *last;
    } lists[LISTS];
    struct exchange *spare; /* free ones */
    size_t spare_n;
    struct buf spare_out;
    char *read_buf; /* CONN_READ_BYTES */
    struct exchange *wake, **wake_last;
    struct loop_message wake_message;
    bool wake_posted;
    char date[32]; /* of the second date_s */
    int64_t date_s;
    struct http_stats stats;
    unsigned refs; /* the owner, each exchange in use, a posted message */
    bool draining;
    struct loop_timer *drain_timer;
    void (*drained)(void *arg);
    void *drained_arg;
};

/* conn.c */
void conn_new(struct http_server *s, int fd, const struct sock_address *peer);
void conn_run(struct conn *c, struct str fresh);
void conn_close(struct conn *c); /* at once; the exchange is gone */
void conn_list_move(struct conn *c, enum conn_list list);

/* request.c */
/* Takes the next request's bytes from *in. True: something was done; false: bytes are missing. */
bool request_take(struct conn *c, struct str *in);
void request_timed_out(struct conn *c);
void exchange_unref(struct exchange *x); /* when neither held nor connected any more, frees */

/* send.c */
enum send_result { SEND_DONE, SEND_BLOCKED, SEND_WAITS, SEND_CLOSED };
enum send_result send_run(struct conn *c);
void send_lend_out(struct conn *c); /* gives c->out its memory */
/* Asks a body for its first piece before its head is written, which can say the length of what is
 * whole at once; both go out together. */
enum send_first { FIRST_BROKE, FIRST_IS_ALL, FIRST_OF_MORE };
enum send_first send_first_piece(struct exchange *x);
void send_end_exchange(struct conn *c);

/* reply.c */
void reply_refuse(struct conn *c, int status, const char *text); /* before there is an exchange */
const char *reply_reason(int status);
/* Does an Accept-Encoding header allow `coding`? */
bool reply_accepts(struct str header, struct str coding);

/* server.c */
int64_t server_now_ns(const struct http_server *s);
void server_tick(struct http_server *s); /* cuts those past their deadlines */
void server_arm_tick(struct http_server *s);
void server_conn_gone(struct http_server *s); /* after a conn is closed */
void server_unref(struct http_server *s);
void server_wake(struct exchange *x); /* conn_run for it soon, from the loop */

#endif
