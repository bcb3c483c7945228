#include "collect/logs/receiver.h"

#include <assert.h>
#include <errno.h>

#include "base/clock.h"
#include "base/err.h"
#include "base/mem.h"
#include "collect/logs/syslog.h"
#include "sys/loop.h"
#include "sys/sock.h"
#include "sys/watch.h"

#define READS_MAX     32 /* of one socket before the loop goes on */
#define LAST_READS    64 /* times so many, which is more than the kernel keeps */
#define SILENT_MS     60000
#define DATAGRAM_MAX  65536
#define KEPT_CAPACITY (256u << 10) /* of an empty buffer */

struct peer {
    struct receiver *receiver;
    int fd;
    struct watch *watch; /* owned */
    struct syslog_frames frames;
    int64_t heard_ms;
    struct peer *next;
};

/* In front of each message that waits. */
struct head {
    int64_t time_ms;
    uint32_t bytes;
};

struct receiver {
    char *address; /* owned */
    struct receivers *all;
    const struct clock *clock;
    size_t refs;            /* all->lock guards it */
    struct receiver *next;  /* the same */
    struct loop_message go; /* opens, and then closes */

    /* the loop's */
    int udp, tcp; /* -1: not open */
    struct watch *udp_watch, *tcp_watch;
    uint32_t kernel_lost; /* as the kernel has counted it so far */
    struct peer *peers;   /* owned */
    size_t peers_n;
    char *bytes; /* [DATAGRAM_MAX] owned */

    pthread_mutex_t lock; /* guards what follows */
    struct buf waiting;
    size_t taken; /* of these bytes */
    size_t line_max;
    struct receiver_losses losses;
    struct err why; /* it is not open; ERR_NONE: it is, or was not tried */
};

/* ---- what waits ---- */

static bool make_room(struct receiver *r, size_t n)
{
    if (r->waiting.n + n > RECEIVER_BYTES_MAX && r->taken) {
        memmove(r->waiting.p, r->waiting.p + r->taken, r->waiting.n - r->taken);
        r->waiting.n -= r->taken;
        r->taken = 0;
    }
    return r->waiting.n + n <= RECEIVER_BYTES_MAX;
}

static void on_message(void *arg, struct str message)
{
    struct receiver *r = arg;
    struct head head = {.time_ms = r->clock->wall_ms(r->clock)};

    (void)pthread_mutex_lock(&r->lock);
    message = str_take(message, r->line_max + 1);
    head.bytes = (uint32_t)message.n;
    if (make_room(r, sizeof head + message.n)) {
        buf_add(&r->waiting, (struct str){(const char *)&head, sizeof head});
        buf_add(&r->waiting, message);
    } else {
        r->losses.messages++;
    }
    (void)pthread_mutex_unlock(&r->lock);
}

static void take_head(struct str *s, struct head *out)
{
    memcpy(out, s->p, sizeof *out);
    *s = str_skip(*s, sizeof *out);
}

bool receiver_take(struct receiver *r, size_t bytes, struct buf *out)
{
    size_t before = out->n;
    struct head head;
    struct str rest;

    (void)pthread_mutex_lock(&r->lock);
    rest = str_skip(buf_str(&r->waiting), r->taken);
    while (rest.n && out->n - before < bytes) {
        struct str at = rest;

        take_head(&rest, &head);
        rest = str_skip(rest, head.bytes);
        buf_add(out, str_take(at, at.n - rest.n));
    }
    r->taken = r->waiting.n - rest.n;
    if (!rest.n) {
        r->taken = 0;
        buf_reset(&r->waiting);
        if (r->waiting.cap > KEPT_CAPACITY)
            buf_fini(&r->waiting);
    }
    (void)pthread_mutex_unlock(&r->lock);
    return out->n > before;
}

struct str receiver_next(struct str *taken, int64_t *time_ms)
{
    struct str message = {"", 0};
    struct head head;

    if (!taken->n)
        return message;
    take_head(taken, &head);
    message = str_take(*taken, head.bytes);
    *taken = str_skip(*taken, head.bytes);
    *time_ms = head.time_ms;
    return message;
}

int receiver_state(struct receiver *r, struct receiver_losses *losses, struct err *err)
{
    (void)pthread_mutex_lock(&r->lock);
    *losses = r->losses;
    r->losses = (struct receiver_losses){0};
    *err = r->why;
    (void)pthread_mutex_unlock(&r->lock);
    return err->kind == ERR_NONE ? 0 : -1;
}

