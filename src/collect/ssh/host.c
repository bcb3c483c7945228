#include "collect/ssh/host.h"

#include <assert.h>
#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "base/err.h"
#include "base/log.h"
#include "base/mem.h"
#include "base/str.h"
#include "collect/ssh/packet.h"
#include "collect/ssh/ssh_settings.h"
#include "collect/ssh/ways.h"
#include "sys/helper.h"
#include "sys/loop.h"
#include "sys/sock.h"

#define PART          "ssh"
#define AGAIN_MS      1000 /* a worker that died; twice as long each time */
#define AGAIN_MAX     30000
#define FIRST_FORWARD 65536u /* ways have smaller numbers */
#define TELL_MS       200    /* when the worker had no room for what is to be told */

/* A port of the far loopback that is open here too, for other programs. */
struct forward {
    uint16_t port;
    int fd; /* -1: it cannot be opened, as was told */
    bool told;
};

struct login {
    char *user, *address, *identity_file, *known_hosts; /* owned; "": the default */
    uint16_t port;
};

struct ssh_host {
    struct ssh_host_context context;
    char *name;  /* owned */
    char *shown; /* owned; "me@gpu-box:22", "me@gpu-box:22 via bastion:22" */
    struct login login, jumps[SSH_JUMPS_MAX];
    size_t jumps_n;
    int64_t keepalive_ms, keepalive_count;
    uint64_t fingerprint;

    struct helper *worker;    /* NULL: none runs */
    struct loop_timer *timer; /* to start one, or to tell it more */
    int64_t again_ms;
    bool over; /* not configured any more */

    struct forward *forwards; /* owned; [forwards_n] */
    size_t forwards_n;
    struct way *ways; /* those that are open */
    size_t ways_n;

    enum ssh_state state;
    ts_ms since_ms;
    char error[400];
    bool was_connected;
    uint64_t reconnects;
    int64_t silent_ms;
    bool confined; /* its worker has told so */
};

/* ---- what is told to the worker ---- */

static int tell(const struct ssh_host *h, const struct packet *p, int fd)
{
    SCOPED(buf_fini) struct buf bytes;

    buf_init(&bytes, 0);
    packet_write(p, &bytes);
    return helper_send(helper_socket(h->worker), bytes.p, bytes.n, fd);
}

static struct packet_login login_of(const struct login *l)
{
    return (struct packet_login){.user = str_c(l->user),
                                 .address = str_c(l->address),
                                 .identity_file = str_c(l->identity_file),
                                 .known_hosts = str_c(l->known_hosts),
                                 .port = l->port};
}

static int tell_host(const struct ssh_host *h)
{
    struct packet p = {.kind = PACKET_HOST,
                       .as.host = {.name = str_c(h->name),
                                   .login = login_of(&h->login),
                                   .jumps_n = h->jumps_n,
                                   .keepalive_ms = h->keepalive_ms,
                                   .keepalive_count = h->keepalive_count}};

    for (size_t i = 0; i < h->jumps_n; i++)
        p.as.host.jumps[i] = login_of(&h->jumps[i]);
    return tell(h, &p, -1);
}

/* False: it is busy, the rest comes later. */
static bool tell_listen(struct ssh_host *h, const struct packet *p, int fd, bool *told)
{
    if (!*told)
        *told = tell(h, p, fd) == 0;
    if (!*told)
        loop_timer_restart(h->timer, TELL_MS, 0);
    return *told;
}

static bool tell_way(struct ssh_host *h, struct way *w)
{
    const struct packet p = {.kind = PACKET_LISTEN,
                             .as.listen = {.id = w->id,
                                           .address = str_c(w->address),
                                           .port = w->port,
                                           .command = str_c(w->command ? w->command : "")}};

    return tell_listen(h, &p, w->fd, &w->told);
}

