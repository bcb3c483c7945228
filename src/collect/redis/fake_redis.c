#include "collect/redis/fake_redis.h"

#include <poll.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <string.h>

#include "base/arena.h"
#include "base/err.h"
#include "base/mem.h"
#include "base/test.h"
#include "collect/redis/resp.h"
#include "sys/sock.h"

struct fake_redis {
    pthread_t thread;
    atomic_bool ends;
    int listener;
    pthread_mutex_t lock; /* guards what follows */
    const struct fake_answer *answers;
    unsigned answers_n;
    struct buf log, read; /* read: a copy for who asks */
};

static bool wait_for(struct fake_redis *f, int fd, short events)
{
    struct pollfd p = {.fd = fd, .events = events};

    while (!f->ends)
        if (poll(&p, 1, 20) > 0)
            return true;
    return false;
}

static bool send_bytes(struct fake_redis *f, int fd, const char *p, size_t n)
{
    while (n > 0) {
        struct iovec part = {(void *)p, n};
        ssize_t sent;

        if (!wait_for(f, fd, POLLOUT))
            return false;
        sent = sock_write(fd, &part, 1);
        if (sent < 0)
            return false;
        p += sent;
        n -= (size_t)sent;
    }
    return true;
}

/* What is said to the command on this line; false: the connection ends. */
static bool answer(struct fake_redis *f, int fd, const char *line)
{
    static const char much[65536] = {'$'};
    struct fake_answer found = {.bytes = "+OK\r\n"};
    bool goes_on = true;

    (void)pthread_mutex_lock(&f->lock);
    buf_adds(&f->log, line);
    buf_addc(&f->log, '\n');
    for (unsigned i = 0; i < f->answers_n; i++) {
        if (strncmp(line, f->answers[i].command, strlen(f->answers[i].command)) == 0) {
            found = f->answers[i];
            break;
        }
    }
    (void)pthread_mutex_unlock(&f->lock);
    if (!send_bytes(f, fd, found.bytes, strlen(found.bytes)) || found.what == FAKE_CLOSES)
        return false;
    while (found.what == FAKE_ENDLESS && goes_on)
        goes_on = send_bytes(f, fd, much, sizeof much);
    return goes_on;
}

static bool answer_all(struct fake_redis *f, int fd, struct resp_reader *reader)
{
    const struct resp *command;
    struct err err;

    for (;;) {
        char line[1000];
        size_t n = 0;

        if (resp_next(reader, &command, &err) < 0)
            return false;
        if (!command)
            return true;
        for (size_t i = 0; i < command->n; i++)
            n += (size_t)snprintf(line + n, sizeof line - n, "%s%.*s", i ? " " : "",
                                  STR_ARGS(command->items[i]->text));
        if (!answer(f, fd, line))
            return false;
    }
}

static void serve(struct fake_redis *f, int fd)
{
    struct resp_reader *reader;
    struct arena a;
    struct err err;
    char part[4096];
    ssize_t n = 1;

    arena_init(&a, NULL);
    reader = resp_reader_new(&a);
    while (n > 0 && wait_for(f, fd, POLLIN)) {
        n = sock_read(fd, part, sizeof part);
        if (n > 0 && (resp_feed(reader, part, (size_t)n, &err) < 0 || !answer_all(f, fd, reader)))
            break;
    }
    resp_reader_free(reader);
    arena_fini(&a);
    sock_close(fd);
}

static void *run(void *arg)
{
    struct fake_redis *f = arg;
    struct sock_address peer;
    int fd;

    while (wait_for(f, f->listener, POLLIN))
        if (sock_accept(f->listener, &fd, &peer) == 0)
            serve(f, fd);
    return NULL;
}

struct fake_redis *fake_redis_new(const struct fake_answer answers[], unsigned n)
{
    struct fake_redis *f = mem_new(struct fake_redis);
    struct sock_address a;
    struct err err;

    assert_ok(sock_parse("127.0.0.1:0", &a, &err), err);
    assert_ok(sock_listen(&a, "127.0.0.1:0", &f->listener, &err), err);
    f->answers = answers;
    f->answers_n = n;
    buf_init(&f->log, 0);
    buf_init(&f->read, 0);
    assert_int_equal(pthread_mutex_init(&f->lock, NULL), 0);
    assert_int_equal(pthread_create(&f->thread, NULL, run, f), 0);
    return f;
}

uint16_t fake_redis_port(const struct fake_redis *f)
{
    return sock_port(f->listener);
}

const char *fake_redis_log(struct fake_redis *f)
{
    (void)pthread_mutex_lock(&f->lock);
    buf_reset(&f->read);
    buf_add(&f->read, buf_str(&f->log));
    (void)pthread_mutex_unlock(&f->lock);
    return f->read.p ? f->read.p : "";
}

void fake_redis_answer(struct fake_redis *f, const struct fake_answer answers[], unsigned n)
{
    (void)pthread_mutex_lock(&f->lock);
    f->answers = answers;
    f->answers_n = n;
    (void)pthread_mutex_unlock(&f->lock);
}

void fake_redis_free(struct fake_redis *f)
{
    f->ends = true;
    (void)pthread_join(f->thread, NULL);
    (void)pthread_mutex_destroy(&f->lock);
    sock_close(f->listener);
    buf_fini(&f->log);
    buf_fini(&f->read);
    mem_free(f);
}
