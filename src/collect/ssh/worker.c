#include "collect/ssh/worker.h"

#include <errno.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/err.h"
#include "base/mem.h"
#include "collect/ssh/confine.h"
#include "collect/ssh/libssh.h"
#include "collect/ssh/packet.h"
#include "collect/ssh/pump.h"
#include "collect/ssh/trunk.h"
#include "sys/clock.h"
#include "sys/helper.h"

#define PUMPS_MAX     512u
#define BACKOFF_MS    1000
#define BACKOFF_MAX   30000
#define LOOK_MS       2000 /* whether known_hosts has changed */
#define PROBE_MS      2000 /* of silence while something is asked: then the machine is asked itself */
#define SILENT_MS     4000  /* then it is told */
#define UNSENT_MAX_MS 30000 /* what is not confirmed for so long: the connection is dead */

struct way {
    uint32_t id;
    int fd;                  /* owned; listens */
    char *address, *command; /* owned; NULL */
    uint16_t port;
};

struct worker {
    int control;
    struct libssh lib;
    struct trunk_place place; /* its texts are owned */
    int64_t keepalive_ms, keepalive_count;

    struct way *ways; /* [ways_n] */
    size_t ways_n, ways_cap;
    struct pollfd *polls;
    size_t polls_cap;

    struct trunk trunk;
    ssh_event event;
    struct ssh_counter_struct counter;
    struct pump **pumps; /* [pumps_n] */
    size_t pumps_n, pumps_cap;
    uint64_t heard_bytes;
    int64_t heard_ms;  /* when something came last */
    int64_t probed_ms; /* of this silence; 0: not yet */
    bool told_silent;
};

static int64_t now_ms(void)
{
    const struct clock *clock = clock_real();

    return clock->mono_ns(clock) / 1000000;
}

/* ---- what is said to earshot ---- */

/* Waits for room: what is said here changes seldom, and none of it may be lost. */
static void say(const struct worker *w, const struct packet *p)
{
    SCOPED(buf_fini) struct buf bytes;

    buf_init(&bytes, 0);
    packet_write(p, &bytes);
    while (helper_send(w->control, bytes.p, bytes.n, -1) < 0) {
        struct pollfd room = {.fd = w->control, .events = POLLOUT};

        if (errno != EAGAIN)
            _exit(0); /* earshot has ended */
        (void)poll(&room, 1, 1000);
    }
}

static void say_state(const struct worker *w, enum ssh_state state, const char *text)
{
    say(w, &(struct packet){.kind = PACKET_STATE, .as.state = {state, str_c(text)}});
}

static void say_silent(const struct worker *w, int64_t ms)
{
    say(w, &(struct packet){.kind = PACKET_SILENT, .as.silent_ms = (uint32_t)ms});
}

/* ---- what earshot says ---- */

static const char *copy(struct str s)
{
    char *text = mem_zalloc(s.n + 1);

    if (s.n)
        memcpy(text, s.p, s.n);
    return text;
}

static struct trunk_login copy_login(const struct packet_login *l)
{
    return (struct trunk_login){.user = copy(l->user),
                                .address = copy(l->address),
                                .identity_file = copy(l->identity_file),
                                .known_hosts = copy(l->known_hosts),
                                .port = l->port};
}

static void take_host(struct worker *w, const struct packet_host *h)
{
    int64_t dead_ms = h->keepalive_ms * h->keepalive_count;

    w->place =
        (struct trunk_place){.name = copy(h->name),
                             .login = copy_login(&h->login),
                             .jumps_n = h->jumps_n,
                             .give_up_ms = dead_ms < UNSENT_MAX_MS ? dead_ms : UNSENT_MAX_MS};
    for (size_t i = 0; i < h->jumps_n; i++)
        w->place.jumps[i] = copy_login(&h->jumps[i]);
    w->keepalive_ms = h->keepalive_ms;
    w->keepalive_count = h->keepalive_count;
}

static void add_way(struct worker *w, const struct packet *p, int fd)
{
    struct way way = {.id = p->as.listen.id, .fd = fd, .port = p->as.listen.port};

    if (p->as.listen.address.n)
        way.address = (char *)(uintptr_t)copy(p->as.listen.address);
    else
        way.command = (char *)(uintptr_t)copy(p->as.listen.command);
    w->ways = mem_grow(w->ways, &w->ways_cap, w->ways_n + 1, sizeof *w->ways);
    w->ways[w->ways_n++] = way;
}