static bool tell_forward(struct ssh_host *h, size_t i)
{
    struct forward *f = &h->forwards[i];
    const struct packet p = {
        .kind = PACKET_LISTEN,
        .as.listen = {FIRST_FORWARD + (uint32_t)i, STR("127.0.0.1"), f->port, STR("")}};

    return f->fd < 0 || tell_listen(h, &p, f->fd, &f->told);
}

/* Those that it does not know yet. */
static void tell_ways(struct ssh_host *h)
{
    if (!h->worker)
        return;
    for (struct way *w = h->ways; w; w = w->next)
        if (!tell_way(h, w))
            return;
    for (size_t i = 0; i < h->forwards_n; i++)
        if (!tell_forward(h, i))
            return;
}

/* ---- what the worker says ---- */

static void set_state(struct ssh_host *h, enum ssh_state state, struct str text)
{
    bool news = state != h->state || !str_eq(text, str_c(h->error));

    if (state != h->state)
        h->since_ms = h->context.clock->wall_ms(h->context.clock);
    if (state == SSH_CONNECTED && h->was_connected && h->state != SSH_CONNECTED)
        h->reconnects++;
    h->was_connected |= state == SSH_CONNECTED;
    h->state = state;
    h->silent_ms = 0;
    (void)snprintf(h->error, sizeof h->error, "%.*s", STR_ARGS(text));
    for (struct way *w = h->ways; w; w = w->next)
        w->is_refused = false;
    if (!news || h->over)
        return;
    if (state == SSH_CONNECTED)
        log_info(h->context.log, PART, "tunnel to %s is connected", h->name);
    else if (text.n)
        log_warn(h->context.log, PART, "tunnel to %s is down (%s): %s", h->name,
                 ssh_state_name(state), h->error);
}

static struct way *way_of(const struct ssh_host *h, uint32_t id)
{
    struct way *w = h->ways;

    while (w && w->id != id)
        w = w->next;
    return w;
}

static void refuse(const struct ssh_host *h, uint32_t id, struct str text)
{
    struct way *w = way_of(h, id);

    if (!w)
        return;
    w->is_refused = true;
    (void)snprintf(w->refusal, sizeof w->refusal, "%.*s", STR_ARGS(text));
}

static void on_packet(struct ssh_host *h, const struct packet *p)
{
    struct way *w;

    switch (p->kind) {
    case PACKET_STATE:
        set_state(h, p->as.state.state, p->as.state.text);
        if (p->as.state.state == SSH_CONNECTED)
            h->again_ms = AGAIN_MS;
        break;
    case PACKET_REFUSED:
        refuse(h, p->as.refused.id, p->as.refused.text);
        break;
    case PACKET_OPENED:
        w = way_of(h, p->as.id);
        if (w)
            w->is_refused = false;
        break;
    case PACKET_SILENT:
        h->silent_ms = p->as.silent_ms;
        break;
    case PACKET_CONFINED:
        h->confined = p->as.open.n == 0;
        if (!h->confined && !*h->context.told_open)
            log_warn(h->context.log, PART,
                     "processes that speak SSH are not kept from files and programs: %.*s; what "
                     "else is given up is in docs/security.md",
                     STR_ARGS(p->as.open));
        *h->context.told_open |= !h->confined;
        break;
    case PACKET_HOST:
    case PACKET_LISTEN:
    case PACKET_CLOSE:
        break; /* are ours to say */
    }
}

void ssh_host_listen(struct ssh_host *h)
{
    char bytes[PACKET_BYTES_MAX];
    struct packet p;
    struct err err;
    int fd;

    while (h->worker) {
        ssize_t n = helper_receive(helper_socket(h->worker), bytes, sizeof bytes, &fd);

        if (fd >= 0)
            (void)close(fd); /* it has none to give */
        if (n <= 0)
            return; /* nothing now, or the end: `ended` comes */
        if (packet_read((struct str){bytes, (size_t)n}, &p, &err) < 0)
            log_error(h->context.log, PART, "the worker of the tunnel to %s: %s", h->name,
                      err.text);
        else
            on_packet(h, &p);
    }
}

