#include "base/test.h"

#include <fcntl.h>
#include <stdio.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/arena.h"
#include "base/clock.h"
#include "base/err.h"
#include "base/log.h"
#include "collect/collect.h"
#include "collect/entry_settings.h"
#include "collect/path/path.h"
#include "collect/path/path_settings.h"
#include "collect/path/walk.h"
#include "model/expo.h"

static char folder[] = "/tmp/earshot-path-XXXXXX";

static const char *at(const char *name)
{
    static char path[128];

    (void)snprintf(path, sizeof path, "%s/%s", folder, name);
    return path;
}

static void write_bytes(const char *name, off_t n)
{
    int fd = open(at(name), O_CREAT | O_WRONLY | O_CLOEXEC, 0600);

    assert_true(fd >= 0);
    assert_int_equal(ftruncate(fd, n), 0);
    assert_int_equal(close(fd), 0);
}

static int make(void **state)
{
    (void)state;
    if (!mkdtemp(folder) || mkdir(at("a"), 0700) < 0 || mkdir(at("a/b"), 0700) < 0)
        return -1;
    write_bytes("one", 100);
    write_bytes("a/two", 20);
    write_bytes("a/b/three", 3);
    return symlink("..", at("a/up"));
}

static int unmake(void **state)
{
    static const char *const names[] = {"a/up", "a/b/three", "a/two", "one"};

    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(names); i++)
        if (unlink(at(names[i])) < 0)
            return -1;
    return rmdir(at("a/b")) | rmdir(at("a")) | rmdir(folder);
}

static struct manual_clock manual;

static void files_are_counted_through_all_folders_and_no_links(void **state)
{
    struct walk_sum sum;
    struct err err;

    (void)state;
    manual_clock_init(&manual, 0);
    assert_ok(walk_files(folder, 100, &manual.clock, INT64_MAX, &sum, &err), err);
    assert_int_equal(sum.files, 3);
    assert_int_equal(sum.bytes, 123);
    assert_fails(walk_files(folder, 5, &manual.clock, INT64_MAX, &sum, &err), err, ERR_LIMIT,
                 "more than 5 files");
    assert_fails(walk_files("/nowhere/x", 5, &manual.clock, INT64_MAX, &sum, &err), err, ERR_OS,
                 "cannot open /nowhere/x");
}

static void ignore_line(struct log *log, enum log_level level, const char *part, const char *text)
{
    (void)log, (void)level, (void)part, (void)text;
}

static int read_once(const struct collector *c, struct buf *out, struct err *err)
{
    SCOPED(arena_fini) struct arena scratch;
    struct expo_writer w;

    arena_init(&scratch, NULL);
    buf_reset(out);
    expo_writer_init(&w, EXPO_TEXT, out);
    return c->collect(c->arg, &w.emit, &scratch, err);
}

static void the_disk_is_told_each_time_and_the_files_once_a_minute(void **state)
{
    const struct path_settings settings = {.path = folder, .files = true};
    const struct entry_settings entry = {.own = &settings, .job = {.timeout_ms = 10000}};
    SCOPED(buf_fini) struct buf out = {0};
    struct log log = {ignore_line, LOG_DEBUG};
    struct collector c;
    struct err err;

    (void)state;
    manual_clock_init(&manual, 0);
    assert_ok(path_collector(&entry, &manual.clock, &log, &c, &err), err);
    assert_ok(read_once(&c, &out, &err), err);
    assert_non_null(strstr(out.p, "earshot_path_used_percent{path=\"/tmp/earshot-path-"));
    assert_non_null(strstr(out.p, "earshot_path_size_bytes"));
    assert_non_null(strstr(out.p, "\"} 3\n"));
    write_bytes("one", 1000);
    assert_ok(read_once(&c, &out, &err), err);
    assert_non_null(strstr(out.p, "\"} 123\n"));
    manual_clock_advance(&manual, 61000);
    assert_ok(read_once(&c, &out, &err), err);
    assert_non_null(strstr(out.p, "\"} 1023\n"));
    c.free(c.arg);
}

static void a_folder_that_is_not_there_is_an_error(void **state)
{
    const struct path_settings settings = {.path = "/nowhere/x"};
    const struct entry_settings entry = {.own = &settings, .job = {.timeout_ms = 10000}};
    SCOPED(buf_fini) struct buf out = {0};
    struct log log = {ignore_line, LOG_DEBUG};
    struct collector c;
    struct err err;

    (void)state;
    manual_clock_init(&manual, 0);
    assert_ok(path_collector(&entry, &manual.clock, &log, &c, &err), err);
    assert_fails(read_once(&c, &out, &err), err, ERR_OS, "cannot look at /nowhere/x");
    c.free(c.arg);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(files_are_counted_through_all_folders_and_no_links),
        cmocka_unit_test(the_disk_is_told_each_time_and_the_files_once_a_minute),
        cmocka_unit_test(a_folder_that_is_not_there_is_an_error),
    };

    return cmocka_run_group_tests(tests, make, unmake);
}
