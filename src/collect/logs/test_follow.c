/* Files as they are written: which bytes are new, what cannot be read, lines of containers. */
#include "collect/logs/follow_fixture.h"

#include <fcntl.h>
#include <stdio.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/err.h"
#include "base/test.h"

static void what_was_there_before_is_not_told_and_a_line_waits_for_its_newline(void **state)
{
    struct fixture *f = *state;

    append(f, "a.log", "before\n");
    start(f, "a.log");
    assert_string_equal(read_once(f, 1), "");
    append(f, "a.log", "one\ntwo\nthr");
    assert_string_equal(read_all(f), "one|two|");
    append(f, "a.log", "ee\n");
    assert_string_equal(read_all(f), "three|");
    assert_string_equal(read_all(f), "");
}

static void files_made_later_are_told_from_their_beginning(void **state)
{
    struct fixture *f = *state;

    append(f, "a.log", "before\n");
    start(f, "*.log");
    (void)read_once(f, 1);
    append(f, "b.log", "one\n");
    append(f, "c.txt", "no\n");
    assert_string_equal(read_all(f), "one|");
}

static void a_traceback_that_grows_over_several_looks_is_one_entry(void **state)
{
    struct fixture *f = *state;

    append(f, "a.log", "");
    start(f, "a.log");
    (void)read_once(f, 1);
    append(f, "a.log", "it failed\nTraceback (most recent call last):\n");
    assert_string_equal(read_once(f, 1), "");
    append(f, "a.log", "  File\nx.Error: y\n\nDuring handling of it\n");
    assert_string_equal(read_once(f, 500), "");
    restart(f);
    append(f, "a.log", "\nTraceback (most recent call last):\n  File\nKeyError\nnext\n");
    assert_string_equal(read_all(f),
                        "it failed\nTraceback (most recent call last):\n  File\nx.Error: y\n\n"
                        "During handling of it\n\nTraceback (most recent call last):\n  File\n"
                        "KeyError|next|");
}

static void what_is_compressed_is_no_log_of_a_pattern(void **state)
{
    struct fixture *f = *state;

    append(f, "a.log", "");
    start(f, "*");
    (void)read_once(f, 1);
    append(f, "b.log.gz", "\037\213 no line\n");
    append(f, "a.log", "one\n");
    assert_string_equal(read_all(f), "one|");
}

static void a_disk_that_has_another_number_is_the_same(void **state)
{
    struct fixture *f = *state;

    append(f, "a.log", "");
    start(f, "a.log");
    (void)read_once(f, 1);
    append(f, "a.log", "one\n");
    assert_string_equal(read_all(f), "one|");
    restart_with(f, renumber);
    append(f, "a.log", "two\n");
    assert_string_equal(read_all(f), "two|");
    restart_with(f, renumber);
    append(f, "a.log", "three\n");
    move(f, "a.log", "a.log.1");
    append(f, "a.log", "four\n");
    assert_string_equal(read_all(f), "three|four|");
    assert_int_equal(follow_counts(f->follow).lost_files, 0);
}

static void a_disk_that_is_not_mounted_yet_is_waited_for(void **state)
{
    struct fixture *f = *state;

    append(f, "a.log", "");
    start(f, "a.log");
    (void)read_once(f, 1);
    append(f, "a.log", "one\n");
    assert_string_equal(read_all(f), "one|");
    assert_int_equal(mkdir(path_of(f, "away"), 0700), 0);
    restart(f);
    move(f, "a.log", "away/a.log");
    assert_string_equal(read_all(f), "");
    restart(f);
    assert_string_equal(read_all(f), "");
    move(f, "away/a.log", "a.log");
    append(f, "a.log", "two\n");
    assert_string_equal(read_all(f), "two|");
    restart(f);
    assert_int_equal(unlink(path_of(f, "a.log")), 0);
    assert_string_equal(read_all(f), "");
    append(f, "a.log", "x\n");
    assert_string_equal(read_all(f), "x|");
    assert_int_equal(follow_counts(f->follow).lost_files, 1);
}

/* The descriptor under which this process has the file. */
static int descriptor_of(struct fixture *f, const char *name)
{
    struct stat wanted, st;
    int fd = 3;

    assert_int_equal(stat(path_of(f, name), &wanted), 0);
    while (fd < 1024 && (fstat(fd, &st) < 0 || st.st_ino != wanted.st_ino))
        fd++;
    assert_true(fd < 1024);
    return fd;
}

/* What a look tells at which the only file cannot be read. */
static const char *read_failing(struct fixture *f)
{
    const struct source_pass pass = {
        .clock = &f->clock.clock, .until_ns = INT64_MAX, .entry = on_entry, .arg = f};
    struct err err;

    buf_reset(&f->told);
    assert_fails(follow_read(f->follow, &pass, &err), err, ERR_OS, "/a.log: Bad file descriptor");
    return f->told.p ? f->told.p : "";
}

