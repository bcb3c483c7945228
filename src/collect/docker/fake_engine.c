#include "collect/docker/fake_engine.h"

#include <poll.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include "base/mem.h"
#include "base/str.h"
#include "base/test.h"

struct fake_engine {
    pthread_t thread;
    atomic_bool ends;
    int listener;
    char *path;           /* owned */
    pthread_mutex_t lock; /* guards what follows */
    const struct fake_answer *answers;
    unsigned answers_n;
    struct buf log, read; /* read: a copy for who asks */
};

static bool wait_for(struct fake_engine *f, int fd, short events)
{
    struct pollfd p = {.fd = fd, .events = events};

    while (!f->ends)
        if (poll(&p, 1, 20) > 0)
            return true;
    return false;
}

static bool send_bytes(struct fake_engine *f, int fd, const char *p, size_t n)
{
    while (n > 0) {
        ssize_t sent;

        if (!wait_for(f, fd, POLLOUT))
            return false;
        sent = send(fd, p, n, MSG_NOSIGNAL | MSG_DONTWAIT);
        if (sent < 0)
            return false;
        p += sent;
        n -= (size_t)sent;
    }
    return true;
}

static struct fake_answer find(struct fake_engine *f, const char *target)
{
    struct fake_answer found = {.status = 404, .body = "{\"message\":\"no such container\"}"};

    (void)pthread_mutex_lock(&f->lock);
    buf_addf(&f->log, "%s\n", target);
    for (unsigned i = 0; i < f->answers_n; i++) {
        if (strncmp(target, f->answers[i].target, strlen(f->answers[i].target)) == 0) {
            found = f->answers[i];
            break;
        }
    }
    (void)pthread_mutex_unlock(&f->lock);
    return found;
}

/* False: the connection ends. */
static bool answer(struct fake_engine *f, int fd, const char *target)
{
    static const char much[65536] = {' '};
    struct fake_answer a = find(f, target);
    char head[200];
    bool goes_on;

    (void)snprintf(head, sizeof head, "HTTP/1.1 %d X\r\nContent-Length: %zu\r\n\r\n", a.status,
                   a.manner == FAKE_FLOODS ? (size_t)1 << 40 : strlen(a.body));
    goes_on = (a.status == 0 || send_bytes(f, fd, head, strlen(head))) &&
              send_bytes(f, fd, a.body, strlen(a.body));
    while (goes_on && a.manner == FAKE_FLOODS)
        goes_on = send_bytes(f, fd, much, sizeof much);
    while (a.manner == FAKE_HANGS && !f->ends)
        (void)poll(NULL, 0, 20);
    return goes_on && a.manner == FAKE_KEEPS;
}

static void serve(struct fake_engine *f, int fd)
{
    char text[4096], target[1000], *end;
    size_t n = 0;

    while (wait_for(f, fd, POLLIN)) {
        ssize_t got = read(fd, text + n, sizeof text - 1 - n);

        if (got <= 0)
            break;
        n += (size_t)got;
        text[n] = '\0';
        end = strstr(text, "\r\n\r\n");
        if (!end)
            continue;
        n = 0;
        if (sscanf(text, "GET %999s HTTP/1.1", target) != 1 || !answer(f, fd, target))
            break;
    }
    (void)close(fd);
}

static void *run(void *arg)
{
    struct fake_engine *f = arg;
    int fd;

    while (wait_for(f, f->listener, POLLIN))
        if ((fd = accept(f->listener, NULL, NULL)) >= 0)
            serve(f, fd);
    return NULL;
}

struct fake_engine *fake_engine_new(const char *path, const struct fake_answer answers[],
                                    unsigned n)
{
    struct fake_engine *f = mem_new(struct fake_engine);
    struct sockaddr_un un = {.sun_family = AF_UNIX};

    (void)snprintf(un.sun_path, sizeof un.sun_path, "%s", path);
    f->path = mem_strdup(path);
    f->listener = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
    assert_true(f->listener >= 0);
    assert_int_equal(bind(f->listener, (struct sockaddr *)&un, sizeof un), 0);
    assert_int_equal(listen(f->listener, 8), 0);
    f->answers = answers;
    f->answers_n = n;
    buf_init(&f->log, 0);
    buf_init(&f->read, 0);
    assert_int_equal(pthread_mutex_init(&f->lock, NULL), 0);
    assert_int_equal(pthread_create(&f->thread, NULL, run, f), 0);
    return f;
}

void fake_engine_answer(struct fake_engine *f, const struct fake_answer answers[], unsigned n)
{
    (void)pthread_mutex_lock(&f->lock);
    f->answers = answers;
    f->answers_n = n;
    (void)pthread_mutex_unlock(&f->lock);
}

const char *fake_engine_asked(struct fake_engine *f)
{
    (void)pthread_mutex_lock(&f->lock);
    buf_reset(&f->read);
    buf_add(&f->read, buf_str(&f->log));
    buf_reset(&f->log);
    (void)pthread_mutex_unlock(&f->lock);
    return f->read.n ? f->read.p : "";
}

void fake_engine_free(struct fake_engine *f)
{
    f->ends = true;
    (void)pthread_join(f->thread, NULL);
    (void)pthread_mutex_destroy(&f->lock);
    (void)close(f->listener);
    (void)unlink(f->path);
    mem_free(f->path);
    buf_fini(&f->log);
    buf_fini(&f->read);
    mem_free(f);
}
