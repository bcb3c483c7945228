#include "base/test.h"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/err.h"
#include "sys/clock.h"
#include "sys/reach.h"

#define LONG_NS  INT64_C(5000000000)
#define SHORT_NS INT64_C(100000000)

static int64_t in_ns(int64_t ns)
{
    return clock_real()->mono_ns(clock_real()) + ns;
}

static struct reach_place place_of(uint16_t port)
{
    struct reach_place place;
    struct err err;

    assert_int_equal(reach_look_up("127.0.0.1", port, clock_real(), &place, &err), 0);
    assert_int_equal(place.n, 1);
    return place;
}

/* One on loopback, bound: its port in *port. */
static int bound(int type, uint16_t *port)
{
    struct sockaddr_in a = {.sin_family = AF_INET, .sin_addr = {htonl(INADDR_LOOPBACK)}};
    int fd = socket(AF_INET, type, 0);

    assert_true(fd >= 0);
    assert_int_equal(bind(fd, (const struct sockaddr *)&a, sizeof a), 0);
    *port = sock_port(fd);
    return fd;
}

static void a_service_that_listens_is_reached_and_heard(void **state)
{
    uint16_t port;
    int listener = bound(SOCK_STREAM, &port), fd, theirs;
    struct reach_place place = place_of(port);
    char text[16];
    size_t which, got = 0;
    struct err err;

    (void)state;
    assert_int_equal(listen(listener, 1), 0);
    assert_int_equal(reach_tcp(&place, clock_real(), in_ns(LONG_NS), &which, &fd, &err), 0);
    theirs = accept(listener, NULL, NULL);
    assert_int_equal(reach_write(fd, STR("hello"), clock_real(), in_ns(LONG_NS), &err), 0);
    assert_int_equal(read(theirs, text, sizeof text), 5);
    assert_int_equal(reach_read(fd, text, sizeof text, &got, clock_real(), in_ns(SHORT_NS), &err),
                     -1);
    assert_int_equal(err.kind, ERR_TIMEOUT);
    (void)close(theirs);
    assert_int_equal(reach_read(fd, text, sizeof text, &got, clock_real(), in_ns(LONG_NS), &err),
                     0);
    assert_int_equal(got, 0);
    sock_close(fd);
    (void)close(listener);
}

static void where_nothing_listens_is_told(void **state)
{
    uint16_t port;
    int closed = bound(SOCK_STREAM, &port), fd;
    struct reach_place place = place_of(port);
    char text[16];
    size_t which, got;
    struct err err;

    (void)state;
    assert_int_equal(reach_tcp(&place, clock_real(), in_ns(LONG_NS), &which, &fd, &err), -1);
    assert_non_null(strstr(err.text, "nothing listens there"));
    (void)close(closed);
    assert_int_equal(reach_udp(&place.addresses[0], &fd, &err), 0);
    assert_int_equal(reach_write(fd, STR("x"), clock_real(), in_ns(LONG_NS), &err), 0);
    assert_int_equal(reach_read(fd, text, sizeof text, &got, clock_real(), in_ns(LONG_NS), &err),
                     -1);
    assert_non_null(strstr(err.text, "nothing listens there"));
    sock_close(fd);
}

static void the_next_address_is_tried_when_one_does_not_take_it(void **state)
{
    uint16_t port, other;
    int listener = bound(SOCK_STREAM, &port), closed = bound(SOCK_STREAM, &other), fd;
    struct reach_place place = place_of(other);
    size_t which;
    struct err err;

    (void)state;
    assert_int_equal(listen(listener, 1), 0);
    place.addresses[place.n++] = place_of(port).addresses[0];
    assert_int_equal(reach_tcp(&place, clock_real(), in_ns(LONG_NS), &which, &fd, &err), 0);
    assert_int_equal(which, 1);
    sock_close(fd);
    (void)close(closed);
    (void)close(listener);
}

static void a_name_that_is_not_known_is_told(void **state)
{
    struct reach_place place;
    struct err err;

    (void)state;
    assert_int_equal(reach_look_up("no such name", 1, clock_real(), &place, &err), -1);
    assert_int_equal(err.kind, ERR_EVAL);
    assert_true(place.lookup_s >= 0);
}

/* Where this user may send one; else the words say which right is missing. */
static void an_echo_comes_back_from_loopback(void **state)
{
    struct reach_place place = place_of(0);
    struct reach_echo echo;
    struct err err;

    (void)state;
    if (reach_echo(&place.addresses[0], clock_real(), in_ns(LONG_NS), &echo, &err) < 0) {
        assert_non_null(strstr(err.text, "ping_group_range"));
        return;
    }
    assert_true(echo.rtt_s > 0 && echo.rtt_s < 5);
    assert_true(echo.hops > 0 && echo.hops <= 255);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_service_that_listens_is_reached_and_heard),
        cmocka_unit_test(where_nothing_listens_is_told),
        cmocka_unit_test(the_next_address_is_tried_when_one_does_not_take_it),
        cmocka_unit_test(a_name_that_is_not_known_is_told),
        cmocka_unit_test(an_echo_comes_back_from_loopback),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