/* ---- UDP ---- */

static void on_datagrams(void *arg, unsigned events)
{
    struct receiver *r = arg;
    uint32_t lost = r->kernel_lost;
    ssize_t got;

    (void)events;
    for (int i = 0; i < READS_MAX; i++) {
        got = sock_receive(r->udp, r->bytes, DATAGRAM_MAX, &lost);
        if (got < 0)
            break;
        if (got > 0)
            on_message(r, (struct str){r->bytes, (size_t)got});
    }
    (void)pthread_mutex_lock(&r->lock);
    r->losses.messages += (uint32_t)(lost - r->kernel_lost);
    (void)pthread_mutex_unlock(&r->lock);
    r->kernel_lost = lost;
}

/* ---- TCP ---- */

static void drop_peer(struct peer *p)
{
    struct receiver *r = p->receiver;
    struct peer **at = &r->peers;

    while (*at != p)
        at = &(*at)->next;
    *at = p->next;
    r->peers_n--;
    syslog_frames_end(&p->frames);
    buf_fini(&p->frames.part);
    watch_free(p->watch);
    sock_close(p->fd);
    mem_free(p);
}

static void on_bytes(void *arg, unsigned events)
{
    struct peer *p = arg;
    struct receiver *r = p->receiver;
    ssize_t got = 1;

    (void)events;
    p->heard_ms = r->clock->wall_ms(r->clock);
    for (int i = 0; got > 0 && i < READS_MAX; i++) {
        got = sock_read(p->fd, r->bytes, DATAGRAM_MAX);
        if (got > 0)
            syslog_frames_feed(&p->frames, (struct str){r->bytes, (size_t)got});
    }
    if (got == 0 || (got < 0 && errno != EAGAIN))
        drop_peer(p);
}

/* True: there is room for one more. */
static bool make_place(struct receiver *r)
{
    struct peer *oldest = NULL;

    if (r->peers_n < RECEIVER_PEERS_MAX)
        return true;
    for (struct peer *p = r->peers; p; p = p->next)
        if (!oldest || p->heard_ms < oldest->heard_ms)
            oldest = p;
    if (!oldest || r->clock->wall_ms(r->clock) - oldest->heard_ms < SILENT_MS)
        return false;
    drop_peer(oldest);
    return true;
}

static void add_peer(struct receiver *r, int fd)
{
    struct peer *p = mem_new(struct peer);
    struct err err;

    p->receiver = r;
    p->fd = fd;
    p->heard_ms = r->clock->wall_ms(r->clock);
    (void)pthread_mutex_lock(&r->lock);
    p->frames =
        (struct syslog_frames){.bytes_max = r->line_max + 1, .message = on_message, .arg = r};
    (void)pthread_mutex_unlock(&r->lock);
    if (watch_new(r->all->loop, fd, on_bytes, p, &p->watch, &err) < 0) {
        sock_close(fd);
        mem_free(p);
        return;
    }
    p->next = r->peers;
    r->peers = p;
    r->peers_n++;
    watch_set(p->watch, WATCH_READ);
}

static void on_connections(void *arg, unsigned events)
{
    struct receiver *r = arg;
    struct sock_address peer;
    int fd;

    (void)events;
    for (int i = 0; i < READS_MAX && sock_accept(r->tcp, &fd, &peer) == 0; i++) {
        if (make_place(r)) {
            add_peer(r, fd);
            continue;
        }
        sock_close(fd);
        (void)pthread_mutex_lock(&r->lock);
        r->losses.connections++;
        (void)pthread_mutex_unlock(&r->lock);
    }
}

/* ---- opening and closing ---- */

static void close_sockets(struct receiver *r)
{
    watch_free(r->udp_watch);
    watch_free(r->tcp_watch);
    sock_close(r->udp);
    sock_close(r->tcp);
    r->udp_watch = r->tcp_watch = NULL;
    r->udp = r->tcp = -1;
}

void receiver_finish(struct receiver *r)
{
    if (r->udp < 0)
        return;
    on_connections(r, 0);
    for (int i = 0; i < LAST_READS; i++)
        on_datagrams(r, 0);
    for (struct peer *p = r->peers, *next; p; p = next) {
        next = p->next;
        on_bytes(p, 0);
    }
    while (r->peers)
        drop_peer(r->peers);
    close_sockets(r);
}

