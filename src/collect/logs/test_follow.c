#include "base/test.h"

#include <fcntl.h>
#include <jansson.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/err.h"
#include "base/mem.h"
#include "collect/logs/follow.h"
#include "text/json.h"

struct fixture {
    char folder[64], path[128], pattern[128];
    struct follow_settings settings;
    struct follow *follow;
    struct manual_clock clock;
    struct buf told;  /* entries, each with a bar behind it */
    struct buf state; /* as it was after the first that settled */
};

static int set_up(void **state)
{
    struct fixture *f = mem_new(struct fixture);

    (void)snprintf(f->folder, sizeof f->folder, "/tmp/earshot-follow-XXXXXX");
    if (!mkdtemp(f->folder))
        return -1;
    manual_clock_init(&f->clock, 0);
    f->settings = (struct follow_settings){.line_max = 256};
    *state = f;
    return 0;
}

static int tear_down(void **state)
{
    struct fixture *f = *state;
    char command[128];

    follow_free(f->follow);
    buf_fini(&f->told);
    buf_fini(&f->state);
    (void)snprintf(command, sizeof command, "rm -r %s", f->folder);
    (void)!system(command);
    mem_free(f);
    return 0;
}

static const char *path_of(struct fixture *f, const char *name)
{
    (void)snprintf(f->path, sizeof f->path, "%s/%s", f->folder, name);
    return f->path;
}

static void append(struct fixture *f, const char *name, const char *text)
{
    FILE *file = fopen(path_of(f, name), "a");

    assert_non_null(file);
    (void)fputs(text, file);
    (void)fclose(file);
}

/* When it was last written, in seconds. */
static void date(struct fixture *f, const char *name, int64_t seconds)
{
    const struct timespec times[2] = {{.tv_sec = seconds}, {.tv_sec = seconds}};

    assert_int_equal(utimensat(AT_FDCWD, path_of(f, name), times, 0), 0);
}

static void move(struct fixture *f, const char *from, const char *to)
{
    char old[128];

    (void)snprintf(old, sizeof old, "%s", path_of(f, from));
    assert_int_equal(rename(old, path_of(f, to)), 0);
}

static void start(struct fixture *f, const char *pattern)
{
    (void)snprintf(f->pattern, sizeof f->pattern, "%s/%s", f->folder, pattern);
    f->settings.path = f->pattern;
    f->follow = follow_new(&f->settings);
}

static void on_entry(void *arg, const struct log_entry *entry)
{
    struct fixture *f = arg;

    buf_add(&f->told, entry->text);
    buf_addc(&f->told, '|');
}

/* What a look tells, a while after the one before. */
static const char *read_once(struct fixture *f, int64_t ms)
{
    const struct source_pass pass = {
        .clock = &f->clock.clock, .until_ns = INT64_MAX, .entry = on_entry, .arg = f};
    struct err err;

    manual_clock_advance(&f->clock, ms);
    buf_reset(&f->told);
    assert_ok(follow_read(f->follow, &pass, &err), err);
    return f->told.p ? f->told.p : "";
}

/* All that comes, until it has rested. */
static const char *read_all(struct fixture *f)
{
    SCOPED(buf_fini) struct buf first = {0};

    buf_adds(&first, read_once(f, 1));
    buf_adds(&first, read_once(f, 2000));
    buf_reset(&f->told);
    buf_add(&f->told, buf_str(&first));
    return f->told.p ? f->told.p : "";
}

/* The state of before the start names disks by numbers that they have no more. */
static void renumber(json_t *root)
{
    json_t *item;
    size_t i;

    json_array_foreach(json_object_get(root, "files"), i, item)
    {
        json_t *device = json_object_get(item, "device");

        assert_int_equal(json_integer_set(device, json_integer_value(device) + 1), 0);
    }
}

/* A new one that knows what this one has written down. */
static void restart_with(struct fixture *f, void (*change)(json_t *root))
{
    SCOPED(buf_fini) struct buf text = {0};
    struct json_writer w;
    json_t *root = NULL;
    struct err err;

    json_begin(&w, &text);
    json_begin_object(&w);
    follow_write(f->follow, &w);
    json_end_object(&w);
    assert_int_equal(json_read(buf_str(&text), &root, &err), 0);
    if (change)
        change(root);
    follow_free(f->follow);
    f->follow = follow_new(&f->settings);
    follow_load(f->follow, root);
    json_decref(root);
}

static void restart(struct fixture *f)
{
    restart_with(f, NULL);
}

/* As copytruncate does it. */
static void copy_and_empty(struct fixture *f, const char *name, const char *copy, int64_t seconds)
{
    char text[256];
    FILE *file = fopen(path_of(f, name), "r");
    size_t n;

    assert_non_null(file);
    n = fread(text, 1, sizeof text - 1, file);
    text[n] = 0;
    (void)fclose(file);
    append(f, copy, text);
    date(f, copy, seconds);
    assert_int_equal(truncate(path_of(f, name), 0), 0);
    date(f, name, seconds);
}

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

