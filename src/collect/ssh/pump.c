#include "collect/ssh/pump.h"

#include <errno.h>
#include <poll.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/err.h"
#include "base/mem.h"
#include "base/str.h"
#include "collect/ssh/libssh.h"
#include "collect/ssh/trunk.h"

#define READ_BYTES  (16u << 10)
#define OPEN_MAX_MS 15000 /* a far firewall may swallow it for minutes */

#define LINE_MAX 24 /* "127.0.0.1:65535" */

enum step { NAMING, OPENING, STARTING, FLOWING, OVER };

struct pump {
    const struct trunk *trunk;
    ssh_channel channel;
    struct ssh_channel_callbacks_struct callbacks;
    struct pump_end end;
    int fd;
    uint32_t way;
    enum step step;
    int64_t since_ms; /* of the opening; 0: not begun */

    struct buf out, in; /* on the way to the client, to the channel */
    size_t out_at, in_at;
    bool client_ended, end_sent; /* it sends no more; the channel was told */
    bool far_ended, end_told;
    bool given_up;
    bool asked; /* something was sent, and nothing has come since */
    char words[300];
    enum ssh_state trouble;
};

/* ---- what comes out of the channel ---- */

/* How much was taken; the rest stays in the library, whose window then closes. */
static int on_data(ssh_session ssh, ssh_channel channel, void *data, uint32_t n, int is_stderr,
                   void *arg)
{
    struct pump *p = arg;
    size_t room = PUMP_BYTES_MAX - (p->out.n - p->out_at);

    (void)ssh;
    (void)channel;
    if (is_stderr)
        return (int)n; /* of a command: dropped */
    if (room > n)
        room = n;
    p->asked = false;
    buf_add(&p->out, (struct str){data, room});
    return (int)room;
}

static void on_eof(ssh_session ssh, ssh_channel channel, void *arg)
{
    struct pump *p = arg;

    (void)ssh;
    (void)channel;
    p->far_ended = true;
}

static void on_close(ssh_session ssh, ssh_channel channel, void *arg)
{
    on_eof(ssh, channel, arg);
}

/* It gets no answer; the channel may still have to be opened before it can be closed. */
static void leave_client(struct pump *p)
{
    if (p->fd >= 0)
        (void)close(p->fd);
    p->fd = -1;
}

struct pump *pump_new(const struct trunk *s, uint32_t way, int fd, const struct pump_end *end)
{
    struct pump *p = mem_new(struct pump);

    p->trunk = s;
    p->way = way;
    p->fd = fd;
    p->end = *end;
    p->step = end->address && strcmp(end->address, PUMP_LOOPBACK) == 0 ? NAMING : OPENING;
    buf_init(&p->out, 0);
    buf_init(&p->in, 0);
    p->channel = s->lib->ssh_channel_new(s->ssh);
    p->callbacks.userdata = p;
    p->callbacks.channel_data_function = on_data;
    p->callbacks.channel_eof_function = on_eof;
    p->callbacks.channel_close_function = on_close;
    ssh_callbacks_init(&p->callbacks);
    if (p->channel)
        (void)s->lib->ssh_set_channel_callbacks(p->channel, &p->callbacks);
    return p;
}

void pump_free(struct pump *p)
{
    if (!p)
        return;
    if (p->channel) { /* which the library keeps until the far end has closed it too */
        (void)p->trunk->lib->ssh_remove_channel_callbacks(p->channel, &p->callbacks);
        p->trunk->lib->ssh_channel_free(p->channel);
    }
    leave_client(p);
    buf_fini(&p->out);
    buf_fini(&p->in);
    mem_free(p);
}

uint32_t pump_way(const struct pump *p)
{
    return p->way;
}

bool pump_is_over(const struct pump *p)
{
    return p->step == OVER;
}

bool pump_waits(const struct pump *p)
{
    return p->step == OPENING || p->step == STARTING || p->asked;
}

const char *pump_words(const struct pump *p)
{
    return p->words;
}

enum ssh_state pump_trouble(const struct pump *p)
{
    return p->trouble;
}

/* ---- where to ---- */

