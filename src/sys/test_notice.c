#include "sys/notice.h"

#include <stdio.h>
#include <unistd.h>

#include "base/err.h"
#include "base/test.h"
#include "sys/loop.h"

static unsigned fired;
static struct loop *loop;

static void fire(void *arg)
{
    (void)arg;
    fired++;
    loop_stop(loop);
}

static void too_late(void *arg)
{
    loop_stop(arg);
}

/* Turns the loop until something is noticed, or nothing was for a second. */
static unsigned notice(void)
{
    struct loop_timer *timer = loop_timer_new(loop, 1000, 0, too_late, loop);
    unsigned before = fired;

    loop_run(loop);
    loop_timer_free(timer);
    return fired - before;
}

static void write_file(const char *path)
{
    FILE *f = fopen(path, "we");

    assert_non_null(f);
    assert_int_equal(fclose(f), 0);
}

static void a_file_written_moved_or_deleted_in_a_folder_is_noticed(void **state)
{
    char folder[] = "/tmp/earshot-test-notice-XXXXXX", path[64], other[64];
    struct notice *n;
    struct err err;

    (void)state;
    assert_non_null(mkdtemp(folder));
    (void)snprintf(path, sizeof path, "%s/a", folder);
    (void)snprintf(other, sizeof other, "%s/b", folder);
    assert_ok(loop_new(&loop, &err), err);
    assert_ok(notice_new(loop, fire, NULL, &n, &err), err);
    assert_ok(notice_folder(n, folder, &err), err);
    assert_ok(notice_folder(n, folder, &err), err);
    write_file(path);
    assert_int_equal(notice(), 1);
    assert_int_equal(rename(path, other), 0);
    assert_int_equal(notice(), 1);
    assert_int_equal(unlink(other), 0);
    assert_int_equal(notice(), 1);
    assert_int_equal(rmdir(folder), 0);
    assert_int_equal(notice(), 1);
    assert_fails(notice_folder(n, folder, &err), err, ERR_OS, "cannot be noticed");
    notice_free(n);
    loop_drain(loop);
    loop_free(loop);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_file_written_moved_or_deleted_in_a_folder_is_noticed),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
