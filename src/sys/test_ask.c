#include "sys/ask.h"

#include <unistd.h>

#include "base/clock.h"
#include "base/err.h"
#include "base/test.h"
#include "sys/clock.h"

struct question {
    struct ask ask; /* first */
    char got[64];
    size_t n, enough;
};

static bool got(struct ask *a, struct str piece)
{
    struct question *q = (struct question *)a;

    assert_true(q->n + piece.n < sizeof q->got);
    memcpy(q->got + q->n, piece.p, piece.n);
    q->n += piece.n;
    return q->n >= q->enough;
}

static int listen_on(const char *text, uint16_t *port)
{
    struct sock_address a;
    struct err err;
    int fd;

    assert_ok(sock_parse(text, &a, &err), err);
    assert_ok(sock_listen(&a, text, &fd, &err), err);
    *port = sock_port(fd);
    return fd;
}

static struct question ask_port(uint16_t port, size_t enough)
{
    struct question q = {.enough = enough};

    ask_loopback(false, port, &q.ask.address);
    q.ask.request = STR("hello");
    q.ask.wait_ms = 100;
    q.ask.got = got;
    return q;
}

static void all(struct question *questions, size_t n, int64_t ms)
{
    struct ask *asks[200];

    assert_true(n <= ARRAY_LEN(asks));
    for (size_t i = 0; i < n; i++)
        asks[i] = &questions[i].ask;
    ask_all(asks, n, clock_real(), clock_real()->mono_ns(clock_real()) + ms * 1000000);
}

static void who_does_not_answer_costs_no_more_than_its_time(void **state)
{
    int64_t start = clock_real()->mono_ns(clock_real());
    struct question many[150];
    uint16_t port;
    int fd = listen_on("127.0.0.1:0", &port);

    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(many); i++)
        many[i] = ask_port(port, 1);
    all(many, ARRAY_LEN(many), 5000);
    for (size_t i = 0; i < ARRAY_LEN(many); i++)
        assert_int_equal(many[i].ask.end, ASK_SILENT);
    /* three rounds of 64 */
    assert_true(clock_real()->mono_ns(clock_real()) - start < 3000 * INT64_C(1000000));
    sock_close(fd);
}

static void a_closed_port_is_refused_and_all_of_it_has_an_end(void **state)
{
    struct question q[2];
    uint16_t port;
    int fd = listen_on("127.0.0.1:0", &port);

    (void)state;
    sock_close(fd);
    q[0] = ask_port(port, 1);
    all(q, 1, 1000);
    assert_int_equal(q[0].ask.end, ASK_REFUSED);
    q[1] = ask_port(port, 1);
    all(q + 1, 1, 0);
    assert_int_equal(q[1].ask.end, ASK_SILENT);
}

static void no_other_machine_is_ever_asked(void **state)
{
    struct question q = ask_port(80, 1);
    struct err err;

    (void)state;
    assert_ok(sock_parse("192.0.2.1:80", &q.ask.address, &err), err);
    all(&q, 1, 1000);
    assert_int_equal(q.ask.end, ASK_REFUSED);
    assert_false(q.ask.connected);
    assert_ok(sock_parse("[2001:db8::1]:80", &q.ask.address, &err), err);
    all(&q, 1, 1000);
    assert_int_equal(q.ask.end, ASK_REFUSED);
}

/* The peer's side, by hand: what waits in the listener's queue is answered before it is read. */
static void an_answer_ends_when_there_is_enough_or_the_peer_closes(void **state)
{
    struct iovec answer = {(void *)"+PONG\r\n", 7};
    struct question q[2];
    struct sock_address peer;
    uint16_t port;
    int fd = listen_on("127.0.0.1:0", &port), pid, s;

    (void)state;
    pid = fork();
    if (pid == 0) {
        for (int i = 0; i < 2; i++) {
            while (sock_accept(fd, &s, &peer) < 0)
                (void)usleep(1000);
            (void)!sock_write(s, &answer, 1);
            if (i == 1)
                sock_close(s);
        }
        (void)usleep(200000);
        _exit(0);
    }
    q[0] = ask_port(port, 7);
    all(q, 1, 3000);
    assert_int_equal(q[0].ask.end, ASK_ENOUGH);
    assert_memory_equal(q[0].got, "+PONG\r\n", 7);
    q[1] = ask_port(port, 60);
    all(q + 1, 1, 3000);
    assert_int_equal(q[1].ask.end, ASK_CLOSED);
    assert_int_equal(q[1].n, 7);
    sock_close(fd);
}

static void a_path_that_is_too_long_for_a_socket_is_none(void **state)
{
    struct sock_address a;
    char path[200];

    (void)state;
    memset(path, 'x', sizeof path);
    assert_false(ask_unix((struct str){path, sizeof path}, &a));
    assert_false(ask_unix(STR(""), &a));
    assert_true(ask_unix(STR("/run/redis/redis.sock"), &a));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(who_does_not_answer_costs_no_more_than_its_time),
        cmocka_unit_test(a_closed_port_is_refused_and_all_of_it_has_an_end),
        cmocka_unit_test(no_other_machine_is_ever_asked),
        cmocka_unit_test(an_answer_ends_when_there_is_enough_or_the_peer_closes),
        cmocka_unit_test(a_path_that_is_too_long_for_a_socket_is_none),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