static void remove_way(struct worker *w, uint32_t id)
{
    for (size_t i = 0; i < w->ways_n; i++) {
        if (w->ways[i].id != id)
            continue;
        (void)close(w->ways[i].fd);
        mem_free(w->ways[i].address);
        mem_free(w->ways[i].command);
        w->ways[i] = w->ways[--w->ways_n];
        break;
    }
    for (size_t i = w->pumps_n; i-- > 0;) {
        if (pump_way(w->pumps[i]) != id)
            continue;
        pump_free(w->pumps[i]);
        w->pumps[i] = w->pumps[--w->pumps_n];
    }
}

/* All that has come. */
static void listen_to_earshot(struct worker *w)
{
    char bytes[PACKET_BYTES_MAX];
    int fd;

    for (;;) {
        ssize_t n = helper_receive(w->control, bytes, sizeof bytes, &fd);
        struct packet p;

        if (n == 0 || (n < 0 && errno != EAGAIN))
            _exit(0);
        if (n < 0)
            return;
        if (packet_read((struct str){bytes, (size_t)n}, &p, NULL) < 0)
            _exit(1); /* not the same program */
        if (p.kind == PACKET_HOST)
            take_host(w, &p.as.host);
        else if (p.kind == PACKET_LISTEN && fd >= 0)
            add_way(w, &p, fd);
        else if (p.kind == PACKET_CLOSE)
            remove_way(w, p.as.id);
    }
}

/* ---- between sessions ---- */

/* Whoever comes meanwhile is sent away at once. */
static void send_away(const struct way *way)
{
    int fd = accept4(way->fd, NULL, NULL, SOCK_CLOEXEC);

    if (fd >= 0)
        (void)close(fd);
}

static struct pollfd *poll_list(struct worker *w, size_t n)
{
    w->polls = mem_grow(w->polls, &w->polls_cap, n, sizeof *w->polls);
    return w->polls;
}

static void wait_down(struct worker *w, int64_t ms)
{
    size_t n = w->ways_n;
    struct pollfd *polls = poll_list(w, n + 1);

    polls[0] = (struct pollfd){.fd = w->control, .events = POLLIN};
    for (size_t i = 0; i < n; i++)
        polls[i + 1] = (struct pollfd){.fd = w->ways[i].fd, .events = POLLIN};
    if (poll(polls, n + 1, (int)ms) <= 0)
        return;
    for (size_t i = 0; i < n; i++)
        if (polls[i + 1].revents)
            send_away(&w->ways[i]);
    listen_to_earshot(w);
}

static void wait_until(struct worker *w, int64_t at_ms)
{
    int64_t now;

    while ((now = now_ms()) < at_ms)
        wait_down(w, at_ms - now);
}

/* Without padding: compared as bytes. */
struct look {
    int64_t size, seconds, nanoseconds, inode;
};

struct looks {
    struct look of[1 + SSH_JUMPS_MAX];
};

/* At the file for one of the machines. */
static struct look look_at(const struct trunk_login *l)
{
    const struct trunk_place place = {.login = *l};
    char path[TRUNK_PATH_BYTES];
    struct stat st;

    trunk_known_hosts(&place, path);

    if (stat(path, &st) < 0)
        return (struct look){.size = -1};
    return (struct look){st.st_size, st.st_mtim.tv_sec, st.st_mtim.tv_nsec, (int64_t)st.st_ino};
}

static struct looks look_at_all(const struct trunk_place *place)
{
    struct looks all = {.of[0] = look_at(&place->login)};

    for (size_t i = 0; i < place->jumps_n; i++)
        all.of[i + 1] = look_at(&place->jumps[i]);
    return all;
}

/* A person has to say that the key is right. */
static void wait_for_trust(struct worker *w, const struct looks *before)
{
    struct looks now = *before;

    while (memcmp(&now, before, sizeof now) == 0) {
        wait_until(w, now_ms() + LOOK_MS);
        now = look_at_all(&w->place);
    }
}

/* ---- a session ---- */

static void close_session(struct worker *w)
{
    while (w->pumps_n)
        pump_free(w->pumps[--w->pumps_n]);
    if (w->event) {
        (void)w->lib.ssh_event_remove_session(w->event, w->trunk.ssh);
        w->lib.ssh_event_free(w->event);
    }
    w->event = NULL;
    trunk_close(&w->trunk);
}

