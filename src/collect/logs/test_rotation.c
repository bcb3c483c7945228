/* What becomes of files: rotation, copies, files in the place of others. */
#include "collect/logs/follow_fixture.h"

#include <fcntl.h>
#include <jansson.h>
#include <stdio.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/err.h"
#include "base/test.h"
#include "text/json.h"

static void a_renamed_file_is_told_to_its_end_before_the_one_that_follows(void **state)
{
    struct fixture *f = *state;

    append(f, "a.log", "");
    start(f, "a.log");
    (void)read_once(f, 1);
    append(f, "a.log", "one\n");
    move(f, "a.log", "a.log.1");
    append(f, "a.log.1", "two\n");
    append(f, "a.log", "three\n");
    assert_string_equal(read_all(f), "one|two|three|");
    append(f, "a.log.1", "late\n");
    assert_string_equal(read_all(f), "late|");
}

static void a_file_that_was_renamed_before_it_was_seen_is_told_too(void **state)
{
    struct fixture *f = *state;

    append(f, "a.log.7", "long ago\n");
    date(f, "a.log.7", 50);
    append(f, "a.log", "");
    start(f, "a.log");
    (void)read_once(f, 1);
    append(f, "a.log", "one\n");
    date(f, "a.log", 100);
    move(f, "a.log", "a.log.3");
    append(f, "a.log.2", "two\n");
    date(f, "a.log.2", 110);
    append(f, "a.log.1", "three\n");
    date(f, "a.log.1", 120);
    append(f, "a.log.old", "no\n");
    append(f, "a.log", "four\n");
    assert_string_equal(read_all(f), "one|two|three|four|");
    assert_int_equal(follow_counts(f->follow).lost_files, 0);
    restart(f);
    assert_string_equal(read_all(f), "");
}

static void what_was_rotated_several_times_while_nothing_ran_is_told(void **state)
{
    struct fixture *f = *state;

    append(f, "a.log", "");
    start(f, "a.log");
    (void)read_once(f, 1);
    append(f, "a.log", "one\n");
    assert_string_equal(read_all(f), "one|");
    date(f, "a.log", 100);
    (void)read_once(f, 1);
    restart(f);
    append(f, "a.log", "two\n");
    date(f, "a.log", 105);
    move(f, "a.log", "a.log.2");
    append(f, "a.log.1", "three\n");
    date(f, "a.log.1", 110);
    append(f, "a.log", "four\n");
    assert_string_equal(read_all(f), "two|three|four|");
}

static void what_was_compressed_before_it_was_seen_is_counted(void **state)
{
    struct fixture *f = *state;

    append(f, "a.log", "");
    start(f, "a.log");
    (void)read_once(f, 1);
    append(f, "a.log", "one\n");
    date(f, "a.log", 100);
    move(f, "a.log", "a.log.2");
    append(f, "a.log.1.gz", "two\n");
    date(f, "a.log.1.gz", 110);
    append(f, "a.log.2.gz", "of the first\n");
    date(f, "a.log.2.gz", 100);
    append(f, "a.log", "three\n");
    assert_string_equal(read_all(f), "one|three|");
    assert_int_equal(follow_counts(f->follow).lost_files, 1);
}

static void what_an_emptied_file_had_is_told_from_its_copy(void **state)
{
    struct fixture *f = *state;

    append(f, "a.log", "");
    start(f, "a.log*");
    (void)read_once(f, 1);
    append(f, "a.log", "one\n");
    assert_string_equal(read_all(f), "one|");
    append(f, "a.log.1", "one\ntwo\n");
    assert_int_equal(truncate(path_of(f, "a.log"), 0), 0);
    append(f, "a.log", "three\n");
    assert_string_equal(read_all(f), "two|three|");
    assert_string_equal(read_all(f), "");
    assert_int_equal(follow_counts(f->follow).lost_files, 0);
}

static void an_emptied_file_without_a_copy_is_counted_as_lost(void **state)
{
    struct fixture *f = *state;

    append(f, "a.log", "");
    start(f, "a.log");
    (void)read_once(f, 1);
    append(f, "a.log", "one\ntwo\n");
    assert_string_equal(read_all(f), "one|two|");
    assert_int_equal(truncate(path_of(f, "a.log"), 0), 0);
    append(f, "a.log", "x\n");
    assert_string_equal(read_all(f), "x|");
    assert_int_equal(follow_counts(f->follow).lost_files, 1);
}

