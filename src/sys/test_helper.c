#include "base/test.h"

#include <errno.h>
#include <poll.h>
#include <signal.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/err.h"
#include "sys/helper.h"
#include "sys/loop.h"

struct fixture {
    struct loop *loop;
    struct helper *helper;
    char said[100];
    int fd; /* that came along; -1: none */
    int status, signal;
    bool ended;
};

static void on_readable(void *arg)
{
    struct fixture *f = arg;
    ssize_t n = helper_receive(helper_socket(f->helper), f->said, sizeof f->said - 1, &f->fd);

    if (n > 0)
        f->said[n] = '\0';
    if (n > 0)
        loop_stop(f->loop);
}

static void on_ended(void *arg, int status, int number)
{
    struct fixture *f = arg;

    f->status = status;
    f->signal = number;
    f->ended = true;
    loop_stop(f->loop);
}

static void on_time(void *arg)
{
    (void)arg;
    fail_msg("not within 10 s");
}

static void run(struct fixture *f, const char *script)
{
    const char *const words[] = {"-c", script, NULL};
    const struct helper_context context = {.loop = f->loop,
                                           .program = "/bin/sh",
                                           .words = words,
                                           .readable = on_readable,
                                           .ended = on_ended,
                                           .arg = f};
    struct err err;

    assert_ok(helper_start(&context, &f->helper, &err), err);
}

static int set_up(void **state)
{
    static struct fixture f;
    struct err err;

    f = (struct fixture){.fd = -1};
    assert_ok(loop_new(&f.loop, &err), err);
    *state = &f;
    return 0;
}

static int tear_down(void **state)
{
    struct fixture *f = *state;

    helper_free(f->helper);
    loop_drain(f->loop);
    loop_free(f->loop);
    return 0;
}

static void wait_for(struct fixture *f)
{
    struct loop_timer *timer = loop_timer_new(f->loop, 10000, 0, on_time, NULL);

    loop_run(f->loop);
    loop_timer_free(timer);
}

static void messages_go_there_and_back(void **state)
{
    struct fixture *f = *state;

    /* Its end does not wait either: cat may come before the message, and ends then. */
    run(f, "until cat <&3 >&3 2>/dev/null; do sleep .01; done");
    assert_int_equal(helper_send(helper_socket(f->helper), "hello", 5, -1), 0);
    wait_for(f);
    assert_string_equal(f->said, "hello");
    assert_int_equal(f->fd, -1);
}

static void its_end_is_told(void **state)
{
    struct fixture *f = *state;

    run(f, "exit 7");
    while (!f->ended)
        wait_for(f);
    assert_int_equal(f->status, 7);
    assert_int_equal(f->signal, 0);
}

static void one_that_is_killed_is_told_by_its_signal(void **state)
{
    struct fixture *f = *state;

    run(f, "kill -9 $$");
    while (!f->ended)
        wait_for(f);
    assert_int_equal(f->signal, SIGKILL);
}

static void freeing_ends_it(void **state)
{
    struct fixture *f = *state;
    struct pollfd p = {.events = POLLIN};
    int pair[2];
    char byte;

    assert_int_equal(pipe(pair), 0);
    run(f, "echo ready >&3; exec sleep 100"); /* it holds the pipe's other end */
    (void)close(pair[1]);
    wait_for(f);
    helper_free(f->helper);
    f->helper = NULL;
    p.fd = pair[0];
    assert_int_equal(poll(&p, 1, 10000), 1);
    assert_int_equal(read(pair[0], &byte, 1), 0);
    (void)close(pair[0]);
}

static void a_descriptor_comes_along(void **state)
{
    int pair[2], ends[2], got = -1;
    char bytes[8];

    (void)state;
    assert_int_equal(socketpair(AF_UNIX, SOCK_SEQPACKET, 0, pair), 0);
    assert_int_equal(pipe(ends), 0);
    assert_int_equal(helper_send(pair[0], "x", 1, ends[1]), 0);
    assert_int_equal(helper_receive(pair[1], bytes, sizeof bytes, &got), 1);
    assert_true(got >= 0);
    assert_int_equal(write(got, "y", 1), 1);
    assert_int_equal(read(ends[0], bytes, 1), 1);
    assert_int_equal(bytes[0], 'y');
    assert_int_equal(helper_receive(pair[1], bytes, sizeof bytes, &got), -1);
    assert_int_equal(errno, EAGAIN);
    for (int i = 0; i < 2; i++) {
        (void)close(pair[i]);
        (void)close(ends[i]);
    }
    (void)close(got);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(messages_go_there_and_back, set_up, tear_down),
        cmocka_unit_test_setup_teardown(its_end_is_told, set_up, tear_down),
        cmocka_unit_test_setup_teardown(one_that_is_killed_is_told_by_its_signal, set_up,
                                        tear_down),
        cmocka_unit_test_setup_teardown(freeing_ends_it, set_up, tear_down),
        cmocka_unit_test(a_descriptor_comes_along),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
