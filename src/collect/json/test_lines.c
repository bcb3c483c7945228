#include "base/test.h"

#include <stdio.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/err.h"
#include "collect/json/lines.h"

struct fixture {
    char folder[40], path[80], other[80];
    struct lines lines;
    struct buf seen; /* lines, each with a '|' behind */
    size_t n;
    struct err err;
};

static int set_up(void **state)
{
    struct fixture *f = calloc(1, sizeof *f);

    (void)snprintf(f->folder, sizeof f->folder, "/tmp/earshot-lines-XXXXXX");
    assert_non_null(mkdtemp(f->folder));
    (void)snprintf(f->path, sizeof f->path, "%s/a", f->folder);
    (void)snprintf(f->other, sizeof f->other, "%s/b", f->folder);
    lines_init(&f->lines, f->path);
    *state = f;
    return 0;
}

static int tear_down(void **state)
{
    struct fixture *f = *state;

    lines_fini(&f->lines);
    buf_fini(&f->seen);
    (void)unlink(f->path);
    (void)unlink(f->other);
    assert_int_equal(rmdir(f->folder), 0);
    free(f);
    return 0;
}

static void add(const char *path, const char *text)
{
    FILE *file = fopen(path, "a");

    assert_non_null(file);
    assert_true(fputs(text, file) >= 0);
    assert_int_equal(fclose(file), 0);
}

static int on_line(void *arg, struct str text, struct err *err)
{
    struct fixture *f = arg;

    (void)err;
    f->n++;
    buf_add(&f->seen, text);
    buf_addc(&f->seen, '|');
    return 0;
}

static void assert_read(struct fixture *f, const char *expected)
{
    buf_reset(&f->seen);
    f->n = 0;
    assert_ok(lines_read(&f->lines, on_line, f, &f->err), f->err);
    assert_string_equal(f->seen.n ? f->seen.p : "", expected);
}

static void lines_are_read_once_and_when_they_are_whole(void **state)
{
    struct fixture *f = *state;

    add(f->path, "one\ntwo\nthr");
    assert_read(f, "one|two|");
    assert_read(f, "");
    add(f->path, "ee\n\nfour\n");
    assert_read(f, "three||four|");
}

static void a_file_that_is_not_there_is_an_error_until_it_is(void **state)
{
    struct fixture *f = *state;

    assert_fails(lines_read(&f->lines, on_line, f, &f->err), f->err, ERR_OS, "cannot open");
    add(f->path, "one\n");
    assert_read(f, "one|");
}

static void a_file_that_was_replaced_is_read_to_its_end(void **state)
{
    struct fixture *f = *state;

    add(f->path, "one\n");
    assert_read(f, "one|");
    add(f->path, "two\nlast");
    assert_int_equal(rename(f->path, f->other), 0);
    add(f->path, "three\n");
    assert_read(f, "two|last|three|");
    add(f->path, "four\n");
    assert_read(f, "four|");
}

static void a_file_that_was_cut_begins_anew(void **state)
{
    struct fixture *f = *state;

    add(f->path, "one\ntwo\n");
    assert_read(f, "one|two|");
    assert_int_equal(truncate(f->path, 0), 0);
    add(f->path, "x\n");
    assert_read(f, "x|");
}

static void a_file_that_is_gone_is_an_error_once_it_was_read(void **state)
{
    struct fixture *f = *state;

    add(f->path, "one\n");
    assert_read(f, "one|");
    add(f->path, "two\n");
    assert_int_equal(rename(f->path, f->other), 0);
    assert_read(f, "two|");
    assert_fails(lines_read(&f->lines, on_line, f, &f->err), f->err, ERR_OS, "is gone");
    add(f->other, "last\n");
    assert_read(f, "last|");
    add(f->path, "new\n");
    assert_read(f, "new|");
}

static void no_pipe_is_waited_for(void **state)
{
    struct fixture *f = *state;

    assert_int_equal(mkfifo(f->path, 0600), 0);
    assert_fails(lines_read(&f->lines, on_line, f, &f->err), f->err, ERR_TYPE, "no regular file");
}

/* Writes so many lines of 1 kB. */
static void add_many(const char *path, int n)
{
    FILE *file = fopen(path, "a");

    assert_non_null(file);
    for (int i = 0; i < n; i++)
        assert_true(fprintf(file, "%01023d\n", i) == 1024);
    assert_int_equal(fclose(file), 0);
}

static void a_large_file_is_begun_near_its_end_and_read_in_parts(void **state)
{
    struct fixture *f = *state;

    add_many(f->path, 6000);
    assert_ok(lines_read(&f->lines, on_line, f, &f->err), f->err);
    assert_int_equal(f->n, 4095); /* the one that it begins within is left out */
    add_many(f->path, 6000);
    f->n = 0;
    assert_ok(lines_read(&f->lines, on_line, f, &f->err), f->err);
    assert_int_equal(f->n, 4096);
    assert_ok(lines_read(&f->lines, on_line, f, &f->err), f->err);
    assert_int_equal(f->n, 6000);
}

static void a_line_without_end_is_left_out(void **state)
{
    struct fixture *f = *state;
    FILE *file = fopen(f->path, "a");

    assert_non_null(file);
    for (unsigned i = 0; i < LINES_LINE_MAX / 1024 + 3; i++)
        assert_true(fprintf(file, "%01024d", 7) == 1024);
    assert_true(fputs("\nnext\n", file) >= 0);
    assert_int_equal(fclose(file), 0);
    assert_read(f, "next|");
    assert_int_equal(f->lines.too_long, 1);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(lines_are_read_once_and_when_they_are_whole),
        TEST(a_file_that_is_not_there_is_an_error_until_it_is),
        TEST(a_file_that_was_replaced_is_read_to_its_end),
        TEST(a_file_that_was_cut_begins_anew),
        TEST(a_file_that_is_gone_is_an_error_once_it_was_read),
        TEST(no_pipe_is_waited_for),
        TEST(a_large_file_is_begun_near_its_end_and_read_in_parts),
        TEST(a_line_without_end_is_left_out),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
