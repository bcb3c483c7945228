#include "sys/fs_fault.h"

#include <errno.h>

#include "base/arena.h"
#include "base/err.h"
#include "base/rng.h"
#include "base/test.h"

static struct err err;

static struct fs_file *create(struct fs *fs, const char *name)
{
    struct fs_file *f;

    assert_ok(fs->ops->create(fs, name, &f, &err), err);
    return f;
}

static void the_nth_call_of_a_kind_fails_and_the_rest_go_on(void **state)
{
    struct fs *fs = fs_fault_new();
    struct fs_file *f = create(fs, "a");
    size_t n;

    (void)state;
    fs_fault_arm(fs, FS_APPEND, 2, FS_FAIL, ENOSPC);
    assert_ok(fs->ops->append(f, "one", 3, &err), err);
    assert_int_equal(fs->ops->append(f, "two", 3, &err), -1);
    assert_int_equal(err.os, ENOSPC);
    assert_true(fs_fault_fired(fs));
    assert_ok(fs->ops->append(f, "six", 3, &err), err);
    assert_memory_equal(fs_fault_bytes(fs, "a", &n), "onesix", 6);
    assert_int_equal(n, 6);
    assert_int_equal(fs_fault_calls(fs, FS_APPEND), 3);
    assert_int_equal(fs_fault_calls(fs, FS_ANY), 4);
    fs->ops->close(f);
    fs_free(fs);
}

static void a_short_append_leaves_half_and_a_lasting_failure_lasts(void **state)
{
    struct fs *fs = fs_fault_new();
    struct fs_file *f = create(fs, "a");
    size_t n;

    (void)state;
    fs_fault_arm(fs, FS_APPEND, 1, FS_SHORT, EIO);
    assert_int_equal(fs->ops->append(f, "abcd", 4, &err), -1);
    (void)fs_fault_bytes(fs, "a", &n);
    assert_int_equal(n, 2);
    fs_fault_arm(fs, FS_DATASYNC, 1, FS_FAIL_FROM, EIO);
    assert_int_equal(fs->ops->datasync(f, &err), -1);
    assert_int_equal(fs->ops->datasync(f, &err), -1);
    fs_fault_disarm(fs);
    assert_ok(fs->ops->datasync(f, &err), err);
    fs_fault_capacity(fs, 4);
    assert_int_equal(fs->ops->append(f, "xyz", 3, &err), -1);
    assert_int_equal(err.os, ENOSPC);
    (void)fs_fault_bytes(fs, "a", &n);
    assert_int_equal(n, 4);
    fs->ops->close(f);
    fs_free(fs);
}

static void after_a_power_cut_only_synced_bytes_are_certain(void **state)
{
    bool lost = false, kept = false;
    struct rng rng;

    (void)state;
    rng_seed(&rng, 1);
    for (int i = 0; i < 40; i++) {
        struct fs *fs = fs_fault_new();
        struct fs_file *f = create(fs, "a");
        unsigned char *bytes;
        size_t n;

        assert_ok(fs->ops->append(f, "sure", 4, &err), err);
        assert_ok(fs->ops->datasync(f, &err), err);
        assert_ok(fs->ops->sync_dir(fs, "", &err), err);
        assert_ok(fs->ops->append(f, "maybe", 5, &err), err);
        fs_fault_power_cut(fs, &rng);
        bytes = fs_fault_bytes(fs, "a", &n);
        assert_true(n >= 4 && n <= 9);
        assert_memory_equal(bytes, "sure", 4);
        if (n == 9 && memcmp(bytes + 4, "maybe", 5) == 0)
            kept = true;
        else
            lost = true;
        assert_int_equal(fs->ops->append(f, "x", 1, &err), -1); /* a handle of before */
        fs->ops->close(f);
        fs_free(fs);
    }
    assert_true(lost && kept);
}

static void a_name_is_certain_only_after_its_folder_was_synced(void **state)
{
    struct fs *fs = fs_fault_new();
    size_t n;

    (void)state;
    fs_fault_put(fs, "old", "o", 1);
    fs->ops->close(create(fs, "new"));
    assert_ok(fs->ops->rename(fs, "old", "older", &err), err);
    assert_null(fs_fault_bytes(fs, "old", &n));
    fs_fault_power_cut(fs, NULL);
    assert_null(fs_fault_bytes(fs, "new", &n));
    assert_null(fs_fault_bytes(fs, "older", &n));
    assert_non_null(fs_fault_bytes(fs, "old", &n));
    assert_ok(fs->ops->rename(fs, "old", "older", &err), err);
    assert_ok(fs->ops->sync_dir(fs, "", &err), err);
    fs_fault_power_cut(fs, NULL);
    assert_non_null(fs_fault_bytes(fs, "older", &n));
    assert_null(fs_fault_bytes(fs, "old", &n));
    fs_free(fs);
}