static int say_why(const char *address, int os, struct err *err)
{
    int rc;

    switch (os) {
    case EADDRINUSE:
        rc = err_set(err, ERR_OS,
                     "syslog: %s is in use by another program; stop it (`ss -lnptu` shows which "
                     "one it is), or give another port",
                     address);
        break;
    case EACCES:
        rc = err_set(err, ERR_OS,
                     "syslog: %s: ports below 1024 need a right that this user has not; give "
                     "another port",
                     address);
        break;
    case EADDRNOTAVAIL:
        rc = err_set(err, ERR_OS,
                     "syslog: %s: this machine has no such address; `ip addr` shows those it has",
                     address);
        break;
    default:
        rc = err_os(err, os, "syslog: cannot listen on %s", address);
    }
    return rc;
}

static int open_sockets(struct receiver *r, struct err *err)
{
    struct sock_address a;

    if (sock_parse(r->address, &a, err) < 0)
        return -1; /* config has seen to it */
    if (sock_bind_udp(&a, &r->udp) < 0)
        return say_why(r->address, errno, err);
    if (sock_listen(&a, r->address, &r->tcp, err) < 0)
        return say_why(r->address, err->os, err);
    if (watch_new(r->all->loop, r->udp, on_datagrams, r, &r->udp_watch, err) < 0 ||
        watch_new(r->all->loop, r->tcp, on_connections, r, &r->tcp_watch, err) < 0)
        return -1;
    watch_set(r->udp_watch, WATCH_READ);
    watch_set(r->tcp_watch, WATCH_READ);
    return 0;
}

void receiver_open(struct receiver *r)
{
    struct err err = {.kind = ERR_NONE};

    if (r->udp >= 0)
        return;
    if (open_sockets(r, &err) < 0)
        close_sockets(r);
    r->kernel_lost = 0;
    (void)pthread_mutex_lock(&r->lock);
    r->why = err;
    (void)pthread_mutex_unlock(&r->lock);
}

static void on_open(struct loop_message *m)
{
    struct receiver *r = CONTAINER_OF(m, struct receiver, go);

    receiver_open(r);
    (void)receiver_unref(r->all, r);
}

static void on_close(struct loop_message *m)
{
    struct receiver *r = CONTAINER_OF(m, struct receiver, go);

    while (r->peers)
        drop_peer(r->peers);
    close_sockets(r);
    buf_fini(&r->waiting);
    (void)pthread_mutex_destroy(&r->lock);
    mem_free(r->bytes);
    mem_free(r->address);
    mem_free(r);
}

struct receiver *receiver_ref(struct receivers *all, const char *address, size_t line_max,
                              const struct clock *clock)
{
    struct receiver *r;

    (void)pthread_mutex_lock(&all->lock);
    for (r = all->list; r && strcmp(r->address, address) != 0; r = r->next)
        ;
    if (!r) {
        r = mem_new(struct receiver);
        r->address = mem_strdup(address);
        r->all = all;
        r->clock = clock;
        r->udp = r->tcp = -1;
        r->bytes = mem_new_array(char, DATAGRAM_MAX);
        (void)pthread_mutex_init(&r->lock, NULL);
        r->next = all->list;
        all->list = r;
        r->refs = 1; /* until it was tried */
        r->go.run = on_open;
        loop_post(all->loop, &r->go);
    }
    r->refs++;
    (void)pthread_mutex_lock(&r->lock);
    if (line_max > r->line_max)
        r->line_max = line_max;
    (void)pthread_mutex_unlock(&r->lock);
    (void)pthread_mutex_unlock(&all->lock);
    return r;
}

static size_t count_waiting(struct receiver *r)
{
    struct str rest;
    struct head head;
    size_t n = 0;

    (void)pthread_mutex_lock(&r->lock);
    for (rest = str_skip(buf_str(&r->waiting), r->taken); rest.n; n++) {
        take_head(&rest, &head);
        rest = str_skip(rest, head.bytes);
    }
    (void)pthread_mutex_unlock(&r->lock);
    return n;
}

size_t receiver_unref(struct receivers *all, struct receiver *r)
{
    struct receiver **at = &all->list;
    size_t left = 0;

    if (!r)
        return 0;
    (void)pthread_mutex_lock(&all->lock);
    if (--r->refs == 0) {
        while (*at != r)
            at = &(*at)->next;
        *at = r->next;
        left = count_waiting(r);
        r->go.run = on_close;
        loop_post(all->loop, &r->go);
    }
    (void)pthread_mutex_unlock(&all->lock);
    return left;
}