/* No other machine is reached by this. */
bool pump_read_place(struct str line, struct pump_end *out)
{
    static const struct {
        struct str before;
        const char *address;
    } loopback[] = {{STR("127.0.0.1:"), "127.0.0.1"}, {STR("[::1]:"), "::1"}};
    unsigned port = 0;

    for (size_t i = 0; i < ARRAY_LEN(loopback); i++) {
        struct str digits = str_skip(line, loopback[i].before.n);

        if (!str_starts(line, loopback[i].before) || !digits.n || digits.n > 5)
            continue;
        for (size_t k = 0; k < digits.n; k++) {
            if (digits.p[k] < '0' || digits.p[k] > '9')
                return false;
            port = port * 10 + (unsigned)(digits.p[k] - '0');
        }
        *out = (struct pump_end){.address = loopback[i].address, .port = (uint16_t)port};
        return port > 0 && port <= UINT16_MAX;
    }
    return false;
}

static bool from_client(struct pump *p);

/* What follows the line is for the far end. */
static void read_place(struct pump *p)
{
    struct str line, all;
    bool lives = from_client(p);
    const char *end;

    all = buf_str(&p->in);
    end = all.n ? memchr(all.p, '\n', all.n) : NULL;
    if (end) {
        line = str_take(all, (size_t)(end - all.p));
        p->in_at = line.n + 1;
        p->step = pump_read_place(line, &p->end) ? OPENING : OVER;
    } else if (!lives || p->client_ended || all.n > LINE_MAX) {
        p->step = OVER;
    }
}

/* ---- opening ---- */

/* RFC 4254, 5.1: the reason is a number; the library puts it into its words. */
static void explain_refusal(struct pump *p)
{
    const char *said = p->trunk->lib->ssh_get_error(p->trunk->ssh);

    p->trouble = SSH_REFUSED;
    if (p->end.command)
        (void)snprintf(p->words, sizeof p->words, "it does not let %s run%s: %.150s",
                       strstr(said, "error (2)") ? "further commands" : "commands",
                       strstr(said, "error (2)") ? " (MaxSessions)" : "", said);
    else if (strstr(said, "error (1)") || strstr(said, "administratively") ||
             strstr(said, "prohibited"))
        (void)snprintf(p->words, sizeof p->words,
                       "its SSH server does not allow forwarding to %.100s:%u "
                       "(AllowTcpForwarding, PermitOpen)",
                       p->end.address, p->end.port);
    else if (strstr(said, "refused"))
        (void)snprintf(p->words, sizeof p->words, "nothing listens on %.100s:%u there",
                       p->end.address, p->end.port);
    else {
        p->trouble = strstr(said, strerror(ETIMEDOUT)) ? SSH_TIMEOUT : SSH_UNREACHABLE;
        (void)snprintf(p->words, sizeof p->words, "%.100s:%u cannot be reached from there: %.120s",
                       p->end.address, p->end.port, said);
    }
}

static int try_open(struct pump *p)
{
    const struct libssh *lib = p->trunk->lib;

    if (!p->channel)
        return SSH_ERROR;
    if (p->step == STARTING)
        return lib->ssh_channel_request_exec(p->channel, p->end.command);
    if (p->end.command)
        return lib->ssh_channel_open_session(p->channel);
    return lib->ssh_channel_open_forward(p->channel, p->end.address, p->end.port, "127.0.0.1", 0);
}

static enum pump_event open_channel(struct pump *p, int64_t now_ms)
{
    int rc = try_open(p);

    if (p->given_up)
        leave_client(p);
    if (!p->since_ms)
        p->since_ms = now_ms;
    if (rc == SSH_OK && p->end.command && p->step == OPENING) {
        p->step = STARTING;
        rc = try_open(p);
    }
    if (rc == SSH_OK) {
        p->step = p->fd < 0 ? OVER : FLOWING;
        return PUMP_OPENED;
    }
    if (rc != SSH_AGAIN) {
        p->step = OVER;
        explain_refusal(p);
        return p->fd < 0 ? PUMP_NOTHING : PUMP_REFUSED;
    }
    if (p->fd < 0 || now_ms - p->since_ms < OPEN_MAX_MS)
        return PUMP_NOTHING;
    (void)snprintf(p->words, sizeof p->words, "%.100s:%u does not answer there",
                   p->end.command ? "the command" : p->end.address, p->end.port);
    p->trouble = SSH_TIMEOUT;
    p->given_up = true; /* the client is let go once earshot knows why */
    return PUMP_REFUSED;
}