/* ---- the worker's life ---- */

static void on_readable(void *arg)
{
    ssh_host_listen(arg);
}

static void lose_worker(struct ssh_host *h)
{
    helper_free(take(h->worker));
    h->confined = false;
    for (struct way *w = h->ways; w; w = w->next)
        w->told = false;
    for (size_t i = 0; i < h->forwards_n; i++)
        h->forwards[i].told = false;
}

static void try_again_later(struct ssh_host *h)
{
    loop_timer_restart(h->timer, h->again_ms, 0);
    h->again_ms = h->again_ms * 2 < AGAIN_MAX ? h->again_ms * 2 : AGAIN_MAX;
}

static void on_ended(void *arg, int status, int number)
{
    struct ssh_host *h = arg;
    char text[120];

    ssh_host_listen(h);
    (void)snprintf(text, sizeof text,
                   number ? "its worker was ended by signal %d" : "its worker ended with status %d",
                   number ? number : status);
    lose_worker(h);
    set_state(h, SSH_CONNECTING, str_c(text));
    try_again_later(h);
}

static void start_worker(struct ssh_host *h)
{
    static const char *const words[] = {"ssh-worker", NULL};
    const struct helper_context context = {.loop = h->context.loop,
                                           .program = h->context.program,
                                           .words = words,
                                           .readable = on_readable,
                                           .ended = on_ended,
                                           .arg = h};
    struct err err;

    if (helper_start(&context, &h->worker, &err) < 0) {
        set_state(h, SSH_CONNECTING, str_c(err.text));
        try_again_later(h);
    } else if (tell_host(h) == 0) { /* else it has ended already: `ended` comes */
        tell_ways(h);
    }
}

static void on_timer(void *arg)
{
    struct ssh_host *h = arg;

    if (h->over)
        return;
    if (!h->worker)
        start_worker(h);
    else
        tell_ways(h);
}

/* ---- life ---- */

static void open_forward(const struct ssh_host *h, struct forward *f)
{
    struct sock_address address;
    struct err err;
    char text[32];

    (void)snprintf(text, sizeof text, "127.0.0.1:%u", f->port);
    f->fd = -1;
    if (sock_parse(text, &address, &err) < 0 || sock_listen(&address, text, &f->fd, &err) < 0)
        log_error(h->context.log, PART, "port %u of %s is not opened here (forward): %s", f->port,
                  h->name, err.text);
}

static char *dup_or_empty(const char *s)
{
    return mem_strdup(s ? s : "");
}

static void show_place(const char *user, const char *address, uint16_t port, struct buf *out)
{
    bool bare = !strchr(address, ':');

    buf_addf(out, "%s%s%s%s%s:%u", user ? user : "", user ? "@" : "", bare ? "" : "[", address,
             bare ? "" : "]", port);
}

static char *show(const struct ssh_settings *s)
{
    SCOPED(buf_fini) struct buf text;

    buf_init(&text, 0);
    show_place(s->user, s->address, s->port, &text);
    for (size_t i = 0; i < s->jumps_n; i++) {
        buf_adds(&text, i == 0 ? " via " : ", ");
        show_place(s->jumps[i].user, s->jumps[i].address, s->jumps[i].port, &text);
    }
    return mem_strdup(text.p);
}

static struct login copy_login(const struct ssh_jump *from)
{
    return (struct login){.user = dup_or_empty(from->user),
                          .address = dup_or_empty(from->address),
                          .identity_file = dup_or_empty(from->identity_file),
                          .known_hosts = dup_or_empty(from->known_hosts),
                          .port = from->port};
}

static void free_login(const struct login *l)
{
    mem_free(l->user);
    mem_free(l->address);
    mem_free(l->identity_file);
    mem_free(l->known_hosts);
}