static void what_cannot_be_read_for_a_while_is_said_and_not_told_again(void **state)
{
    struct fixture *f = *state;
    const char *const lines[] = {"one\n", "two\n"}, *const told[] = {"one|", "two|"};
    int fd, kept, unreadable;

    append(f, "a.log", "");
    start(f, "a.log");
    (void)read_once(f, 1);
    fd = descriptor_of(f, "a.log");
    kept = dup(fd);
    unreadable = open(path_of(f, "a.log"), O_WRONLY | O_CLOEXEC);
    assert_true(kept >= 0 && unreadable >= 0);
    for (size_t i = 0; i < 2; i++) { /* the line itself, then what stands before it */
        append(f, "a.log", lines[i]);
        assert_int_equal(dup2(unreadable, fd), fd);
        assert_string_equal(read_failing(f), "");
        assert_int_equal(follow_counts(f->follow).unread_files, i + 1);
        assert_int_equal(dup2(kept, fd), fd);
        assert_string_equal(read_all(f), told[i]);
    }
    (void)close(kept);
    (void)close(unreadable);
    assert_int_equal(close(fd), 0); /* all calls fail from now on */
    append(f, "a.log", "three\n");
    assert_string_equal(read_failing(f), "");
    assert_int_equal(follow_counts(f->follow).unread_files, 3);
    assert_string_equal(read_all(f), "three|");
    assert_int_equal(follow_counts(f->follow).lost_files, 0);
}

static void what_another_path_takes_in_is_as_at_the_first_start(void **state)
{
    struct fixture *f = *state;
    char wider[128];

    append(f, "a.log.1", "rotated long ago\n");
    append(f, "a.log", "");
    start(f, "a.log");
    (void)read_once(f, 1);
    append(f, "a.log", "one\n");
    assert_string_equal(read_all(f), "one|");
    append(f, "a.log", "two\n");
    (void)snprintf(wider, sizeof wider, "%s/a.log*", f->folder);
    f->settings.path = wider;
    restart(f);
    assert_string_equal(read_all(f), "two|");
    append(f, "a.log.2", "new\n");
    append(f, "a.log", "three\n");
    assert_string_equal(read_all(f), "three|new|");
}

static void a_line_that_is_too_long_is_cut_and_counted(void **state)
{
    struct fixture *f = *state;
    char line[400];

    memset(line, 'x', sizeof line - 1);
    line[sizeof line - 1] = 0;
    append(f, "a.log", "");
    start(f, "a.log");
    (void)read_once(f, 1);
    append(f, "a.log", line);
    append(f, "a.log", "\nthe next\n");
    assert_int_equal(strlen(read_all(f)), 256 + strlen("|the next|"));
    assert_int_equal(follow_counts(f->follow).cut, 1);
}

static void parts_of_a_container_s_line_wait_for_each_other_over_a_restart(void **state)
{
    struct fixture *f = *state;

    f->settings.wrapped = true;
    append(f, "c", "");
    start(f, "c");
    (void)read_once(f, 1);
    append(f, "c",
           "{\"log\":\"one \",\"stream\":\"stdout\"}\n"
           "{\"log\":\"err\\n\",\"stream\":\"stderr\"}\n"
           "{\"log\":\"err2\\n\",\"stream\":\"stderr\"}\n");
    assert_string_equal(read_all(f), "err|err2|");
    restart(f);
    assert_string_equal(read_all(f), "");
    append(f, "c",
           "{\"log\":\"two\\n\",\"stream\":\"stdout\"}\n"
           "{\"log\":\"three\\n\",\"stream\":\"stdout\"}\n");
    assert_string_equal(read_all(f), "one two|three|");
    assert_string_equal(read_all(f), "");
}

static void a_container_s_line_without_end_is_cut_and_passed_over(void **state)
{
    struct fixture *f = *state;
    FILE *file;

    f->settings.wrapped = true;
    append(f, "c", "");
    start(f, "c");
    (void)read_once(f, 1);
    file = fopen(path_of(f, "c"), "a");
    for (int i = 0; i < 20000; i++)
        (void)fprintf(file, "{\"log\":\"%020d\",\"stream\":\"stdout\"}\n", i);
    (void)fputs("{\"log\":\"end\\n\"}\n{\"log\":\"next\\n\"}\n", file);
    (void)fclose(file);
    assert_int_equal(strlen(read_all(f)), 256 + strlen("|next|"));
    assert_int_equal(follow_counts(f->follow).cut, 1);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(what_was_there_before_is_not_told_and_a_line_waits_for_its_newline),
        TEST(files_made_later_are_told_from_their_beginning),
        TEST(a_traceback_that_grows_over_several_looks_is_one_entry),
        TEST(what_is_compressed_is_no_log_of_a_pattern),
        TEST(a_disk_that_has_another_number_is_the_same),
        TEST(a_disk_that_is_not_mounted_yet_is_waited_for),
        TEST(what_cannot_be_read_for_a_while_is_said_and_not_told_again),
        TEST(what_another_path_takes_in_is_as_at_the_first_start),
        TEST(a_line_that_is_too_long_is_cut_and_counted),
        TEST(parts_of_a_container_s_line_wait_for_each_other_over_a_restart),
        TEST(a_container_s_line_without_end_is_cut_and_passed_over),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