static void what_was_copied_and_emptied_several_times_is_told_in_its_order(void **state)
{
    struct fixture *f = *state;

    append(f, "a.log", "");
    start(f, "a.log");
    (void)read_once(f, 1);
    append(f, "a.log", "one\n");
    (void)read_all(f);
    copy_and_empty(f, "a.log", "a.log.1", 90);
    append(f, "a.log", "two\n");
    date(f, "a.log", 90); /* within the same tick of the clock */
    assert_string_equal(read_all(f), "two|");
    move(f, "a.log.1", "a.log.3");
    append(f, "a.log", "three\n");
    copy_and_empty(f, "a.log", "a.log.2", 100);
    append(f, "a.log", "four\n");
    copy_and_empty(f, "a.log", "a.log.1", 110);
    append(f, "a.log", "five\n");
    assert_string_equal(read_all(f), "three|four|five|");
    assert_int_equal(follow_counts(f->follow).lost_files, 0);
    append(f, "a.log.5.gz", "packed");
    append(f, "a.log.4.gz", "packed, too");
    assert_int_equal(truncate(path_of(f, "a.log"), 0), 0);
    append(f, "a.log", "six\n");
    assert_string_equal(read_all(f), "six|");
    assert_int_equal(follow_counts(f->follow).lost_files, 2); /* what was read, and one more */
}

static void append_numbered(struct fixture *f, const char *name, int from, int to)
{
    FILE *file = fopen(path_of(f, name), "a");

    assert_non_null(file);
    for (int i = from; i < to; i++)
        (void)fprintf(file, "%060d\n", i);
    (void)fclose(file);
}

static void a_file_that_was_cut_at_its_beginning_goes_on_where_it_was(void **state)
{
    struct fixture *f = *state;

    append(f, "a.log", "");
    start(f, "a.log");
    (void)read_once(f, 1);
    append_numbered(f, "a.log", 0, 30);
    (void)read_all(f);
    assert_int_equal(truncate(path_of(f, "a.log"), 0), 0);
    append_numbered(f, "a.log", 18, 30);
    append(f, "a.log", "in its place\n");
    assert_string_equal(read_all(f), "in its place|");
    append_numbered(f, "b.log", 20, 30);
    append(f, "b.log", "in its place\nby another\n");
    (void)usleep(20000); /* a tick of the clock of files */
    move(f, "b.log", "a.log");
    assert_string_equal(read_all(f), "by another|");
    assert_int_equal(follow_counts(f->follow).lost_files, 0);
    restart(f);
    append_numbered(f, "b.log", 22, 30);
    append(f, "b.log", "in its place\nby another\nmeanwhile\n");
    (void)usleep(20000); /* a tick of the clock of files */
    move(f, "b.log", "a.log");
    assert_string_equal(read_all(f), "meanwhile|");
}

static void a_file_that_another_of_the_same_beginning_replaced_goes_on(void **state)
{
    struct fixture *f = *state;

    append(f, "a.log", "");
    start(f, "a.log");
    (void)read_once(f, 1);
    append_numbered(f, "a.log", 0, 20000); /* more than what is looked through */
    (void)read_all(f);
    append_numbered(f, "b.log", 0, 20000);
    append(f, "b.log", "new\n");
    (void)usleep(20000); /* a tick of the clock of files */
    move(f, "b.log", "a.log");
    assert_string_equal(read_all(f), "new|");
}

/* Tests and demonstrations write the same lines again. */
static void the_same_lines_in_another_file_are_told_again(void **state)
{
    struct fixture *f = *state;
    const size_t all = 20 * strlen("|") + 20 * 60;

    append(f, "a.log", "");
    start(f, "a.log");
    (void)read_once(f, 1);
    append_numbered(f, "a.log", 0, 20);
    assert_int_equal(strlen(read_all(f)), all);
    move(f, "a.log", "a.log.1");
    append_numbered(f, "a.log", 0, 20);
    assert_int_equal(strlen(read_all(f)), all);
    assert_int_equal(unlink(path_of(f, "a.log")), 0);
    append_numbered(f, "a.log", 0, 20);
    assert_int_equal(strlen(read_all(f)), all);
    assert_int_equal(truncate(path_of(f, "a.log"), 0), 0);
    assert_string_equal(read_all(f), "");
    append_numbered(f, "a.log", 0, 20);
    assert_int_equal(strlen(read_all(f)), all);
}

