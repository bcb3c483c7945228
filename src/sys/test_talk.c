#include "sys/talk.h"

#include <stdio.h>

#include "base/clock.h"
#include "base/err.h"
#include "base/test.h"
#include "sys/clock.h"
#include "sys/sock.h"

struct fixture {
    int listener;
    struct talk_place place;
};

static int64_t in_ms(int64_t ms)
{
    return clock_real()->mono_ns(clock_real()) + ms * 1000000;
}

static int setup(void **state)
{
    static struct fixture f;
    struct sock_address a;
    struct err err;

    assert_ok(sock_parse("127.0.0.1:0", &a, &err), err);
    assert_ok(sock_listen(&a, "127.0.0.1:0", &f.listener, &err), err);
    f.place = (struct talk_place){.host = "127.0.0.1", .port = sock_port(f.listener)};
    *state = &f;
    return 0;
}

static int teardown(void **state)
{
    struct fixture *f = *state;

    sock_close(f->listener);
    return 0;
}

static struct talk *open_talk(struct fixture *f, int *peer)
{
    struct sock_address a;
    struct talk *s;
    struct err err;

    assert_ok(talk_open(&f->place, NULL, clock_real(), in_ms(5000), &s, &err), err);
    assert_int_equal(sock_accept(f->listener, peer, &a), 0);
    return s;
}

static void bytes_go_both_ways_until_the_peer_closes(void **state)
{
    struct iovec answer = {(void *)"+OK", 3};
    char text[16] = "";
    struct talk *s;
    size_t n;
    struct err err;
    int peer;

    s = open_talk(*state, &peer);
    assert_ok(talk_write(s, "PING", 4, in_ms(5000), &err), err);
    assert_int_equal(sock_read(peer, text, sizeof text), 4);
    assert_memory_equal(text, "PING", 4);
    assert_int_equal(sock_write(peer, &answer, 1), 3);
    sock_close(peer);
    assert_ok(talk_read(s, text, sizeof text, &n, in_ms(5000), &err), err);
    assert_int_equal(n, 3);
    assert_memory_equal(text, "+OK", 3);
    assert_ok(talk_read(s, text, sizeof text, &n, in_ms(5000), &err), err);
    assert_int_equal(n, 0);
    talk_close(s);
}

static void what_a_peer_said_before_it_cut_the_connection_is_read(void **state)
{
    struct iovec last = {(void *)"-ERR full", 9};
    char text[16] = "";
    struct talk *s;
    size_t n;
    struct err err;
    int peer;

    s = open_talk(*state, &peer);
    assert_int_equal(sock_write(peer, &last, 1), 9);
    sock_close(peer);
    for (int i = 0; i < 3; i++) /* the first brings the reset, the next would fail */
        assert_ok(talk_write(s, "PING", 4, in_ms(5000), &err), err);
    assert_ok(talk_read(s, text, sizeof text, &n, in_ms(5000), &err), err);
    assert_int_equal(n, 9);
    assert_memory_equal(text, "-ERR full", 9);
    assert_ok(talk_read(s, text, sizeof text, &n, in_ms(5000), &err), err);
    assert_int_equal(n, 0);
    talk_close(s);
}

static void silence_ends_at_the_deadline(void **state)
{
    char text[16];
    struct talk *s;
    size_t n;
    struct err err;
    int peer;

    s = open_talk(*state, &peer);
    assert_fails(talk_read(s, text, sizeof text, &n, in_ms(30), &err), err, ERR_TIMEOUT,
                 "no answer in time");
    talk_close(s);
    sock_close(peer);
}

static void a_peer_that_reads_nothing_does_not_hold_the_thread(void **state)
{
    static const char much[8 << 20];
    struct talk *s;
    struct err err;
    int peer;

    s = open_talk(*state, &peer);
    assert_fails(talk_write(s, much, sizeof much, in_ms(30), &err), err, ERR_TIMEOUT,
                 "no answer in time");
    talk_close(s);
    sock_close(peer);
}

static void a_refused_connection_says_that_nothing_listens(void **state)
{
    struct fixture *f = *state;
    struct talk *s;
    struct err err;

    sock_close(f->listener);
    f->listener = -1;
    assert_fails(talk_open(&f->place, NULL, clock_real(), in_ms(5000), &s, &err), err, ERR_OS,
                 "nothing listens there");
}

static void a_socket_that_is_not_there_is_named_so(void **state)
{
    struct talk_place place = {.path = "/nonexistent/redis.sock"};
    struct talk *s;
    struct err err;

    (void)state;
    assert_fails(talk_open(&place, NULL, clock_real(), in_ms(5000), &s, &err), err, ERR_OS,
                 "no such socket");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(bytes_go_both_ways_until_the_peer_closes, setup, teardown),
        cmocka_unit_test_setup_teardown(what_a_peer_said_before_it_cut_the_connection_is_read,
                                        setup, teardown),
        cmocka_unit_test_setup_teardown(silence_ends_at_the_deadline, setup, teardown),
        cmocka_unit_test_setup_teardown(a_peer_that_reads_nothing_does_not_hold_the_thread, setup,
                                        teardown),
        cmocka_unit_test_setup_teardown(a_refused_connection_says_that_nothing_listens, setup,
                                        teardown),
        cmocka_unit_test(a_socket_that_is_not_there_is_named_so),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
