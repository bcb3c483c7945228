#include "base/test.h"

#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <time.h>
#include <unistd.h>

#include "base/err.h"
#include "base/str.h"
#include "sys/child.h"

struct run {
    struct buf out;
    struct child_end end;
    struct err err;
    int rc;
};

static struct run run_script(const char *script, int64_t timeout_ms)
{
    const char *const argv[] = {"sh", "-c", script, NULL};
    struct run r = {.rc = 0};

    buf_init(&r.out, 1u << 20);
    r.rc = child_run(argv, timeout_ms, 100000, &r.out, &r.end, &r.err);
    return r;
}

static void its_output_and_exit_code_come_back(void **state)
{
    struct run r = run_script("echo one; echo lost >&2; echo two; exit 3", 5000);

    (void)state;
    assert_ok(r.rc, r.err);
    assert_true(str_eq(buf_str(&r.out), STR("one\ntwo\n")));
    assert_int_equal(r.end.status, 3);
    assert_false(r.end.absent);
    buf_fini(&r.out);
}

static void a_program_that_is_not_there_is_no_error(void **state)
{
    const char *const argv[] = {"/nowhere/earshot-test", NULL};
    struct run r = {.rc = 0};

    (void)state;
    buf_init(&r.out, 4096);
    assert_ok(child_run(argv, 1000, 1000, &r.out, &r.end, &r.err), r.err);
    assert_true(r.end.absent);
    buf_fini(&r.out);
}

static void past_its_time_it_is_killed_with_its_children(void **state)
{
    struct run r = run_script("sleep 600 & echo $!; wait", 300);
    pid_t grandchild;

    (void)state;
    assert_fails(r.rc, r.err, ERR_TIMEOUT, "no end within its time");
    buf_addc(&r.out, '\0');
    grandchild = (pid_t)atoi(r.out.p);
    assert_true(grandchild > 1);
    for (int i = 0; i < 500 && kill(grandchild, 0) == 0; i++) { /* init or a subreaper takes it */
        char path[64], line[256] = "";
        FILE *f;

        (void)snprintf(path, sizeof path, "/proc/%d/stat", (int)grandchild);
        f = fopen(path, "re");
        if (f && fgets(line, sizeof line, f) && strstr(line, ") Z "))
            i = 500; /* dead, and nobody has asked for it yet */
        if (f)
            (void)fclose(f);
        (void)usleep(10000);
        assert_true(i < 499 || strstr(line, ") Z "));
    }
    buf_fini(&r.out);
}

static void one_that_closes_its_output_and_stays_is_killed_too(void **state)
{
    struct run r = run_script("exec >&-; sleep 600", 300);

    (void)state;
    assert_fails(r.rc, r.err, ERR_TIMEOUT, "no end within its time");
    assert_int_equal(r.end.status, 128 + SIGKILL);
    buf_fini(&r.out);
}

static void too_much_output_ends_it(void **state)
{
    struct run r = run_script("yes", 5000);

    (void)state;
    assert_fails(r.rc, r.err, ERR_LIMIT, "more than 100000 bytes");
    buf_fini(&r.out);
}

static void a_blocked_signal_is_not_blocked_in_it(void **state)
{
    sigset_t all, before;
    struct run r;

    (void)state;
    (void)sigfillset(&all);
    assert_int_equal(pthread_sigmask(SIG_BLOCK, &all, &before), 0);
    r = run_script("kill -TERM $$; sleep 600", 5000);
    assert_int_equal(pthread_sigmask(SIG_SETMASK, &before, NULL), 0);
    assert_ok(r.rc, r.err);
    assert_int_equal(r.end.status, 128 + SIGTERM);
    buf_fini(&r.out);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(its_output_and_exit_code_come_back),
        cmocka_unit_test(a_program_that_is_not_there_is_no_error),
        cmocka_unit_test(past_its_time_it_is_killed_with_its_children),
        cmocka_unit_test(one_that_closes_its_output_and_stays_is_killed_too),
        cmocka_unit_test(too_much_output_ends_it),
        cmocka_unit_test(a_blocked_signal_is_not_blocked_in_it),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
