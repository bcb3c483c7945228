#include "sys/helper.h"

#include <errno.h>
#include <signal.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>
#include <uv.h>

#include "base/err.h"
#include "base/mem.h"
#include "sys/loop.h"
#include "sys/watch.h"

#define WORDS_MAX 8

struct helper {
    uv_process_t uv;
    struct helper_context context;
    int socket;
    struct watch *watch;
    bool running;
};

static void on_closed(uv_handle_t *handle)
{
    mem_free(CONTAINER_OF((uv_process_t *)handle, struct helper, uv));
}

static void on_readable(void *arg, unsigned events)
{
    struct helper *h = arg;

    (void)events;
    h->context.readable(h->context.arg);
}

static void on_end(uv_process_t *uv, int64_t status, int number)
{
    struct helper *h = CONTAINER_OF(uv, struct helper, uv);

    h->running = false;
    h->context.ended(h->context.arg, (int)status, number);
}

static int spawn(struct helper *h, int far, struct err *err)
{
    const char *args[WORDS_MAX + 2] = {"earshot"};
    uv_stdio_container_t stdio[HELPER_FD + 1] = {
        {.flags = UV_IGNORE},
        {.flags = UV_INHERIT_FD, .data.fd = STDERR_FILENO},
        {.flags = UV_INHERIT_FD, .data.fd = STDERR_FILENO},
        {.flags = UV_INHERIT_FD, .data.fd = far},
    };
    uv_process_options_t options = {.exit_cb = on_end,
                                    .file = h->context.program,
                                    .args = (char **)(uintptr_t)args,
                                    .stdio = stdio,
                                    .stdio_count = HELPER_FD + 1};
    int rc;

    for (size_t i = 0; i < WORDS_MAX && h->context.words[i]; i++)
        args[i + 1] = h->context.words[i];
    rc = uv_spawn(loop_uv(h->context.loop), &h->uv, &options);
    if (rc < 0)
        return err_os(err, -rc, "cannot start a helper process (%.200s)", h->context.program);
    h->running = true;
    return 0;
}

int helper_start(const struct helper_context *context, struct helper **out, struct err *err)
{
    struct helper *h;
    int pair[2];
    int rc;

    if (socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC | SOCK_NONBLOCK, 0, pair) < 0)
        return err_os(err, errno, "cannot make a pair of sockets");
    h = mem_new(struct helper);
    h->context = *context;
    h->socket = pair[0];
    rc = spawn(h, pair[1], err);
    (void)close(pair[1]);
    if (rc == 0)
        rc = watch_new(context->loop, h->socket, on_readable, h, &h->watch, err);
    if (rc < 0) {
        helper_free(h);
        return -1;
    }
    watch_set(h->watch, WATCH_READ);
    *out = h;
    return 0;
}

int helper_socket(const struct helper *h)
{
    return h->socket;
}

/* So that it is no zombie. One that the kernel does not let die is left to whoever ends us. */
static void reap(struct helper *h)
{
    const struct timespec moment = {.tv_nsec = 500000};

    (void)uv_process_kill(&h->uv, SIGKILL);
    for (int i = 0; i < 20 && waitpid(uv_process_get_pid(&h->uv), NULL, WNOHANG) == 0; i++)
        (void)nanosleep(&moment, NULL);
}

void helper_free(struct helper *h)
{
    if (!h)
        return;
    watch_free(h->watch);
    (void)close(h->socket);
    if (h->running)
        reap(h);
    uv_close((uv_handle_t *)&h->uv, on_closed);
}

/* ---- messages ---- */

int helper_send(int socket, const void *p, size_t n, int fd)
{
    struct iovec part = {(void *)(uintptr_t)p, n};
    union {
        struct cmsghdr align;
        char bytes[CMSG_SPACE(sizeof(int))];
    } control = {.bytes = {0}};
    struct msghdr m = {.msg_iov = &part, .msg_iovlen = 1};
    ssize_t sent;

    if (fd >= 0) {
        struct cmsghdr *c;

        m.msg_control = control.bytes;
        m.msg_controllen = sizeof control.bytes;
        c = CMSG_FIRSTHDR(&m);
        c->cmsg_level = SOL_SOCKET;
        c->cmsg_type = SCM_RIGHTS;
        c->cmsg_len = CMSG_LEN(sizeof fd);
        memcpy(CMSG_DATA(c), &fd, sizeof fd);
    }
    do
        sent = sendmsg(socket, &m, MSG_NOSIGNAL | MSG_DONTWAIT);
    while (sent < 0 && errno == EINTR);
    return sent < 0 ? -1 : 0;
}

/* The first descriptor; there are no others in what we send. */
static void take_fd(struct msghdr *m, int *fd)
{
    for (struct cmsghdr *c = CMSG_FIRSTHDR(m); c; c = CMSG_NXTHDR(m, c))
        if (c->cmsg_level == SOL_SOCKET && c->cmsg_type == SCM_RIGHTS &&
            c->cmsg_len == CMSG_LEN(sizeof *fd))
            memcpy(fd, CMSG_DATA(c), sizeof *fd);
}

ssize_t helper_receive(int socket, void *p, size_t cap, int *fd)
{
    struct iovec part = {p, cap};
    union {
        struct cmsghdr align;
        char bytes[CMSG_SPACE(sizeof(int))];
    } control;
    struct msghdr m = {.msg_iov = &part,
                       .msg_iovlen = 1,
                       .msg_control = control.bytes,
                       .msg_controllen = sizeof control.bytes};
    ssize_t got;

    *fd = -1;
    do
        got = recvmsg(socket, &m, MSG_DONTWAIT | MSG_CMSG_CLOEXEC);
    while (got < 0 && errno == EINTR);
    if (got >= 0)
        take_fd(&m, fd);
    return got;
}