static void what_cannot_be_read_for_a_while_is_not_told_again(void **state)
{
    struct fixture *f = *state;
    int fd, kept, unreadable;

    append(f, "a.log", "");
    start(f, "a.log");
    (void)read_once(f, 1);
    append(f, "a.log", "one\n");
    assert_string_equal(read_all(f), "one|");
    append(f, "a.log", "two\n");
    fd = descriptor_of(f, "a.log");
    kept = dup(fd);
    unreadable = open(path_of(f, "a.log"), O_WRONLY | O_CLOEXEC);
    assert_true(kept >= 0 && unreadable >= 0 && dup2(unreadable, fd) == fd);
    assert_string_equal(read_all(f), "");
    assert_int_equal(dup2(kept, fd), fd);
    assert_string_equal(read_all(f), "two|");
    (void)close(kept);
    (void)close(unreadable);
    assert_int_equal(close(fd), 0); /* all calls fail from now on */
    append(f, "a.log", "three\n");
    (void)read_once(f, 1);
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
#define FOLLOW_TEST(test) cmocka_unit_test_setup_teardown(test, set_up, tear_down)
    const struct CMUnitTest tests[] = {
        FOLLOW_TEST(what_was_there_before_is_not_told_and_a_line_waits_for_its_newline),
        FOLLOW_TEST(files_made_later_are_told_from_their_beginning),
        FOLLOW_TEST(a_traceback_that_grows_over_several_looks_is_one_entry),
        FOLLOW_TEST(a_renamed_file_is_told_to_its_end_before_the_one_that_follows),
        FOLLOW_TEST(a_file_that_was_renamed_before_it_was_seen_is_told_too),
        FOLLOW_TEST(what_was_rotated_several_times_while_nothing_ran_is_told),
        FOLLOW_TEST(what_was_rotated_after_a_kill_in_the_middle_of_a_pass_is_told),
        FOLLOW_TEST(what_was_compressed_before_it_was_seen_is_counted),
        FOLLOW_TEST(what_an_emptied_file_had_is_told_from_its_copy),
        FOLLOW_TEST(an_emptied_file_without_a_copy_is_counted_as_lost),
        FOLLOW_TEST(what_was_copied_and_emptied_several_times_is_told_in_its_order),
        FOLLOW_TEST(what_is_compressed_is_no_log_of_a_pattern),
        FOLLOW_TEST(a_disk_that_has_another_number_is_the_same),
        FOLLOW_TEST(a_disk_that_is_not_mounted_yet_is_waited_for),
        FOLLOW_TEST(what_cannot_be_read_for_a_while_is_not_told_again),
        FOLLOW_TEST(a_file_that_was_cut_at_its_beginning_goes_on_where_it_was),
        FOLLOW_TEST(a_file_that_another_of_the_same_beginning_replaced_goes_on),
        FOLLOW_TEST(the_same_lines_in_another_file_are_told_again),
        FOLLOW_TEST(the_same_lines_behind_a_rotation_that_the_pattern_takes_in_are_told_again),
        FOLLOW_TEST(lines_that_say_the_same_are_no_sign_of_what_was_read),
        FOLLOW_TEST(what_an_empty_file_had_in_between_is_told_from_its_copies),
        FOLLOW_TEST(what_was_rotated_before_the_first_look_stays_untold),
        FOLLOW_TEST(what_another_path_takes_in_is_as_at_the_first_start),
        FOLLOW_TEST(a_copy_that_the_pattern_takes_in_is_not_told_twice),
        FOLLOW_TEST(a_copy_of_what_is_not_told_yet_is_not_told_twice),
        FOLLOW_TEST(a_copy_is_told_when_nothing_was_of_the_file_before_it_was_emptied),
        FOLLOW_TEST(a_copy_that_is_still_being_made_is_not_told_with_its_file),
        FOLLOW_TEST(logs_that_begin_with_the_same_lines_are_no_copies),
        FOLLOW_TEST(what_stands_behind_a_hole_is_told_from_its_copy),
        FOLLOW_TEST(what_waited_in_a_file_that_was_replaced_is_told_once),
        FOLLOW_TEST(a_date_before_the_ending_of_a_name_is_a_rotation_and_a_number_is_not),
        FOLLOW_TEST(the_number_of_an_empty_file_does_not_lead_to_another_log),
        FOLLOW_TEST(a_line_that_is_too_long_is_cut_and_counted),
        FOLLOW_TEST(parts_of_a_container_s_line_wait_for_each_other_over_a_restart),
        FOLLOW_TEST(a_container_s_line_without_end_is_cut_and_passed_over),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
