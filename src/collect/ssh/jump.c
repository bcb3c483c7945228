#include "collect/ssh/jump.h"

#include <errno.h>
#include <poll.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <string.h>
#include <sys/eventfd.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/err.h"
#include "base/mem.h"
#include "collect/ssh/libssh.h"
#include "collect/ssh/pump.h"
#include "collect/ssh/trunk.h"
#include "sys/clock.h"

#define WAIT_MS 1000 /* the pump's own deadlines are looked at so often */

struct jump {
    struct trunk trunk; /* owned */
    ssh_event event;
    struct pump *pump;
    int stop; /* eventfd: the thread is to end */
    pthread_t thread;
    enum ssh_state state; /* valid once `has_ended`: */
    const char *words;    /* literal */
    atomic_bool has_ended;
};

static int64_t now_ms(void)
{
    const struct clock *clock = clock_real();

    return clock->mono_ns(clock) / 1000000;
}

/* False: the session has ended, or we are to. */
static bool turn(struct jump *j, enum pump_event *event)
{
    const struct libssh *lib = j->trunk.lib;
    bool writes = lib->ssh_get_poll_flags(j->trunk.ssh) & SSH_WRITE_PENDING;
    struct pollfd polls[] = {
        {.fd = j->stop, .events = POLLIN},
        {.fd = j->trunk.fd, .events = writes ? POLLIN | POLLOUT : POLLIN},
        {.fd = pump_fd(j->pump), .events = pump_wants(j->pump)},
    };

    *event = PUMP_NOTHING;
    if (poll(polls, 3, WAIT_MS) < 0 && errno != EINTR)
        return false;
    if (polls[0].revents)
        return false;
    if (polls[1].revents && lib->ssh_event_dopoll(j->event, 0) == SSH_ERROR)
        return false;
    *event = pump_run(j->pump, polls[2].revents, now_ms());
    return lib->ssh_is_connected(j->trunk.ssh);
}

/* Whose fault it is must be known before the socket says that there was one. */
static void tell_end(struct jump *j)
{
    const char *said = j->trunk.lib->ssh_get_error(j->trunk.ssh);

    if (strstr(said, strerror(ETIMEDOUT))) {
        j->state = SSH_TIMEOUT;
        j->words = "it does not answer any more";
    } else {
        j->state = SSH_CONNECTING;
        j->words = "the connection was cut by the far end";
    }
    atomic_store(&j->has_ended, true);
}

static void *run(void *arg)
{
    struct jump *j = arg;
    enum pump_event event;
    bool goes_on = true;

    while (goes_on && !pump_is_over(j->pump))
        goes_on = turn(j, &event);
    if (!goes_on)
        tell_end(j);
    pump_free(take(j->pump));
    return NULL;
}

/* ---- life ---- */

static void fini(struct jump *j)
{
    pump_free(j->pump);
    if (j->event) {
        (void)j->trunk.lib->ssh_event_remove_session(j->event, j->trunk.ssh);
        j->trunk.lib->ssh_event_free(j->event);
    }
    if (j->stop >= 0)
        (void)close(j->stop);
    mem_free(j);
}

static int wait_open(struct jump *j, enum ssh_state *state, struct err *err)
{
    enum pump_event event;

    while (turn(j, &event) && event == PUMP_NOTHING && !pump_is_over(j->pump))
        continue;
    if (event == PUMP_OPENED)
        return 0;
    if (event == PUMP_REFUSED) {
        *state = pump_trouble(j->pump);
        return err_set(err, ERR_OS, "%s", pump_words(j->pump));
    }
    *state = SSH_REFUSED;
    return err_set(err, ERR_OS, "it ended the connection");
}

static int begin(struct jump *j, const struct pump_end *end, int fd, enum ssh_state *state,
                 struct err *err)
{
    const struct libssh *lib = j->trunk.lib;

    *state = SSH_UNREACHABLE;
    lib->ssh_set_blocking(j->trunk.ssh, 0);
    j->pump = pump_new(&j->trunk, 0, fd, end);
    j->stop = eventfd(0, EFD_CLOEXEC);
    j->event = lib->ssh_event_new();
    if (j->stop < 0 || !j->event || lib->ssh_event_add_session(j->event, j->trunk.ssh) != SSH_OK)
        return err_set(err, ERR_NOMEM, "no memory for a way through it");
    if (wait_open(j, state, err) < 0)
        return -1;
    if (pthread_create(&j->thread, NULL, run, j) != 0)
        return err_set(err, ERR_NOMEM, "no thread for a way through it");
    return 0;
}

struct jump *jump_new(const struct trunk *s, const char *address, uint16_t port, int *fd,
                      enum ssh_state *state, struct err *err)
{
    const struct pump_end end = {.address = address, .port = port};
    int pair[2];
    struct jump *j;

    *state = SSH_UNREACHABLE;
    if (socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0, pair) < 0) {
        (void)err_os(err, errno, "no socket for a way through it");
        return NULL;
    }
    j = mem_new(struct jump);
    j->trunk = *s;
    j->stop = -1;
    if (begin(j, &end, pair[0], state, err) < 0) {
        fini(j); /* the session is left to the caller, who closes it */
        (void)close(pair[1]);
        return NULL;
    }
    *fd = pair[1];
    return j;
}

void jump_free(struct jump *j)
{
    const uint64_t one = 1;
    struct trunk trunk;

    if (!j)
        return;
    (void)!write(j->stop, &one, sizeof one);
    pthread_join(j->thread, NULL);
    trunk = j->trunk;
    fini(j);
    trunk_close(&trunk);
}

const char *jump_end(const struct jump *j, enum ssh_state *state)
{
    if (!atomic_load(&j->has_ended))
        return NULL;
    *state = j->state;
    return j->words;
}

const struct trunk *jump_trunk(const struct jump *j)
{
    return &j->trunk;
}