static void the_same_lines_behind_a_rotation_that_the_pattern_takes_in_are_told_again(void **state)
{
    struct fixture *f = *state;

    append(f, "a.log", "");
    start(f, "a.log*");
    (void)read_once(f, 1);
    append(f, "a.log", "one\n");
    assert_string_equal(read_all(f), "one|");
    move(f, "a.log", "a.log.1");
    append(f, "a.log", "one\n");
    assert_string_equal(read_all(f), "one|");
}

static void lines_that_say_the_same_are_no_sign_of_what_was_read(void **state)
{
    struct fixture *f = *state;

    append(f, "a.log", "");
    start(f, "a.log");
    (void)read_once(f, 1);
    for (int i = 0; i < 200; i++)
        append(f, "a.log", "tick\n");
    (void)read_all(f);
    move(f, "a.log", "a.log.1");
    for (int i = 0; i < 103; i++)
        append(f, "a.log", "tick\n");
    assert_int_equal(strlen(read_all(f)), 103 * strlen("tick|"));
}

static void what_an_empty_file_had_in_between_is_told_from_its_copies(void **state)
{
    struct fixture *f = *state;
    struct stat st;

    append(f, "a.log.1", "old\n");
    append(f, "a.log", "");
    start(f, "a.log");
    (void)read_once(f, 1);
    assert_int_equal(stat(path_of(f, "a.log"), &st), 0);
    move(f, "a.log.1", "a.log.3"); /* its program still writes to it */
    append(f, "a.log.3", "and so on\n");
    (void)usleep(20000); /* a tick of the clock of files */
    append(f, "a.log", "one\n");
    copy_and_empty(f, "a.log", "a.log.2", st.st_mtim.tv_sec + 10);
    append(f, "a.log", "two\n");
    copy_and_empty(f, "a.log", "a.log.1", st.st_mtim.tv_sec + 20);
    append(f, "a.log", "three\n");
    date(f, "a.log", st.st_mtim.tv_sec + 30);
    assert_string_equal(read_all(f), "one|two|three|");
}

static void what_was_rotated_before_the_first_look_stays_untold(void **state)
{
    struct fixture *f = *state;

    append(f, "a.log.1", "old\n");
    date(f, "a.log.1", 90);
    append(f, "a.log", "before\n");
    date(f, "a.log", 100);
    start(f, "a.log");
    (void)read_once(f, 1);
    restart(f);
    move(f, "a.log.1", "a.log.2");
    assert_int_equal(unlink(path_of(f, "a.log")), 0);
    append(f, "a.log", "new\n");
    assert_string_equal(read_all(f), "new|");
}

static void a_copy_that_the_pattern_takes_in_is_not_told_twice(void **state)
{
    struct fixture *f = *state;

    append(f, "a.log", "");
    start(f, "a.log*");
    (void)read_once(f, 1);
    append(f, "a.log", "one\ntwo\n");
    assert_string_equal(read_all(f), "one|two|");
    append(f, "a.log.1", "one\ntwo\n");
    assert_string_equal(read_all(f), "");
}

/* Each look finds the last line of the live file still waiting. */
static void a_copy_of_what_is_not_told_yet_is_not_told_twice(void **state)
{
    struct fixture *f = *state;

    append(f, "a.log", "");
    start(f, "a.log*");
    (void)read_once(f, 1);
    append(f, "a.log", "one\ntwo\n");
    append(f, "a.log.1", "one\ntwo\n");
    assert_string_equal(read_once(f, 1), "one|");
    assert_int_equal(truncate(path_of(f, "a.log"), 0), 0);
    assert_string_equal(read_all(f), "two|");
    append(f, "a.log", "three\nfour\n");
    assert_string_equal(read_once(f, 1), "three|");
    move(f, "a.log.1", "a.log.2");
    append(f, "a.log.1", ""); /* it is being made */
    assert_string_equal(read_once(f, 1), "");
    append(f, "a.log.1", "three\nfour\n");
    assert_string_equal(read_once(f, 1), "");
    restart(f);
    assert_int_equal(truncate(path_of(f, "a.log"), 0), 0);
    append(f, "a.log", "five\n");
    assert_string_equal(read_all(f), "four|five|");
    assert_int_equal(follow_counts(f->follow).lost_files, 0);
}

static void a_copy_is_told_when_nothing_was_of_the_file_before_it_was_emptied(void **state)
{
    struct fixture *f = *state;

    append(f, "a.log", "");
    start(f, "a.log*");
    (void)read_once(f, 1);
    append(f, "a.log", "one\n");
    append(f, "a.log.1", "one\n");
    assert_string_equal(read_once(f, 1), "");
    assert_int_equal(truncate(path_of(f, "a.log"), 0), 0);
    assert_string_equal(read_once(f, 1), "");
    assert_string_equal(read_all(f), "one|");
}