/* ---- flowing ---- */

static void compact(struct buf *b, size_t *at)
{
    if (*at == b->n) {
        buf_reset(b);
        *at = 0;
    } else if (*at > PUMP_BYTES_MAX / 2) {
        memmove(b->p, b->p + *at, b->n - *at);
        b->n -= *at;
        *at = 0;
    }
}

/* False: the client is gone. */
static bool to_client(struct pump *p)
{
    const struct libssh *lib = p->trunk->lib;

    for (;;) {
        ssize_t n;

        if (p->out_at == p->out.n) {
            char bytes[READ_BYTES];
            int more;

            compact(&p->out, &p->out_at);
            more = lib->ssh_channel_read_nonblocking(p->channel, bytes, sizeof bytes, 0);
            if (more <= 0)
                return true;
            buf_add(&p->out, (struct str){bytes, (size_t)more});
        }
        n = send(p->fd, p->out.p + p->out_at, p->out.n - p->out_at, MSG_NOSIGNAL | MSG_DONTWAIT);
        if (n < 0)
            return errno == EAGAIN || errno == EINTR;
        p->out_at += (size_t)n;
        compact(&p->out, &p->out_at);
    }
}

static bool from_client(struct pump *p)
{
    char *room = buf_reserve(&p->in, READ_BYTES);
    ssize_t n = recv(p->fd, room, READ_BYTES, MSG_DONTWAIT);

    if (n < 0)
        return errno == EAGAIN || errno == EINTR;
    if (n == 0)
        p->client_ended = true;
    p->in.n += (size_t)n;
    return true;
}

static bool to_channel(struct pump *p)
{
    const struct libssh *lib = p->trunk->lib;

    while (p->in_at < p->in.n) {
        size_t left = p->in.n - p->in_at;
        uint32_t window = lib->ssh_channel_window_size(p->channel);
        int n;

        if (!window)
            return true;
        if (left > window)
            left = window;
        n = lib->ssh_channel_write(p->channel, p->in.p + p->in_at, (uint32_t)left);
        if (n == SSH_AGAIN || n == 0)
            return true;
        if (n < 0)
            return false;
        p->asked = true;
        p->in_at += (size_t)n;
    }
    compact(&p->in, &p->in_at);
    if (p->client_ended && !p->end_sent) {
        (void)lib->ssh_channel_send_eof(p->channel);
        p->end_sent = true;
    }
    return true;
}

static void flow(struct pump *p, short events)
{
    bool lives = true;

    if (events & (POLLIN | POLLHUP | POLLERR))
        lives = p->client_ended || from_client(p);
    lives = lives && to_channel(p) && to_client(p);
    if (p->far_ended && p->out_at == p->out.n && !p->end_told) {
        (void)shutdown(p->fd, SHUT_WR);
        p->end_told = true;
    }
    /* A far end that has ended reads no more of what we serve here: requests and answers. */
    if (!lives || p->end_told)
        p->step = OVER;
    if ((events & (POLLHUP | POLLERR)) && p->client_ended && p->in_at == p->in.n)
        p->step = OVER; /* it does not listen any more either */
}

enum pump_event pump_run(struct pump *p, short events, int64_t now_ms)
{
    enum pump_event event = PUMP_NOTHING;

    if (p->step == NAMING && events)
        read_place(p);
    if (p->step == OPENING || p->step == STARTING) {
        event = open_channel(p, now_ms);
        if (p->step != FLOWING && (events & (POLLHUP | POLLERR)))
            leave_client(p); /* whoever asked has given up */
    }
    if (p->step == FLOWING)
        flow(p, events);
    return event;
}

/* A client that has gone keeps telling so: not listened to while something waits for the window. */
int pump_fd(const struct pump *p)
{
    return p->client_ended && p->in_at < p->in.n ? -1 : p->fd;
}

short pump_wants(const struct pump *p)
{
    short events = 0;

    if (p->step == NAMING)
        return POLLIN;
    if (p->step != FLOWING)
        return 0;
    if (!p->client_ended && p->in.n == p->in_at)
        events |= POLLIN;
    if (p->out_at < p->out.n)
        events |= POLLOUT;
    return events;
}
