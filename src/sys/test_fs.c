#include "sys/fs.h"

#include <errno.h>
#include <stdio.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/arena.h"
#include "base/err.h"
#include "base/test.h"

static char dir[64];
static struct err err;

static int make_dir(void **state)
{
    (void)state;
    (void)snprintf(dir, sizeof dir, "/tmp/earshot-test-fs-XXXXXX");
    return mkdtemp(dir) ? 0 : -1;
}

static int remove_dir(void **state)
{
    char command[128];

    (void)state;
    (void)snprintf(command, sizeof command, "rm -rf '%s'", dir);
    return system(command) == 0 ? 0 : -1;
}

static void path_of(char out[128], const char *name)
{
    (void)snprintf(out, 128, "%s/%s", dir, name);
}

static void what_is_appended_is_read_back(void **state)
{
    struct fs *fs;
    struct fs_file *f;
    char got[8];
    size_t n;
    uint64_t bytes;

    (void)state;
    assert_ok(fs_open_dir(dir, false, &fs, &err), err);
    assert_ok(fs->ops->create(fs, "a", &f, &err), err);
    assert_ok(fs->ops->append(f, "hello", 5, &err), err);
    assert_ok(fs->ops->datasync(f, &err), err);
    assert_ok(fs->ops->pread(f, 1, got, sizeof got, &n, &err), err);
    assert_int_equal(n, 4);
    assert_memory_equal(got, "ello", 4);
    assert_ok(fs->ops->pread(f, UINT64_MAX - 2, got, sizeof got, &n, &err), err);
    assert_int_equal(n, 0);
    assert_ok(fs->ops->truncate(f, 2, &err), err);
    assert_ok(fs->ops->append(f, "y", 1, &err), err);
    assert_ok(fs->ops->size(f, &bytes, &err), err);
    assert_int_equal(bytes, 3);
    fs->ops->close(f);
    assert_ok(fs->ops->open_append(fs, "a", &f, &err), err);
    assert_ok(fs->ops->append(f, "!", 1, &err), err);
    assert_ok(fs->ops->pread(f, 0, got, sizeof got, &n, &err), err);
    assert_int_equal(n, 4);
    assert_memory_equal(got, "hey!", 4);
    fs->ops->close(f);
    fs->ops->close(NULL);
    fs_free(fs);
}

static void a_folder_is_listed_in_order_and_an_absent_one_is_empty(void **state)
{
    SCOPED(arena_fini) struct arena a;
    struct fs *fs;
    struct fs_file *f;
    struct fs_entry *entries;
    size_t n;

    (void)state;
    arena_init(&a, NULL);
    assert_ok(fs_open_dir(dir, false, &fs, &err), err);
    assert_ok(fs->ops->mkdir(fs, "wal", &err), err);
    assert_ok(fs->ops->mkdir(fs, "wal", &err), err);
    assert_ok(fs->ops->create(fs, "wal/2", &f, &err), err);
    fs->ops->close(f);
    assert_ok(fs->ops->link(fs, "wal/2", "wal/1", &err), err);
    assert_ok(fs->ops->list(fs, "wal", &a, &entries, &n, &err), err);
    assert_int_equal(n, 2);
    assert_string_equal(entries[0].name, "1");
    assert_string_equal(entries[1].name, "2");
    assert_ok(fs->ops->rename(fs, "wal/2", "wal/1", &err), err);
    assert_ok(fs->ops->unlink(fs, "wal/3", &err), err);
    assert_ok(fs->ops->sync_dir(fs, "wal", &err), err);
    assert_ok(fs->ops->list(fs, "", &a, &entries, &n, &err), err);
    assert_true(n == 2 && entries[1].folder); /* lock, wal */
    assert_ok(fs->ops->list(fs, "none", &a, &entries, &n, &err), err);
    assert_int_equal(n, 0);
    assert_fails(fs->ops->open_read(fs, "none/x", &f, &err), err, ERR_OS, "none/x");
    assert_int_equal(err.os, ENOENT);
    assert_ok(fs->ops->rename(fs, "wal", "log", &err), err);
    assert_fails(fs->ops->rmdir(fs, "log", &err), err, ERR_OS, "cannot delete the folder");
    assert_ok(fs->ops->unlink(fs, "log/1", &err), err);
    assert_ok(fs->ops->unlink(fs, "log/2", &err), err); /* a rename to the same file did nothing */
    assert_ok(fs->ops->rmdir(fs, "log", &err), err);
    assert_ok(fs->ops->rmdir(fs, "log", &err), err);
    fs_free(fs);
}

