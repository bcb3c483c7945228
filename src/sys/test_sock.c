#include "sys/sock.h"

#include <errno.h>
#include <stdio.h>

#include "base/err.h"
#include "base/test.h"

static void assert_host(const char *text, const char *wanted)
{
    struct sock_address a;
    struct err err;
    char host[SOCK_TEXT_BYTES];

    assert_ok(sock_parse(text, &a, &err), err);
    sock_host_text(&a, host);
    assert_string_equal(host, wanted);
}

static void addresses_are_read_with_their_port(void **state)
{
    (void)state;
    assert_host("127.0.0.1:3277", "127.0.0.1");
    assert_host("localhost:1", "127.0.0.1");
    assert_host("[::1]:0", "::1");
    assert_host(":9090", "::");
    assert_host("[::ffff:10.0.0.1]:80", "10.0.0.1");
}

static void what_is_no_address_is_refused_with_an_example(void **state)
{
    static const char *const bad[] = {"",           "3277",    "127.0.0.1",    "127.0.0.1:",
                                      "[::1]",      "::1:80",  "1.2.3:80",     "127.0.0.1:65536",
                                      "host:80",    "[::1:80", "127.0.0.1:+1", "127.0.0.1:1x",
                                      "[1.2.3.4]:1"};
    struct sock_address a;
    struct err err;

    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(bad); i++)
        assert_fails(sock_parse(bad[i], &a, &err), err, ERR_SYNTAX, "write 127.0.0.1:3277");
}

static void a_port_in_use_is_one_clear_line(void **state)
{
    struct sock_address a;
    struct err err;
    char text[64];
    int first, second;

    (void)state;
    assert_ok(sock_parse("127.0.0.1:0", &a, &err), err);
    assert_ok(sock_listen(&a, "127.0.0.1:0", &first, &err), err);
    assert_true(sock_port(first) > 0);
    (void)snprintf(text, sizeof text, "127.0.0.1:%u", sock_port(first));
    assert_ok(sock_parse(text, &a, &err), err);
    assert_fails(sock_listen(&a, text, &second, &err), err, ERR_OS, "is in use by another program");
    assert_int_equal(err.os, EADDRINUSE);
    sock_close(first);
}

static void accept_says_when_nobody_waits(void **state)
{
    struct sock_address a, peer;
    struct err err;
    int listener, fd;

    (void)state;
    assert_ok(sock_parse("127.0.0.1:0", &a, &err), err);
    assert_ok(sock_listen(&a, "127.0.0.1:0", &listener, &err), err);
    assert_int_equal(sock_accept(listener, &fd, &peer), -1);
    assert_int_equal(errno, EAGAIN);
    sock_close(listener);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(addresses_are_read_with_their_port),
        cmocka_unit_test(what_is_no_address_is_refused_with_an_example),
        cmocka_unit_test(a_port_in_use_is_one_clear_line),
        cmocka_unit_test(accept_says_when_nobody_waits),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