static void a_copy_that_is_still_being_made_is_not_told_with_its_file(void **state)
{
    struct fixture *f = *state;

    append(f, "a.log", "");
    start(f, "a.log");
    (void)read_once(f, 1);
    append(f, "a.log", "one\n");
    assert_string_equal(read_once(f, 1), "");
    (void)usleep(20000); /* a tick of the clock of files */
    append(f, "a.log.1", "");
    append(f, "a.log", "two\n");
    assert_string_equal(read_once(f, 1), "one|");
    append(f, "a.log.1", "one\ntwo\n");
    assert_string_equal(read_once(f, 1), "");
    assert_int_equal(truncate(path_of(f, "a.log"), 0), 0);
    assert_string_equal(read_all(f), "two|");
}

/* As two jobs of the same program do. */
static void logs_that_begin_with_the_same_lines_are_no_copies(void **state)
{
    struct fixture *f = *state;

    append(f, "job-1.log", "");
    start(f, "*.log");
    (void)read_once(f, 1);
    append(f, "job-1.log", "loading\nready\n");
    assert_string_equal(read_all(f), "loading|ready|");
    append(f, "job-2.log", "loading\nready\n");
    append(f, "job-10.log", "loading\n");
    assert_int_equal(strlen(read_all(f)), strlen("loading|ready|loading|"));
}

static void write_at(struct fixture *f, const char *name, const char *text, off_t at)
{
    int fd = open(path_of(f, name), O_WRONLY | O_CREAT | O_CLOEXEC, 0600);

    assert_true(fd >= 0);
    assert_int_equal(pwrite(fd, text, strlen(text), at), strlen(text));
    (void)close(fd);
}

static void what_stands_behind_a_hole_is_told_from_its_copy(void **state)
{
    struct fixture *f = *state;

    append(f, "a.log", "");
    start(f, "a.log");
    (void)read_once(f, 1);
    write_at(f, "a.log", "one\n", 0);
    assert_string_equal(read_all(f), "one|");
    write_at(f, "a.log.1", "one\n", 0);
    assert_int_equal(truncate(path_of(f, "a.log"), 0), 0);
    write_at(f, "a.log", "two\n", 4);
    assert_string_equal(read_once(f, 1), "");
    (void)usleep(20000); /* a tick of the clock of files */
    write_at(f, "a.log.2", "two\n", 4);
    assert_int_equal(truncate(path_of(f, "a.log"), 0), 0);
    write_at(f, "a.log", "three\n", 8);
    assert_string_equal(read_all(f), "two|three|");
}

static void what_waited_in_a_file_that_was_replaced_is_told_once(void **state)
{
    struct fixture *f = *state;

    append(f, "a.log", "");
    start(f, "a.log");
    (void)read_once(f, 1);
    append_numbered(f, "a.log", 0, 20);
    (void)read_once(f, 1);
    append_numbered(f, "b.log", 0, 20);
    append(f, "b.log", "new\n");
    (void)usleep(20000); /* a tick of the clock of files */
    move(f, "b.log", "a.log");
    assert_int_equal(strlen(read_all(f)), 60 + strlen("|new|"));
}

static void a_date_before_the_ending_of_a_name_is_a_rotation_and_a_number_is_not(void **state)
{
    struct fixture *f = *state;

    append(f, "a.log", "");
    start(f, "a.log");
    (void)read_once(f, 1);
    append(f, "a.log", "one\n");
    date(f, "a.log", 100);
    assert_string_equal(read_all(f), "one|");
    append(f, "a-2.log", "of another\n");
    move(f, "a.log", "a.2025-03-04_10-00-00_123456.log");
    append(f, "a.2025-03-05_10-00-00_123456.log", "two\n");
    date(f, "a.2025-03-05_10-00-00_123456.log", 110);
    append(f, "a.log", "three\n");
    assert_string_equal(read_all(f), "two|three|");
    append(f, "a__2025-03-06.log", "three\nfour\n");
    assert_int_equal(truncate(path_of(f, "a.log"), 0), 0);
    append(f, "a.log", "five\n");
    assert_string_equal(read_all(f), "four|five|");
}