static void run_pump(struct worker *w, struct pump *p, short events)
{
    switch (pump_run(p, events, now_ms())) {
    case PUMP_NOTHING:
        break;
    case PUMP_OPENED:
        say(w, &(struct packet){.kind = PACKET_OPENED, .as.id = pump_way(p)});
        break;
    case PUMP_REFUSED: /* before the client is let go: it must not know earlier than earshot */
        say(w, &(struct packet){.kind = PACKET_REFUSED,
                                .as.refused = {pump_way(p), str_c(pump_words(p))}});
        break;
    }
}

static void accept_from(struct worker *w, const struct way *way)
{
    const struct pump_end end = {way->address, way->port, way->command};
    int fd = accept4(way->fd, NULL, NULL, SOCK_CLOEXEC | SOCK_NONBLOCK);

    if (fd < 0)
        return;
    if (w->pumps_n == PUMPS_MAX) {
        say(w, &(struct packet){.kind = PACKET_REFUSED,
                                .as.refused = {way->id, STR("512 connections are open through "
                                                            "this tunnel already")}});
        (void)close(fd);
        return;
    }
    w->pumps = mem_grow(w->pumps, &w->pumps_cap, w->pumps_n + 1, sizeof *w->pumps);
    w->pumps[w->pumps_n] = pump_new(&w->trunk, way->id, fd, &end);
    run_pump(w, w->pumps[w->pumps_n++], 0);
}

static void reap_pumps(struct worker *w)
{
    for (size_t i = w->pumps_n; i-- > 0;) {
        if (!pump_is_over(w->pumps[i]))
            continue;
        pump_free(w->pumps[i]);
        w->pumps[i] = w->pumps[--w->pumps_n];
    }
}

/* What poll found, in the order of the list. */
static void serve_events(struct worker *w, const struct pollfd *polls, size_t ways_n,
                         size_t pumps_n)
{
    const struct pollfd *of_ways = polls + 2, *of_pumps = polls + 2 + ways_n;

    for (size_t i = 0; i < pumps_n; i++)
        run_pump(w, w->pumps[i], of_pumps[i].revents);
    reap_pumps(w);
    for (size_t i = 0; i < ways_n; i++)
        if (of_ways[i].revents)
            accept_from(w, &w->ways[i]);
    if (polls[0].revents)
        listen_to_earshot(w); /* last: it changes the lists */
}

static bool anyone_waits(const struct worker *w)
{
    for (size_t i = 0; i < w->pumps_n; i++)
        if (pump_waits(w->pumps[i]))
            return true;
    return false;
}

/* Is it still there? 0, or -1: nothing has come for too long. */
static int watch_silence(struct worker *w, int64_t now)
{
    bool waits = anyone_waits(w);
    int64_t silent_ms, probe_ms = waits ? PROBE_MS : w->keepalive_ms;

    if (w->counter.in_bytes != w->heard_bytes) {
        w->heard_bytes = w->counter.in_bytes;
        w->heard_ms = now;
        w->probed_ms = 0;
        if (w->told_silent)
            say_silent(w, 0);
        w->told_silent = false;
    }
    silent_ms = now - w->heard_ms;
    if (probe_ms > w->keepalive_ms)
        probe_ms = w->keepalive_ms;
    if (silent_ms >= probe_ms) {
        (void)w->lib.ssh_send_keepalive(w->trunk.ssh); /* one at a time: the library knows */
        if (!w->probed_ms)
            w->probed_ms = now;
    }
    if (w->probed_ms && now - w->probed_ms >= SILENT_MS - PROBE_MS && !w->told_silent) {
        w->told_silent = true;
        say_silent(w, silent_ms);
    }
    return silent_ms >= w->keepalive_ms * w->keepalive_count ? -1 : 0;
}