static void nothing_works_while_the_power_is_off(void **state)
{
    struct fs *fs = fs_fault_new();
    struct fs_file *f = create(fs, "a"), *g;
    char byte;
    size_t n;

    (void)state;
    fs_fault_arm(fs, FS_ANY, 2, FS_POWER_OFF, EIO);
    assert_ok(fs->ops->append(f, "ab", 2, &err), err);
    assert_int_equal(fs->ops->append(f, "cd", 2, &err), -1);
    assert_int_equal(fs->ops->pread(f, 0, &byte, 1, &n, &err), -1);
    assert_int_equal(fs->ops->open_read(fs, "a", &g, &err), -1);
    fs->ops->close(f);
    fs_fault_power_cut(fs, NULL);
    assert_fails(fs->ops->open_read(fs, "a", &g, &err), err, ERR_OS, "cannot open");
    fs_free(fs);
}

static void folders_hold_names_as_the_real_ones_do(void **state)
{
    SCOPED(arena_fini) struct arena a;
    struct fs *fs = fs_fault_new();
    struct fs_file *f;
    struct fs_entry *entries;
    size_t n;

    (void)state;
    arena_init(&a, NULL);
    assert_int_equal(fs->ops->create(fs, "wal/1", &f, &err), -1);
    assert_ok(fs->ops->mkdir(fs, "wal", &err), err);
    assert_ok(fs->ops->mkdir(fs, "wal", &err), err);
    fs->ops->close(create(fs, "wal/2"));
    assert_ok(fs->ops->link(fs, "wal/2", "wal/1", &err), err);
    assert_int_equal(fs->ops->link(fs, "wal/2", "wal/1", &err), -1);
    assert_ok(fs->ops->list(fs, "wal", &a, &entries, &n, &err), err);
    assert_int_equal(n, 2);
    assert_string_equal(entries[0].name, "1");
    assert_ok(fs->ops->unlink(fs, "wal/1", &err), err);
    assert_ok(fs->ops->unlink(fs, "wal/1", &err), err);
    assert_ok(fs->ops->list(fs, "", &a, &entries, &n, &err), err);
    assert_true(n == 1 && entries[0].folder);
    assert_ok(fs->ops->open_append(fs, "wal/2", &f, &err), err);
    assert_ok(fs->ops->append(f, "abc", 3, &err), err);
    assert_ok(fs->ops->truncate(f, 1, &err), err);
    assert_memory_equal(fs_fault_bytes(fs, "wal/2", &n), "a", 1);
    assert_int_equal(n, 1);
    fs->ops->close(f);
    assert_ok(fs->ops->rename(fs, "wal", "log", &err), err);
    assert_non_null(fs_fault_bytes(fs, "log/2", &n));
    assert_int_equal(fs->ops->rmdir(fs, "log", &err), -1);
    assert_ok(fs->ops->unlink(fs, "log/2", &err), err);
    assert_ok(fs->ops->rmdir(fs, "log", &err), err);
    assert_ok(fs->ops->rmdir(fs, "log", &err), err);
    fs_free(fs);
}

static void a_copy_holds_all_there_was_and_goes_its_own_way(void **state)
{
    struct fs *fs = fs_fault_new(), *copy;
    struct fs_file *f;
    size_t n;

    (void)state;
    assert_ok(fs->ops->mkdir(fs, "wal", &err), err);
    f = create(fs, "wal/a");
    assert_ok(fs->ops->append(f, "one", 3, &err), err);
    copy = fs_fault_copy(fs);
    assert_ok(fs->ops->append(f, "two", 3, &err), err);
    fs->ops->close(f);
    fs_free(fs);
    assert_memory_equal(fs_fault_bytes(copy, "wal/a", &n), "one", 3);
    assert_int_equal(n, 3);
    f = create(copy, "wal/b");
    copy->ops->close(f);
    fs_free(copy);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_nth_call_of_a_kind_fails_and_the_rest_go_on),
        cmocka_unit_test(a_short_append_leaves_half_and_a_lasting_failure_lasts),
        cmocka_unit_test(after_a_power_cut_only_synced_bytes_are_certain),
        cmocka_unit_test(a_name_is_certain_only_after_its_folder_was_synced),
        cmocka_unit_test(nothing_works_while_the_power_is_off),
        cmocka_unit_test(folders_hold_names_as_the_real_ones_do),
        cmocka_unit_test(a_copy_holds_all_there_was_and_goes_its_own_way),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