static void copy_settings(struct ssh_host *h, const struct ssh_settings *s)
{
    h->login = copy_login(
        &(struct ssh_jump){s->user, s->address, s->identity_file, s->known_hosts, s->port});
    for (h->jumps_n = 0; h->jumps_n < s->jumps_n; h->jumps_n++)
        h->jumps[h->jumps_n] = copy_login(&s->jumps[h->jumps_n]);
    h->shown = show(s);
    h->keepalive_ms = s->keepalive_ms;
    h->keepalive_count = s->keepalive_count;
    h->fingerprint = s->fingerprint;
    h->forwards = mem_new_array(struct forward, s->forward_n + 1);
    for (; h->forwards_n < s->forward_n; h->forwards_n++) {
        h->forwards[h->forwards_n].port = s->forward[h->forwards_n];
        open_forward(h, &h->forwards[h->forwards_n]);
    }
}

static void free_settings(struct ssh_host *h)
{
    mem_free(h->shown);
    free_login(&h->login);
    for (size_t i = 0; i < h->jumps_n; i++)
        free_login(&h->jumps[i]);
    for (size_t i = 0; i < h->forwards_n; i++)
        sock_close(h->forwards[i].fd);
    mem_free(h->forwards);
    h->forwards = NULL;
    h->forwards_n = 0;
}

struct ssh_host *ssh_host_new(const struct ssh_host_context *context,
                              const struct ssh_settings *settings)
{
    struct ssh_host *h = mem_new(struct ssh_host);

    h->context = *context;
    h->name = mem_strdup(settings->name);
    copy_settings(h, settings);
    h->state = SSH_CONNECTING;
    h->since_ms = context->clock->wall_ms(context->clock);
    h->again_ms = AGAIN_MS;
    h->timer = loop_timer_new(context->loop, 0, 0, on_timer, h);
    return h;
}

void ssh_host_change(struct ssh_host *h, const struct ssh_settings *settings)
{
    if (settings->fingerprint == h->fingerprint)
        return;
    lose_worker(h);
    free_settings(h);
    copy_settings(h, settings);
    h->was_connected = false; /* another connection is no connecting again */
    set_state(h, SSH_CONNECTING, str_c(""));
    loop_timer_restart(h->timer, 0, 0);
}

static void free_when_unused(struct ssh_host *h)
{
    if (!h->over || h->ways_n)
        return;
    free_settings(h);
    mem_free(h->name);
    mem_free(h);
}

void ssh_host_end(struct ssh_host *h)
{
    if (!h)
        return;
    lose_worker(h);
    loop_timer_free(h->timer);
    h->timer = NULL;
    h->over = true;
    set_state(h, SSH_CONNECTING, STR("it is not in the configuration any more"));
    free_when_unused(h);
}

const char *ssh_host_name(const struct ssh_host *h)
{
    return h->name;
}

struct ssh_host_state ssh_host_state(const struct ssh_host *h)
{
    return (struct ssh_host_state){.name = h->name,
                                   .address = h->shown,
                                   .state = h->state,
                                   .since_ms = h->since_ms,
                                   .reconnects = h->reconnects,
                                   .error = h->error,
                                   .ways = h->ways_n,
                                   .confined = h->confined};
}

int64_t ssh_host_silent_ms(const struct ssh_host *h)
{
    return h->silent_ms;
}

void ssh_host_add_way(struct ssh_host *h, struct way *w)
{
    w->next = h->ways;
    h->ways = w;
    h->ways_n++;
    tell_ways(h);
}

void ssh_host_remove_way(struct ssh_host *h, struct way *w)
{
    struct way **at = &h->ways;

    while (*at != w)
        at = &(*at)->next;
    *at = w->next;
    h->ways_n--;
    if (h->worker && w->told)
        (void)tell(h, &(struct packet){.kind = PACKET_CLOSE, .as.id = w->id}, -1);
    free_when_unused(h);
}