static void the_space_of_the_file_system_is_known(void **state)
{
    struct fs *fs;
    struct fs_space space;

    (void)state;
    assert_ok(fs_open_dir(dir, false, &fs, &err), err);
    assert_ok(fs->ops->space(fs, &space, &err), err);
    assert_true(space.total_bytes >= space.free_bytes && space.total_bytes > 0);
    fs_free(fs);
}

static void a_missing_directory_is_made_for_its_owner_alone(void **state)
{
    char path[128];
    struct stat st;
    struct fs *fs;

    (void)state;
    path_of(path, "new");
    assert_ok(fs_open_dir(path, false, &fs, &err), err);
    assert_int_equal(stat(path, &st), 0);
    assert_int_equal(st.st_mode & 0777, 0700);
    fs_free(fs);
}

static void a_directory_in_use_is_refused_with_the_pid(void **state)
{
    struct fs *first, *second;
    char pid[32];

    (void)state;
    assert_ok(fs_open_dir(dir, false, &first, &err), err);
    (void)snprintf(pid, sizeof pid, "in use by pid %ld:", (long)getpid());
    assert_fails(fs_open_dir(dir, false, &second, &err), err, ERR_OS, pid);
    fs_free(first);
    assert_ok(fs_open_dir(dir, false, &second, &err), err);
    fs_free(second);
}

static void a_file_in_the_way_is_refused(void **state)
{
    char path[128];
    struct fs *fs;
    FILE *f;

    (void)state;
    path_of(path, "file");
    f = fopen(path, "w");
    assert_non_null(f);
    (void)fclose(f);
    assert_fails(fs_open_dir(path, false, &fs, &err), err, ERR_OS, "is not a directory");
    assert_fails(fs_open_dir(path, true, &fs, &err), err, ERR_OS, "is not a directory");
    path_of(path, "none");
    assert_fails(fs_open_dir(path, true, &fs, &err), err, ERR_OS, "none");
}

static void a_reader_takes_no_lock_and_cannot_write(void **state)
{
    struct fs *writer, *reader;
    struct fs_file *f;

    (void)state;
    assert_ok(fs_open_dir(dir, false, &writer, &err), err);
    assert_ok(fs_open_dir(dir, true, &reader, &err), err);
    assert_fails(reader->ops->create(reader, "x", &f, &err), err, ERR_OS, "for reading only");
    assert_fails(reader->ops->open_append(reader, "x", &f, &err), err, ERR_OS, "for reading only");
    assert_fails(reader->ops->rename(reader, "x", "y", &err), err, ERR_OS, "for reading only");
    assert_fails(reader->ops->unlink(reader, "x", &err), err, ERR_OS, "for reading only");
    assert_fails(reader->ops->mkdir(reader, "x", &err), err, ERR_OS, "for reading only");
    assert_fails(reader->ops->rmdir(reader, "x", &err), err, ERR_OS, "for reading only");
    assert_fails(reader->ops->link(reader, "x", "y", &err), err, ERR_OS, "for reading only");
    fs_free(reader);
    fs_free(writer);
}

static void another_owners_directory_is_refused_with_both_names(void **state)
{
    int status;
    pid_t child;

    (void)state;
    if (geteuid() != 0)
        skip(); /* only root can become somebody else */
    child = fork();
    if (child == 0) {
        struct fs *fs;

        if (chmod(dir, 0700) < 0 || setuid(65534) < 0)
            _exit(2);
        if (fs_open_dir(dir, false, &fs, &err) == 0 || !strstr(err.text, "belongs to root"))
            _exit(1);
        _exit(0);
    }
    assert_int_equal(waitpid(child, &status, 0), child);
    assert_int_equal(status, 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(what_is_appended_is_read_back, make_dir, remove_dir),
        cmocka_unit_test_setup_teardown(a_folder_is_listed_in_order_and_an_absent_one_is_empty,
                                        make_dir, remove_dir),
        cmocka_unit_test_setup_teardown(the_space_of_the_file_system_is_known, make_dir,
                                        remove_dir),
        cmocka_unit_test_setup_teardown(a_missing_directory_is_made_for_its_owner_alone, make_dir,
                                        remove_dir),
        cmocka_unit_test_setup_teardown(a_directory_in_use_is_refused_with_the_pid, make_dir,
                                        remove_dir),
        cmocka_unit_test_setup_teardown(a_file_in_the_way_is_refused, make_dir, remove_dir),
        cmocka_unit_test_setup_teardown(a_reader_takes_no_lock_and_cannot_write, make_dir,
                                        remove_dir),
        cmocka_unit_test_setup_teardown(another_owners_directory_is_refused_with_both_names,
                                        make_dir, remove_dir),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