static int turn(struct worker *w)
{
    size_t ways_n = w->ways_n, pumps_n = w->pumps_n;
    struct pollfd *polls = poll_list(w, 2 + ways_n + pumps_n);
    bool writes = w->lib.ssh_get_poll_flags(w->trunk.ssh) & SSH_WRITE_PENDING;
    int wait_ms = w->keepalive_ms < 1000 ? (int)w->keepalive_ms : 1000;
    size_t n = 2;

    polls[0] = (struct pollfd){.fd = w->control, .events = POLLIN};
    polls[1] = (struct pollfd){.fd = w->trunk.fd, .events = writes ? POLLIN | POLLOUT : POLLIN};
    for (size_t i = 0; i < ways_n; i++)
        polls[n++] = (struct pollfd){.fd = w->ways[i].fd, .events = POLLIN};
    for (size_t i = 0; i < pumps_n; i++)
        polls[n++] = (struct pollfd){.fd = pump_fd(w->pumps[i]), .events = pump_wants(w->pumps[i])};
    if (poll(polls, n, wait_ms) < 0)
        return errno == EINTR ? 0 : -1;
    if (polls[1].revents && w->lib.ssh_event_dopoll(w->event, 0) == SSH_ERROR)
        return -1;
    serve_events(w, polls, ways_n, pumps_n);
    return w->lib.ssh_is_connected(w->trunk.ssh) ? 0 : -1;
}

/* Why a session has ended that was open. */
static void tell_end(const struct worker *w, bool silent, int64_t now)
{
    const char *words = w->lib.ssh_get_error(w->trunk.ssh);
    enum ssh_state state;
    char text[200];

    if (trunk_lost(&w->trunk, &w->place, &state, text, sizeof text)) {
        say_state(w, state, text);
    } else if (silent || strstr(words, strerror(ETIMEDOUT))) {
        (void)snprintf(text, sizeof text, "nothing has come from it for %lld s",
                       (long long)(now - w->heard_ms) / 1000);
        say_state(w, SSH_TIMEOUT, text);
    } else {
        say_state(w, SSH_CONNECTING, "the connection was cut by the far end");
    }
}

static void serve(struct worker *w)
{
    bool silent = false;

    w->lib.ssh_set_blocking(w->trunk.ssh, 0);
    w->lib.ssh_set_counters(w->trunk.ssh, &w->counter, NULL);
    w->counter = (struct ssh_counter_struct){0};
    w->heard_bytes = 0;
    w->heard_ms = now_ms();
    w->probed_ms = 0;
    w->told_silent = false;
    w->event = w->lib.ssh_event_new();
    if (!w->event || w->lib.ssh_event_add_session(w->event, w->trunk.ssh) != SSH_OK)
        _exit(1); /* memory: earshot starts another */
    say_state(w, SSH_CONNECTED, "");
    while (!silent && turn(w) == 0)
        silent = watch_silence(w, now_ms()) < 0;
    tell_end(w, silent, now_ms());
}

/* ---- life ---- */

static void live(struct worker *w)
{
    int64_t backoff_ms = BACKOFF_MS;

    for (;;) {
        const struct looks looks = look_at_all(&w->place);
        int64_t began_ms = now_ms();
        enum ssh_state state;
        struct err err;

        if (trunk_open(&w->lib, &w->place, &w->trunk, &state, &err) == 0) {
            backoff_ms = BACKOFF_MS;
            serve(w);
            close_session(w);
            began_ms = now_ms();
        } else {
            say_state(w, state, err.text);
        }
        listen_to_earshot(w);
        if (state == SSH_HOST_KEY_CHANGED || state == SSH_HOST_KEY_UNKNOWN)
            wait_for_trust(w, &looks);
        else
            wait_until(w, began_ms + backoff_ms);
        backoff_ms = backoff_ms * 2 < BACKOFF_MAX ? backoff_ms * 2 : BACKOFF_MAX;
    }
}

/* What cannot be given up is no reason not to connect. */
static void say_confined(const struct worker *w)
{
    struct err err;
    bool open = confine(&err) < 0;

    say(w, &(struct packet){.kind = PACKET_CONFINED, .as.open = open ? str_c(err.text) : STR("")});
}

int worker_run(int control)
{
    struct worker w = {.control = control, .trunk = {.fd = -1}};
    struct err err;

    (void)signal(SIGINT, SIG_IGN); /* of a terminal: earshot ends us */
    while (!w.place.login.address) {
        struct pollfd first = {.fd = control, .events = POLLIN};

        (void)poll(&first, 1, -1);
        listen_to_earshot(&w);
    }
    if (libssh_load(&w.lib, &err) < 0) {
        say_state(&w, SSH_UNREACHABLE, err.text);
        for (;;)
            wait_until(&w, now_ms() + BACKOFF_MAX);
    }
    say_confined(&w);
    live(&w);
    return 0;
}
