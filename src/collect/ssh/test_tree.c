#include "base/test.h"

#include <stdio.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/err.h"
#include "collect/ssh/tree.h"

static bool is_there(const struct tree *t, const char *path)
{
    char whole[300];
    struct stat st;

    (void)snprintf(whole, sizeof whole, "%s%s", tree_folder(t), path);
    return lstat(whole, &st) == 0;
}

static void what_is_not_put_again_is_gone(void **state)
{
    struct tree *t;
    struct err err;

    (void)state;
    assert_ok(tree_new(&t, &err), err);
    tree_begin(t);
    tree_put(t, STR("/proc/7/stat"), STR("x"));
    tree_put(t, STR("/proc/8/stat"), STR("y"));
    tree_put_link(t, STR("/proc/8/fd/3"), STR("socket:[12]"));
    tree_end(t);
    assert_true(is_there(t, "/proc/7/stat"));
    assert_true(is_there(t, "/proc/8/fd/3"));
    tree_begin(t);
    tree_put(t, STR("/proc/8/stat"), STR("z"));
    tree_end(t);
    assert_false(is_there(t, "/proc/7"));
    assert_false(is_there(t, "/proc/8/fd"));
    assert_true(is_there(t, "/proc/8/stat"));
    tree_free(t);
}

/* A collector would take what is missing for what is not there. */
static void what_cannot_be_kept_is_told_until_the_next_round(void **state)
{
    static char target[2000];
    struct tree *t;
    struct err err;

    (void)state;
    memset(target, 'x', sizeof target);
    assert_ok(tree_new(&t, &err), err);
    tree_begin(t);
    tree_put(t, STR("/proc/8"), STR("a file"));
    tree_put(t, STR("/proc/8/stat"), STR("y")); /* below a file */
    tree_end(t);
    assert_fails(tree_check(t, &err), err, ERR_LIMIT, "1 of its files could not be kept");
    tree_begin(t);
    tree_put(t, STR("/proc/9/stat"), STR("y"));
    tree_end(t);
    assert_ok(tree_check(t, &err), err);
    tree_put_link(t, STR("/proc/9/exe"), (struct str){target, sizeof target});
    assert_fails(tree_check(t, &err), err, ERR_LIMIT, "1 of its files");
    tree_free(t);
}

/* Another process makes one and dies: its path. */
static void leave_orphan(char path[300])
{
    int pipes[2], status;
    pid_t pid;

    assert_int_equal(pipe(pipes), 0);
    pid = fork();
    if (pid == 0) {
        struct tree *t;
        struct err err;

        if (tree_new(&t, &err) < 0)
            _exit(1);
        (void)!write(pipes[1], tree_folder(t), strlen(tree_folder(t)) + 1);
        _exit(0);
    }
    assert_int_equal(waitpid(pid, &status, 0), pid);
    assert_int_equal(status, 0);
    assert_true(read(pipes[0], path, 300) > 0);
    (void)close(pipes[0]);
    (void)close(pipes[1]);
}

static void one_that_was_left_goes_and_one_that_is_used_stays_whatever_its_name(void **state)
{
    char orphan[300], renamed[300];
    struct tree *used, *next;
    struct stat st;
    struct err err;

    (void)state;
    leave_orphan(orphan);
    assert_int_equal(lstat(orphan, &st), 0);
    /* As if the number of the dead process were that of one that lives. */
    (void)snprintf(renamed, sizeof renamed, "/dev/shm/earshot-1-t%d", (int)getpid());
    assert_int_equal(rename(orphan, renamed), 0);
    assert_ok(tree_new(&used, &err), err);
    assert_int_not_equal(lstat(renamed, &st), 0);
    assert_ok(tree_new(&next, &err), err);
    assert_true(is_there(used, "/proc"));
    tree_free(used);
    tree_free(next);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(what_is_not_put_again_is_gone),
        cmocka_unit_test(what_cannot_be_kept_is_told_until_the_next_round),
        cmocka_unit_test(one_that_was_left_goes_and_one_that_is_used_stays_whatever_its_name),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