/* A file that was deleted, with nothing read of it, has its number no more. */
static void give_number(json_t *root)
{
    json_t *files = json_object_get(root, "files");
    json_int_t of_b = json_integer_value(json_object_get(json_array_get(files, 1), "inode"));

    assert_int_equal(json_integer_set(json_object_get(json_array_get(files, 0), "inode"), of_b), 0);
    assert_int_equal(json_array_remove(files, 1), 0);
}

static void the_number_of_an_empty_file_does_not_lead_to_another_log(void **state)
{
    struct fixture *f = *state;

    append(f, "a.log", "");
    append(f, "b.log", "");
    start(f, "[ab].log");
    (void)read_once(f, 1);
    assert_int_equal(unlink(path_of(f, "a.log")), 0);
    append(f, "b.log", "of another\n");
    (void)snprintf(f->pattern, sizeof f->pattern, "%s/a.log", f->folder);
    restart_with(f, give_number);
    append(f, "a.log", "one\n");
    assert_string_equal(read_all(f), "one|");
}

/* What the state says in the middle of a pass. */
static void on_settled(void *arg)
{
    struct fixture *f = arg;
    struct json_writer w;

    if (f->state.n)
        return;
    json_begin(&w, &f->state);
    json_begin_object(&w);
    follow_write(f->follow, &w);
    json_end_object(&w);
}

static void what_was_rotated_after_a_kill_in_the_middle_of_a_pass_is_told(void **state)
{
    struct fixture *f = *state;
    const struct source_pass pass = {.clock = &f->clock.clock,
                                     .until_ns = INT64_MAX,
                                     .entry = on_entry,
                                     .settled = on_settled,
                                     .arg = f};
    json_t *root = NULL;
    struct err err;

    append(f, "a.log", "");
    start(f, "a.log");
    (void)read_once(f, 1);
    append(f, "a.log", "one\n");
    assert_string_equal(read_all(f), "one|");
    append(f, "a.log", "two\n");
    date(f, "a.log", 100);
    move(f, "a.log", "a.log.1");
    append(f, "a.log", "three\n");
    date(f, "a.log", 110);
    manual_clock_advance(&f->clock, 200000);
    assert_ok(follow_read(f->follow, &pass, &err), err);
    assert_int_equal(json_read(buf_str(&f->state), &root, &err), 0);
    follow_free(f->follow);
    f->follow = follow_new(&f->settings);
    follow_load(f->follow, root);
    json_decref(root);
    move(f, "a.log.1", "a.log.2");
    move(f, "a.log", "a.log.1");
    append(f, "a.log", "four\n");
    assert_string_equal(read_all(f), "three|four|");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(a_renamed_file_is_told_to_its_end_before_the_one_that_follows),
        TEST(a_file_that_was_renamed_before_it_was_seen_is_told_too),
        TEST(what_was_rotated_several_times_while_nothing_ran_is_told),
        TEST(what_was_compressed_before_it_was_seen_is_counted),
        TEST(what_an_emptied_file_had_is_told_from_its_copy),
        TEST(an_emptied_file_without_a_copy_is_counted_as_lost),
        TEST(what_was_copied_and_emptied_several_times_is_told_in_its_order),
        TEST(a_file_that_was_cut_at_its_beginning_goes_on_where_it_was),
        TEST(a_file_that_another_of_the_same_beginning_replaced_goes_on),
        TEST(the_same_lines_in_another_file_are_told_again),
        TEST(the_same_lines_behind_a_rotation_that_the_pattern_takes_in_are_told_again),
        TEST(lines_that_say_the_same_are_no_sign_of_what_was_read),
        TEST(what_an_empty_file_had_in_between_is_told_from_its_copies),
        TEST(what_was_rotated_before_the_first_look_stays_untold),
        TEST(a_copy_that_the_pattern_takes_in_is_not_told_twice),
        TEST(a_copy_of_what_is_not_told_yet_is_not_told_twice),
        TEST(a_copy_is_told_when_nothing_was_of_the_file_before_it_was_emptied),
        TEST(a_copy_that_is_still_being_made_is_not_told_with_its_file),
        TEST(logs_that_begin_with_the_same_lines_are_no_copies),
        TEST(what_stands_behind_a_hole_is_told_from_its_copy),
        TEST(what_waited_in_a_file_that_was_replaced_is_told_once),
        TEST(a_date_before_the_ending_of_a_name_is_a_rotation_and_a_number_is_not),
        TEST(the_number_of_an_empty_file_does_not_lead_to_another_log),
        TEST(what_was_rotated_after_a_kill_in_the_middle_of_a_pass_is_told),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
